"""A plan refuses wrong schedules, and names the line and what to do.

Authors
 * The speechbrain_growth authors 2026
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from wrong_schedules import TEXT, WRONG

from speechbrain_growth.blueprint.blueprint import Blueprint
from speechbrain_growth.commands.soon import refuse_soon
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.launch.planning import plan_run

ROOT = Path(__file__).resolve().parents[3]
FIRST = TEXT[: TEXT.index("growth:")].count("\n") + 1  # line of the key
GOOD = "- after_epoch: 3\n  width: 9"


def planned(folder, growth, included=False):
    """Plans a run with this list, in the YAML or in a file of its own"""
    path = folder / "grow.yaml"
    text = TEXT.format(growth=growth)
    if included:
        (folder / "list.yaml").write_text(growth + "\n", encoding="utf-8")
        text = TEXT.replace("growth:\n{growth}", "growth: !include:list.yaml")
        text = text.replace("{{", "{").replace("}}", "}")
    path.write_text(text, encoding="utf-8")
    return plan_run(Blueprint(str(path)))


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_schedule_is_refused_with_its_line(what, tmp_path):
    growth, line, message = WRONG[what]
    with pytest.raises(GrowthError) as raised:
        planned(tmp_path, growth)
    found = raised.value.problems[0]
    # Values that are no lists stand on the line below their key
    place = f"{tmp_path / 'grow.yaml'}, line {FIRST + line}: growth"
    assert found.startswith(place), found
    assert re.search(message, found), found
    assert re.search(r"; | must ", found)  # says what to do


def test_there_are_sixty_and_each_is_another():
    assert len(WRONG) >= 60
    texts = [growth for growth, _, _ in WRONG.values()]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("what", ["two at one date", "a size that shrinks"])
def test_the_line_is_that_of_the_file_that_is_included(what, tmp_path):
    growth, line, message = WRONG[what]
    with pytest.raises(GrowthError) as raised:
        planned(tmp_path, growth, included=True)
    found = raised.value.problems[0]
    assert found.startswith(f"{tmp_path / 'list.yaml'}, line {line}: growth[")
    assert re.search(message, found)


def soon(folder, growth, *arguments):
    """What is refused before torch is imported"""
    path = folder / "grow.yaml"
    path.write_text(TEXT.format(growth=growth), encoding="utf-8")
    try:
        refuse_soon(str(path), arguments)
    except GrowthError as error:
        return error.problems
    return []


def test_what_is_refused_soon_is_refused_in_the_same_words(tmp_path):
    count = 0
    for growth, _, _ in WRONG.values():
        found = soon(tmp_path, growth)
        count += bool(found)
        if found:
            with pytest.raises(GrowthError) as raised:
                planned(tmp_path, growth)
            assert raised.value.problems == found
    assert count >= 35


@pytest.mark.parametrize(
    "growth",
    [GOOD, "  !include:list.yaml", "- after_epoch: 3\n  width: !ref <width>"],
)
def test_nothing_is_refused_soon_that_might_be_right(growth, tmp_path):
    (tmp_path / "list.yaml").write_text(GOOD)
    assert soon(tmp_path, growth) == []


def test_the_command_line_has_the_last_word(tmp_path):
    wrong, right = "- after_epoch: 3", "--growth=[{after_epoch: 3, width: 9}]"
    assert soon(tmp_path, wrong) and not soon(tmp_path, wrong, right)
    (found,) = soon(tmp_path, GOOD, right, "--growth=[{after_epoch: 3}]")
    assert found.startswith("growth[0]: found no size")


def test_a_wrong_list_is_refused_without_torch(tmp_path):
    path = tmp_path / "grow.yaml"
    path.write_text(TEXT.format(growth="- after_epoch: 3"), encoding="utf-8")
    script = (
        "import sys\n"
        "from speechbrain_growth.__main__ import main\n"
        "try:\n"
        "    main(['plan', sys.argv[1]])\n"
        "finally:\n"
        "    assert 'torch' not in sys.modules\n"
    )
    line = [sys.executable, "-c", script, str(path)]
    done = subprocess.run(line, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1 and "Assert" not in done.stderr
    assert "found no size" in done.stderr


def test_a_right_one_is_planned(tmp_path):
    assert len(planned(tmp_path, GOOD)) == 2
