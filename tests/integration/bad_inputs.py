"""What a user might get wrong, and a way to hear what a recipe says to it.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import multiprocessing
import os
import re
import runpy
import sys
import traceback
from pathlib import Path

import numpy as np
import soundfile

from speechbrain.utils import logger as logging_utils

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
TIMIT = RECIPES / "TIMIT" / "ASR" / "growing_CTC"
MNIST = RECIPES / "MNIST" / "classification" / "growing_MLP"
FORK = multiprocessing.get_context("fork")  # all is imported already


def said(recipe, arguments, log):
    """Runs a recipe's train.py, and returns its exit code and what it wrote."""
    child = FORK.Process(target=_main, args=(recipe, arguments, log))
    child.start()
    child.join(120)
    if child.is_alive():
        child.kill()
    text = Path(log).read_text(encoding="utf-8", errors="replace")
    return child.exitcode, text


def _main(recipe, arguments, log):
    """The child: as `python train.py` would do it."""
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(handle, stream)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    # It asks pip and git, which is slow, and none of what is tested here
    logging_utils.get_environment_description = lambda: ""
    os.chdir(recipe)
    sys.path.insert(0, str(recipe))
    sys.argv = ["train.py", *arguments]
    code = 0
    try:
        runpy.run_path("train.py", run_name="__main__")
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
