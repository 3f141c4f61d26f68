"""docs/schedule.md is what the registries of the code say.

`python tests/unittests/schedule/test_schedule_page.py` writes its tables anew.

Authors
 * The speechbrain_growth authors 2026
"""

import doctest
import inspect
import re
from pathlib import Path

import pytest
import yaml

from speechbrain_growth.engine.births import layers, units
from speechbrain_growth.schedule.asking import KEYS
from speechbrain_growth.schedule.conditions.registry import (
    CONDITIONS,
    condition,
    kinds_of,
)
from speechbrain_growth.schedule.growth import READERS, parse
from speechbrain_growth.schedule.schedule import GrowthSchedule
from speechbrain_growth.training.measures import MEASURES

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs" / "schedule.md"
URL = re.compile(r"https://(?:arxiv\.org/abs/)?([\w./]+\w)")
# of GrowthSchedule, beside the list
OPTIONS = ("tolerance", "on_drift", "budget", "reports")


def table(*rows):
    """A Markdown table; the first row are the titles"""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])


def marked(text):
    """A docstring's text as Markdown, on one line"""
    return " ".join(text.split()).replace("``", "`")


def linked(text):
    """Addresses become links"""
    return URL.sub(lambda url: f"[{url[1]}]({url[0]})", text)


def summary(thing):
    """The text of a docstring before its sections, and before Values"""
    text = inspect.getdoc(thing)
    return marked(re.split(r"\n\n(?=Values:|\w+\n---)", text)[0])


def described(function):
    """The arguments that a docstring describes, with the description"""
    section = inspect.getdoc(function).split("Arguments\n---------\n")[1]
    found = re.findall(
        r"^(\w+) : .*\n((?:    .*\n?)+)", section.split("\n\n")[0], re.M
    )
    return {name: marked(text) for name, text in found}


def listed(module):
    """The ways that the docstring of a module lists, with their texts"""
    found = re.findall(
        r"^    ([{}\w: ]*\S)  +(\S.*(?:\n     +.*)*)", module.__doc__, re.M
    )
    return {name: marked(text).rstrip(".") for name, text in found}


def ways_of_units():
    """Rows of the ways that `symmetry` may name in a schedule"""
    return [
        (
            f"`{{{name}: s}}`" if way.takes_level else f"`{name}`",
            linked(summary(way)),
            "yes" if way.exact else "no",
            linked(way.source) or "-",
        )
        for name, way in units.WAYS.items()
        if way.breaks
    ]


def keys():
    """The table of all keys of a growth"""
    names = [f"`{name}`" for name in CONDITIONS]
    rows = [
        ("key", "values", "default", "effect"),
        (
            "a condition",
            f"one of {', '.join(names)}; see below",
            "must be given",
            "Says when the growth happens.",
        ),
        (
            "a size",
            "a whole number above 0, or a list of them, under the YAML key of "
            "the size",
            "at least one must be given, or `sets`",
            "What the size becomes. A size that is not named stays the same.",
        ),
    ]
    for key, read in {**KEYS, **READERS}.items():
        values, default = re.search(
            r"Values: (.*)\nDefault: (.*)", inspect.getdoc(read), re.S
        ).groups()
        rows.append(
            (
                f"`{key}`",
                marked(values).rstrip("."),
                marked(default),
                summary(read),
            )
        )
    return table(*rows)


def condition_section(name):
    """What a condition does, and a table of its arguments"""
    function, kinds, rows = CONDITIONS[name], kinds_of(name), []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in kinds:
            kind, default = kinds[parameter.name], parameter.default
            words = "must be given" if default is parameter.empty else default
            rows.append(
                (
                    f"`{parameter.name}`",
                    kind.words if kind else "any value",
                    "none" if words is None else str(words),
                    described(function)[parameter.name],
                )
            )
    head = ("argument", "values", "default", "meaning")
    text = linked(summary(function))
    return f"### `{name}`\n\n{text}\n\n{table(head, *rows)}"


def options():
    """The table of the keys of GrowthSchedule beside the list"""
    parameters = inspect.signature(GrowthSchedule).parameters
    return table(
        ("key", "default", "effect"),
        *(
            (
                f"`{name}`",
                f"`{parameters[name].default}`",
                described(GrowthSchedule)[name],
            )
            for name in OPTIONS
        ),
    )


def example():
    """The doctest of `condition` without its prompts"""
    parser = doctest.DocTestParser()
    imports, _, function, *_ = parser.get_examples(condition.__doc__)
    return f"```python\n{imports.source}\n{function.source.strip()}\n```"


def measurements():
    """The table of all numbers that a Brain measures"""
    rows = [(f"`{name}`", linked(summary(f))) for name, f in MEASURES.items()]
    return table(("metric", "the number"), *rows)


SECTIONS = {
    "measurements": measurements,
    "keys": keys,
    "conditions": lambda: "\n\n".join(map(condition_section, CONDITIONS)),
    "symmetry": lambda: table(
        ("value", "new units", "exact", "source"), *ways_of_units()
    ),
    "birth": lambda: table(
        ("value", "new layers"),
        *((f"`{k}`", linked(v)) for k, v in listed(layers).items()),
    ),
    "options": options,
    "example": example,
}


def rewritten(text):
    """The page with its generated sections written anew"""
    for name, section in SECTIONS.items():
        start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        before, rest = text.split(start)
        text = before + start + section() + "\n" + end + rest.split(end)[1]
    return text


def test_the_page_is_what_the_registries_say():
    text = DOCS.read_text(encoding="utf-8")
    assert text == rewritten(text)


@pytest.mark.parametrize("key", READERS)
def test_the_default_of_a_key_is_what_leaving_it_out_means(key):
    default = re.search(r"Default: (.*)", inspect.getdoc(READERS[key]))[1]
    entry = {"after_epoch": 1, "width": 8}
    if key == "batches":  # no other way reads some
        entry["symmetry"] = {"gradmax": 0.5}
    value = re.fullmatch("``(.*)``", default)
    if value is None:  # in words
        assert not getattr(parse([entry])[0], key)
        assert key in ("birth", "freeze", "old", "outputs", "sets")
        return
    given = {**entry, key: yaml.safe_load(value[1])}
    assert parse([given]) == parse([entry])


def test_every_way_of_the_page_is_taken():
    values = [row[0].strip("`") for row in ways_of_units()]
    assert len(values) == 8
    for value in values:
        given = yaml.safe_load(re.sub(r": \w", ": 0.5", value))
        parse([{"after_epoch": 1, "width": 8, "symmetry": given}])
    for way in listed(layers):
        growth = parse([{"after_epoch": 1, "width": 8, "birth": way}])[0]
        assert growth.birth == way
    assert set(listed(layers)) == set(layers.WAYS)


@pytest.mark.parametrize("name", CONDITIONS)
def test_every_argument_of_a_condition_is_described(name):
    assert set(kinds_of(name)) <= set(described(CONDITIONS[name]))


def test_the_lists_of_the_page_are_read():
    found = re.findall(r"```yaml\n(growth:\n.*?)```", DOCS.read_text(), re.S)
    growths = [g for one in found for g in parse(yaml.safe_load(one)["growth"])]
    used = {growth.condition.name for growth in growths}
    assert {"after_epoch", "by_hand", "on_plateau"} <= used


if __name__ == "__main__":
    DOCS.write_text(rewritten(DOCS.read_text("utf-8")), encoding="utf-8")
