"""A budget may be what another run has spent: its run log says how much.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import re

import pytest

from speechbrain_growth import GrowthError, open_blueprint
from speechbrain_growth.launch.planning import plan_run
from speechbrain_growth.launch.spent import from_here

YAML = """
number_of_epochs: 9
width: 4
growth: []
budget: {}
growth_schedule: !new:speechbrain_growth.GrowthSchedule
    growth: !ref <growth>
    budget: !ref <budget>
growth_log: !new:speechbrain_growth.GrowthLog
    save_file: log.jsonl
    example_shape: [1, 3]
net: !new:torch.nn.Linear
    in_features: 3
    out_features: !ref <width>
modules: {net: !ref <net>}
"""
EPOCHS = [
    {"event": "epoch", "epoch": 1, "macs": 40, "cpu_seconds": 1.5},
    {"event": "epoch", "epoch": 2, "macs": 90, "cpu_seconds": 2.5},
]
TEST = {"event": "test", "test": {"PER": 20.0}}


@pytest.fixture
def recipe(tmp_path):
    """A YAML with a budget."""
    path = tmp_path / "grow.yaml"
    path.write_text(YAML)
    return str(path)


def log(folder, *events):
    """A run that logged some events."""
    folder.mkdir(parents=True)
    lines = "".join(json.dumps(event) + "\n" for event in events)
    (folder / "run_log.jsonl").write_text(lines)
    return str(folder)


@pytest.mark.parametrize("unit, spent", [("macs", 90), ("cpu_seconds", 2.5)])
def test_a_run_may_spend_what_another_has_spent(unit, spent, recipe, tmp_path):
    folder = log(tmp_path / "grow,lr@0.1" / "1", *EPOCHS, TEST)
    given = f"budget: {{{unit}: '{folder}'}}"
    blueprint = open_blueprint(recipe, given)
    # What the run logs as its overrides is the number, not the folder
    assert blueprint.overrides["budget"] == {unit: spent}
    (row,) = plan_run(blueprint)
    assert row["budget"] == (unit, spent)
    # A text may be a number
    blueprint = open_blueprint(recipe, {"budget": {"macs": "1e3"}})
    assert plan_run(blueprint)[0]["budget"] == ("macs", 1000.0)


@pytest.mark.parametrize(
    "events, unit, message",
    [
        ((), "macs", "which is no number, and no folder of a finished run"),
        (EPOCHS, "macs", "which is no number, and no folder of a finished"),
        (
            (*EPOCHS, TEST),
            "gpu_seconds",
            "has not logged any gpu_seconds; give",
        ),
        ((*EPOCHS, TEST), "miles", "has not logged any miles; give another"),
    ],
)
def test_a_run_that_says_nothing_is_named(
    events, unit, message, recipe, tmp_path
):
    folder = log(tmp_path / "grow", *events)
    with pytest.raises(GrowthError, match=re.escape(folder)) as error:
        open_blueprint(recipe, {"budget": {unit: folder}})
    assert message in str(error.value)


class Kept:
    """A checkpoint that holds some files."""

    path = "earlier/save/CKPT+1"

    def __init__(self, folder=None, text=None):
        self.paramfiles = {}
        if text is not None:
            self.paramfiles["meter"] = folder / "meter.ckpt"
            self.paramfiles["meter"].write_text(text)


def test_new_macs_come_on_top_of_what_a_checkpoint_holds(tmp_path):
    text = "total: {macs: 40, cpu_seconds: 1.5}\nsince: {macs: 2}\n"
    kept = Kept(tmp_path, text)
    for new, amount, unit, total in (
        ("new_macs", 10, "macs", 52),
        ("new_macs", "1e2", "macs", 142),
        ("new_cpu_seconds", 2, "cpu_seconds", 3.5),
        ("new_gpu_seconds", 2, "gpu_seconds", 2),  # none spent before
    ):
        assert from_here({new: amount}, kept) == {new: None, unit: total}


def test_without_an_earlier_run_all_macs_are_new(recipe):
    blueprint = open_blueprint(recipe, {"budget": {"new_macs": 90}})
    assert plan_run(blueprint)[0]["budget"] == ("macs", 90)


@pytest.mark.parametrize(
    "budget, message",
    [
        ({"new_macs": 0}, "new_macs is 0; it must be a number above 0"),
        ({"new_macs": "a/b"}, "new_macs is 'a/b'; it must be a number above"),
        ({"new_epochs": 3}, "there is no unit 'new_epochs'"),
        ({"new_miles": 3}, "there is no unit 'new_miles'"),
    ],
)
def test_what_is_no_new_amount_is_refused(budget, message, recipe):
    with pytest.raises(GrowthError, match=re.escape(message)):
        plan_run(open_blueprint(recipe, {"budget": budget}))


def test_a_checkpoint_that_does_not_say_what_it_cost_is_named():
    with pytest.raises(GrowthError, match=r"CKPT\+1 does not say it; use macs"):
        from_here({"new_macs": 5}, Kept())
