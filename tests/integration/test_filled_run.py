"""A run whose new units begin from gradients: without a trace, and as resumed.

Authors
 * The speechbrain_growth authors 2026
"""

import copy

import pytest
import torch
from growing_run import YAML, ToyBrain, at, data, entry_of, toy, train, weights

import speechbrain as sb
from speechbrain_growth import GrowthError
from speechbrain_growth.training.measures import filling

SIZES = {"cnn_channels": [4, 8], "rnn_neurons": 9, "dnn_neurons": 13}
GROWTH = {"after_epoch": 2, **SIZES, "symmetry": {"gradmax": 0.5}}
SMOOTH = YAML.replace(
    "    dropout: !ref <dropout>\n",
    "    dropout: !ref <dropout>\n    activation: !name:torch.nn.GELU\n",
)


def filled_run(folder, growth=GROWTH, **options):
    """A run with this one growth, from two batches"""
    growth = [{**growth, "batches": 2}]
    return train(toy(folder, growth=growth, **options))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nobody interrupts"""
    return filled_run(tmp_path_factory.mktemp("whole"))


def test_the_log_says_what_was_filled_and_why_not_the_rest(whole):
    entry = entry_of(whole)
    found = entry["filling"]
    assert entry["drift"] < 1e-5 and entry["symmetry"] == "gradmax 0.5"
    assert found["batches"] == 2 and found["drift"] == entry["drift"]
    dnn = found["units"]["model.DNN.block_1.linear.w"]
    assert (dnn["filled"], dnn["new"]) == (4, 5)  # of five classes
    gains = [one["gain"] for one in found["units"].values()]
    assert len(gains) == 4 and found["gain"] == pytest.approx(sum(gains))
    assert len(found["left"]) == 4
    assert any("reads 120" in why for why in found["left"].values())
    words = whole.growth_log.in_words()
    assert "4 of 5 new units of model.DNN.block_1.linear.w begin from" in words
    assert "those of model.RNN.rnn.0 units begin as fresh ones: a lay" in words


def test_new_units_learn(whole):
    weight = weights(whole)["output.w.weight"]
    assert weight.shape == (5, 13) and weight[:, 8:].abs().sum(0).all()


@pytest.mark.parametrize("moment", ["before growing", "grown"])
def test_killed_equals_uninterrupted(moment, whole, tmp_path):
    filled_run(tmp_path, kill=at(moment))
    resumed = filled_run(tmp_path)
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(resumed)[name]), name
    assert entry_of(whole)["filling"] == entry_of(resumed)["filling"]
    assert whole.meter.stats()["macs"] == resumed.meter.stats()["macs"]


def test_nothing_else_is_left_of_it(whole, tmp_path, monkeypatch):
    """But for the new units, the run is one with fresh ones."""
    filled, cost = {}, []

    def unfilled(brain, epoch, new, plan):
        """Fills, and takes it back"""
        before = copy.deepcopy(new.state_dict())
        macs = brain.meter.since["macs"]
        filled["plan"] = filling.fill_new_units(brain, epoch, new, plan)
        cost.append(brain.meter.since["macs"] - macs)
        with torch.no_grad():
            for name, tensor in new.state_dict().items():
                tensor.copy_(before[name])
        return filled["plan"]

    module = "speechbrain_growth.training.larger.fill_new_units"
    monkeypatch.setattr(module, unfilled)
    taken_back = filled_run(tmp_path / "back")
    fresh = train(
        toy(tmp_path / "fresh", growth=[{**GROWTH, "symmetry": "fresh"}])
    )
    for name, tensor in weights(fresh).items():
        assert torch.equal(tensor, weights(taken_back)[name]), name
    assert taken_back.history == fresh.history
    more = taken_back.meter.stats()["macs"] - fresh.meter.stats()["macs"]
    now, then = (entry_of(whole)[f"sizes_{key}"] for key in ("before", "after"))
    one, two = (whole.schedule.cost(sizes)[1] for sizes in (now, then))
    # Two batches of four, and one of them once more through the larger model
    passes = 3 * 4 * (2 * one + two)
    assert more == cost[0] == passes + filled["plan"].macs
    assert more < 3 * (2 * 3 * 4 * one) + 3 * 4 * two


def test_validation_data_are_not_read(tmp_path, monkeypatch):
    good = filling.fill

    class Forbidden:
        """A loader that must not be asked"""

        def __iter__(self):
            raise AssertionError("validation data were read")

    def fill(*args):
        """Fills, while nobody may validate"""
        held = brain.valid_loader
        brain.valid_loader = Forbidden()
        try:
            return good(*args)
        finally:
            brain.valid_loader = held

    monkeypatch.setattr(filling, "fill", fill)
    stages, forward = [], ToyBrain.compute_forward

    def noted(brain, batch, stage):
        """Notes of which stage a batch is that has gradients"""
        if torch.is_grad_enabled() and not brain.modules.training:
            stages.append((stage, batch[0]))
        return forward(brain, batch, stage)

    monkeypatch.setattr(ToyBrain, "compute_forward", noted)
    brain = toy(tmp_path, growth=[{**GROWTH, "batches": 2}])
    train(brain)
    assert {stage for stage, _ in stages} == {sb.Stage.TRAIN}
    known = data().tensors[0]
    for _, batch in stages:
        assert all((known == one).flatten(1).all(1).any() for one in batch)


def test_tiny_lowers_the_loss_and_the_probe_compares_without_it(tmp_path):
    growth = {**GROWTH, "symmetry": {"tiny": 0.5}}
    brain = filled_run(tmp_path, growth, text=SMOOTH)
    entry = entry_of(brain)
    assert entry["drift"] < 1e-5 < entry["filling"]["drift"]
    units = entry["filling"]["units"].values()
    assert all(one["predicted"] > 0 for one in units)


def test_a_kink_is_refused_by_the_name_of_the_growth(tmp_path):
    growth = {**GROWTH, "symmetry": {"tiny": 0.5}}
    with pytest.raises(GrowthError, match=r"growth\[0\] .*CNN.* kink at 0, as"):
        filled_run(tmp_path, growth)


def test_a_choice_tries_candidates_that_begin_so(tmp_path):
    choose = {"wide": {"dnn_neurons": 13}, "seen": {"cnn_channels": [4, 8]}}
    growth = {"after_epoch": 2, "choose": choose, "choose_steps": 1}
    growth["symmetry"] = {"gradmax": 0.5}
    brain = filled_run(tmp_path, growth)
    entry = entry_of(brain)
    assert set(entry["scores"]) == set(choose) and entry["filling"]["units"]


def test_the_gain_can_be_waited_for(tmp_path):
    growth = {**GROWTH, "on_gradient": {"metric": "gradmax_gain", "above": 0.0}}
    del growth["after_epoch"]
    brain = filled_run(tmp_path, growth)
    entry = entry_of(brain)
    assert entry["condition"] == "on_gradient metric gradmax_gain, above 0.0"
    assert entry["epoch"] == 1 and entry["grown"]


def test_data_without_a_loader_are_refused(tmp_path):
    looped = sb.dataio.dataloader.LoopedLoader(
        torch.utils.data.DataLoader(data(), batch_size=4), 3
    )
    brain = toy(tmp_path, growth=[GROWTH])
    with pytest.raises(GrowthError, match="LoopedLoader; gradmax 0.5 reads"):
        train(brain, looped)
