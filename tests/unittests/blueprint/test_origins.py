"""A message says in which file and line the wrong value stands

Authors
 * The speechbrain_growth authors 2026
"""

import pytest

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.launch.init_from import open_blueprint
from speechbrain_growth.launch.planning import plan_run

TEXT = """# line 1
number_of_epochs: 9
lr: 0.1
width: 4
growth:
    - {after_epoch: 1, width: 8}
    # a comment

    - after_epoch: 2
      width: 16
growth_schedule: !new:speechbrain_growth.GrowthSchedule
    growth: !ref <growth>
growth_log: !new:speechbrain_growth.GrowthLog
    save_file: log.jsonl
    example_shape: [1, 3]
net: !new:speechbrain_growth.MLP
    inputs: 3
    hidden: [!ref <width>]
    outputs: 2
modules: {net: !ref <net>}
"""
PLAIN = TEXT[: TEXT.index("    - {")].rstrip() + " []\n"
PLAIN += TEXT[TEXT.index("growth_schedule") :]

OBJECTS = TEXT[TEXT.index("growth_schedule") : TEXT.index("net:")]
SHORT = TEXT.replace(OBJECTS, "output_folder: .\nexample_shape: [1, 4]\n")

# Files by name, overrides, and how the message begins; the first file is run
PLACES = {
    "a growth that cannot be read": (
        {"a.yaml": TEXT.replace("width: 16", "widths: wide")},
        None,
        "{a.yaml}, line 9: growth[1]: widths is 'wide'; ",
    ),
    "a growth that does not fit": (
        {"a.yaml": TEXT.replace("width: 16", "width: 7")},
        None,
        "{a.yaml}, line 9: growth[1] (after_epoch 2): width is 8 and would",
    ),
    "a condition that can never be due": (
        {"a.yaml": TEXT.replace("after_epoch: 2", "every_epochs: 9")},
        None,
        "{a.yaml}, line 9: growth[1] (every_epochs 9): every_epochs: needs 9 ",
    ),
    "a metric that the recipe does not report": (
        {
            "a.yaml": TEXT.replace("after_epoch: 2", "on_plateau: PER").replace(
                "<growth>\n", "<growth>\n    reports: [loss]\n"
            )
        },
        None,
        "{a.yaml}, line 9: growth[1] (on_plateau PER): on_plateau: there is no "
        "metric 'PER'; ",
    ),
    "a growth of an included file": (
        {
            "a.yaml": PLAIN.replace("[]", "!include:list.yaml"),
            "list.yaml": "# Use it\n- {after_epoch: 1, width: 3}\n",
        },
        None,
        "{list.yaml}, line 2: growth[0] (after_epoch 1): width is 4 and would",
    ),
    "a growth of a file that the command line includes": (
        {"a.yaml": TEXT, "list.yaml": "\n\n- {after_epoch: 1, width: 3}\n"},
        "growth: !include:list.yaml",
        "{list.yaml}, line 3: growth[0] (after_epoch 1): width is 4 and would",
    ),
    "a growth of a base": (
        {"own.yaml": "base: a.yaml\nlr: 1\n", "a.yaml": TEXT},
        "width: 9",
        "{a.yaml}, line 6: growth[0] (after_epoch 1): width is 9 and would",
    ),
    "a growth on top of a base": (
        {
            "own.yaml": "base: a.yaml\ngrowth:\n- {after_epoch: 1, width: 3}",
            "a.yaml": TEXT,
        },
        None,
        "{own.yaml}, line 3: growth[0] (after_epoch 1): width is 4 and would",
    ),
    "a growth of the command line": (
        {"a.yaml": TEXT},
        "growth: [{after_epoch: 1, width: 3}]",
        "growth[0] (after_epoch 1): width is 4 and would",
    ),
    "a value": (
        {"a.yaml": TEXT.replace("lr: 0.1", "lr: -1")},
        None,
        "{a.yaml}, line 3: lr is -1; it must be",
    ),
    "a value on top of a base": (
        {"own.yaml": "base: a.yaml\n\nlr: -1\n", "a.yaml": TEXT},
        None,
        "{own.yaml}, line 3: lr is -1; it must be",
    ),
    "a value of the command line": (
        {"a.yaml": TEXT.replace("lr: 0.1", "lr: -1")},
        "lr: -2",
        "lr is -2; it must be",
    ),
    "a size that is to grow": (
        {"a.yaml": TEXT.replace("width: 4", "width: -4")},
        None,
        "{a.yaml}, line 4: width is -4; it is to grow",
    ),
    "a log that follows from a key": (
        {"a.yaml": SHORT},
        None,
        "{a.yaml}, line 12: growth_log: an example of shape (1, 4) does not",
    ),
    "a log that follows from the command line": (
        {"a.yaml": SHORT},
        "example_shape: [1, 5]",
        "growth_log: an example of shape (1, 5) does not",
    ),
}


@pytest.mark.parametrize("what", PLACES)
def test_a_message_names_the_file_and_the_line(what, tmp_path):
    files, overrides, begin = PLACES[what]
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        begin = begin.replace(f"{{{name}}}", str(tmp_path / name))
    with pytest.raises(GrowthError) as raised:
        plan_run(open_blueprint(str(tmp_path / next(iter(files))), overrides))
    assert raised.value.problems[0].startswith(begin)


def test_the_files_are_right_but_for_that(tmp_path):
    (tmp_path / "a.yaml").write_text(TEXT)
    assert len(plan_run(open_blueprint(str(tmp_path / "a.yaml")))) == 3
