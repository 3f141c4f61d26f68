"""Reads what a page says, for the tests of pages.

Authors
 * The speechbrain_growth authors 2026
"""

import json


def text_of(path):
    """The text of a page; of a notebook, that of its cells."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    cells = json.loads(text)["cells"]
    return "\n\n".join("".join(cell["source"]) for cell in cells)
