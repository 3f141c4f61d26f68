"""What a user might get wrong, and ways to read what a recipe answers.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import multiprocessing
import os
import re
import runpy
import subprocess
import sys
import traceback
from pathlib import Path

import numpy as np
import scipy.signal  # noqa: F401, so that not each child imports it
import sklearn.datasets  # noqa: F401, as above
import soundfile
import torch._dynamo  # noqa: F401, as above

import speechbrain.decoders.ctc  # noqa: F401, as above
import speechbrain.lobes.features  # noqa: F401, as above
import speechbrain.utils.metric_stats  # noqa: F401, as above
from speechbrain.utils import logger as logging_utils
from speechbrain_growth.data import bucketing, labels  # noqa: F401, as above
from speechbrain_growth.launch.plain_errors import plain_errors
from speechbrain_growth.launch.start import open_run
from speechbrain_growth.training import brain  # noqa: F401, as above

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
TIMIT = RECIPES / "TIMIT" / "ASR" / "growing_CTC"
MNIST = RECIPES / "MNIST" / "classification" / "growing_MLP"
FORK = multiprocessing.get_context("fork")  # all is imported already


def forked(function, log, *arguments):
    """Calls a function in a process of its own that has imported everything.

    Arguments
    ---------
    function : callable
        As the last line of a script.
    log : pathlib.Path
        Where it writes what a shell would show.
    *arguments
        Of the function.

    Returns
    -------
    int, str
        What ``python script.py`` would have ended with, and what it printed.
    """
    child = FORK.Process(target=_child, args=(function, log, *arguments))
    child.start()
    child.join(120)
    if child.is_alive():
        child.kill()
        child.join()
    text = Path(log).read_text(encoding="utf-8", errors="replace")
    return child.exitcode, text


def _child(function, log, *arguments):
    """The child; never returns."""
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(handle, stream)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    code = 0
    try:
        function(*arguments)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or 0)


def run_recipe(recipe, arguments, log, script="train.py"):
    """Runs a script of a recipe; returns its exit code and what it printed."""
    return forked(_main, log, recipe, script, arguments)


def from_a_shell(recipe, arguments, log):
    """Like `run_recipe`, but `python train.py` imports all anew; reads stderr only."""
    with open(log, "w", encoding="utf-8") as fout:
        line = [sys.executable, "train.py", *arguments]
        done = subprocess.run(
            line, cwd=recipe, stdout=subprocess.DEVNULL, stderr=fout
        )
    return done.returncode, Path(log).read_text(encoding="utf-8")


def _main(recipe, script, arguments):
    """As `python train.py` does."""
    # It asks pip and git, which is slow, and none of what is tested here
    logging_utils.get_environment_description = lambda: "not asked for"
    os.chdir(recipe)
    sys.path.insert(0, str(recipe))
    sys.argv = [script, *arguments]
    runpy.run_path(script, run_name="__main__")


def plan(recipe, arguments):
    """What a recipe's train.py does before it touches data or writes a file.

    Arguments
    ---------
    recipe : pathlib.Path
        The folder of train.py.
    arguments : list of str
        Its command line.

    Returns
    -------
    str
        The message that it ends with; None if the arguments pass.
    """
    here = os.getcwd()
    os.chdir(recipe)
    try:
        with plain_errors():
            open_run(arguments)
    except SystemExit as end:
        return end.code
    finally:
        os.chdir(here)
    return None


def altered(old, new):
    """Writes the MNIST recipe's YAML with one change."""

    def write(folder):
        text = (MNIST / "hparams" / "grow.yaml").read_text(encoding="utf-8")
        text = re.sub("growth: !include.*", "growth: []", text)
        assert old in text
        (folder / "bad.yaml").write_text(text.replace(old, new))

    return write


def content(name, text):
    """Writes a file."""

    def write(folder):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    return write


def link(name, target):
    """Makes a link in a folder that is there."""
    return lambda folder: (folder / name).symlink_to(target)


def utterance(**fields):
    """Writes an audio file, and annotations of it that are right but for one."""

    def write(folder):
        wave = np.zeros(fields.pop("samples", 16000), dtype=np.int16)
        data = folder / "data"
        data.mkdir()
        shape = (len(wave), fields.pop("channels", 1))
        rate = fields.pop("rate", 16000)
        soundfile.write(data / "a.wav", np.zeros(shape, np.int16), rate)
        cut = fields.pop("cut", None)
        if cut is not None:
            (data / "a.wav").write_bytes((data / "a.wav").read_bytes()[:cut])
        good = {"wav": "{data_root}/a.wav", "duration": 1.0, "phn": "sil aa"}
        bad = {**good, **fields}
        bad = {key: value for key, value in bad.items() if value is not None}
        for part, item in (("train", good), ("dev", bad), ("test", good)):
            path = folder / f"{part}.json"
            path.write_text(json.dumps({"a": item}), encoding="utf-8")

    return write


def noise(twice=False, cut=None, samples=1600, channels=1, rate=16000):
    """Writes a noise, and a list of it that is right but for one thing."""

    def write(folder):
        path = folder / "noise.wav"
        soundfile.write(path, np.zeros((samples, channels), np.int16), rate)
        path.write_bytes(path.read_bytes()[:cut])
        row = f"a,0.1,{path},wav,\n"
        head = "ID,duration,wav,wav_format,wav_opts\n"
        (folder / "noise.csv").write_text(head + row * (1 + twice))

    return write


def both(*writers):
    """Writes several things."""

    def write(folder):
        for writer in writers:
            writer(folder)

    return write
