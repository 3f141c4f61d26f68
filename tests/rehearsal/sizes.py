"""How large each pull request is.

Authors
 * The speechbrain_growth authors 2026
"""

from laying import package, pages, recipes, tests_of
from pulls import PULLS, rooms_of


def table_of_sizes(root):
    """Lines of each pull request, as a table in Markdown."""
    rows = ["| | package | tests | pages | recipe |", "|---|---|---|---|---|"]
    done = set()
    for number, pull in enumerate(PULLS, start=1):
        rooms = rooms_of(PULLS[:number])
        kinds = (
            package(root, rooms),
            tests_of(root, rooms)[0],
            pages(root, [pull]),
            recipes(root, root / "nowhere", [pull]),
        )
        new = [
            {path: text for path, text in kind.items() if path not in done}
            for kind in kinds
        ]
        done.update(*new)
        cells = [
            f"{lines(kind):,} in {len(kind)}" if kind else "" for kind in new
        ]
        rows.append(f"| {number}. {pull.title} | {' | '.join(cells)} |")
    return "\n".join(rows)


def lines(texts):
    """Number of lines of texts; a link has none."""
    return sum(text.count("\n") for text in texts.values() if type(text) is str)
