"""Lays this package into a SpeechBrain checkout and runs SpeechBrain's tests there.

> git clone https://github.com/speechbrain/speechbrain /tmp/speechbrain
> .venv/bin/python tests/rehearsal /tmp/speechbrain

The checkout is copied; `--in-place` changes it instead, so that `git diff` there is
the pull request. `--pulls 1` lays the first pull request of docs/upstream.md only,
`--pulls 2` the first two, and so on. `--sizes` prints how large each is.

Needs .ci/requirements.txt, for ruff and yamllint.

Authors
 * The speechbrain_growth authors 2026
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import upstream_checks
from laying import lay
from pulls import PULLS, rooms_of
from sizes import table_of_sizes

ROOT = Path(__file__).resolve().parents[2]


def main():
    """Reads the command line, lays, and checks."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkout", nargs="?", type=Path)
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--to", type=Path, help="a new folder for the copy")
    place.add_argument("--in-place", action="store_true")
    parser.add_argument("--pulls", type=int, default=len(PULLS))
    parser.add_argument("--only", nargs="+", choices=upstream_checks.NAMES)
    parser.add_argument(
        "--all-tests", action="store_true", help="of ours, not only quick ones"
    )
    parser.add_argument("--lay-only", action="store_true", help="run no tests")
    parser.add_argument("--sizes", action="store_true")
    chosen = parser.parse_args()
    if chosen.sizes:
        print(table_of_sizes(ROOT))
        return
    if chosen.checkout is None:
        parser.error("give the path of a SpeechBrain checkout")
    if not (chosen.checkout / "speechbrain" / "core.py").is_file():
        parser.error(f"{chosen.checkout} is no SpeechBrain checkout; clone one")
    if not 1 <= chosen.pulls <= len(PULLS):
        parser.error(f"--pulls is {chosen.pulls}; use 1 to {len(PULLS)}")
    target = chosen.checkout.resolve()
    if not chosen.in_place:
        target = chosen.to or Path(tempfile.mkdtemp()) / "speechbrain"
        shutil.copytree(chosen.checkout, target, symlinks=True)
    pulls = PULLS[: chosen.pulls]
    only = [] if chosen.lay_only else chosen.only or upstream_checks.NAMES
    old = upstream_checks.commands_before(target)
    before = upstream_checks.run_all(old, target, only)
    laid = lay(ROOT, target, pulls)
    print(f"{len(laid.files)} files laid into {target}: {rooms_of(pulls)}")
    for test, needs in laid.left_out.items():
        print(f"left out {test}, which needs {', '.join(sorted(needs))}")
    after = {}
    if "old name" in only:
        after["old name"] = upstream_checks.old_names(laid, target)
    new = {**old, **upstream_checks.commands(laid, chosen.all_tests)}
    after.update(upstream_checks.run_all(new, target, only))
    worse = {
        name: outcome
        for name, outcome in after.items()
        if outcome.is_worse(before.get(name))
    }
    for name, outcome in worse.items():
        print(f"\n{name}\n{outcome.shown}")
    print(upstream_checks.table(before, after))
    sys.exit(bool(worse))


if __name__ == "__main__":
    main()
