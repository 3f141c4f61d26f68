"""The recipe's process is killed at random moments, and started again.

Authors
 * The speechbrain_growth authors 2026
"""

import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest
from comparing import differences, results
from killing import ENVIRONMENT, RECIPE, Starter, command, durations, kill_at

# Where to kill, how often, and what to wait for before, one after the other.
# "fit" says that a run is over with preparing; then another one is begun.
KILLS = [
    ("render", 3, ["render|fit"]),
    ("annotate", 2, ["annotate|fit"]),
    ("labels", 1, ["labels|fit"]),
    ("fit", 1, ["fit"]),
    ("step", 2, ["step"]),
    ("save", 2, ["save"]),
    ("validate", 1, ["validate"]),
    ("log", 1, ["log"]),
    ("save", 2, ["log", "save"]),
    ("delete", 1, ["log", "delete"]),
    ("grow", 4, ["grow"]),
    ("after grow", 2, ["after grow"]),
    ("save", 2, ["step", "save"]),
    ("delete", 1, ["step", "delete"]),
    ("save", 1, ["log", "save"]),
    ("test", 2, ["test"]),
]


@pytest.fixture(scope="module")
def starter(tmp_path_factory):
    """Starts the recipe without importing everything anew."""
    with Starter(tmp_path_factory.mktemp("starter")) as starter:
        yield starter


@pytest.fixture(scope="module")
def whole(starter, tmp_path_factory):
    """A run that nobody kills, what it leaves, and how long its parts last."""
    folder = tmp_path_factory.mktemp("whole")
    lasted = durations(starter, folder)
    corpus = folder / "corpus"
    return results(folder / "run", corpus), lasted, corpus


def finish(starter, folder):
    """Starts a run for the last time; returns what it leaves."""
    starter.start(*command(folder))
    assert starter.wait() == 0, starter.printed.read_text()
    return results(folder / "run", folder / "corpus")


def test_a_run_killed_over_and_over_ends_like_one_that_was_not(
    starter, whole, tmp_path
):
    expected, lasted, _ = whole
    chance, kills, runs = random.Random(1986), Counter(), [tmp_path / "0"]
    for place, times, path in KILLS:
        done = 0
        while done < times:
            moment, killed = kill_at(starter, runs[-1], path, lasted, chance)
            kills[moment] += killed
            done += killed and moment == place
            if moment != place:  # this run is past it; the next has it ahead
                runs.append(tmp_path / f"{len(runs)}")
    assert sum(kills.values()) >= sum(times for _, times, _ in KILLS) >= 20
    for run in runs:
        assert differences(finish(starter, run), expected) == []


def test_ctrl_c_ends_cleanly_and_says_how_to_resume(starter, whole, tmp_path):
    for moment in ("render", "step", "grow", "test"):
        starter.start(*command(tmp_path))
        assert starter.await_moment(moment)
        assert starter.kill(signal.SIGINT) == 130
        printed = starter.printed.read_text()
        assert "give the same command to resume from the newest" in printed
        assert "Traceback" not in printed
    assert differences(finish(starter, tmp_path), whole[0]) == []


def test_from_a_shell_it_is_the_same(starter, whole, tmp_path):
    """As users start it: nothing is forked, nothing is announced."""
    shutil.copytree(whole[2], tmp_path / "corpus")
    line = [sys.executable, "train.py", *command(tmp_path)]
    line[line.index(f"--mini_timit_folder={tmp_path / 'corpus'}")] = (
        f"--data_folder={tmp_path / 'corpus'}"
    )
    with open(tmp_path / "printed", "w", encoding="utf-8") as fout:
        run = subprocess.Popen(
            line, cwd=RECIPE, env=ENVIRONMENT, stdout=fout, stderr=fout
        )
        while "epoch: 1" not in (tmp_path / "printed").read_text():
            assert run.poll() is None, (tmp_path / "printed").read_text()
            time.sleep(0.01)
        time.sleep(random.Random(7).uniform(0, whole[1]["grow"]))
        run.kill()
        assert run.wait() == -signal.SIGKILL
    assert differences(finish(starter, tmp_path), whole[0]) == []
