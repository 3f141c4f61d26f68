"""Public models grow exactly, or say why not; each cell of docs/models.md.

Models of SpeechBrain need nothing more. Those of other libraries are tested
where they are installed: pip install -e ".[models]".

Authors
 * The speechbrain_growth authors 2026
"""

import functools
import importlib
import importlib.util
import re
from pathlib import Path

import pytest
from growing import COLUMNS, grown

DOCS = Path(__file__).resolve().parents[2] / "docs/models.md"
LIBRARIES = ("speechbrain", "transformers", "torchvision", "timm")
NEEDS = {"timm": ("timm", "torchvision")}
IMPERATIVE = r"[;:,] (use|keep|give|add|remove|let|put|make|write|register) "


def is_here(library):
    """Whether the models of a library can be built here"""
    needed = NEEDS.get(library, (library,))
    return all(map(importlib.util.find_spec, needed))


MODELS = {
    library: importlib.import_module(f"public_{library}").MODELS
    for library in filter(is_here, LIBRARIES)
}
CELLS = [
    (library, name, column)
    for library, models in MODELS.items()
    for name, model in models.items()
    for column in model.growths
]


@functools.lru_cache(maxsize=None)
def found(library, name, column):
    """What came of a growth"""
    return grown(MODELS[library][name], column)


@pytest.mark.parametrize("library, name, column", CELLS)
def test_it_grows_exactly_or_says_why_not(library, name, column):
    model, result = MODELS[library][name], found(library, name, column)
    if column in model.refused:
        assert re.search(model.refused[column], result.refused)
        assert re.match(r"[\w.]+: ", result.refused)
        assert re.search(IMPERATIVE, result.refused)
    else:
        assert not result.refused
        assert not result.wrong(model.tolerance)


# The page


def cell(library, name, column):
    """What the page says of a growth"""
    model = MODELS[library][name]
    if column not in model.growths:
        return ""
    sizes = ", ".join(f"`{key}`" for key in model.growths[column])
    result = found(library, name, column)
    if result.refused:
        return f"refused: {sizes}"
    exact = "exact" if model.tolerance < 1e-9 else "exact in float32"
    return f"{exact}: {sizes}"


def reason(library, name, column):
    """Why a growth is refused, without names, lines and sizes"""
    text = found(library, name, column).refused.split(": ", 1)[1]
    text = re.sub(r"^\w+\.py:\d+ | \(\w+\.py:\d+\)", "", text)
    return re.sub(r"\(N(, N)+\)", "SHAPE", re.sub(r"\b\d+\b", "N", text))


def table(library):
    """The rows of a library's models, and why some growths are refused"""
    lines = [f"| model | {' | '.join(COLUMNS)} |", "|---" * 7 + "|"]
    reasons = {}
    for name, model in MODELS[library].items():
        cells = [cell(library, name, column) for column in COLUMNS]
        lines.append(f"| {name} | {' | '.join(cells)} |")
        for column in model.growths:
            if found(library, name, column).refused:
                why = reason(library, name, column)
                reasons.setdefault(why, {}).setdefault(name, []).append(column)
    if reasons:
        lines += [
            "",
            "| refused | message, after the layer's name |",
            "|---|---|",
        ]
    for why, names in reasons.items():
        found_in = "; ".join(f"{n}: {', '.join(c)}" for n, c in names.items())
        lines.append(f"| {found_in} | {why} |")
    return "\n".join(lines)


def with_table(text, library):
    """The page with the tables of a library written again"""
    start, end = f"<!-- {library} -->\n", f"\n<!-- end of {library} -->"
    before, rest = text.split(start)
    return before + start + table(library) + end + rest.split(end)[1]


@pytest.mark.parametrize("library", MODELS)
def test_the_page_is_what_was_measured(library):
    text = DOCS.read_text(encoding="utf-8")
    assert text == with_table(text, library)


if __name__ == "__main__":
    page = DOCS.read_text(encoding="utf-8")
    for one in MODELS:
        page = with_table(page, one)
    DOCS.write_text(page, encoding="utf-8")
