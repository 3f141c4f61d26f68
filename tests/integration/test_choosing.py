"""A run that chooses among candidates by measuring each.

Authors
 * The speechbrain_growth authors 2026
"""

import pytest
import torch
from growing_run import at, data, toy, train, train_log, weights

from speechbrain_growth import GrowthError
from speechbrain_growth.training import choosing, probing

CHOICE = {
    "after_epoch": 2,
    "choose": {
        "wide": {"dnn_neurons": 24},
        "seen": {"cnn_channels": [4, 8]},
        "long": {"adds": {"rnn_neurons": 3}, "at_most": {"rnn_neurons": 8}},
    },
    "choose_steps": 1,
}


def chosen_run(folder, growth=CHOICE, **options):
    """A run with this one growth"""
    return train(toy(folder, growth=[growth], **options))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nobody interrupts"""
    return chosen_run(tmp_path_factory.mktemp("whole"))


def named(entry):
    """The sizes of the candidate that was chosen"""
    return entry["scores"][entry["chosen"]]["sizes"]


def test_the_best_is_kept_and_the_log_has_every_score(whole):
    (entry,) = whole.growth_log.read()
    scores = entry["scores"]
    assert list(scores) == ["wide", "seen", "long"]
    for one in scores.values():
        fall = entry["loss"] - one["loss"]
        assert one["gain"] == pytest.approx(fall / one["macs"], rel=1e-12)
    gains = {name: one["gain"] for name, one in scores.items()}
    assert len(set(gains.values())) == 3
    assert entry["chosen"] == max(gains, key=gains.get)
    changed = {
        key: size
        for key, size in entry["sizes_after"].items()
        if size != entry["sizes_before"][key]
    }
    assert changed == named(entry)


def test_the_others_leave_no_trace(whole, tmp_path):
    (entry,) = whole.growth_log.read()
    plain = {"after_epoch": 2, **named(entry)}
    expected = chosen_run(tmp_path, plain)
    found = weights(whole)
    assert list(found) == list(weights(expected))
    for name, tensor in weights(expected).items():
        assert torch.equal(tensor, found[name]), name
    assert whole.history == expected.history
    # But for the MACs: one batch of 4 through each, and 3 times that to train
    now, cost = entry["sizes_before"], whole.schedule.cost
    costs = [cost({**now, **s["sizes"]})[1] for s in entry["scores"].values()]
    more = whole.meter.stats()["macs"] - expected.meter.stats()["macs"]
    assert more == 4 * (cost(now)[1] + (3 + 1) * sum(costs))


@pytest.mark.parametrize("moment", ["epoch 2 saved", "grown"])
def test_resumed_equals_uninterrupted(moment, whole, tmp_path):
    chosen_run(tmp_path, kill=at(moment))
    resumed = chosen_run(tmp_path)
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(resumed)[name]), name
    (one,), (other,) = whole.growth_log.read(), resumed.growth_log.read()
    assert one["scores"] == other["scores"]
    assert train_log(resumed) == train_log(whole)


def test_a_candidate_that_diverges_is_not_chosen(tmp_path, monkeypatch):
    good = choosing.ChoosingBrain._train_on

    def breaks(brain, epoch, batches):
        """Breaks the wide one"""
        if brain.schedule.targets[-1] == {"dnn_neurons": 24}:
            raise choosing.Diverged("on purpose")
        good(brain, epoch, batches)

    monkeypatch.setattr(choosing.ChoosingBrain, "_train_on", breaks)
    brain = chosen_run(tmp_path)
    (entry,) = brain.growth_log.read()
    assert entry["scores"]["wide"]["gain"] is None
    assert entry["chosen"] != "wide"


def test_a_candidate_that_drifts_is_not_chosen(tmp_path, monkeypatch):
    drifts = iter([0.25, 0.25, 0.0, 0.0])  # of the candidates, and the growth
    monkeypatch.setattr(probing, "drift", lambda *outputs: next(drifts))
    (entry,) = chosen_run(tmp_path).growth_log.read()
    gains = {name: one["gain"] for name, one in entry["scores"].items()}
    assert gains["wide"] is gains["seen"] is None
    assert entry["chosen"] == "long" and entry["grown"]


def test_the_order_of_the_candidates_does_not_matter(whole, tmp_path):
    names = reversed(CHOICE["choose"])
    choose = {name: CHOICE["choose"][name] for name in names}
    other = chosen_run(tmp_path, {**CHOICE, "choose": choose})
    (one,), (two,) = whole.growth_log.read(), other.growth_log.read()
    assert one["scores"] == two["scores"] and one["chosen"] == two["chosen"]


def test_if_none_works_the_first_is_tried_as_any_growth_is():
    trials = {
        choosing.PRESENT: choosing.Trial({}, 2.0, 0, 5, True),
        "a": choosing.Trial({"width": 8}, float("nan"), 0, 5, False),
        "b": choosing.Trial({"width": 9}, 1.0, 10, 15, False),
    }
    found = choosing.scored(trials)
    assert found["chosen"] == "a"
    assert [s["gain"] for s in found["scores"].values()] == [None, None]
    assert "a: does not work, b: does not work" in choosing.in_words(found)


def test_too_many_steps_are_refused_with_the_number_of_batches(tmp_path):
    message = r"growth\[0\]: choose trains on 3 batches .* an epoch has 3; use"
    with pytest.raises(GrowthError, match=message):
        chosen_run(tmp_path, {**CHOICE, "choose_steps": 3})


def test_training_data_without_a_loader_are_refused(tmp_path):
    brain = toy(tmp_path, growth=[CHOICE])
    looped = choosing.sb.dataio.dataloader.LoopedLoader(
        torch.utils.data.DataLoader(data(), batch_size=4), 3
    )
    with pytest.raises(GrowthError, match="are a LoopedLoader; choose reads"):
        train(brain, looped)


def test_choices_are_repeated_until_nothing_is_left(tmp_path):
    growth = {
        "every_epochs": 1,
        "choose": {
            "a": {"adds": {"rnn_neurons": 1}},
            "b": {"adds": {"dnn_neurons": 4}},
        },
        "choose_steps": 1,
        "max_times": 9,
        "max_params": 0,
    }
    start = toy(tmp_path / "start")
    sizes = start.blueprint.sizes
    most = {**sizes, "dnn_neurons": sizes["dnn_neurons"] + 4}
    growth["max_params"] = start.schedule.cost(most)[0]
    brain = chosen_run(tmp_path / "run", growth, number_of_epochs=4)
    parameters = sum(p.numel() for p in brain.modules.parameters())
    assert parameters <= growth["max_params"]
    assert 1 <= len(brain.growth_log.read()) < 4
