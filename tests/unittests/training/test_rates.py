"""Tests for the learning rates that a recipe's scheduler sets.

Authors
 * The speechbrain_growth authors 2026
"""

import copy
import functools
import inspect

import pytest
import torch
from torch.optim import SGD, lr_scheduler

from speechbrain.nnet import schedulers
from speechbrain.utils.checkpoints import Checkpointer
from speechbrain_growth import (
    GrowthError,
    anneal_epoch,
    anneal_step,
    check_annealing,
)
from speechbrain_growth.resume.unlisted import add_unlisted

EPOCHS, STEPS = 4, 3  # of each epoch
METRICS = [9.0, 8.0, 9.5, 9.9]
INTERVALS = [{"steps": 2, "lr": 0.5}, {"steps": 7, "lr": 0.25}]
# The scheduler and its arguments, and whether it counts steps
SCHEDULERS = {
    "NewBobScheduler": (dict(initial_value=1.0), False),
    "LinearScheduler": (
        dict(initial_value=1.0, final_value=0.1, epoch_count=EPOCHS),
        False,
    ),
    "StepScheduler": (dict(initial_value=1.0), False),
    "ReduceLROnPlateau": (dict(patience=0, dont_halve_until_epoch=1), False),
    "LinearWarmupScheduler": (
        dict(initial_value=1.0, num_warmup_steps=2, num_training_steps=12),
        True,
    ),
    "NoamScheduler": (dict(lr_initial=1.0, n_warmup_steps=3), True),
    "NoamIntervalScheduler": (
        dict(
            lr_initial=1.0,
            n_warmup_steps=3,
            anneal_steps=[6],
            anneal_rates=[0.5],
        ),
        True,
    ),
    "LinearNoamScheduler": (
        dict(lr_initial=1.0, n_warmup_steps=3, n_keep_steps=2),
        True,
    ),
    "CyclicCosineScheduler": (
        dict(n_warmup_steps=3, lr_initial=1.0, total_steps=9),
        True,
    ),
    "CyclicLRScheduler": (dict(step_size=2.0), True),
    "IntervalScheduler": (dict(intervals=INTERVALS), True),
    "WarmAndExpDecayLRSchedule": (
        dict(lr=1.0, n_warmup_steps=2, total_steps=12),
        True,
    ),
    "WarmCoolDecayLRSchedule": (
        dict(lr=1.0, warmup=2, cooldown=3, total_steps=12),
        True,
    ),
    "TriStageLRSchedule": (
        dict(
            lr=1.0, warmup_steps=2, hold_steps=3, decay_steps=7, total_steps=12
        ),
        True,
    ),
}
EACH = pytest.mark.parametrize("name", SCHEDULERS)


def made(name):
    """A scheduler from the table, an optimizer, and whether it counts steps."""
    given, counts_steps = SCHEDULERS[name]
    sgd = SGD([torch.nn.Parameter(torch.ones(1))], lr=1.0)
    return getattr(schedulers, name)(**given), sgd, counts_steps


def stock(scheduler, sgd, step, epoch=None, counts_steps=False):
    """Calls a scheduler as SpeechBrain's own recipes do."""
    if epoch is None and counts_steps:
        if hasattr(scheduler, "on_batch_end"):
            scheduler.on_batch_end(sgd)
        elif "num_updates" in inspect.signature(scheduler).parameters:
            scheduler(sgd, step)
        else:
            scheduler(sgd)
    elif epoch is not None and not counts_steps:
        metric, given = METRICS[epoch - 1], (epoch,)
        if isinstance(scheduler, schedulers.NewBobScheduler):
            given = (metric,)
        elif isinstance(scheduler, schedulers.ReduceLROnPlateau):
            given = ([sgd], epoch, metric)
        _, new = scheduler(*given)
        schedulers.update_learning_rate(sgd, new)


def rates(scheduler, sgd, call):
    """The learning rate of each step of a run."""
    found, step = [], 0
    for epoch in range(1, EPOCHS + 1):
        for _ in range(STEPS):
            found.append(sgd.param_groups[0]["lr"])
            step += 1
            call(scheduler, sgd, step)
        call(scheduler, sgd, step, epoch)
    return [*found, sgd.param_groups[0]["lr"]]


def ours(scheduler, sgd, step, epoch=None):
    """Calls a scheduler as the recipes of this repository do."""
    if epoch is None:
        return anneal_step(scheduler, sgd, step)
    lr = sgd.param_groups[0]["lr"]
    assert anneal_epoch(scheduler, sgd, epoch, METRICS[epoch - 1]) == lr


@EACH
def test_the_rates_are_those_of_stock_calls(name):
    scheduler, sgd, counts_steps = made(name)
    expected = rates(
        scheduler, sgd, functools.partial(stock, counts_steps=counts_steps)
    )
    assert len(set(expected)) > 2
    assert rates(*made(name)[:2], ours) == expected


@EACH
def test_a_trial_changes_nothing(name):
    scheduler, _, _ = made(name)
    before = copy.deepcopy(vars(scheduler))
    check_annealing(scheduler, EPOCHS)
    after = vars(scheduler)
    assert {k: v for k, v in after.items() if not callable(v)} == {
        k: v for k, v in before.items() if not callable(v)
    }


@EACH
def test_a_resumed_run_has_the_same_rates(name, tmp_path):
    expected = rates(*made(name)[:2], ours)
    scheduler, sgd, _ = made(name)
    checkpointer = Checkpointer(tmp_path, {"optimizer": sgd})
    add_unlisted({"lr_annealing": scheduler}, checkpointer)
    add_unlisted({"lr_annealing": scheduler}, checkpointer)  # once is enough
    assert len(checkpointer.recoverables) < 3
    found, step = [], 0
    for epoch in range(1, EPOCHS + 1):
        for _ in range(STEPS):
            found.append(sgd.param_groups[0]["lr"])
            step += 1
            ours(scheduler, sgd, step)
        ours(scheduler, sgd, step, epoch)
        # Made anew after each epoch
        checkpointer.save_checkpoint()
        scheduler, sgd, _ = made(name)
        checkpointer = Checkpointer(tmp_path, {"optimizer": sgd})
        add_unlisted({"lr_annealing": scheduler}, checkpointer)
        checkpointer.recover_if_possible()
    assert [*found, sgd.param_groups[0]["lr"]] == expected


def problem(scheduler, epochs=EPOCHS, by=None):
    """What is wrong with a scheduler."""
    with pytest.raises(GrowthError) as caught:
        check_annealing(scheduler, epochs, by)
    return str(caught.value)


def test_one_that_ends_too_early_is_refused():
    linear = schedulers.LinearScheduler(1.0, 0.1, 3)
    assert problem(linear) == (
        "lr_annealing: LinearScheduler fails after epoch 4 of 4: list index "
        "out of range; it must last for all epochs (its epoch_count, say)"
    )
    check_annealing(linear, 3)


@pytest.mark.parametrize(
    "scheduler, name",
    [
        (functools.partial(lr_scheduler.StepLR, step_size=3), "StepLR"),
        (lr_scheduler.StepLR, "StepLR"),
        (lr_scheduler.StepLR(made("StepScheduler")[1], 3), "StepLR"),
        (schedulers.ScheduledLoss([{"loss_fn": abs}]), "ScheduledLoss"),
        (lambda epoch, more: 1.0, "<lambda>"),
        ("linear", "str"),
        (None, "NoneType"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_that_is_called_otherwise_is_refused(scheduler, name):
    assert problem(scheduler) == (
        f"lr_annealing: {name} is not called as the schedulers of "
        "speechbrain.nnet.schedulers are; use one of these, such as "
        "LinearScheduler, NewBobScheduler or NoamScheduler, or "
        "speechbrain_growth.TorchScheduler around one of torch's"
    )


def test_one_whose_count_no_checkpoint_keeps_is_refused():
    assert problem(schedulers.InverseSquareRootScheduler(3)) == (
        "lr_annealing: SpeechBrain cannot load what InverseSquareRootScheduler "
        "has counted, so a resumed run would start its count anew; use another "
        "scheduler"
    )


@pytest.mark.parametrize(
    "name, by, end",
    [
        ("LinearScheduler", "PER", "the epoch; use epoch"),
        ("NewBobScheduler", "epoch", "a metric; name one"),
        ("ReduceLROnPlateau", "epoch", "a metric; name one"),
    ],
)
def test_an_argument_that_it_does_not_take_is_refused(name, by, end):
    scheduler = made(name)[0]
    expected = f"anneal_by is {by!r}, but {name} is called with {end}"
    assert problem(scheduler, by=by) == expected
    check_annealing(scheduler, EPOCHS, "epoch" if by == "PER" else "PER")


def test_a_rate_below_zero_ends_the_run():
    scheduler, sgd, _ = made("WarmCoolDecayLRSchedule")
    anneal_step(scheduler, sgd, 12)
    with pytest.raises(GrowthError, match="-0.33 after step 13; give it as"):
        anneal_step(scheduler, sgd, 13)
