"""A growth leaves LayerNorms to fold and units to warm up; both in a real run

Authors
 * The speechbrain_growth authors 2026
"""

import shutil

import pytest
import torch
from growing_run import at, toy, train, weights

from speechbrain_growth.engine.weighted_norm import WeightedLayerNorm, weighted
from speechbrain_growth.training.afterwards import transition

# Three steps an epoch: the fold ends amid epoch 4
CHANNELS = {"after_epoch": 2, "cnn_channels": [3, 7], "fold": 5}
WARM = {
    "after_epoch": 2,
    "rnn_neurons": 9,
    "lr": {"rewarm": 5, "units": "new"},
}


def log_of(brain):
    """The growths that were logged"""
    return brain.growth_log.read()


def norms_of(brain):
    """The weighted LayerNorms of a brain's model"""
    return weighted(brain.modules)


@pytest.mark.parametrize("symmetry", ["shares", "fresh", "pairs"])
def test_channels_grow_to_any_size(tmp_path, symmetry):
    growth = [{**CHANNELS, "symmetry": symmetry}]
    brain = train(toy(tmp_path, growth=growth, kill=at("grown")))
    (line,) = log_of(brain)
    assert line["drift"] < 1e-5 and line["fold"] == 5
    assert line["valid_after"]["error"] == line["valid_before"]["error"]
    assert len(norms_of(brain)) == 4


def test_after_the_folding_the_model_is_stock(tmp_path):
    brain = train(toy(tmp_path, growth=[CHANNELS]))
    assert not norms_of(brain)
    assert not any(
        isinstance(module, WeightedLayerNorm)
        for module in brain.modules.modules()
    )
    stock = toy(tmp_path / "stock", growth=[], cnn_channels=[3, 7])
    stock.modules.load_state_dict(brain.modules.state_dict(), strict=True)
    inputs = torch.randn(2, 20, 12)
    with torch.no_grad():
        outputs = [one.modules.eval().model(inputs) for one in (brain, stock)]
    assert torch.equal(*outputs)


LEFT = {
    "fold": (CHANNELS, {}),
    "warm up": (WARM, {}),
    "fold of what is scripted": (CHANNELS, {"jit": True}),
}
PARAMS = [
    pytest.param(name, marks=[pytest.mark.slow] if LEFT[name][1] else [])
    for name in LEFT
]


@pytest.fixture(scope="module", params=PARAMS)
def uninterrupted(request, tmp_path_factory):
    """A run that is not interrupted, and its settings"""
    growth, options = LEFT[request.param]
    settings = {"growth": [growth], "run_opts": options}
    return train(toy(tmp_path_factory.mktemp("whole"), **settings)), settings


@pytest.mark.parametrize("moment", ["epoch 3 saved", "epoch 4 step 1"])
def test_resumed_amid_it_ends_as_uninterrupted(uninterrupted, moment, tmp_path):
    whole, settings = uninterrupted
    killed = train(toy(tmp_path, **settings, kill=at(moment)))
    assert killed.transition.folding or killed.transition.masks
    resumed = train(toy(tmp_path, **settings))
    one, other = weights(whole), weights(resumed)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_checkpoint_amid_the_folding_starts_another_run(tmp_path):
    first = toy(tmp_path / "first", growth=[CHANNELS], kill=at("epoch 3 saved"))
    train(first)
    newest = first.checkpointer.find_checkpoint()
    for one in first.checkpointer.list_checkpoints():
        if one.path != newest.path:  # it might be the best
            shutil.rmtree(one.path)
    later = toy(
        tmp_path / "later",
        growth=[],
        init_from=str(tmp_path / "first"),
        kill=at("epoch 1 step 1"),
    )
    train(later)
    assert [norm.taken for norm in norms_of(later).values()] == [4] * 4


def test_new_units_warm_up_while_others_learn(tmp_path, monkeypatch):
    factors = []
    real = transition.warming

    def spy(masks, factor):
        factors.extend([factor] * bool(masks))
        return real(masks, factor)

    monkeypatch.setattr(transition, "warming", spy)
    train(toy(tmp_path, growth=[WARM]))
    assert factors == [0.2, 0.4, 0.6, 0.8, 1.0]


def test_fresh_units_follow_the_seed(tmp_path):
    growth = [{"after_epoch": 0, "dnn_neurons": 9, "symmetry": "fresh"}]
    rows = []
    for number, seed in enumerate((7, 8, 7)):
        folder = tmp_path / str(number)
        brain = toy(folder, growth=growth, seed=seed, kill=at("grown"))
        train(brain)
        rows.append(brain.modules.model.DNN.block_0.linear.w.weight[8])
    assert torch.equal(rows[0], rows[2])
    assert not torch.equal(rows[0], rows[1])


def test_scripted_norms_fold_as_others_do(tmp_path):
    settings = {"growth": [CHANNELS], "dropout": 0.0, "number_of_epochs": 3}
    runs = [
        train(toy(tmp_path / str(jit), run_opts={"jit": jit}, **settings))
        for jit in (False, True)
    ]
    one, other = (run.modules.state_dict() for run in runs)
    assert len(norms_of(runs[0])) == 4
    for name, tensor in one.items():
        if tensor.is_floating_point():
            torch.testing.assert_close(other[name], tensor)
    losses = [run.history[-1]["loss"] for run in runs]
    assert abs(losses[0] - losses[1]) < 1e-4


def test_names_say_which_layer_is_born(tmp_path):
    growth = [
        {
            "after_epoch": 2,
            "rnn_layers": 3,
            "birth": {"copy": ["model.RNN.rnn.1"]},
        }
    ]
    brain = train(toy(tmp_path, growth=growth, kill=at("grown")))
    (line,) = log_of(brain)
    assert list(line["born"]) == ["model.RNN.rnn.1"]
