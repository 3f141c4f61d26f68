"""What a run costs: as torch counts it, and counted once however often killed.

Authors
 * The speechbrain_growth authors 2026
"""

import pytest
import torch
from growing_run import ToyBrain, at, toy, train
from torch.utils.flop_counter import FlopCounterMode

from speechbrain_growth.measure.events import read_events
from speechbrain_growth.measure.meter import TRAINING

CLOCKS = ("cpu_seconds", "wall_seconds")
MOMENTS = [
    "epoch 1 step 2",
    "epoch 2 before saving",  # logged, but not in a checkpoint
    "epoch 2 saved",
    "grown",  # logged, too
    "epoch 4 step 1",
    "epoch 4 saved",
]


def events(folder):
    """The run log without the clocks and what names the folder."""
    found = read_events(folder / "run_log.jsonl")
    hidden = (*CLOCKS, "seconds", "overrides", "starts")
    return [{k: v for k, v in e.items() if k not in hidden} for e in found]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nobody interrupts, and what torch counted in its training."""
    folder, counted = tmp_path_factory.mktemp("whole"), [0]
    forward = ToyBrain.compute_forward

    def watched(self, batch, stage):
        """Counts what is computed in training."""
        counter = FlopCounterMode(display=False)
        with counter:
            out = forward(self, batch, stage)
        if torch.is_grad_enabled():
            counted[0] += counter.get_total_flops() // 2
        return out

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ToyBrain, "compute_forward", watched)
        train(toy(folder))
    return folder, counted[0]


def test_macs_are_what_torch_counts_in_the_real_run(whole):
    folder, counted = whole
    epochs = [e for e in events(folder) if e["event"] == "epoch"]
    assert epochs[-1]["macs"] == TRAINING * counted > 0
    # before the growth each epoch costs the same, and after it, too
    macs = [0, *(epoch["macs"] for epoch in epochs)]
    steps = [late - early for early, late in zip(macs, macs[1:])]
    assert steps[0] == steps[1] < steps[2] == steps[3]


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_run_counts_nothing_twice(moment, whole, tmp_path):
    folder, _ = whole
    train(toy(tmp_path, kill=at(moment)))
    train(toy(tmp_path))
    assert events(tmp_path) == events(folder)
    for clock in CLOCKS:
        found = [
            e[clock]
            for e in read_events(tmp_path / "run_log.jsonl")[1:]
            if clock in e
        ]
        assert found == sorted(found) and found[0] > 0


def test_counts_resume_inside_an_epoch(whole, tmp_path):
    folder, _ = whole
    options = {"run_opts": {"ckpt_interval_steps": 1}}
    train(toy(tmp_path, kill=at("epoch 3 step 3"), **options), shuffle=False)
    train(toy(tmp_path, **options), shuffle=False)
    last, expected = events(tmp_path)[-1], events(folder)[-1]
    assert last["macs"] == expected["macs"]


def test_a_finished_run_started_again_logs_no_epoch(tmp_path):
    train(toy(tmp_path))
    before = events(tmp_path)
    train(toy(tmp_path))
    assert events(tmp_path) == before


def test_a_run_that_starts_from_another_has_its_cost(whole, tmp_path):
    folder, _ = whole
    earlier = events(folder)
    train(toy(tmp_path, init_from=str(folder), growth=[], number_of_epochs=1))
    start, epoch, *_ = read_events(tmp_path / "run_log.jsonl")
    costs = [e["macs"] for e in earlier if e["event"] == "epoch"]
    assert start["before"]["macs"] in costs
    # one epoch at the large sizes costs as much as the last one there
    at_large = costs[-1] - costs[-2]
    assert epoch["macs"] - start["before"]["macs"] == at_large
