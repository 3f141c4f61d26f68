"""Tests for schedules: what is read, what is refused, what is decided

Authors
 * The speechbrain_growth authors 2026
"""

import math

import pytest
import torch
import yaml

from speechbrain.utils.checkpoints import Checkpointer
from speechbrain_growth.engine.births.symmetry import Symmetry
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.schedule.afterwards.budget import totals
from speechbrain_growth.schedule.afterwards.freezing import thawing
from speechbrain_growth.schedule.checking import check
from speechbrain_growth.schedule.conditions.condition import Run
from speechbrain_growth.schedule.growth import parse
from speechbrain_growth.schedule.schedule import GrowthSchedule
from speechbrain_growth.schedule.state import read_state, write_state

SIZES = {"rnn_neurons": 64, "dnn_neurons": 32, "cnn_channels": [16, 32]}
NAN, INF = float("nan"), float("inf")


def entry(epoch=1, **rest):
    """A growth at a date; of one size, unless others are named"""
    return {"after_epoch": epoch, **(rest or {"rnn_neurons": 96})}


def run(epochs, better=None):
    """A run of so many epochs"""
    return Run(better or {}, {"epoch": epochs})


def late(**rest):
    """A good entry, and something of its own"""
    return {"after_epoch": 1, "rnn_neurons": 96, **rest}


# Entries that cannot be read: the list, and what the message says
UNREADABLE = {
    "no list": ({"after_epoch": 1}, r"^growth: found \{.*it must be a list"),
    "a number": (10, r"^growth: found 10; it must be a list"),
    "nothing": (
        None,
        r"^growth: found None; it must be a list .*\[\] for none",
    ),
    "text": ("after_epoch: 1", r"^growth: found 'after_epoch: 1'; it must be"),
    "no mapping": ([5], r"^growth\[0\]: found 5; it must be a mapping"),
    "a list in the list": ([[1, 2]], r"found \[1, 2\]; it must be a mapping"),
    "an empty entry": (
        [{}],
        r"found no condition; it must have one of after_e",
    ),
    "no condition": ([{"rnn_neurons": 8}], r"found no condition; .*by_hand"),
    "two conditions": (
        [{**entry(), "by_hand": True}],
        r"found after_epoch and by_hand; it must have one of",
    ),
    "a misspelt condition": (
        [{"after_epochs": 3, "rnn_neurons": 8}],
        r"found no condition",
    ),
    "no size": ([{"after_epoch": 1}], r"found no size; name at least one"),
    "only an lr": ([{"after_epoch": 1, "lr": 0.5}], r"found no size"),
    "a factor": ([entry(rnn_neurons=1.5)], r"rnn_neurons is 1.5; .*never a f"),
    "a factor in words": ([entry(rnn_neurons="x2")], r"rnn_neurons is 'x2'"),
    "a number as text": ([entry(rnn_neurons="96")], r"rnn_neurons is '96'"),
    "a size below zero": ([entry(rnn_neurons=-8)], r"rnn_neurons is -8"),
    "a size of zero": ([entry(rnn_neurons=0)], r"0; a size must be a whole"),
    "a bool": ([entry(rnn_neurons=True)], r"rnn_neurons is True; a size must"),
    "no number": ([entry(rnn_neurons=None)], r"rnn_neurons is None; a size"),
    "an empty list": (
        [entry(cnn_channels=[])],
        r"cnn_channels is \[\]; a size",
    ),
    "a factor in a list": (
        [entry(cnn_channels=[32, 1.5])],
        r"cnn_channels is \[32, 1.5\]; a size",
    ),
    "a bool in a list": ([entry(cnn_channels=[32, True])], r"a size must be"),
    "a list in a size": ([entry(cnn_channels=[[32], 4])], r"a size must be"),
    "a mapping": ([entry(rnn_neurons={"to": 8})], r"rnn_neurons is \{'to': 8"),
    "an lr of zero": ([late(lr=0)], r"lr is 0; it must be keep, a factor ab"),
    "an lr below zero": ([late(lr=-0.5)], r"lr is -0.5; it must be keep"),
    "an infinite lr": ([late(lr=INF)], r"lr is inf; it must be keep"),
    "no number for lr": ([late(lr=NAN)], r"lr is nan; it must be keep"),
    "a bool for lr": ([late(lr=True)], r"lr is True; it must be keep"),
    "lr in words": ([late(lr="half")], r"lr is 'half'; .*\{rewarm: number"),
    "a rewarm of nothing": ([late(lr={"rewarm": 0})], r"lr is \{'rewarm': 0\}"),
    "half a step": ([late(lr={"rewarm": 1.5})], r"lr is \{'rewarm': 1.5\}"),
    "a bool of steps": ([late(lr={"rewarm": True})], r"lr is \{'rewarm': True"),
    "a rewarm and more": (
        [late(lr={"rewarm": 5, "to": 1})],
        r"lr is \{'rewarm': 5, 'to': 1\}",
    ),
    "another optimizer": (
        [late(optimizer="adam")],
        r"optimizer is 'adam'; it must be carry or reset",
    ),
    "no optimizer": ([late(optimizer=None)], r"optimizer is None; it must be"),
    "another symmetry": (
        [late(symmetry="noise")],
        r"symmetry is 'noise'; it must be shares, fresh, pairs, \{dirichlet: "
        r"number above 0\}, .*\{noise: number above 0\}",
    ),
    "no noise": ([late(symmetry={"noise": 0})], r"symmetry is \{'noise': 0\}"),
    "symmetry that nothing breaks": (
        [late(symmetry="equal")],
        r"symmetry is 'equal': the copies .* stay identical for ever; use shares",
    ),
    "shares with a level": ([late(symmetry={"shares": 1})], r"symmetry is "),
    "rewarm of some": (
        [late(lr={"rewarm": 5, "units": "old"})],
        r"lr is .*\{rewarm: number of steps, units: new\}",
    ),
    "units without rewarm": (
        [late(lr={"units": "new"})],
        r"lr is given units and no rewarm; add rewarm",
    ),
    "an empty lr": ([late(lr={})], r"lr is \{\}; it must be keep"),
    "a factor of zero": ([late(lr={"factor": 0})], r"lr is \{'factor': 0\}"),
    "a restart in words": (
        [late(lr={"restart": "yes"})],
        r"lr is \{'restart': 'yes'\}; .* restart: True",
    ),
    "rates per axis and norm": (
        [late(lr={"per_axis": True, "per_norm": True})],
        r"lr is given per_axis and per_norm; keep one of them",
    ),
    "rates per norm of what is zero": (
        [late(lr="per_norm", symmetry={"gradmax": 0.5})],
        r"lr is per_norm, but with symmetry gradmax .*; use pairs or shares",
    ),
    "old units frozen behind a filling": (
        [late(old="frozen", symmetry={"gradmax": 0.5})],
        r"old is frozen, but symmetry gradmax 0.5 changes .*; use fresh",
    ),
    "no batches": (
        [late(batches=0, symmetry={"gradmax": 0.5})],
        r"batches is 0; it must be a whole number above 0",
    ),
    "batches for nothing": (
        [late(batches=4, symmetry="fresh")],
        r"batches is 4, but symmetry fresh reads none; leave it out, or",
    ),
    "rates per norm of what leaves as zero": (
        [late(lr="per_norm", symmetry="fresh")],
        r"lr is per_norm, but with symmetry fresh .*; use pairs or shares",
    ),
    "rates per axis of equal copies": (
        [late(lr="per_axis")],
        r"lr is per_axis, but with symmetry shares the copies .*zero_sum: 0.1",
    ),
    "rates per axis of no copies": (
        [late(lr="per_axis", symmetry="pairs")],
        r"with symmetry pairs no unit is copied, .*; leave it out",
    ),
    "no settings": (
        [late(sets={})],
        r"sets is \{\}; it must be a mapping of k",
    ),
    "settings in a list": ([late(sets=["dropout"])], r"sets is \['dropout'\]"),
    "a setting that is a mapping": (
        [late(sets={"options": {"a": 1}})],
        r"sets: options is \{'a': 1\}; it must be a number, a text, True",
    ),
    "a setting that is infinite": ([late(sets={"a": INF})], r"sets: a is inf"),
    "a rate among the settings": (
        [late(sets={"lr": 0.1})],
        r"sets: lr cannot change with a growth; use the key lr of the growth",
    ),
    "a seed and a length": (
        [late(sets={"seed": 1, "number_of_epochs": 4})],
        r"sets: seed cannot .*\n.*number_of_epochs cannot .*; give the schedule",
    ),
    "fold of none": ([late(fold=0)], r"fold is 0; .* steps above 0"),
    "fold in words": ([late(fold="slowly")], r"fold is 'slowly'"),
    "fold that is no number": ([late(fold=True)], r"fold is True"),
    "births of no name": ([late(birth={"gate": [3]})], r"birth is "),
    "births of two ways": (
        [late(birth={"gate": ["a"], "copy": ["b"]})],
        r"birth is .*names of the layers",
    ),
    "a noise of none": ([late(symmetry={"noise": None})], r"symmetry is "),
    "two symmetries": (
        [late(symmetry={"noise": 0.1, "shares": 1})],
        r"symmetry is \{'noise': 0.1, 'shares': 1\}",
    ),
    "an unknown argument": (
        [{"on_plateau": {"metric": "PER", "wait": 3}, "rnn_neurons": 96}],
        r"growth\[0\]: on_plateau: found metric, wait; it takes metric, pat",
    ),
    "a date that is none": (
        [{"after_epoch": "ten", "rnn_neurons": 96}],
        r"growth\[0\]: after_epoch: epoch is 'ten'",
    ),
}

# Entries that do not fit this model or this run of 10 epochs
UNFIT = {
    "a misspelt size": (
        [entry(rnn_neuron=96)],
        r"^growth\[0\] \(after_epoch 1\): the model has no size 'rnn_neuron'; "
        r"did you mean rnn_neurons\? its sizes are rnn_neurons, dnn_neurons, "
        r"cnn_channels$",
    ),
    "an unknown size": ([entry(zebra=9)], r"no size 'zebra'; its sizes are"),
    "a key that is spelt like none": (
        [entry(channel_width=9)],
        r"no size 'channel_width'; its sizes are",
    ),
    "a misspelt keyword": (
        [entry(folds=9)],
        r"no size 'folds'; did you mean fold\? its sizes are",
    ),
    "a key that is a number": ([{"after_epoch": 1, 256: 128}], r"no size 256"),
    "shrinking": (
        [entry(rnn_neurons=48)],
        r"rnn_neurons is 64 and would shrink to 48; growth only adds units$",
    ),
    "shrinking in a list": (
        [entry(cnn_channels=[32, 16])],
        r"cnn_channels is \[16, 32\] and would shrink to \[32, 16\]",
    ),
    "shrinking after a growth": (
        [entry(1, rnn_neurons=96), entry(2, rnn_neurons=80)],
        r"^growth\[1\] \(after_epoch 2\): rnn_neurons is 96 and would shrink",
    ),
    "a shorter list": (
        [entry(cnn_channels=[16])],
        r"cnn_channels is \[16, 32\] and would become \[16\]; it must "
        r"stay a list of 2 numbers, or more$",
    ),
    "a list that becomes a number": (
        [entry(cnn_channels=64)],
        r"cnn_channels is \[16, 32\] and would become 64; it must stay a "
        r"list of 2 numbers, or more$",
    ),
    "a number that becomes a list": (
        [entry(rnn_neurons=[96])],
        r"rnn_neurons is 64 and would become \[96\]; it must stay 1 number$",
    ),
    "after the last epoch": (
        [entry(12)],
        r"epoch is 12, but the last epoch is 10; .* after 9 at most",
    ),
    "after the very last epoch": ([entry(10)], r"epoch is 10, but the last"),
    "a plateau that comes too late": (
        [
            {
                "on_plateau": {"metric": "PER", "not_before": 10},
                "rnn_neurons": 96,
            }
        ],
        r"\(on_plateau metric PER, not_before 10\): not_before is 10, but the",
    ),
    "a plateau that ends too late": (
        [{"on_plateau": {"metric": "PER", "not_after": 11}, "rnn_neurons": 96}],
        r"not_after is 11, but the last epoch is 10",
    ),
    "a metric of which it is not known what is better": (
        [{"on_plateau": "BLEU", "rnn_neurons": 96}],
        r"^growth\[0\] \(on_plateau BLEU\): on_plateau: it is not known which "
        r"values of BLEU are better; give better: lower or better: higher$",
    ),
    "two at one epoch": (
        [entry(3), entry(3, dnn_neurons=64)],
        r"^growth\[1\] .*comes after growth\[0\] in the list, whose epoch is 3; "
        r"each date must be later",
    ),
    "dates out of order": (
        [entry(5), entry(3, dnn_neurons=64)],
        r"^growth\[1\] .*growth\[0\] in the list, whose epoch is 5",
    ),
    "out of order around another": (
        [
            entry(5),
            {"by_hand": True, "dnn_neurons": 48},
            entry(4, dnn_neurons=64),
        ],
        r"^growth\[2\] .*growth\[0\] in the list, whose epoch is 5",
    ),
    "out of order twice": (
        [
            entry(5),
            entry(3, dnn_neurons=64),
            entry(4, dnn_neurons=65),
        ],
        r"(?s)^2 problems:.*growth\[1\] .*growth\[2\] .*whose epoch is 5",
    ),
    "nothing changes": (
        [entry(1, rnn_neurons=64, cnn_channels=[16, 32])],
        r"the model has these sizes already; name at least one larger",
    ),
    "nothing changes any more": (
        [entry(1, rnn_neurons=96), entry(2, rnn_neurons=96)],
        r"^growth\[1\] .*the model has these sizes already",
    ),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_what_cannot_be_read_is_refused(what):
    growth, message = UNREADABLE[what]
    with pytest.raises(GrowthError, match=message):
        parse(growth)
    with pytest.raises(GrowthError, match=message):
        GrowthSchedule(growth)


@pytest.mark.parametrize("what", UNFIT)
def test_what_does_not_fit_is_refused(what):
    growth, message = UNFIT[what]
    with pytest.raises(GrowthError, match=message):
        check(parse(growth), SIZES, run(10))


def test_all_unreadable_entries_are_named_at_once():
    with pytest.raises(GrowthError) as raised:
        parse([5, entry(), {"after_epoch": 1}, late(lr=0)])
    starts = [problem[:10] for problem in raised.value.problems]
    assert starts == ["growth[0]:", "growth[2]:", "growth[3]:"]


def test_everything_that_does_not_fit_is_named_at_once():
    growth = [entry(12, rnn_neurons=8, zebra=3), entry(1, dnn_neurons=1)]
    with pytest.raises(GrowthError) as raised:
        check(parse(growth), SIZES, run(10))
    words = ["shrink to 8", "'zebra'", "is 12", "shrink to 1", "later than"]
    assert len(raised.value.problems) == len(words)
    for word, problem in zip(words, raised.value.problems):
        assert word in problem


def test_the_sizes_of_the_run_are_left_alone():
    sizes = {"rnn_neurons": 64}
    check(parse([entry(rnn_neurons=96)]), sizes, run(10))
    assert sizes == {"rnn_neurons": 64}


GOOD = [
    [],
    [entry(0)],
    [entry(9)],
    [entry(1), entry(2, rnn_neurons=128)],
    [entry(1, cnn_channels=[16, 64])],
    [entry(1, cnn_channels=(32, 64))],
    [entry(1, cnn_channels=[16, 32, 64])],
    [entry(1, cnn_channels=[8, 16, 32])],  # one more in front
    [{"on_plateau": "PER", "rnn_neurons": 65}, entry(2, dnn_neurons=33)],
    [
        {"by_hand": True, "rnn_neurons": 65},
        {"by_hand": True, "dnn_neurons": 40},
    ],
]


@pytest.mark.parametrize("growth", GOOD)
def test_good_schedules_are_taken(growth):
    check(parse(growth), SIZES, run(10))


# What follows a growth's date and sizes; what is read from it
WORDS = [
    ({}, {"lr": 1.0, "rewarm": 0, "optimizer": "carry", "fold": 300}),
    ({}, {"symmetry": Symmetry("shares"), "birth": None, "born": ()}),
    ({"lr": "keep"}, {"lr": 1.0, "rewarm": 0}),
    ({"lr": 0.5}, {"lr": 0.5, "rewarm": 0}),
    ({"lr": {"rewarm": 20}}, {"lr": 1.0, "rewarm": 20, "rewarmed": "all"}),
    ({"lr": {"rewarm": 20, "units": "new"}}, {"rewarm": 20, "rewarmed": "new"}),
    ({"fold": 20}, {"fold": 20}),
    ({"birth": "gate"}, {"birth": "gate", "born": ()}),
    ({"birth": {"copy": ["a", "b"]}}, {"birth": "copy", "born": ("a", "b")}),
    ({"birth": {"copy": "a.b"}}, {"birth": "copy", "born": ("a.b",)}),
    ({"optimizer": "carry"}, {"optimizer": "carry"}),
    ({"optimizer": "reset"}, {"optimizer": "reset"}),
    ({"symmetry": "pairs"}, {"symmetry": Symmetry("pairs")}),
    ({"symmetry": {"noise": 0.01}}, {"symmetry": Symmetry("noise", 0.01)}),
]


@pytest.mark.parametrize("words, read", WORDS)
def test_what_an_entry_says_is_read(words, read):
    growth = parse([late(**words)])[0]
    assert growth.condition == ("after_epoch", {"epoch": 1}, {})
    assert growth.amount.sizes == {"rnn_neurons": 96}
    assert {key: getattr(growth, key) for key in read} == read


def test_a_tuple_of_sizes_becomes_a_list():
    growth = parse([entry(cnn_channels=(32, 64))])[0]
    assert growth.amount.sizes == {"cnn_channels": [32, 64]}


# Deciding


def schedule_of(*growth, sizes=None):
    """A schedule at the start of a run"""
    schedule = GrowthSchedule(list(growth))
    schedule.start(sizes or SIZES)
    return schedule


def decisions(schedule, epochs, wishes=None, metric=50.0):
    """The epochs after which it decided to grow"""
    wishes = wishes or {}
    return [
        epoch
        for epoch in epochs
        if schedule.decide(epoch, {"PER": metric}, wishes.get(epoch))
    ]


def test_a_date_decides_once():
    schedule = schedule_of(entry(3))
    assert decisions(schedule, range(1, 8)) == [3]


def test_nothing_moves_when_it_decides():
    schedule = schedule_of(entry(1, rnn_neurons=96))
    assert not schedule.pending and schedule.wanted == SIZES
    schedule.decide(1, {})
    assert schedule.pending and schedule.sizes == SIZES
    assert schedule.wanted == {**SIZES, "rnn_neurons": 96}
    assert schedule.current.amount.sizes == {"rnn_neurons": 96}
    schedule.grown(step=10)
    assert not schedule.pending
    assert schedule.sizes == {**SIZES, "rnn_neurons": 96}


def test_the_sizes_are_the_schedules_own():
    sizes = dict(SIZES)
    schedule = schedule_of(entry(1), sizes=sizes)
    sizes["rnn_neurons"] = 1
    assert schedule.sizes == SIZES
    schedule.wanted["rnn_neurons"] = 2
    assert schedule.sizes == SIZES


def test_growths_happen_in_order_and_one_after_an_epoch():
    schedule = schedule_of(
        entry(1, rnn_neurons=96),
        entry(2, dnn_neurons=48),
        entry(3, rnn_neurons=128),
    )
    assert decisions(schedule, [5, 6, 7, 8]) == [5, 6, 7]


def test_a_plateau_counts_anew_after_each_growth():
    plateau = {"on_plateau": {"metric": "PER", "patience": 2}}
    schedule = schedule_of(
        {**plateau, "rnn_neurons": 96}, {**plateau, "dnn_neurons": 48}
    )
    assert decisions(schedule, range(1, 12)) == [3, 6]


def test_a_wish_counts_once():
    schedule = schedule_of(
        *[{"by_hand": True, "rnn_neurons": 64 + n} for n in range(1, 5)]
    )
    wishes = {2: 111, 3: 111, 4: 111, 6: 222, 7: 222}
    assert decisions(schedule, range(1, 9), wishes) == [2, 6]
    assert schedule.hand == 222


def test_a_wish_brings_any_growth_forward():
    schedule = schedule_of(entry(7), entry(8, dnn_neurons=48))
    assert decisions(schedule, range(1, 10), {2: 111}) == [2, 8]


def test_a_wish_without_a_growth_left_is_used_up():
    schedule = schedule_of()
    assert decisions(schedule, [1, 2], {1: 111}) == []
    assert schedule.hand == 111


def test_an_old_wish_does_not_count_again_after_a_resume(tmp_path):
    growth = [{"by_hand": True, "rnn_neurons": n} for n in (96, 128)]
    schedule = schedule_of(*growth)
    schedule.decide(1, {}, 111)
    write_state(schedule.state(), tmp_path / "state")
    resumed = schedule_of(*growth)
    resumed.restore(read_state(tmp_path / "state"))
    assert not resumed.decide(2, {}, 111)
    assert resumed.decide(3, {}, 222)


def test_a_missing_metric_is_named():
    schedule = schedule_of({"on_plateau": "WER", "rnn_neurons": 96})
    with pytest.raises(
        GrowthError, match="no metric 'WER'; use one that it gave: P"
    ):
        decisions(schedule, [1])


def test_no_growth_left_asks_no_condition():
    assert decisions(schedule_of(), range(1, 5)) == []


def test_metrics_of_any_number_type_are_taken():
    schedule = schedule_of(entry(5))
    schedule.decide(1, {"PER": torch.tensor(2.5), "n": 3})
    assert schedule.last == {"epoch": 1, "PER": 2.5, "n": 3.0}
    assert all(type(v) in (int, float) for v in schedule.last.values())


def test_a_refused_growth_does_not_happen():
    schedule = schedule_of(
        entry(1, rnn_neurons=96, lr=0.5), entry(2, dnn_neurons=48)
    )
    schedule.decide(1, {})
    schedule.refuse()
    assert not schedule.pending and schedule.wanted == SIZES
    schedule.decide(2, {})
    assert schedule.wanted == {**SIZES, "dnn_neurons": 48}
    schedule.grown(step=5)
    assert schedule.lr_factor(5) == 1.0


# The learning rate: entries, step of the last growth, factor by step
RATES = [
    ([late()], {0: 1.0, 9: 1.0}),
    ([late(lr="keep")], {0: 1.0, 9: 1.0}),
    ([late(lr=0.5)], {0: 0.5, 9: 0.5}),
    ([late(lr=3)], {0: 3.0}),
    ([late(lr=0.5), entry(2, dnn_neurons=48, lr=0.25)], {0: 0.125, 9: 0.125}),
    ([late(lr={"rewarm": 4})], {0: 0.25, 1: 0.5, 2: 0.75, 3: 1.0, 9: 1.0}),
    ([late(lr={"rewarm": 1})], {0: 1.0}),
    (
        [late(lr=0.5), entry(2, dnn_neurons=48, lr="restart")],
        {0: 1.0, 9: 1.0},
    ),
    (
        [
            late(lr=0.5),
            entry(2, dnn_neurons=48, lr={"restart": True, "factor": 0.25}),
        ],
        {0: 0.25},
    ),
    ([late(lr={"factor": 0.5, "rewarm": 2})], {0: 0.25, 1: 0.5, 9: 0.5}),
    (
        [late(lr=0.5), entry(2, dnn_neurons=48, lr={"rewarm": 2})],
        {0: 0.25, 1: 0.5, 2: 0.5},
    ),
    ([late(lr={"rewarm": 9}), entry(2, dnn_neurons=48)], {0: 1.0, 5: 1.0}),
]


@pytest.mark.parametrize("growth, factors", RATES)
def test_the_learning_rate_after_growths(growth, factors):
    schedule = schedule_of(*growth)
    for number in range(len(growth)):
        assert schedule.lr_factor(0) == 1.0 or number
        schedule.decide(number + 1, {})
        schedule.grown(step=100 * (number + 1))
    begin = 100 * len(growth)
    found = {step: schedule.lr_factor(begin + step) for step in factors}
    assert found == factors


def test_the_learning_rate_stays_until_a_growth_has_happened():
    schedule = schedule_of(late(lr=0.5))
    schedule.decide(1, {})
    assert schedule.lr_factor(3) == 1.0


# The budget

SETS = {"after_epoch": 1, "sets": {"dropout": 0.3}}


@pytest.mark.parametrize("before", [{}, {"dropout": 0.2}])
def test_an_entry_that_only_sets_something_is_a_growth(before):
    schedule = schedule_of(SETS, entry(2, rnn_neurons=96, lr=0.5))
    schedule.settings = before
    assert schedule.decide(1, {}) and schedule.pending
    assert schedule.wanted == SIZES and schedule.settings == before
    assert schedule.wanted_settings == {"dropout": 0.3}
    schedule.grown(step=10)
    assert schedule.settings == {"dropout": 0.3} and not schedule.pending
    assert schedule.on_trial
    assert schedule.decide(2, {})
    assert schedule.wanted["rnn_neurons"] == 96


def test_one_that_is_refused_leaves_the_settings():
    schedule = schedule_of(SETS)
    assert schedule.decide(1, {})
    schedule.refuse()
    assert not schedule.pending and schedule.wanted_settings == {}
    assert schedule.lr_factor(10) == 1.0


@pytest.mark.parametrize(
    "key, value",
    [
        ("symmetry", "pairs"),
        ("birth", "copy"),
        ("fold", 3),
        ("lr", {"rewarm": 3, "units": "new"}),
        ("lr", "per_norm"),
    ],
)
def test_what_is_about_new_units_needs_a_size(key, value):
    message = rf"growth\[0\]: found {key}.*, about new units, but no size grows"
    with pytest.raises(GrowthError, match=message):
        parse([{**SETS, key: value}])
    assert parse([{**SETS, key: value, "rnn_neurons": 96}])
    assert parse([{**SETS, "optimizer": "reset", "lr": {"rewarm": 3}}])


BUDGETS = {
    "a number": (5, r"budget: found 5; it must be one unit and its amount, s"),
    "two units": ({"macs": 1, "epochs": 2}, r"budget: found \{'macs': 1, "),
    "a misspelt unit": (
        {"wall_second": 5},
        r"no unit 'wall_second'; did you mean wall_seconds\? use one of macs, ",
    ),
    "nothing": ({"macs": 0}, r"budget: macs is 0; it must be a number above 0"),
    "empty": ({"macs": None}, r"budget: macs is None; it must be a number"),
    "a bool": ({"epochs": True}, r"budget: epochs is True; it must be"),
    "words": ({"macs": "much"}, r"budget: macs is 'much'; it must be"),
    "no number": ({"macs": NAN}, r"budget: macs is nan; it must be"),
}


@pytest.mark.parametrize("budget, message", BUDGETS.values(), ids=BUDGETS)
def test_a_wrong_budget_is_refused(budget, message):
    with pytest.raises(GrowthError, match=message):
        GrowthSchedule(budget=budget)


def test_a_share_of_the_budget_is_a_date():
    growth = [{"after_macs": "35 %", "rnn_neurons": 96}]
    schedule = GrowthSchedule(growth, budget={"macs": "2e3"})
    schedule.start(SIZES)
    schedule.run = Run(totals=totals(schedule.budget, 9))
    (growth,) = schedule.growths
    assert growth.condition.dates(schedule.run) == [("macs", "macs", 700.0)]
    due = [
        schedule.decide(n, {}, None, {"macs": m})
        for n, m in ((1, 699), (2, 701))
    ]
    assert due == [False, True]


@pytest.mark.parametrize("macs", [2000, 3000])
def test_a_date_behind_the_budget_is_refused(macs):
    schedule = GrowthSchedule(
        [{"after_macs": macs, "rnn_neurons": 96}], budget={"macs": 2000}
    )
    with pytest.raises(GrowthError, match=r"but the run ends at 2000"):
        check(schedule.growths, SIZES, Run(totals=totals(schedule.budget, 9)))


# The state


def through_checkpointer(schedule, folder, *growth):
    """Saves with SpeechBrain's checkpointer, and loads into another"""
    saver = Checkpointer(folder, {"growth_schedule": schedule})
    checkpoint = saver.save_checkpoint()
    resumed = GrowthSchedule(list(growth))
    Checkpointer(folder, {"growth_schedule": resumed}).recover_if_possible()
    return resumed, checkpoint.paramfiles["growth_schedule"]


PLATEAU = {"on_plateau": {"metric": "PER", "patience": 2}, "rnn_neurons": 96}


def test_the_state_survives_a_checkpoint(tmp_path):
    growth = [
        PLATEAU,
        entry(5, dnn_neurons=48, lr=0.5),
        {"by_hand": True, "cnn_channels": [32, 64]},
    ]
    schedule = schedule_of(*growth)
    decisions(schedule, [1, 2], metric=NAN)
    schedule.grown(step=17)
    decisions(schedule, [3, 4, 5], {4: 123})
    schedule.refuse()
    decisions(schedule, [6], metric=0.1)
    resumed, _ = through_checkpointer(schedule, tmp_path, *growth)
    names = ("sizes", "decided", "refused", "grown_at_step", "seen", "last")
    for name in (*names, "hand", "wanted", "pending"):
        assert getattr(resumed, name) == getattr(schedule, name)
    assert resumed.lr_factor(18) == schedule.lr_factor(18)


@pytest.mark.parametrize("killed", range(1, 9))
def test_a_resumed_schedule_decides_as_an_uninterrupted_one(tmp_path, killed):
    growth = [
        PLATEAU,
        entry(5, dnn_neurons=48),
        {**PLATEAU, "rnn_neurons": 128},
    ]
    wishes = {6: 123, 7: 123}
    uninterrupted = decisions(schedule_of(*growth), range(1, 9), wishes)
    assert uninterrupted == [3, 5, 6]
    schedule = schedule_of(*growth)
    first = decisions(schedule, range(1, killed), wishes)
    resumed, _ = through_checkpointer(schedule, tmp_path, *growth)
    assert first + decisions(resumed, range(killed, 9), wishes) == uninterrupted


@pytest.mark.parametrize("killed", range(2, 8))
def test_inserted_growths_are_resumed_like_listed_ones(tmp_path, killed):
    """Before, between and behind the growths of one entry, done at once"""
    more = {"after_epoch": 1, "adds": {"rnn_neurons": 8}, "max_times": 2}
    asked = {1: 1, 3: 10, 5: 100}

    def trained(schedule, epochs):
        """Sizes at the end of each epoch"""
        for epoch in epochs:
            if epoch in asked:
                size = schedule.sizes["rnn_neurons"] + asked[epoch]
                schedule.insert({"after_epoch": epoch, "rnn_neurons": size})
            if schedule.decide(epoch, {"PER": 1.0}):
                schedule.resume()  # with the growth decided, and not done
                schedule.grown(epoch)
        return schedule

    whole = trained(schedule_of(more), range(1, 9))
    assert whole.sizes["rnn_neurons"] == 64 + 111 + 16
    half = trained(schedule_of(more), range(1, killed))
    resumed, _ = through_checkpointer(half, tmp_path, more)
    resumed.resume()
    trained(resumed, range(killed, 9))
    assert resumed.state() == whole.state()
    assert [g.when for g in resumed.growths] == [g.when for g in whole.growths]


def test_a_listed_growth_behind_an_inserted_one_may_be_edited(tmp_path):
    schedule = schedule_of(entry(5, rnn_neurons=96))
    schedule.insert({"after_epoch": 1, "rnn_neurons": 65})
    assert schedule.decide(1, {})
    schedule.grown(1)
    other = entry(6, rnn_neurons=99)
    resumed, _ = through_checkpointer(schedule, tmp_path, other)
    resumed.resume()
    assert [g.when for g in resumed.growths] == [
        "after_epoch 1",
        "after_epoch 6",
    ]


def test_the_state_is_readable_text_of_plain_types(tmp_path):
    schedule = schedule_of(entry(2, rnn_neurons=96), PLATEAU)
    schedule.decide(1, {"PER": torch.tensor(NAN)})
    schedule.decide(2, {"PER": 40})
    _, path = through_checkpointer(schedule, tmp_path)
    text = path.read_text()
    assert "!!" not in text
    assert "rnn_neurons: 64" in text and "decided: 1" in text
    state = yaml.safe_load(text)
    assert state["sizes"] == SIZES
    assert state["last"] == {"epoch": 2, "PER": 40.0}
    assert read_state(path) == state


def test_the_state_has_no_anchors(tmp_path):
    schedule = schedule_of(entry(5))
    schedule.decide(1, {"PER": 40})
    write_state(schedule.state(), tmp_path / "state")
    assert "&id" not in (tmp_path / "state").read_text()


def test_a_metric_that_is_no_number_survives(tmp_path):
    schedule = schedule_of(entry(5))
    schedule.decide(1, {"PER": NAN, "loss": INF})
    resumed, _ = through_checkpointer(schedule, tmp_path, entry(5))
    assert math.isnan(resumed.seen[0]["PER"])
    assert resumed.last["loss"] == INF


def test_a_run_with_a_shorter_list_keeps_its_sizes(tmp_path):
    schedule = schedule_of(entry(1, rnn_neurons=96))
    schedule.decide(1, {})
    schedule.grown(step=3)
    resumed, _ = through_checkpointer(schedule, tmp_path)
    assert resumed.sizes["rnn_neurons"] == 96
    assert not resumed.pending and not resumed.decide(2, {})


@pytest.mark.parametrize(
    "text", ["", "[1, 2]", "sizes: {}", "a: [", "just words"]
)
def test_a_file_that_is_no_state_is_refused(tmp_path, text):
    path = tmp_path / "state"
    path.write_text(text)
    with pytest.raises(GrowthError, match="state: this is not the state of a"):
        read_state(path)


@pytest.mark.parametrize("word", ["stop", "continue"])
def test_what_to_do_on_drift(word):
    assert GrowthSchedule(on_drift=word).on_drift == word


def test_another_word_on_drift_is_refused():
    message = "on_drift: found 'ignore'; use stop or continue"
    with pytest.raises(GrowthError, match=message):
        GrowthSchedule(on_drift="ignore")


@pytest.mark.parametrize("reports", ["loss", [3], {"loss": 1, 2: 3}])
def test_reports_are_names_of_metrics(reports):
    with pytest.raises(GrowthError, match="^reports: found .* list of metrics"):
        GrowthSchedule(reports=reports)


def test_freezing_alone_is_a_growth_and_so_is_releasing():
    """Each is done once, and a checkpoint knows"""
    entries = [
        {"after_epoch": 1, "freeze": ["encoder"]},
        {"after_epoch": 2, "freeze": "none"},
        {"after_epoch": 3, "freeze": "none"},
    ]
    schedule = GrowthSchedule(entries)
    schedule.start({"width": 4})
    for epoch in (1, 2):
        assert schedule.decide(epoch, {}) and schedule.pending
        again = GrowthSchedule(entries)
        again.restore(schedule.state())
        assert again.pending
        schedule.grown(step=epoch)
        again.restore(schedule.state())
        assert not schedule.pending and not again.pending
    assert schedule.frozen == ["none"]
    assert schedule.decide(3, {}) and not schedule.pending  # nothing to release
    schedule.refuse(1)
    assert schedule.wanted_frozen == ["none"]


def test_a_checkpoint_that_says_nothing_of_freezing_is_of_what_was_frozen():
    """Of an earlier version, which knew old: frozen only"""
    entries = [{"after_epoch": 1, "width": 8, "old": "frozen"}]
    schedule = GrowthSchedule(entries)
    schedule.start({"width": 4})
    schedule.decide(1, {})
    for pending in (True, False):
        state = {**schedule.state(), "frozen": None}
        again = GrowthSchedule(entries)
        again.restore(state)
        assert again.pending == pending
        schedule.grown(step=1)


def test_what_was_released_may_be_copied_again():
    start = [{"after_epoch": 1, "width": 8, "freeze": "old"}]
    free = [{"after_epoch": 2, "freeze": "none"}]
    last = [{"after_epoch": 3, "width": 9}]
    for growth, wrong in ((start + last, 1), (start + free + last, 0)):
        growths = parse(growth)
        found = [text for one in growths for text in thawing(one, growths)]
        assert len(found) == wrong
