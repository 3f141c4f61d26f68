"""The recipe's process is killed at random moments, and started again.

Once at each place; `tests/soak.py` does so more often.

Authors
 * The speechbrain_growth authors 2026
"""

import random
import shutil
import signal
import subprocess
import sys
import time

import pytest
from comparing import differences, results
from killing import (
    ENVIRONMENT,
    KILLS,
    RECIPE,
    Starter,
    command,
    durations,
    finish,
    kill_everywhere,
)

pytestmark = pytest.mark.slow


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


def test_a_run_killed_over_and_over_ends_like_one_that_was_not(
    starter, whole, tmp_path
):
    expected, lasted, _ = whole
    chance = random.Random(1986)
    kills, runs = kill_everywhere(starter, tmp_path, lasted, chance)
    assert {place for place, _, _ in KILLS} <= {*kills}
    assert sum(kills.values()) >= len(KILLS) == 15
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
