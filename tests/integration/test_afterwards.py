"""A run ends with its budget; schedulers follow it, and growths restart them

Authors
 * The speechbrain_growth authors 2026
"""

import logging
import math
import re

import pytest
import torch
from growing_run import YAML, at, toy, train, weights

from speechbrain_growth.measure.events import read_events

GROWTH = {"after_epoch": 2, "cnn_channels": [4, 8], "rnn_neurons": 9}
NEWBOB = re.search(r"lr_annealing: (!new:\S+\n    .*\n)", YAML)[1]
SCHEDULERS = {
    "NewBobScheduler": "!new:speechbrain.nnet.schedulers.NewBobScheduler\n"
    "    initial_value: !ref <lr>\n    improvement_threshold: 9.0\n",
    "LinearScheduler": "!new:speechbrain.nnet.schedulers.LinearScheduler\n"
    "    initial_value: !ref <lr>\n    final_value: 0.1\n    epoch_count: 6\n",
    "NoamScheduler": "!new:speechbrain.nnet.schedulers.NoamScheduler\n"
    "    lr_initial: !ref <lr>\n    n_warmup_steps: 4\n",
    "CyclicCosineScheduler": "!new:speechbrain.nnet.schedulers."
    "CyclicCosineScheduler\n    n_warmup_steps: 2\n    lr_initial: !ref <lr>\n"
    "    total_steps: 12\n",
    "TriStageLRSchedule": "!new:speechbrain.nnet.schedulers."
    "TriStageLRSchedule\n    lr: !ref <lr>\n    warmup_steps: 3\n"
    "    hold_steps: 3\n    decay_steps: 14\n    total_steps: 20\n",
    "StepLR": "!new:speechbrain_growth.TorchScheduler\n"
    "    scheduler: !name:torch.optim.lr_scheduler.StepLR\n"
    "        step_size: 1\n        gamma: 0.5\n",
    "OneCycleLR": "!new:speechbrain_growth.TorchScheduler\n    each: step\n"
    "    scheduler: !name:torch.optim.lr_scheduler.OneCycleLR\n"
    "        max_lr: 0.5\n        total_steps: 20\n"
    "        cycle_momentum: False\n",
    "ReduceLROnPlateau": "!new:speechbrain_growth.TorchScheduler\n"
    "    scheduler: !name:torch.optim.lr_scheduler.ReduceLROnPlateau\n"
    "        patience: 0\n        threshold: 9.0\n        mode: max\n",
}
BY_BUDGET = (
    "!new:speechbrain_growth.BudgetScheduler\n    initial_value: !ref <lr>\n"
    "    final_value: 0.1\n    warmup: 0.2\n    decay: 0.4\n    shape: {}\n"
)


def yaml_with(scheduler=NEWBOB, budget=None):
    """The YAML with another scheduler, and a budget"""
    text = YAML.replace(NEWBOB, scheduler)
    if scheduler != NEWBOB:  # some have no state, and cannot be listed
        text = text.replace("        scheduler: !ref <lr_annealing>\n", "")
    if budget is not None:
        growth = "GrowthSchedule\n    growth: !ref <growth>\n"
        text = text.replace(growth, f"{growth}    budget: {budget}\n")
    return text


def watched(brain):
    """Trains, and notes the rate and the MACs of each step"""
    brain.rates, brain.macs, step = [], [], type(brain).optimizers_step

    def optimizers_step():
        step(brain)
        brain.rates.append(brain.optimizer.param_groups[0]["lr"])
        brain.macs.append(brain.meter.stats()["macs"])

    brain.optimizers_step = optimizers_step
    return train(brain)


@pytest.fixture(scope="module")
def endless(tmp_path_factory):
    """A run without a budget, of three steps an epoch"""
    return watched(toy(tmp_path_factory.mktemp("endless"), growth=[GROWTH]))


@pytest.mark.parametrize("last", [5, 6, 8])
def test_the_step_that_spends_the_budget_is_the_last(endless, last, tmp_path):
    text = yaml_with(budget=f"{{macs: {endless.macs[last - 1] - 1}}}")
    brain = watched(toy(tmp_path / "whole", growth=[GROWTH], text=text))
    assert brain.macs == endless.macs[:last]
    assert len(brain.history) == math.ceil(last / 3)
    moment = f"epoch {math.ceil(last / 3)} step {(last - 1) % 3 + 1}"
    killed = train(toy(tmp_path / "killed", growth=[GROWTH], kill=at(moment)))
    for one, other in zip(weights(brain).values(), weights(killed).values()):
        assert torch.equal(one, other)
    again = train(toy(tmp_path / "whole", growth=[GROWTH], text=text))
    assert not again.history and again.optimizer_step == last


def test_a_budget_in_epochs_may_end_within_one(tmp_path):
    text = yaml_with(budget="{epochs: 1.5}")
    brain = watched(toy(tmp_path, growth=[], text=text))
    assert len(brain.rates) == 5 and len(brain.history) == 2


def test_a_budget_in_seconds_ends_the_run(tmp_path):
    text = yaml_with(budget="{wall_seconds: 0.001}")
    assert len(watched(toy(tmp_path, growth=[], text=text)).rates) == 1


def test_a_budget_that_is_not_spent_is_told(tmp_path, caplog):
    text = yaml_with(budget="{macs: 1e12}")
    with caplog.at_level(logging.WARNING):
        train(toy(tmp_path, growth=[], number_of_epochs=1, text=text))
    assert (
        "after epoch 1, with 100 % of its budget of 1e+12 macs" in caplog.text
    )


def down(shape, share):
    """By hand: how far the rate is above the last one"""
    if shape == "linear":
        return 1 - share
    if shape == "sqrt":
        return 1 - share**0.5
    return 0.5 + 0.5 * math.cos(math.pi * share)


@pytest.mark.parametrize("shape", ["linear", "cosine", "sqrt"])
def test_the_rate_follows_the_budget(endless, shape, tmp_path):
    budget = (
        endless.macs[10] - 1
    )  # of eleven steps, five of them before growing
    text = yaml_with(BY_BUDGET.format(shape), f"{{macs: {budget}}}")
    brain = watched(toy(tmp_path, growth=[GROWTH], text=text))
    expected = []
    for macs in brain.macs:
        share = min(macs / budget, 1.0)
        rate = 0.5 * min(share / 0.2, 1.0)
        if share > 0.6:
            rate = 0.1 + 0.4 * down(shape, (share - 0.6) / 0.4)
        expected.append(rate)
    assert brain.rates == pytest.approx(expected) and len(expected) == 11
    assert brain.rates[-1] == pytest.approx(0.1)


def test_without_a_budget_the_rate_follows_the_epochs(tmp_path):
    text = yaml_with(BY_BUDGET.format("linear"))
    brain = watched(toy(tmp_path, growth=[], text=text))
    assert brain.rates[-1] == pytest.approx(0.1)
    assert brain.rates[4] == pytest.approx(0.5)
    assert brain.rates[0] == pytest.approx(0.5 * (1 / 12) / 0.2)


RESTART = {**GROWTH, "lr": "restart"}


def rates_of_six_steps():
    """By hand: a budget of six equal steps"""
    shares = [(step + 1) / 6 for step in range(6)]
    expected = [0.5 * min(share / 0.2, 1.0) for share in shares]
    expected[3:] = [0.1 + 0.4 * (1 - (s - 0.6) / 0.4) for s in shares[3:]]
    return expected


@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_restart_repeats_the_rates_of_the_run(name, tmp_path):
    text = yaml_with(SCHEDULERS[name])
    growth = [{**RESTART, "after_epoch": 3}]
    settings = {"growth": growth, "number_of_epochs": 6, "text": text}
    brain = watched(toy(tmp_path, **settings))
    assert brain.rates[9:] == brain.rates[:9]
    assert len(set(brain.rates)) > 1


def test_a_restart_by_budget_spans_what_is_left(endless, tmp_path):
    text = yaml_with(
        BY_BUDGET.format("linear"), f"{{macs: {endless.macs[-1]}}}"
    )
    brain = watched(toy(tmp_path, growth=[RESTART], text=text))
    assert brain.rates[6:] == pytest.approx(rates_of_six_steps())


def test_the_rate_of_a_run_from_an_earlier_one_spans_what_is_left(
    endless, tmp_path
):
    earlier = train(toy(tmp_path / "earlier", growth=[], number_of_epochs=2))
    total = 2 * endless.macs[5]  # twice what the earlier run has spent
    text = yaml_with(BY_BUDGET.format("linear"), f"{{macs: {total}}}")
    settings = {"growth": [], "text": text}
    settings["init_from"] = earlier.hparams.output_folder
    brain = watched(toy(tmp_path / "later", **settings))
    expected = rates_of_six_steps()
    assert brain.rates == pytest.approx(expected)
    killed = {"kill": at("epoch 2 step 1"), **settings}
    train(toy(tmp_path / "killed", **killed))
    resumed = watched(toy(tmp_path / "killed", **settings))
    assert resumed.rates == pytest.approx(expected[3:])


def test_a_budget_of_new_macs_leaves_out_what_the_earlier_run_spent(
    endless, tmp_path
):
    earlier = train(toy(tmp_path / "earlier", growth=[], number_of_epochs=2))
    half = endless.macs[5]  # what the earlier run has spent, too
    folder, ends = earlier.hparams.output_folder, []
    for budget in (f"{{new_macs: {half}}}", f"{{macs: {2 * half}}}"):
        text = yaml_with(BY_BUDGET.format("linear"), "!ref <budget>")
        settings = {"growth": [], "text": f"{text}\nbudget: {budget}\n"}
        settings["init_from"] = folder
        place = tmp_path / f"later{len(ends)}"
        train(toy(place, kill=at("epoch 2 step 1"), **settings))
        ends.append(watched(toy(place, **settings)))
        start = read_events(place / "run_log.jsonl")[0]
        assert start["budget"] == {"macs": 2 * half}
    assert ends[0].rates == ends[1].rates and len(ends[0].rates) == 3
    for one, other in zip(*(weights(end).values() for end in ends)):
        assert torch.equal(one, other)


RESUMED = {
    "by budget": (BY_BUDGET.format("cosine"), "{macs: 12500000}"),
    "by epochs": (BY_BUDGET.format("linear"), None),
    **{n: (SCHEDULERS[n], None) for n in ("OneCycleLR", "LinearScheduler")},
}


@pytest.mark.parametrize("per", ["per_axis", "per_norm"])
@pytest.mark.parametrize("name", RESUMED)
def test_a_killed_run_ends_as_one_that_was_not(name, per, tmp_path):
    text = yaml_with(*RESUMED[name])
    lr = {"restart": True, "factor": 0.5, per: True}
    growth = {**GROWTH, "lr": lr, "symmetry": {"zero_sum": 0.1}}
    settings = {
        "growth": [growth],
        "text": text,
        "run_opts": {"ckpt_interval_steps": 1},
    }
    whole = train(toy(tmp_path / "whole", **settings))
    for moment in ("epoch 2 step 2", "epoch 3 step 2", "epoch 3 saved"):
        train(toy(tmp_path / "killed", **settings, kill=at(moment)))
    resumed = train(toy(tmp_path / "killed", **settings))
    one, other = weights(whole), weights(resumed)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)
    assert (
        whole.transition.shares or whole.transition.turns or per == "per_axis"
    )
