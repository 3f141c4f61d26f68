"""A plan refuses wrong schedules, and names the line and what to do.

Authors
 * The speechbrain_growth authors 2026
"""

import re

import pytest
from wrong_schedules import TEXT, WRONG

from speechbrain_growth.blueprint.blueprint import Blueprint
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.launch.planning import plan_run

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


def test_a_right_one_is_planned(tmp_path):
    assert len(planned(tmp_path, GOOD)) == 2
