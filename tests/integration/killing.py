"""Starts recipes in processes that can be killed, cheaply and at a moment.

Importing torch takes seconds. So one process imports everything once and forks
a child for every start; the child runs the recipe's main block and announces
what it is about to do. What kills it is SIGKILL, and no code of its own.

Authors
 * The speechbrain_growth authors 2026
"""

import functools
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from comparing import results
from file_faults import Faults

ROOT = Path(__file__).resolve().parents[2]
RECIPE = ROOT / "recipes" / "TIMIT" / "ASR" / "growing_CTC"
SIZES = {"cnn_channels": [4, 8], "rnn_neurons": 9, "dnn_neurons": 11}
SMALL = [
    "hparams/grow.yaml",
    "--mini_timit_scale=0.02",
    "--number_of_epochs=3",
    "--batch_size=16",
    "--ckpt_interval_steps=1",
    "--dropout=0.2",
    "--cnn_channels=[2,4]",
    "--rnn_layers=1",
    "--rnn_bidirectional=False",
    "--rnn_neurons=6",
    "--dnn_neurons=8",
    f"--growth={json.dumps([{'after_epoch': 1, **SIZES}])}",
]
# Where to kill, how often in `tests/soak.py` (once in the suite), and what to
# wait for before, one after the other. "fit" says that a run is over with
# preparing; then another one is begun.
KILLS = [
    ("render", 3, ["render|fit"]),
    ("annotate", 2, ["annotate|fit"]),
    ("labels", 1, ["labels|fit"]),
    ("fit", 1, ["fit"]),
    ("step", 2, ["step"]),
    ("save", 2, ["save"]),
    ("validate", 1, ["validate"]),
    ("log", 1, ["log"]),
    ("save", 3, ["log", "save"]),
    ("delete", 1, ["log", "delete"]),
    ("grow", 4, ["grow"]),
    ("after grow", 2, ["after grow"]),
    ("save", 2, ["step", "save"]),
    ("delete", 1, ["step", "delete"]),
    ("test", 2, ["test"]),
]
# Sums of floats depend on how many threads share them
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


class Starter:
    """The process that forks; a context, so that it always ends.

    Arguments
    ---------
    folder : pathlib.Path
        For the pipe and what the children print.
    """

    def __init__(self, folder):
        self.pipe = folder / "moments"
        self.printed = folder / "printed.txt"
        os.mkfifo(self.pipe)
        self.moments = os.open(self.pipe, os.O_RDWR | os.O_NONBLOCK)
        self.process = subprocess.Popen(
            [sys.executable, __file__, str(self.pipe), str(self.printed)],
            cwd=RECIPE,
            env=ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.child, self.rest = None, b""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.kill()
        self.process.stdin.close()
        self.process.wait()
        os.close(self.moments)

    def start(self, *arguments, faults=None):
        """Starts the recipe with a command line, and arguments of Faults."""
        while select.select([self.moments], [], [], 0)[0]:
            os.read(self.moments, 1 << 16)
        self.rest = b""
        self.process.stdin.write(json.dumps([arguments, faults]) + "\n")
        self.process.stdin.flush()
        self.child = int(self.process.stdout.readline())

    def await_moment(self, *path):
        """Waits for moments, one after the other.

        Each may be several, as in ``grow|step``. Returns the last that came,
        or None if the run ends before.
        """
        moments = self._moments()
        found = None
        for names in path:
            found = next((m for m in moments if m in names.split("|")), None)
        return found

    def _moments(self):
        """The moments that the child announces, until it ends."""
        while True:
            line, found, rest = self.rest.partition(b"\n")
            if found:
                self.rest = rest
                if line == b"end":
                    return
                yield line.decode()
            else:
                ready = select.select([self.moments], [], [], 120)[0]
                assert ready, f"nothing happens: {self.printed.read_text()}"
                self.rest += os.read(self.moments, 1 << 16)

    def kill(self, kind=signal.SIGKILL):
        """Sends a signal, and returns what the child ended with."""
        if self.child is None:
            return None
        os.kill(self.child, kind)
        return self.wait()

    def wait(self):
        """Returns the exit status when the child has ended."""
        self.process.stdin.write("wait\n")
        self.process.stdin.flush()
        status, self.child = int(self.process.stdout.readline()), None
        return status


def announce(owner, name, moment, pipe):
    """Makes a function say when it begins and when it is over."""
    function = getattr(owner, name)

    @functools.wraps(function)
    def announced(*args, **kwargs):
        os.write(pipe, f"{moment}\n".encode())
        result = function(*args, **kwargs)
        os.write(pipe, f"after {moment}\n".encode())
        return result

    setattr(owner, name, announced)


def child(arguments, faults, pipe, printed):
    """Runs the recipe; never returns."""
    output = os.open(printed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    faults = faults and Faults(pipe, **faults)
    sys.argv = ["train.py", *arguments]
    code = 1
    try:
        runpy.run_path("train.py", run_name="__main__")
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
        sys.stderr.write("" if isinstance(end.code, int) else f"{end.code}\n")
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        if faults:
            faults.end()
        os.write(pipe, b"end\n")
        os._exit(code)


def serve(pipe, printed):
    """Forks a child for every line of standard input."""
    sys.path.insert(0, str(RECIPE))
    import mini_timit
    import timit_prepare
    import torch
    import torch._dynamo  # is imported as soon as anything runs on meta

    import speechbrain as sb
    from speechbrain_growth.data.label_sources import Subwords
    from speechbrain_growth.data.labels import SafeTextEncoder
    from speechbrain_growth.launch import planning
    from speechbrain_growth.launch.init_from import open_blueprint
    from speechbrain_growth.measure.run_log import RunLogger
    from speechbrain_growth.resume.checkpointer import SafeCheckpointer
    from speechbrain_growth.training.brain import GrowingBrain

    torch.set_num_threads(1)
    # Asks pip for all its packages, for seconds
    sb.utils.logger.get_environment_description = lambda: ""
    # The plan is that of every start, and no kill is aimed at it
    hparams_file, _, overrides = sb.parse_arguments(SMALL)
    plan = planning.plan_run(open_blueprint(hparams_file, overrides))
    planning.plan_run = lambda *_: plan
    pipe = os.open(pipe, os.O_RDWR)
    for owner, name, moment in (
        (mini_timit, "_render", "render"),
        (timit_prepare, "_write_together", "annotate"),
        (Subwords, "_train", "pieces"),
        (SafeTextEncoder, "save", "labels"),
        (GrowingBrain, "fit", "fit"),
        (GrowingBrain, "fit_batch", "step"),
        (GrowingBrain, "_fit_valid", "validate"),
        (GrowingBrain, "grow", "grow"),
        (RunLogger, "log_stats", "log"),
        (SafeCheckpointer, "save_checkpoint", "save"),
        (SafeCheckpointer, "delete_checkpoints", "delete"),
        (GrowingBrain, "evaluate", "test"),
    ):
        announce(owner, name, moment, pipe)
    pid = None
    for line in sys.stdin:
        if line == "wait\n":
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            print(status, flush=True)
            continue
        pid = os.fork()
        if not pid:
            sys.stdin.close()
            child(*json.loads(line), pipe, printed)
        print(pid, flush=True)


def command(folder):
    """The recipe's command line for a run with a corpus of its own."""
    return [
        *SMALL,
        f"--mini_timit_folder={folder / 'corpus'}",
        f"--output_folder={folder / 'run'}",
    ]


def kill_at(starter, folder, path, pauses, chance):
    """Starts a run, awaits a moment, lets a part of it pass, and kills.

    Returns the moment, and whether it was killed: it may have been quicker.
    """
    starter.start(*command(folder))
    moment = starter.await_moment(*path)
    if moment is not None:
        part = pauses[moment.replace("after grow", "step")]
        time.sleep(chance.uniform(0, part))
    ended = starter.kill() if moment else starter.wait()
    assert ended in (-signal.SIGKILL, 0), starter.printed.read_text()
    return moment, ended == -signal.SIGKILL


def kill_everywhere(starter, folder, lasted, chance, often=False):
    """Kills a run at each place of the table, and starts it again each time.

    Arguments
    ---------
    starter : Starter
        Forks the recipe.
    folder : pathlib.Path
        Gets a folder for each run that is needed.
    lasted : dict
        How long each moment lasts, from ``durations``.
    chance : random.Random
        Draws when to kill.
    often : bool
        As often as the table says; otherwise once at each place.

    Returns
    -------
    collections.Counter, list of pathlib.Path
        Kills at each moment, and the folders of the runs that were killed.
    """
    kills, runs = Counter(), [folder / "0"]
    for place, times, path in KILLS:
        done = 0
        while done < (times if often else 1):
            moment, killed = kill_at(starter, runs[-1], path, lasted, chance)
            if killed:
                kills[moment] += 1
            done += killed and moment == place
            if moment != place:  # this run is past it; the next has it ahead
                runs.append(folder / f"{len(runs)}")
    return kills, runs


def finish(starter, folder):
    """Starts a run for the last time; returns what it leaves."""
    starter.start(*command(folder))
    assert starter.wait() == 0, starter.printed.read_text()
    return results(folder / "run", folder / "corpus")


def durations(starter, folder):
    """Runs the recipe to its end; returns how long each moment lasts."""
    begun, lasted = {}, {}
    starter.start(*command(folder))
    for moment in starter._moments():
        now = time.perf_counter()
        if moment.startswith("after "):
            name = moment[len("after ") :]
            lasted[name] = max(lasted.get(name, 0.0), now - begun[name])
        begun[moment] = now
    assert starter.wait() == 0, starter.printed.read_text()
    return lasted


if __name__ == "__main__":
    serve(*sys.argv[1:])
