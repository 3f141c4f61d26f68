"""Tests for what is known of a run before it begins: epochs, cost, memory

Authors
 * The speechbrain_growth authors 2026
"""

import pytest
import torch
from hypothesis import (
    given,
    settings,
    strategies as st,
)
from torch import nn

from speechbrain_growth.blueprint.blueprint import Blueprint
from speechbrain_growth.engine.carrying import carry
from speechbrain_growth.launch.plans.memory import bytes_to_grow, states_of
from speechbrain_growth.launch.plans.spans import in_all, spans
from speechbrain_growth.schedule.conditions.condition import Run
from speechbrain_growth.schedule.growth import parse
from speechbrain_growth.schedule.schedule import GrowthSchedule

EPOCHS = 9
RUN = Run(totals={"epoch": EPOCHS})
DATES = st.one_of(
    st.integers(1, EPOCHS).map(lambda n: {"after_epoch": n}),
    st.just({"after_epoch": "50 %"}),
    st.integers(1, 4).map(lambda n: {"every_epochs": n}),
)
WINDOWS = st.fixed_dictionaries(
    {}, optional={"not_before": st.integers(1, 5), "not_after": st.just(6)}
)
PLATEAUS = WINDOWS.map(
    lambda window: {
        "on_plateau": {"metric": "PER", "patience": 1, "min_delta": 0, **window}
    }
)
SINGLE = st.one_of(DATES, PLATEAUS)
PAIRS = st.builds(
    lambda name, conditions: {name: conditions},
    st.sampled_from(["any_of", "all_of"]),
    st.lists(SINGLE, min_size=2, max_size=2),
)


def growths_of(conditions):
    """A list of growths with these conditions"""
    return [{**one, "width": 2 + n} for n, one in enumerate(conditions)]


def simulated(growth, metrics):
    """After which epochs the growths happen"""
    schedule = GrowthSchedule(growth)
    schedule.start({"width": 1})
    schedule.run, found = RUN, []
    for epoch, metric in enumerate(metrics, start=1):
        if schedule.decide(epoch, {"PER": metric}) and epoch < EPOCHS:
            schedule.grown(step=epoch)
            found.append(epoch)
    return found


def cost_of(growth, happened):
    """Epochs of the largest model that a run costs, one by one"""
    macs = [2 ** sum(e < epoch for e in happened) for epoch in range(1, 10)]
    return sum(macs) / 2 ** len(growth)


@settings(max_examples=200)
@given(
    st.lists(st.one_of(SINGLE, PAIRS), min_size=1, max_size=3),
    st.lists(st.floats(0, 9), min_size=EPOCHS, max_size=EPOCHS),
)
def test_growths_happen_within_their_spans(conditions, metrics):
    growth = growths_of(conditions)
    found, happened = (
        spans(parse(growth), EPOCHS, RUN),
        simulated(growth, metrics),
    )
    for number, (first, last) in enumerate(found):
        if number < len(happened):
            assert first <= happened[number]
            assert last is None or happened[number] <= last
        else:
            assert last is None
    rows = [{"growth": None, "macs": 1}] + [
        {"growth": n, "macs": 2 ** (n + 1), "span": span}
        for n, span in enumerate(found)
    ]
    least, most = in_all(rows, EPOCHS)
    assert least - 1e-9 <= cost_of(growth, happened) <= most + 1e-9


@settings(max_examples=100)
@given(st.lists(DATES, min_size=1, max_size=4))
def test_dates_are_fixed(conditions):
    growth = growths_of(conditions)
    happened = simulated(growth, [0.0] * EPOCHS)
    found = spans(parse(growth), EPOCHS, RUN)
    assert [last for _, last in found if last is not None] == happened
    assert all(first == last for first, last in found if last is not None)


def test_a_plateau_with_a_window():
    window = {"metric": "PER", "not_before": 4, "not_after": 7}
    growth = [
        {"on_plateau": window, "width": 8},
        {"by_hand": True, "width": 9},
    ]
    assert spans(parse(growth), EPOCHS, RUN) == [(4, 7), (5, None)]


@pytest.mark.parametrize(
    "condition, first",
    [
        ({"on_floor": {"metric": "loss", "above": 1.0}}, 6),
        ({"on_missed_goal": {"metric": "loss", "goal": 1.0, "after": 4}}, 4),
        ({"on_plateau": {"metric": "PER", "patience": 2}}, 3),
    ],
)
def test_a_condition_sees_enough_epochs_first(condition, first):
    growth = [{**condition, "width": 8}, {**condition, "width": 9}]
    found = spans(parse(growth), EPOCHS, RUN)
    assert found == [(first, None), (2 * first, None)]


def test_before_the_first_epoch():
    growth = [{"after_epoch": 0, "width": 8}, {"every_epochs": 1, "width": 9}]
    assert spans(parse(growth), EPOCHS, RUN) == [(0, 0), (1, 1)]


@pytest.mark.parametrize("done", range(1, 8))
def test_a_resumed_run_has_the_spans_that_it_had(done):
    growth = [{"every_epochs": 2, "adds": {"width": 1}, "max_times": 4}]
    whole = spans(parse(growth), EPOCHS, RUN)
    assert whole == [(2, 2), (4, 4), (6, 6), (8, 8)]
    left = parse(growth)[done // 2 :]
    assert spans(left, EPOCHS, RUN, done, done % 2) == whole[done // 2 :]


# Memory


def net(width):
    """A small net"""
    return nn.ModuleDict(
        {"net": nn.Sequential(nn.Linear(3, width), nn.Linear(width, 2))}
    )


MAKES = {
    "Adam": {"lr": 0.1},
    "SGD": {"lr": 0.1},
    "Adadelta": {},
    "RMSprop": {"momentum": 0.9},
}


def blueprint_of(folder, kind, **options):
    """A blueprint that makes an optimizer"""
    path = folder / "hparams.yaml"
    given = "".join(f"    {k}: {v}\n" for k, v in options.items())
    path.write_text(
        f"opt_class: !name:torch.optim.{kind}\n{given}modules: {{}}\n"
    )
    return Blueprint(str(path))


def held(*things):
    """Bytes of all tensors of models and optimizers"""
    tensors = [
        t
        for one in things
        if isinstance(one, nn.Module)
        for t in one.parameters()
    ]
    for one in things:
        if isinstance(one, torch.optim.Optimizer):
            for state in one.state.values():
                tensors += [
                    t for t in state.values() if t is not None and t.dim()
                ]
    return sum(t.numel() * t.element_size() for t in tensors)


@pytest.mark.parametrize("kind", MAKES)
def test_the_memory_is_that_of_both_models_and_their_optimizers(kind, tmp_path):
    old, new = net(4), net(7)
    optimizer = getattr(torch.optim, kind)(old.parameters(), **MAKES[kind])
    for parameter in old.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    before = held(old, optimizer)
    carry(old["net"], new["net"], optimizer)
    states = states_of(blueprint_of(tmp_path, kind, **MAKES[kind]))
    growth = parse([{"after_epoch": 1, "width": 7}])[0]
    assert bytes_to_grow(old, new, growth, states) == before + held(
        new, optimizer
    )
    reset = growth._replace(optimizer="reset")
    assert bytes_to_grow(old, new, reset, states) == before + held(new)


def test_nothing_is_said_of_an_optimizer_that_is_not_known(tmp_path):
    path = tmp_path / "hparams.yaml"
    path.write_text("lr: 1\nmodules: {}\n")
    assert states_of(Blueprint(str(path))) is None
    growth = parse([{"after_epoch": 1, "width": 7}])[0]
    assert bytes_to_grow(net(4), net(7), growth, None) is None
    assert states_of(blueprint_of(tmp_path, "Adam", lr=-1)) is None
