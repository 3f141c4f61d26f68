"""Tests for how much a growth adds: sizes in, larger sizes out

Authors
 * The speechbrain_growth authors 2026
"""

import pytest
from hypothesis import (
    given,
    settings,
    strategies as st,
)

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.schedule.amounts import Amount, next_sizes
from speechbrain_growth.schedule.checking import check
from speechbrain_growth.schedule.conditions.condition import Run
from speechbrain_growth.schedule.growth import parse
from speechbrain_growth.schedule.schedule import GrowthSchedule
from speechbrain_growth.schedule.state import read_state, write_state

SIZES = st.integers(1, 2000)


def cost(sizes):
    """Parameters and MACs of a square layer behind a narrow one"""
    return sizes["width"] * (sizes["width"] + 1), sizes["width"] ** 2


def after_each(growth, sizes, epochs=40, price=cost):
    """The sizes after each growth of one entry, which is due every epoch"""
    schedule = GrowthSchedule([{"every_epochs": 1, **growth}])
    schedule.cost = price
    schedule.start(sizes)
    found = []
    for epoch in range(1, epochs + 1):
        if schedule.decide(epoch, {}):
            schedule.grown(step=epoch)
            found.append(schedule.sizes)
    return found


@given(st.lists(SIZES, min_size=1, max_size=3), st.integers(1, 300), SIZES)
def test_adds_stops_at_most(hidden, more, most):
    growth = {"adds": {"hidden": more}, "at_most": {"hidden": most}}
    found = after_each({**growth, "max_times": 9}, {"hidden": hidden})
    before = hidden
    for sizes in found:
        now = sizes["hidden"]
        assert now != before
        for one, then in zip(now, before):
            assert one == (max(then, min(then + more, most)))
        before = now
    full = all(size >= most for size in before)
    assert full or len(found) == 9


@given(SIZES, SIZES, st.integers(1, 12))
def test_towards_ends_at_its_goal_in_equal_steps(size, more, steps):
    goal = size + more
    growth = {"towards": {"width": goal}, "steps": steps}
    found = [s["width"] for s in after_each(growth, {"width": size})]
    assert found[-1] == goal and len(found) <= steps
    added = [now - then for then, now in zip([size, *found], found)]
    # As equal as whole numbers can be; a step of 0 is left out
    assert set(added) <= {more // steps, -(-more // steps)}


@given(st.integers(4, 300), st.integers(8, 2000), st.integers(2, 8))
def test_towards_in_equal_macs(size, more, steps):
    growth = {
        "towards": {"width": size + more},
        "steps": steps,
        "equal": "macs",
    }
    found = [s["width"] for s in after_each(growth, {"width": size})]
    assert found[-1] == size + more
    for done, (then, now) in enumerate(zip([size, *found], found)):
        if len(found) == steps:
            left = (size + more) ** 2 - then**2
            wanted = then**2 + left / (steps - done)
            # The first width that costs as much
            assert (now - 1) ** 2 < wanted <= now**2


@given(st.integers(1, 60), st.integers(1, 40), st.integers(1, 10_000))
def test_limits_stop(size, more, limit):
    for key, index in (("max_params", 0), ("max_macs", 1)):
        growth = {"adds": {"width": more}, "max_times": 20, key: limit}
        found = after_each(growth, {"width": size})
        last = ([{"width": size}] + found)[-1]
        assert not found or cost(last)[index] <= limit
        beyond = {"width": last["width"] + more}
        assert len(found) == 20 or cost(beyond)[index] > limit


@pytest.mark.parametrize("macs, width", [(99, 8), (100, 10)])
def test_a_limit_may_be_reached(macs, width):
    growth = {"adds": {"width": 2}, "max_macs": macs}
    assert ([8] + [s["width"] for s in after_each(growth, {"width": 8})])[
        -1
    ] == width


def test_one_number_of_adds_is_for_all_of_a_list():
    now = {"hidden": [4, 8], "width": 3}
    both = Amount(adds={"hidden": 2, "width": 1})
    assert next_sizes(both, now) == {"hidden": [6, 10], "width": 4}
    each = Amount(adds={"hidden": [0, 2]})
    assert next_sizes(each, now) == {"hidden": [4, 10]}


def test_what_is_larger_than_at_most_stays():
    amount = Amount(adds={"width": 8}, at_most={"width": 16})
    assert next_sizes(amount, {"width": 20}) == {}


def test_a_growth_that_is_left_out_does_not_hold_up_the_next():
    growth = [
        {"every_epochs": 1, "width": 64, "max_macs": 100, "lr": 0.5},
        {"every_epochs": 1, "width": 9},
    ]
    schedule = GrowthSchedule(growth)
    schedule.cost = cost
    schedule.start({"width": 8})
    assert schedule.decide(1, {}) and schedule.wanted == {"width": 9}
    schedule.grown(step=1)
    assert schedule.next is None
    assert schedule.lr_factor(2) == 1.0


# Choices

CHOICE = {
    "every_epochs": 1,
    "choose": {"wide": {"adds": {"width": 8}}, "deep": {"depth": 3}},
    "max_times": 3,
    "max_macs": 300,
}


def choosing():
    """A schedule that has decided on a growth that chooses"""
    schedule = GrowthSchedule([CHOICE])
    schedule.cost = cost
    schedule.start({"width": 8, "depth": 2})
    assert schedule.decide(1, {})
    return schedule


def test_a_choice_is_made_among_what_adds_something_within_the_limits():
    schedule = choosing()
    wide, deep = {"width": 16}, {"depth": 3}
    assert schedule.choices == {"wide": wide, "deep": deep}
    assert schedule.pending and schedule.wanted == schedule.sizes
    schedule.choose("deep")
    assert schedule.pending and not schedule.choices
    assert schedule.wanted == {"width": 8, "depth": 3}
    schedule.grown(step=1)
    assert not schedule.pending
    assert schedule.decide(2, {}) and schedule.choices == {"wide": wide}
    schedule.choose("wide")
    schedule.grown(step=2)
    # 24 units would pass the limit, and the depth is there
    assert not schedule.decide(3, {}) and schedule.next is None


def test_a_refused_choice_is_over():
    schedule = choosing()
    schedule.refuse()
    assert not schedule.pending and not schedule.choices


# Kill and resume


def resumed(schedule, folder, growth):
    """What a new process makes of a state, with this list"""
    write_state(schedule.state(), folder / "state")
    other = GrowthSchedule(growth)
    other.cost = cost
    other.start({"width": 0})
    other.restore(read_state(folder / "state"))
    other.resume()
    return other


REPEATED = [
    {"every_epochs": 2, "adds": {"width": 4}, "max_times": 3},
    {"every_epochs": 1, "towards": {"width": 90}, "steps": 4, "equal": "macs"},
]


def walk(schedule, epochs):
    """Decides and grows; the sizes after each epoch"""
    found = []
    for epoch in epochs:
        if schedule.decide(epoch, {}):
            schedule.grown(step=epoch)
        found.append(schedule.sizes["width"])
    return found


@pytest.mark.parametrize("killed", range(1, 12))
def test_resumed_between_repeated_growths_is_as_uninterrupted(killed, tmp_path):
    whole = GrowthSchedule(REPEATED)
    whole.cost = cost
    whole.start({"width": 10})
    expected = walk(whole, range(1, 12))
    assert expected[-1] == 90 and len(set(expected)) == 8
    first = GrowthSchedule(REPEATED)
    first.cost = cost
    first.start({"width": 10})
    found = walk(first, range(1, killed))
    later = resumed(first, tmp_path, REPEATED)
    assert found + walk(later, range(killed, 12)) == expected


def test_a_choice_that_is_still_open_is_made_after_a_resume(tmp_path):
    later = resumed(choosing(), tmp_path, [CHOICE])
    assert later.pending and set(later.choices) == {"wide", "deep"}


def test_the_future_may_be_edited_and_the_past_not(tmp_path):
    schedule = GrowthSchedule(REPEATED)
    schedule.cost = cost
    schedule.start({"width": 10})
    walk(schedule, range(1, 5))  # two of three
    other = [REPEATED[0], {"every_epochs": 1, "width": 40}]
    later = resumed(schedule, tmp_path, other)
    assert walk(later, range(5, 9)) == [18, 22, 40, 40]
    for changed in ({"max_times": 2}, {"adds": {"width": 5}}):
        edited = [{**REPEATED[0], **changed}, REPEATED[1]]
        with pytest.raises(GrowthError, match=r"growth\[0\] happened as"):
            resumed(schedule, tmp_path, edited)


def test_a_state_of_version_0_1_has_no_targets(tmp_path):
    growth = [{"after_epoch": n, "width": 10 * n} for n in (1, 2, 3)]
    old = {
        "sizes": {"width": 10},
        "decided": 2,
        "refused": [],
        "grown_at_step": 7,
        "last": {"epoch": 2},
        "seen": [],
        "hand": None,
    }
    write_state(old, tmp_path / "state")
    schedule = GrowthSchedule(growth)
    schedule.start({"width": 5})
    schedule.restore(read_state(tmp_path / "state"))
    assert schedule.pending and schedule.wanted == {"width": 20}
    schedule.resume()
    assert schedule.pending and schedule.wanted == {"width": 20}
    schedule.grown(step=9)
    assert schedule.decide(3, {}) and schedule.wanted == {"width": 30}


def test_the_state_of_sizes_in_lists_has_no_anchors(tmp_path):
    schedule = GrowthSchedule([{"after_epoch": 1, "hidden": [8, 8]}])
    schedule.start({"hidden": [4, 4]})
    schedule.decide(1, {})
    schedule.grown(step=1)
    write_state(schedule.state(), tmp_path / "state")
    assert "&id" not in (tmp_path / "state").read_text()


# What fits whichever candidate is chosen


def problems(*growth, sizes=None):
    """What is wrong with a list, for a small model"""
    try:
        now = sizes or {"width": 8, "depth": 2}
        check(parse(list(growth)), now, Run(totals={"epoch": 9}), cost=cost)
    except GrowthError as error:
        return error.problems
    return []


BOTH = {"after_epoch": 1, "choose": {"a": {"width": 16}, "b": {"depth": 3}}}


def test_a_growth_behind_a_choice_must_fit_each_candidate():
    assert not problems(BOTH, {"after_epoch": 2, "width": 16, "depth": 3})
    (found,) = problems(BOTH, {"after_epoch": 2, "width": 12})
    assert "width is 16 and would shrink to 12" in found
    # Left out if that candidate was chosen
    assert not problems(BOTH, {"after_epoch": 2, "width": 16})


def test_repeated_choices_are_followed_to_their_end():
    growth = {
        "every_epochs": 1,
        "choose": {"a": {"adds": {"width": 4}}, "b": {"adds": {"depth": 1}}},
        "max_times": 3,
    }
    last = {"every_epochs": 1, "width": 19, "depth": 9}
    (found,) = problems(growth, last)
    assert "width is 20 and would shrink to 19" in found
    assert not problems(growth, {**last, "width": 20})


@settings(max_examples=30)
@given(st.permutations(["a", "b", "c"]))
def test_candidates_keep_the_order_of_the_list(names):
    choose = {name: {"width": 9 + n} for n, name in enumerate(names)}
    amount = parse([{"after_epoch": 1, "choose": choose}])[0].amount
    assert list(amount.candidates) == names
