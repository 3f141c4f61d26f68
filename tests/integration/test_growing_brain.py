"""A run that grows, is killed, resumed, evaluated and rolled back.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import os
import shutil

import pytest
import torch
from growing_run import at, data, toy, train, train_log, weights

from speechbrain.lobes.models.CRDNN import CRDNN
from speechbrain_growth import GrowthError
from speechbrain_growth.resume.checksums import seal
from speechbrain_growth.training import probing

LARGE = {"cnn_channels": [4, 8], "rnn_neurons": 9, "dnn_neurons": 13}
MOMENTS = [
    "epoch 2 saved",  # exactly on the boundary
    "grown",
    "epoch 3 step 2",
]
MORE_MOMENTS = [
    "epoch 1 saved",
    "epoch 2 before saving",
    "before growing",
    "epoch 3 before saving",
    "epoch 3 saved",
]


def log_of(brain):
    """The growth log without the clock."""
    lines = brain.growth_log.read()
    return [{k: v for k, v in line.items() if k != "seconds"} for line in lines]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nobody interrupts."""
    return train(toy(tmp_path_factory.mktemp("whole")))


def test_the_model_has_the_sizes_that_were_asked_for(whole):
    assert {k: whole.schedule.sizes[k] for k in LARGE} == LARGE
    stock = CRDNN(input_size=12, dropout=0.0, rnn_layers=2, **LARGE)
    state = whole.modules.model.state_dict()
    stock.load_state_dict(state, strict=True)
    inputs = data()[:4][0]
    stock.eval()
    whole.modules.eval()
    assert torch.equal(stock(inputs), whole.modules.model(inputs))


def test_metrics_right_before_and_right_after_agree(whole):
    (growth,) = whole.growth_log.read()
    before, after = growth["valid_before"], growth["valid_after"]
    assert before == {k: float(v) for k, v in whole.history[1].items()}
    assert after["error"] == before["error"]
    assert after["loss"] == pytest.approx(before["loss"], rel=1e-5)
    assert growth["drift"] < 1e-5
    assert growth["epoch"] == 2 and growth["sizes_after"]["rnn_neurons"] == 9
    assert growth["parameters_after"] > growth["parameters_before"]
    assert growth["macs_after"] > growth["macs_before"]


def test_the_living_objects_are_the_new_ones(whole):
    model = whole.modules["model"]
    assert whole.hparams.model is model
    assert whole.hparams.modules["model"] is model
    assert whole.checkpointer.recoverables["model"] is model
    held = [p for g in whole.optimizer.param_groups for p in g["params"]]
    assert [id(p) for p in held] == [id(p) for p in whole.modules.parameters()]


@pytest.mark.parametrize(
    "moment",
    MOMENTS
    + [pytest.param(one, marks=pytest.mark.slow) for one in MORE_MOMENTS],
)
def test_resumed_equals_uninterrupted(moment, whole, tmp_path):
    train(toy(tmp_path, kill=at(moment)))
    resumed = train(toy(tmp_path))
    expected, found = weights(whole), weights(resumed)
    assert list(expected) == list(found)
    for name in expected:
        assert torch.equal(expected[name], found[name]), name
    assert log_of(resumed) == log_of(whole)
    assert train_log(resumed) == train_log(whole)


@pytest.mark.parametrize("moment", ["epoch 2 step 2", "epoch 3 step 2"])
def test_resumes_from_inside_an_epoch(moment, tmp_path, whole):
    options = {"ckpt_interval_steps": 1}
    train(toy(tmp_path, kill=at(moment), run_opts=options))
    resumed = train(toy(tmp_path, run_opts=options))
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(resumed)[name]), name
    assert train_log(resumed) == train_log(whole)


def test_a_finished_run_started_again_does_nothing(tmp_path):
    first = weights(train(toy(tmp_path)))
    again = weights(train(toy(tmp_path)))
    assert all(torch.equal(first[name], again[name]) for name in first)


def claim_best(brain, epoch):
    """Rewrites the checkpoints' metrics so that one epoch is the best."""
    for checkpoint in brain.checkpointer.list_checkpoints():
        current = int((checkpoint.path / "counter.ckpt").read_text())
        meta = checkpoint.path / "CKPT.yaml"
        lines = [
            f"error: {float(current != epoch)}"
            if line.startswith("error:")
            else line
            for line in meta.read_text().splitlines()
        ]
        meta.write_text("\n".join(lines) + "\n")
        seal(checkpoint.path)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A run of which the checkpoint of each epoch is kept, and its folder."""
    folder = tmp_path_factory.mktemp("kept")
    return train(toy(folder, keep=9)), folder


@pytest.mark.parametrize("epoch, units", [(1, 6), (2, 6), (3, 9), (4, 9)])
def test_the_best_checkpoint_evaluates_whatever_its_size(epoch, units, kept):
    brain, folder = kept
    claim_best(brain, epoch)
    loader = torch.utils.data.DataLoader(data(2, seed=1), batch_size=4)
    fresh = toy(folder, keep=9)
    loss = fresh.evaluate(loader, min_key="error")
    assert fresh.modules.model.RNN.hidden_size == units
    text = (folder / "model.yaml").read_text()
    assert f"rnn_neurons: {units}\n" in text and "growth: []" in text
    assert loss == pytest.approx(brain.history[epoch - 1]["loss"], rel=1e-6)
    # the living brain, as large as it ended, steps back as well
    brain.on_fit_start()
    assert brain.modules.model.RNN.hidden_size == 9
    assert brain.evaluate(loader, min_key="error") == loss
    held = [p for g in brain.optimizer.param_groups for p in g["params"]]
    assert [id(p) for p in held] == [id(p) for p in brain.modules.parameters()]
    for parameter, state in brain.optimizer.state.items():
        assert state["square_avg"].shape == parameter.shape


@pytest.mark.parametrize("channels, warned", [([3, 5], True), ([4, 8], False)])
def test_a_model_that_no_yaml_describes_is_warned_of(
    channels, warned, tmp_path, caplog
):
    growth = [{"after_epoch": 2, "cnn_channels": channels, "fold": 1000}]
    brain = toy(tmp_path, growth=growth, number_of_epochs=6)
    train(brain)
    said = caplog.text.count("LayerNorms of the checkpoint are weighted")
    assert said == warned  # not after each epoch
    claim_best(brain, 6)
    loader = torch.utils.data.DataLoader(data(2, seed=1), batch_size=4)
    caplog.clear()
    brain.evaluate(loader, min_key="error")
    assert (
        "LayerNorms of the checkpoint are weighted" in caplog.text
    ) == warned


def test_two_growths_follow_each_other(tmp_path):
    growth = [
        {"after_epoch": 1, "rnn_neurons": 7},
        {"after_epoch": 2, "rnn_neurons": 11, "dnn_neurons": 10},
    ]
    brain = train(toy(tmp_path, growth=growth))
    assert brain.modules.model.RNN.hidden_size == 11
    assert [line["growth"] for line in log_of(brain)] == [0, 1]
    assert log_of(brain)[1]["sizes_before"]["rnn_neurons"] == 7


def test_grows_by_hand_once(tmp_path):
    growth = [
        {"by_hand": True, "rnn_neurons": 7},
        {"by_hand": True, "rnn_neurons": 8},
    ]
    tmp_path.joinpath("grow_now").touch()
    brain = train(toy(tmp_path, growth=growth))
    assert brain.modules.model.RNN.hidden_size == 7
    assert log_of(brain)[0]["epoch"] == 1


BY_HAND = [
    {"by_hand": True, "rnn_neurons": 7},
    {"by_hand": True, "rnn_neurons": 8},
]


@pytest.mark.parametrize("moment", ["before saving", "saved", "after"])
def test_a_wish_counts_once_also_in_a_copy(moment, tmp_path):
    """Killed around the checkpoint that holds it, copied, started again."""
    first = tmp_path / "first"
    first.mkdir()
    first.joinpath("grow_now").touch()
    kill = at("epoch 2 step 1" if moment == "after" else f"epoch 1 {moment}")
    train(toy(first, growth=BY_HAND, kill=kill))
    # the files of a copy have new time stamps
    second = shutil.copytree(
        first, tmp_path / "second", copy_function=shutil.copy
    )
    for folder in (first, second):
        brain = train(toy(folder, growth=BY_HAND))
        assert brain.schedule.sizes["rnn_neurons"] == 7
        assert [line["epoch"] for line in log_of(brain)] == [1]
        assert not list(folder.glob("grow_now*"))


def test_a_second_wish_counts_as_well(tmp_path):
    tmp_path.joinpath("grow_now").touch()
    train(toy(tmp_path, growth=BY_HAND, kill=at("epoch 1 saved")))
    tmp_path.joinpath("grow_now").touch()  # before the first is forgotten
    brain = train(toy(tmp_path, growth=BY_HAND))
    assert [line["epoch"] for line in log_of(brain)] == [1, 2]


def test_a_wish_that_is_damaged_is_named(tmp_path):
    tmp_path.joinpath("grow_now.heard").write_bytes(b"\xff wi")
    with pytest.raises(GrowthError, match="grow_now.heard is not what was"):
        train(toy(tmp_path, growth=BY_HAND))


def test_grows_on_a_plateau(tmp_path):
    plateau = {"metric": "loss", "patience": 1, "min_delta": 100.0}
    growth = [{"on_plateau": plateau, "rnn_neurons": 7}]
    brain = train(toy(tmp_path, growth=growth))
    assert log_of(brain)[0]["epoch"] == 2


def test_grows_before_the_first_epoch(tmp_path):
    brain = train(toy(tmp_path, growth=[{"after_epoch": 0, "rnn_neurons": 7}]))
    assert log_of(brain)[0]["epoch"] == 0
    assert brain.modules.model.RNN.hidden_size == 7


@pytest.mark.parametrize("epoch, units", [(2, 6), (3, 9)])
def test_starts_from_the_best_of_an_earlier_run(epoch, units, kept, tmp_path):
    first, folder = kept
    claim_best(first, epoch)
    earlier = str(folder)
    brain = toy(tmp_path / "second", init_from=earlier, growth=[])
    assert brain.modules.model.RNN.hidden_size == units
    brain.on_fit_start()
    (best,) = [
        c
        for c in first.checkpointer.list_checkpoints()
        if c.meta["error"] == 0.0
    ]
    saved = torch.load(best.path / "model.ckpt")
    for name, tensor in brain.modules.model.state_dict().items():
        assert torch.equal(tensor, saved[name])
    assert not brain.optimizer.state
    # once the run has a checkpoint of its own, that one counts
    train(brain)
    again = toy(tmp_path / "second", init_from=earlier, growth=[])
    again.on_fit_start()
    assert again.hparams.epoch_counter.current == 4


def test_init_from_contradicting_the_command_line_is_refused(tmp_path):
    train(toy(tmp_path / "first", growth=[]))
    with pytest.raises(GrowthError, match="trained with rnn_neurons 6, but"):
        toy(
            tmp_path / "second",
            init_from=str(tmp_path / "first"),
            rnn_neurons=10,
        )
    with pytest.raises(GrowthError, match="holds no checkpoint"):
        toy(tmp_path / "third", init_from=str(tmp_path / "nowhere"))


@pytest.mark.parametrize("on_drift", ["stop", "continue"])
def test_a_drifting_growth_is_rolled_back(on_drift, tmp_path, monkeypatch):
    brain = toy(tmp_path)
    brain.schedule.on_drift = on_drift
    monkeypatch.setattr(probing, "drift", lambda *outputs: 0.25)
    if on_drift == "stop":
        with pytest.raises(
            GrowthError, match="rolled back.*drifted by 2.5e-01"
        ):
            train(brain)
        assert brain.hparams.epoch_counter.current == 3
    else:
        train(brain)
        assert brain.hparams.epoch_counter.current == 4
    assert brain.modules.model.RNN.hidden_size == 6
    assert brain.checkpointer.recoverables["model"] is brain.modules["model"]
    assert log_of(brain)[0]["grown"] is False


def test_a_refused_growth_stays_refused_after_resuming(tmp_path, monkeypatch):
    brain = toy(tmp_path, kill=at("epoch 3 saved"))
    brain.schedule.on_drift = "continue"
    monkeypatch.setattr(probing, "drift", lambda *outputs: 0.25)
    train(brain)
    monkeypatch.undo()
    assert train(toy(tmp_path)).modules.model.RNN.hidden_size == 6


def test_a_silently_wrong_plan_is_caught_by_the_probe(tmp_path, monkeypatch):
    """A flatten mapped wrongly has the right shapes."""
    from speechbrain_growth.engine.maps import widths

    monkeypatch.setattr(widths, "replicate", widths.repeat_each)
    with pytest.raises(GrowthError, match="rolled back"):
        train(toy(tmp_path))


def test_net2net_noise_drifts_and_is_taken(tmp_path):
    growth = [
        {"after_epoch": 2, "rnn_neurons": 12, "symmetry": {"noise": 0.05}}
    ]
    (line,) = log_of(train(toy(tmp_path, growth=growth)))
    assert (
        line["grown"]
        and line["drift"] > 1e-4
        and line["symmetry"] == "noise 0.05"
    )


def test_optimizer_carried_or_reset(tmp_path):
    for choice in ("carry", "reset"):
        growth = [{"after_epoch": 2, "rnn_neurons": 7, "optimizer": choice}]
        folder = tmp_path / choice
        brain = train(toy(folder, growth=growth, kill=at("grown")))
        assert len(brain.optimizer.state) == (
            0 if choice == "reset" else len(list(brain.modules.parameters()))
        )


def test_newbob_gets_one_grace_epoch(tmp_path):
    brain = train(toy(tmp_path, kill=at("grown")))
    scheduler = brain.hparams.lr_annealing
    before = scheduler.hyperparam_value
    assert scheduler(1e9) == (before, before)
    assert scheduler(2e9)[1] < before


def test_the_learning_rate_is_scaled_and_climbs_again(tmp_path, monkeypatch):
    growth = [
        {"after_epoch": 1, "rnn_neurons": 7, "lr": 0.5},
        {"after_epoch": 2, "rnn_neurons": 8, "lr": {"rewarm": 4}},
    ]
    used = []
    brain = toy(tmp_path, growth=growth, lr=0.25)
    step = torch.optim.Adadelta.step

    def spy(optimizer, *args, **kwargs):
        used.append(optimizer.param_groups[0]["lr"])
        return step(optimizer, *args, **kwargs)

    monkeypatch.setattr(torch.optim.Adadelta, "step", spy)
    brain.hparams.lr_annealing.annealing_factor = 1.0
    train(brain)
    factors = [rate / 0.25 for rate in used]
    assert factors[:3] == [1.0] * 3
    assert factors[3:6] == [0.5] * 3
    assert factors[6:10] == [0.125, 0.25, 0.375, 0.5]
    assert brain.optimizer.param_groups[0]["lr"] == 0.25


def test_random_numbers_are_not_touched_by_a_growth(tmp_path):
    states = []

    def note(name):
        if name in ("before growing", "grown"):
            states.append(torch.get_rng_state())

    train(toy(tmp_path, kill=note))
    assert torch.equal(*states)


def test_needs_a_validation_set(tmp_path):
    brain = toy(tmp_path)
    with pytest.raises(GrowthError, match="no valid_set"):
        brain.fit(brain.hparams.epoch_counter, data())


def test_the_schedule_in_a_checkpoint_is_readable_text(tmp_path):
    brain = train(toy(tmp_path))
    checkpoint = brain.checkpointer.find_checkpoint()
    text = (checkpoint.path / "growth_schedule.ckpt").read_text()
    assert "rnn_neurons: 9" in text and "decided: 1" in text
    assert "!!python" not in text
    json.dumps(brain.growth_log.read())
    assert os.path.exists(brain.growth_log.save_file)
