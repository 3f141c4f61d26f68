"""Sweeps that are handed to submitit: on this machine, and to a toy Slurm.

Authors
 * The speechbrain_growth authors 2026
"""

import importlib.util
import json
import pickle
import re
import sys
import time

import pytest
from toy_sweep import starts, write

from speechbrain_growth import GrowthError
from speechbrain_growth.__main__ import main
from speechbrain_growth.experiments.launchers.chains import Chain
from speechbrain_growth.experiments.launchers.jobs import Job
from speechbrain_growth.experiments.launchers.locking import alone
from speechbrain_growth.experiments.runs import is_done

RUNS = {"next": {"init_from": "small"}, "small": {"error": 9}}
HERE = ["cluster=local", "timeout_min=5"]
needs_submitit = pytest.mark.skipif(
    importlib.util.find_spec("submitit") is None,
    reason='needs submitit: pip install -e ".[cluster]"',
)


def handed(file, *options, launcher="submitit"):
    """Hands a sweep over."""
    main(
        ["sweep", file, "--launcher", launcher, "--launcher-options", *options]
    )


def wait(condition, seconds=60):
    """Waits until something is true."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert condition()


def note(folder, run):
    """The note in the folder of a run."""
    path = folder / "results" / run / "cluster_job.json"
    return json.loads(path.read_text())


@needs_submitit
@pytest.mark.slow
def test_a_grid_runs_on_submitit_and_is_compared(tmp_path, capsys):
    runs = {**RUNS, "large": {"error": 8, "pause": 0.5}}
    file = write(tmp_path, runs=runs, seeds=[1], common={"pause": 0.0})
    handed(file, *HERE)
    shown = capsys.readouterr().out
    assert re.match(r"small/1, then next/1: job \d+\nlarge/1: job \d+\n", shown)
    large = tmp_path / "results" / "large" / "1"
    wait((large / "starts").exists)
    with pytest.raises(SystemExit, match="large/1 is job .* not ended; wait"):
        main(["sweep", file])  # must not run it a second time
    ended = [tmp_path / "results" / name / "1" for name in runs]
    wait(lambda: all(map(is_done, ended)))
    wait(
        lambda: len(list(tmp_path.glob("results/.submitit/*/*result.pkl"))) == 2
    )
    handed(file, *HERE)
    assert "| small | 1 | 5 |" in capsys.readouterr().out
    assert set(starts(tmp_path).values()) == {1} and len(starts(tmp_path)) == 3


@needs_submitit
@pytest.mark.slow
def test_what_fails_is_named_and_may_be_handed_over_again(tmp_path, capsys):
    fails = {**RUNS, "small": {"fail": True}}
    file = write(tmp_path, runs=fails, seeds=[1], large=None)
    handed(file, *HERE)
    first = note(tmp_path, "small/1")["job"]
    results = tmp_path / "results" / ".submitit"
    wait(lambda: list(results.glob(f"{first}/*result.pkl")))
    outcome, text = pickle.loads(
        next(results.glob("*/*result.pkl")).read_bytes()
    )
    assert outcome == "error" and "small/1 failed (exit status 1)" in text
    assert "error: nothing works" in text
    assert "next/1 was not run, as small/1 failed" in text
    handed(file, *HERE)
    second = note(tmp_path, "small/1")["job"]
    assert second != first and note(tmp_path, "next/1")["job"] == second
    wait(lambda: starts(tmp_path) == {"small/1": 2})
    wait(lambda: list(results.glob(f"{second}/*result.pkl")))


def chain(folder, *arguments):
    """Two runs of the toy recipe, of which the second starts from the first."""
    write(folder)
    jobs, before = [], None
    for name in ("small", "next"):
        run = folder / "results" / name / "1"
        run.mkdir(parents=True)
        command = [sys.executable, "train.py", "toy.yaml", "--seed=1"]
        command += [f"--output_folder={run}", *arguments]
        command += [f"--init_from={before}"] if before else []
        after = ("small/1",) if before else ()
        log = str(run / "sweep_log.txt")
        jobs.append(Job(f"{name}/1", command, str(folder), log, after))
        before = run
    return Chain(jobs, 1)


def test_a_chain_that_was_stopped_does_what_is_left(tmp_path):
    runs = chain(tmp_path)
    Chain(runs.jobs[:1], 1)()
    assert starts(tmp_path) == {"small/1": 1}
    pickle.loads(pickle.dumps(runs))()  # as submitit hands it over
    assert starts(tmp_path) == {"small/1": 1, "next/1": 1}
    runs()
    assert set(starts(tmp_path).values()) == {1}


def test_a_chain_raises_if_a_run_fails_or_is_running(tmp_path):
    runs = chain(tmp_path, "--fail=true")
    with alone(runs.jobs[1].folder):
        with pytest.raises(GrowthError, match="another sweep is running"):
            runs()
    assert starts(tmp_path) == {}
    with pytest.raises(GrowthError, match="2 problems") as error:
        runs()
    assert "error: nothing works" in str(error.value)
    assert "next/1 was not run, as small/1 failed" in str(error.value)


@needs_submitit
def test_a_chain_is_queued_again_at_a_time_limit(tmp_path):
    from submitit.helpers import DelayedSubmission

    runs = chain(tmp_path)
    again = runs.checkpoint()
    assert isinstance(again, DelayedSubmission)
    again.result()
    assert starts(tmp_path) == {"small/1": 1, "next/1": 1}


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Commands of Slurm that run nothing; returns a file with their answer."""
    commands, state = tmp_path / "bin", tmp_path / "state"
    commands.mkdir()
    state.write_text("PENDING")
    texts = {
        "srun": "exit 1",
        "sbatch": f'cp "$1" {tmp_path}/script.sh; echo Submitted batch job 47',
        "sacct": 'echo "JobID|State|NodeList"; for i in 0 1; do echo "47_$i|'
        f'$(cat {state})|"; done',
    }
    for name, text in texts.items():
        (commands / name).write_text(f"#!/bin/sh\n{text}\n")
        (commands / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(commands), prepend=":")
    return state


@needs_submitit
def test_slurm_gets_an_array_with_the_options(slurm, tmp_path, capsys):
    file = write(tmp_path, runs=RUNS, large=None)
    options = ["timeout_min=90", "slurm_partition=gpu", "gpus_per_node=1"]
    options += ["cpus_per_task=4", "slurm_additional_parameters={qos: high}"]
    handed(file, *options)
    script = (tmp_path / "script.sh").read_text()
    for line in (
        "--partition=gpu",
        "--time=90",
        "--gpus-per-node=1",
        "--cpus-per-task=4",
        "--qos=high",
        "--array=0-1%2",
    ):
        assert f"#SBATCH {line}\n" in script
    assert "small/2, then next/2: job 47_1\n" in capsys.readouterr().out
    folder = str(tmp_path / "results" / ".submitit" / "%j")
    for run in ("small/1", "next/1"):
        assert note(tmp_path, run) == {
            "cluster": "slurm",
            "folder": folder,
            "job": "47_0",
        }
    for more in (["--launcher", "submitit"], ["--print"], []):
        wanted = ["--launcher-options", *options] if len(more) == 2 else []
        with pytest.raises(SystemExit, match="4 problems") as error:
            main(["sweep", file, *more, *wanted])
        assert "next/1 is job 47_0 of slurm, which has" in str(error.value)
    slurm.write_text("CANCELLED by 1000")
    (tmp_path / "script.sh").unlink()
    handed(file, *options)
    assert (tmp_path / "script.sh").exists()


@needs_submitit
@pytest.mark.parametrize("text", ["{", "[]", '{"cluster": "slurm"}'])
def test_a_damaged_note_is_named(text, tmp_path):
    run = tmp_path / "results" / "small" / "1"
    run.mkdir(parents=True)
    (run / "cluster_job.json").write_text(text)
    with pytest.raises(SystemExit, match="cluster_job.json is damaged; delete"):
        main(["sweep", write(tmp_path)])


@needs_submitit
@pytest.mark.parametrize(
    "options, message",
    [
        (
            [*HERE, "pbs_queue=gpu"],
            "--launcher-options: Unknown executor 'pbs'",
        ),
        ([*HERE, "local_partition=gpu"], "Unknown argument 'partition'"),
        ([*HERE, "gpus_per_node=many"], 'gpus_per_node" expected type'),
        (["timeout_min=5", "cluster=pbs"], "any executor named pbs"),
        (
            ["timeout_min=5", "cluster=slurm"],
            'submitit: Could not detect "srun"',
        ),
    ],
)
def test_what_submitit_refuses(options, message, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SystemExit, match=message):
        handed(write(tmp_path), *options)
    assert starts(tmp_path) == {}


@pytest.mark.parametrize(
    "options, message",
    [
        (["cluster=local"], "timeout_min: give the minutes"),
        (["timeout_min=1-00:00"], "timeout_min: give the minutes"),
        ([*HERE, "tasks_per_node=2"], "tasks_per_node=2: a run is one process"),
        ([*HERE, "slurm_time=5"], "slurm_time=5: use timeout_min"),
        (["cluster=debug", "timeout_min=5"], "cluster=debug: runs nothing"),
        ([*HERE, "partition"], "partition: is no option; write key=value"),
        ([*HERE, "a=["], "a=.: is no option; write key=value"),
    ],
)
def test_options_that_cannot_be(options, message, tmp_path):
    with pytest.raises(SystemExit, match=message):
        handed(write(tmp_path), *options)
    assert starts(tmp_path) == {}


def test_without_submitit_it_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(SystemExit, match=r'pip install -e "\.\[cluster\]"'):
        handed(write(tmp_path), *HERE)
    assert starts(tmp_path) == {}
