"""Runs that are scripted, compiled, of mixed precision, or accumulate.

Each grows in the middle, and is killed and resumed right before and right after
the growth. What wraps a model must not change what it learns.

Authors
 * The speechbrain_growth authors 2026
"""

import functools

import growing_run
import pytest
import torch
from growing_run import at, toy, train, weights

from speechbrain.nnet import RNN
from speechbrain_growth import GrowthError
from speechbrain_growth.nnet import ligru

ROWS = {
    "jit": {"jit": True},
    "jit of one module": {"jit": True, "jit_module_keys": ["model"]},
    "compile": {"compile": True},
    "compile of one": {"compile": True, "compile_module_keys": ["output"]},
    "bf16": {"precision": "bf16"},
    "bf16, also in validation": {"precision": "bf16", "eval_precision": "bf16"},
    "accumulation": {"grad_accumulation_factor": 2},
    "jit of one, compile of the other, bf16": {
        "jit": True,
        "jit_module_keys": ["model"],
        "compile": True,
        "compile_module_keys": ["output"],
        "precision": "bf16",
    },
}
MOMENTS = ("grown", "epoch 3 saved")
# What a row above shows at both moments, these show again right after a growth
ONCE = ("jit of one module", "compile of one", "bf16, also in validation")
# How far the losses of every epoch may be from those of a run without options.
# Half precision rounds, and accumulation is meant to learn otherwise.
FAR = {name: 1e-4 for name in ROWS if name.startswith(("jit", "compile"))}
FAR.update({name: 0.05 for name in ROWS if "bf16" in name})


@pytest.fixture(autouse=True)
def without_a_compiler(monkeypatch):
    """Everything of torch.compile but the slow part, which needs C++."""
    quick = functools.partial(torch.compile, backend="eager")
    monkeypatch.setattr(torch, "compile", quick)
    yield
    torch._dynamo.reset()


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A run without options."""
    return train(toy(tmp_path_factory.mktemp("plain"), dropout=0.2))


@pytest.mark.slow
@pytest.mark.parametrize("name", ROWS)
def test_grows_and_resumes(name, plain, tmp_path):
    whole = train(toy(tmp_path / "whole", run_opts=ROWS[name], dropout=0.2))
    (entry,) = whole.growth_log.read()
    assert entry["grown"] and entry["drift"] < 1e-5
    expected = weights(whole)
    if name in FAR:
        for stats, as_plain in zip(whole.history, plain.history):
            close = pytest.approx(as_plain["loss"], rel=FAR[name])
            assert stats["loss"] == close
    for moment in MOMENTS[1:] if name in ONCE else MOMENTS:
        folder = tmp_path / moment
        train(toy(folder, kill=at(moment), run_opts=ROWS[name], dropout=0.2))
        found = weights(train(toy(folder, run_opts=ROWS[name], dropout=0.2)))
        assert list(found) == list(expected)
        for key, tensor in expected.items():
            assert torch.equal(found[key], tensor), (moment, key)


def test_a_checkpoint_has_the_masks_that_a_scripted_model_drew(tmp_path):
    """Its first batch is larger than a Li-GRU expects, so it draws anew."""
    options = {"run_opts": {"jit": True}, "dropout": 0.2, "growth": []}
    expected = weights(train(toy(tmp_path / "whole", **options)))
    train(toy(tmp_path / "cut", kill=at("epoch 1 saved"), **options))
    found = weights(train(toy(tmp_path / "cut", **options)))
    assert all(torch.equal(expected[key], found[key]) for key in expected)


@pytest.mark.cuda  # CPUs have bf16
def test_fp16_grows_and_resumes_on_a_gpu(tmp_path):
    options = {"precision": "fp16", "device": "cuda:0"}
    whole = train(toy(tmp_path / "whole", run_opts=options))
    assert whole.scaler.is_enabled()
    assert whole.growth_log.read()[0]["grown"]
    train(toy(tmp_path / "cut", run_opts=options, kill=at("grown")))
    cut = train(toy(tmp_path / "cut", run_opts=options))
    for stats, expected in zip(cut.history[-2:], whole.history[-2:]):
        assert stats["loss"] == pytest.approx(expected["loss"], rel=1e-2)


def test_a_limit_of_steps_is_kept(tmp_path):
    """SpeechBrain hands it on as the text that was typed."""
    brain = train(toy(tmp_path, run_opts={"optimizer_step_limit": "2"}))
    assert brain.optimizer_step == 2


def test_no_gradient_is_carried_over_a_growth(tmp_path):
    """Three batches, two to a step: the third is dropped with its epoch."""
    left = []

    def note(name):
        if name == "before growing":
            held = brain.modules.parameters()
            left.extend(p.grad for p in held if p.grad is not None)

    options = {"grad_accumulation_factor": 2}
    brain = toy(tmp_path, run_opts=options, kill=note)
    train(brain)
    assert brain.optimizer_step == 4 and not left


def test_a_li_gru_of_ours_is_scripted_as_the_stock_one(tmp_path, monkeypatch):
    ours = growing_run.YAML.replace(
        "    dropout: !ref",
        "    rnn_class: !name:speechbrain_growth.LiGRU\n    dropout: !ref",
    )
    monkeypatch.setattr(growing_run, "YAML", ours)
    brain = train(toy(tmp_path / "jit", run_opts={"jit": True}))
    assert isinstance(brain.modules.model, torch.jit.ScriptModule)
    assert type(brain.raw_modules.model.RNN) is RNN.LiGRU
    assert brain.raw_modules.model.RNN.hidden_size == 9
    assert type(train(toy(tmp_path)).modules.model.RNN) is ligru.LiGRU


def test_layers_that_cannot_be_scripted_are_named(tmp_path, monkeypatch):
    lstm = growing_run.YAML.replace(
        "    dropout: !ref",
        "    rnn_class: !name:speechbrain.nnet.RNN.LSTM\n    dropout: !ref",
    )
    monkeypatch.setattr(growing_run, "YAML", lstm)
    wanted = "torch cannot script model: .*; use --jit_module_keys output"
    with pytest.raises(GrowthError, match=wanted):
        train(toy(tmp_path, run_opts={"jit": True}))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"precision": "fp16", "device": "cpu"}, "not yet supported on CPU"),
        ({"data_parallel_backend": True}, "--data_parallel_backend: torch"),
        (
            {"jit": True, "jit_module_keys": ["other"]},
            "--jit_module_keys: there is no module other; there are model,",
        ),
        (
            {"compile": True, "compile_module_keys": ["a", "b"]},
            "--compile_module_keys: there is no module a, b; there are",
        ),
    ],
)
def test_what_cannot_work_is_refused(options, message, tmp_path):
    with pytest.raises(GrowthError, match=message):
        train(toy(tmp_path, run_opts=options))
