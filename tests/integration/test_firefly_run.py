"""A run whose units Firefly finds: without a trace, and as resumed.

Authors
 * The speechbrain_growth authors 2026
"""

import pytest
import torch
from growing_run import ToyBrain, at, data, entry_of, toy, train, weights

import speechbrain as sb
from speechbrain_growth import GrowthError
from speechbrain_growth.launch.plan_table import as_table
from speechbrain_growth.launch.planning import plan_run
from speechbrain_growth.training.measures import firefly as search

ALL = {"budget": 900, "new": 2, "batches": 2}
FIREFLY = {**ALL, "sizes": ["rnn_neurons", "dnn_neurons"]}
GROWTH = {"after_epoch": 1, "firefly": FIREFLY}
EPOCHS = {"number_of_epochs": 2}
EXAMPLES = 160


def searched_run(folder, growth=GROWTH, batches=EXAMPLES // 4, **options):
    """A run with this one growth"""
    brain = toy(folder, growth=[growth], **EPOCHS, **options)
    return train(brain, data(batches))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nobody interrupts"""
    return searched_run(tmp_path_factory.mktemp("whole"))


def test_the_log_says_what_was_kept_and_the_budget_is(whole):
    entry = entry_of(whole)
    found = entry["firefly"]
    now, then = (entry[f"sizes_{key}"] for key in ("before", "after"))
    one, two = (whole.schedule.cost(sizes)[0] for sizes in (now, then))
    assert 0 < two - one == found["spent"] <= 900
    assert two == sum(p.numel() for p in whole.raw_modules.parameters())
    assert found["batches"] == 2 and found["scores"]
    assert all(one["score"] < 0 for one in found["scores"])
    assert entry["drift"] < 1e-5 < entry["drift_after"] < 0.1
    assert entry["symmetry"] == "firefly" and entry["grown"]
    assert f"of {found['candidates']} candidates kept" in (
        whole.growth_log.in_words()
    )


@pytest.mark.parametrize("moment", ["before growing", "grown"])
def test_killed_equals_uninterrupted(moment, whole, tmp_path):
    searched_run(tmp_path, kill=at(moment))
    resumed = searched_run(tmp_path)
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(resumed)[name]), name
    assert entry_of(whole)["firefly"] == entry_of(resumed)["firefly"]
    assert whole.meter.stats()["macs"] == resumed.meter.stats()["macs"]


def test_nothing_is_left_of_the_search_but_its_cost(tmp_path, monkeypatch):
    """If nothing is found, the run is one that does not grow."""
    spent = []

    def found_nothing(brain, epoch):
        """Searches, and forgets what it found"""
        before = brain.meter.since["macs"]
        found, entry = good(brain, epoch)
        spent.append(brain.meter.since["macs"] - before)
        sizes.append(found.tried)
        return found._replace(sizes=brain.schedule.sizes), entry

    good, sizes = search.search_units, []
    monkeypatch.setattr(search, "search_units", found_nothing)
    searched = searched_run(tmp_path / "searched")
    plain = train(
        toy(tmp_path / "plain", growth=[], **EPOCHS), data(EXAMPLES // 4)
    )
    for name, tensor in weights(plain).items():
        assert torch.equal(tensor, weights(searched)[name]), name
    assert searched.history == plain.history
    entry = entry_of(searched)
    assert not entry["grown"] and "no candidate" in entry["diverged"]
    more = searched.meter.stats()["macs"] - plain.meter.stats()["macs"]
    tried, now = (
        searched.schedule.cost(s)[1] for s in (*sizes, plain.schedule.sizes)
    )
    # Two batches of four: one step each, and three points of the path
    assert more == spent[0] == 3 * 4 * 2 * (1 + 3) * tried
    assert more <= 2 * 3 * EXAMPLES * now


def test_a_search_costs_two_epochs_at_most(tmp_path):
    growth = {**GROWTH, "firefly": {**FIREFLY, "batches": 1000}}
    brain = searched_run(tmp_path, growth)
    entry = entry_of(brain)
    count = entry["firefly"]["batches"]
    now = brain.schedule.cost(entry["sizes_before"])[1]
    assert 2 <= count < EXAMPLES // 4
    each = brain.meter.stats()["macs"]
    then = brain.schedule.cost(entry["sizes_after"])[1]
    epochs = 3 * EXAMPLES * (now + then)
    assert 0 < each - epochs <= 2 * 3 * EXAMPLES * now
    with pytest.raises(GrowthError, match=r"growth\[0\].*costs more than 2"):
        searched_run(tmp_path / "short", batches=3)


def test_only_training_data_are_read(tmp_path, monkeypatch):
    stages, forward = [], ToyBrain.compute_forward

    def noted(brain, batch, stage):
        """Notes of which stage a batch is that has gradients"""
        if torch.is_grad_enabled() and not brain.modules.training:
            stages.append((stage, batch[0]))
        return forward(brain, batch, stage)

    monkeypatch.setattr(ToyBrain, "compute_forward", noted)
    searched_run(tmp_path)
    assert len(stages) == 8
    assert {stage for stage, _ in stages} == {sb.Stage.TRAIN}
    known = data(EXAMPLES // 4).tensors[0]
    for _, batch in stages:
        assert all((known == one).flatten(1).all(1).any() for one in batch)


def test_it_repeats_under_a_budget_in_macs(tmp_path):
    asked = {"macs": 2.5e4, "sizes": ["dnn_neurons"], "new": 2, "batches": 1}
    growth = {"every_epochs": 1, "firefly": asked, "max_times": 2}
    brain = toy(tmp_path, growth=[growth], number_of_epochs=3)
    train(brain, data(EXAMPLES // 4))
    entries = brain.growth_log.read()
    assert len(entries) == 2
    for entry in entries:
        assert 0 < entry["firefly"]["spent"] <= 2.5e4
        assert entry["sizes_after"]["rnn_neurons"] == 6
        assert (
            entry["sizes_after"]["dnn_neurons"]
            > entry["sizes_before"]["dnn_neurons"]
        )


def test_the_plan_says_what_it_cannot_know(tmp_path):
    growth = [{**GROWTH, "firefly": ALL}]
    brain = toy(tmp_path, growth=growth, **EPOCHS)
    rows = plan_run(brain.blueprint)
    row = rows[1]
    assert row["search"]["slots"] == [
        "cnn_channels[0]",
        "cnn_channels[1]",
        "rnn_neurons",
        "dnn_neurons",
    ]
    text = as_table(rows)
    assert "firefly units for 900 more parameters" in text
    assert "rnn_neurons, dnn_neurons; 900 more parameters at most" in text
    assert "Only training tells which" in text
    assert "firefly leaves rnn_layers alone: " in text


@pytest.mark.parametrize(
    "asked, words",
    [
        ({"budget": 3}, "one unit or layer adds"),
        (
            {"budget": 900, "sizes": ["rnn_layers"]},
            "rnn_layers: cannot grow by one unit",
        ),
        ({"budget": 900, "sizes": ["rnn_neuron"]}, "no size 'rnn_neuron'"),
    ],
)
def test_the_plan_refuses_what_training_would(asked, words, tmp_path):
    growth = [{"after_epoch": 1, "firefly": asked}]
    brain = toy(tmp_path, growth=growth, **EPOCHS)
    with pytest.raises(GrowthError, match=words):
        plan_run(brain.blueprint)


def test_sizes_behind_it_are_added(tmp_path):
    later = {"after_epoch": 2, "rnn_neurons": 20}
    brain = toy(tmp_path, growth=[GROWTH, later], number_of_epochs=4)
    with pytest.raises(GrowthError, match=r"rnn_neurons: nobody knows .* adds"):
        plan_run(brain.blueprint)
