"""What is run in a SpeechBrain checkout, and a table of what passed.

Authors
 * The speechbrain_growth authors 2026
"""

import importlib.util
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from rewriting import NAMED, OLD

PYTEST = ["pytest", "-q", "-p", "no:cacheprovider"]
if importlib.util.find_spec("xdist"):
    PYTEST += ["-n", "0"]
# Without test_HF_repo, which downloads every model of SpeechBrain
CONSISTENCY = ("docstrings", "recipe", "yaml")
THEIRS = ("checkpoints", "core", "epoch_loop", "schedulers", "RNN")
# Of our unit tests, those that take a minute or two and meet every idea
QUICK = {
    "engine": ("carried", "deepening", "optimizer", "symmetry", "tracing"),
    "schedule": ("amounts", "conditions", "schedule"),
    "nnet": ("mlp", "quick"),
    "training": ("rates", "scaling"),
}
RECIPE = (
    "import sys; from tests.utils.recipe_tests import run_recipe_tests; "
    "sys.exit(not run_recipe_tests(filters_fields=['Hparam_file'], "
    "filters=[sys.argv[1:]]))"
)
FAILED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.M)
SUMMARY = re.compile(r"^=* ?((?:\d+ [a-z]+(?:, )?)+) in ", re.M)
SHOWN = 12  # failures that are named


class Outcome(NamedTuple):
    """What came of a check."""

    text: str
    failed: bool
    tests: tuple = ()  # names of those that failed
    shown: str = ""  # the end of the output, if it failed

    def is_worse(self, before):
        """Whether it failed in more than it did before, if it was run then."""
        if before is None or not before.failed:
            return self.failed
        return bool(set(self.tests) - set(before.tests))


def commands(laid, every):
    """The command of each check; empty if nothing was laid that it is about."""
    files = [path for path in laid.files if path.endswith(".py")]
    yamls = [path for path in laid.files if path.endswith(".yaml")]
    modules = [
        path
        for path in files
        if path.startswith("speechbrain/") and "__init__" not in path
    ]
    quick = [
        f"/growth_{room}/test_{name}.py"
        for room, names in QUICK.items()
        for name in names
    ]
    tests = [
        path
        for path in files
        if path.startswith("tests/") and (every or path.endswith(tuple(quick)))
        if os.path.basename(path).startswith("test_")
    ]
    grow = [path for path in yamls if path.endswith("/grow.yaml")]
    return {
        "lint": ["-m", "ruff", "check", *files],
        "format": ["-m", "ruff", "format", "--check", *files],
        "yamllint": yamls and ["-m", "yamllint", "--no-warnings", *yamls],
        "our doctests": ["-m", *PYTEST, "--doctest-modules", *modules],
        "our unit tests": ["-m", *PYTEST, "-m", "not slow", *tests],
        "recipe": grow and ["-c", RECIPE, *grow],
    }


def commands_before(target):
    """The checks that are made before anything is laid, too."""
    tests = [f"tests/consistency/test_{name}.py" for name in CONSISTENCY]
    theirs = [f"tests/unittests/test_{name}.py" for name in THEIRS]
    theirs = [path for path in theirs if (target / path).is_file()]
    return {
        "consistency": ["-m", *PYTEST, *tests],
        "their unit tests": ["-m", *PYTEST, *theirs],
    }


NAMES = ["old name", "consistency", "their unit tests", "lint", "format"]
NAMES += ["yamllint", "our doctests", "our unit tests", "recipe"]


def run_all(found, target, only):
    """The outcomes of commands by their names."""
    outcomes = {}
    for name, words in found.items():
        if words and name in only:
            outcomes[name] = run(words, target)
            print(f"{name}: {outcomes[name].text}", file=sys.stderr)
    return outcomes


def run(words, target):
    """Runs a command in a checkout, where only its SpeechBrain is found."""
    with tempfile.TemporaryDirectory() as folder:
        path = wall(Path(folder), target)
        begun = time.monotonic()
        done = subprocess.run(
            ["python", *words],
            cwd=target,
            env={**os.environ, "PATH": path, "PYTHONPATH": ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    took = f"{time.monotonic() - begun:.0f} s"
    said, failed = SUMMARY.findall(done.stdout), FAILED.findall(done.stdout)
    text = said[-1] if said else f"exit {done.returncode}"
    names = "".join(f"<br>{name}" for name in failed[:SHOWN])
    bad = bool(done.returncode)
    end = done.stdout[-3000:] if bad else ""
    return Outcome(f"{text}, {took}{names}", bad, tuple(failed), end)


def wall(folder, target):
    """A search path whose `python` finds a checkout, and not this package.

    SpeechBrain's tests of recipes start `python`, and set its PYTHONPATH anew.
    """
    message = f"{OLD} was imported, which is the old name"
    (folder / f"{OLD}.py").write_text(f"raise ImportError({message!r})\n")
    found = shlex.quote(os.pathsep.join([str(target), str(folder)]))
    python = folder / "python"
    python.write_text(
        f'#!/bin/sh\nPYTHONPATH={found}:"$PYTHONPATH" '
        f'exec {shlex.quote(sys.executable)} "$@"\n'
    )
    python.chmod(0o755)
    return os.pathsep.join([str(folder), os.environ["PATH"]])


def old_names(laid, target):
    """Whether a file that was laid still has the package's old name."""
    named = [
        path
        for path in laid.files
        if not (target / path).is_symlink()
        and NAMED.search((target / path).read_text(encoding="utf-8"))
    ]
    return Outcome(", ".join(named) or "gone", bool(named))


def table(before, after):
    """All outcomes, as a table in Markdown."""
    rows = ["| check | as it was | with this package |", "|---|---|---|"]
    for name, outcome in after.items():
        was = before[name].text if name in before else ""
        rows.append(f"| {name} | {was} | {outcome.text} |")
    return "\n".join(rows)
