"""A YAML of an earlier version gets one message with every line to change

Authors
 * The speechbrain_growth authors 2026
"""

import pytest

from speechbrain_growth.blueprint.blueprint import Blueprint
from speechbrain_growth.blueprint.old_names import old_names
from speechbrain_growth.errors import GrowthError

# As an output folder of version 0.1 has it, after its references are resolved
OLD = """# !new:speechbrain_growth.report.GrowthLog
seed: 1
growth_schedule: !new:speechbrain_growth.schedules.GrowthSchedule
  growth: []
growth_log: &id001 !new:speechbrain_growth.report.GrowthLog
  save_file: log.jsonl
  example_shape: [1, 3]
checkpointer: !new:speechbrain_growth.checkpoints.SafeCheckpointer
  checkpoints_dir: save
loggers:
- !new:speechbrain_growth.run_log.RunLogger
model: !new:torch.nn.Linear [3, 2]
modules:
  model: !ref <model>
"""
LINES = [
    (3, "growth_schedule", "schedules", "GrowthSchedule"),
    (5, "growth_log", "report", "GrowthLog"),
    (8, "checkpointer", "checkpoints", "SafeCheckpointer"),
    (11, "an entry", "run_log", "RunLogger"),
]


def test_every_line_is_named_with_what_to_write(tmp_path):
    path = tmp_path / "hyperparams.yaml"
    path.write_text(OLD)
    with pytest.raises(GrowthError) as raised:
        Blueprint(str(path))
    assert raised.value.problems == [
        f"{path}, line {number}: {key} names speechbrain_growth.{old}.{name}, "
        f"which has moved; write speechbrain_growth.{name}"
        for number, key, old, name in LINES
    ]


def test_what_the_message_says_is_enough(tmp_path):
    text = OLD
    for _, _, old, name in LINES:
        text = text.replace(f"{old}.{name}", name)
    path = tmp_path / "hyperparams.yaml"
    path.write_text(text)
    assert Blueprint(str(path)).modules()["model"].out_features == 2


@pytest.mark.parametrize(
    "named",
    [
        "speechbrain_growth.GrowthLog",
        "speechbrain_growth.nnet.mlp.MLP",  # it is still there
        "speechbrain_growth.nnet.mlp.MPL",  # no name of the public face
        "torch.nn.Linear",
    ],
)
def test_other_names_are_no_old_names(named):
    assert old_names(f"model: !new:{named}") == []


@pytest.mark.parametrize("tag", ["new", "name", "apply"])
def test_every_tag_is_read(tag):
    path = "speechbrain_growth.occupancy.carry"
    assert len(old_names(f"  deep: !{tag}:{path}")) == 1
