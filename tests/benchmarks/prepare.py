"""Preparing a corpus of TIMIT's size: our prepare script, and decoding it all.

> OMP_NUM_THREADS=1 python tests/benchmarks/prepare.py

The corpus has TIMIT's speakers and sentences by number, 630 times 10, and
mini-TIMIT's speech, in a temporary folder of 0.6 GB. The other way is
SpeechBrain's: every utterance is decoded to learn how long it is. Both see
4288 utterances: SA sentences and most speakers of TEST are left out. Cold means
that the files' contents were evicted from the system's cache before.
`--upstream=FILE` also times SpeechBrain's own recipes/TIMIT/timit_prepare.py.

Authors
 * The speechbrain_growth authors 2026
"""

import argparse
import itertools
import json
import logging
import os
import runpy
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import soundfile

from speechbrain.dataio.dataio import read_audio

TIMIT = Path(__file__).resolve().parents[2] / "recipes" / "TIMIT"
sys.path.insert(0, str(TIMIT))

from mini_timit import render_mini_timit  # noqa: E402
from timit_prepare import (  # noqa: E402
    CORE_TEST_SPEAKERS,
    DEV_SPEAKERS,
    FROM_48_TO_39,
    FROM_61_TO_48,
    prepare_timit,
)

SENTENCES = "SA1 SA2 SX1 SX2 SX3 SX4 SX5 SI1 SI2 SI3".split()
HELD_OUT = sorted(DEV_SPEAKERS | CORE_TEST_SPEAKERS)
SPEAKERS = {
    "TRAIN": [f"MZZ{chr(65 + n // 10 % 26)}{n % 10}" for n in range(462)],
    "TEST": HELD_OUT + [f"FZZ{chr(65 + n // 10)}{n % 10}" for n in range(94)],
}
SPEAKERS["TRAIN"][260:] = [
    name.replace("MZZ", "FYY") for name in SPEAKERS["TRAIN"][:202]
]
PARTS = ("train", "valid", "test")


def make_corpus(folder):
    """Copies a few utterances until there are as many as in TIMIT."""
    mini = render_mini_timit(folder / "mini", scale=0.02)
    stems = [path.with_suffix("") for path in sorted(mini.rglob("*.WAV"))]
    source = itertools.cycle(stems)
    for half, names in SPEAKERS.items():
        for number, name in enumerate(names):
            home = folder / "TIMIT" / half / f"DR{number % 8 + 1}" / name
            home.mkdir(parents=True)
            for sentence, stem in zip(SENTENCES, source):
                for kind in (".WAV", ".PHN", ".WRD", ".TXT"):
                    copy = home / (sentence + kind)
                    shutil.copyfile(stem.with_suffix(kind), copy)
    return folder / "TIMIT"


def decode_all(corpus, out, read):
    """Writes the three annotations, with durations of decoded audio."""
    documents = {part: {} for part in PARTS}
    for path in sorted(corpus.rglob("*.WAV")):
        speaker = path.parent.name
        part = "train" if path.parts[-4] == "TRAIN" else None
        part = "valid" if speaker in DEV_SPEAKERS else part
        part = "test" if speaker in CORE_TEST_SPEAKERS else part
        if part is None or path.name.startswith("SA"):
            continue
        phones, ends = [], []
        for _, end, phone in rows(path.with_suffix(".PHN")):
            phone = FROM_61_TO_48.get(phone, phone)
            phone = FROM_48_TO_39.get(phone, phone)
            if phone == "sil" == (phones or [None])[-1]:
                ends[-1] = end
            elif phone:
                phones.append(phone)
                ends.append(end)
        documents[part][f"{speaker}_{path.stem}"] = {
            "wav": "{data_root}/" + path.relative_to(corpus).as_posix(),
            "duration": len(read(str(path))) / 16000,
            "spk_id": speaker,
            "phn": " ".join(phones),
            "wrd": " ".join(row[2] for row in rows(path.with_suffix(".WRD"))),
            "ground_truth_phn_ends": " ".join(ends),
        }
    for part, document in documents.items():
        with open(out / f"{part}.json", "w", encoding="utf-8") as fout:
            json.dump(document, fout, indent=2)


def rows(path):
    """The lines of a label file."""
    with open(path, encoding="utf-8") as fin:
        return [line.split() for line in fin]


def ours(corpus, out):
    """The recipe's script, as if for the first time."""
    prepare_timit(corpus, *(str(out / f"{part}.json") for part in PARTS))


OURS = "timit_prepare.py"
WAYS = {
    "decoded by SpeechBrain's reader": lambda corpus, out: decode_all(
        corpus, out, read_audio
    ),
    "decoded by soundfile": lambda corpus, out: decode_all(
        corpus, out, lambda path: soundfile.read(path, dtype="float32")[0]
    ),
    OURS: ours,
}


def upstream(path):
    """SpeechBrain's script, from a copy of it."""
    prepare = runpy.run_path(path)["prepare_timit"]

    def way(corpus, out):
        annotations = (str(out / f"{part}.json") for part in PARTS)
        prepare(str(corpus), *annotations, uppercase=True)

    return way


def evict(corpus):
    """Makes the system forget what is in the files."""
    os.sync()
    for path in corpus.rglob("*.*"):
        with open(path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def seconds(way, corpus, out, cold):
    """One preparation."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    if cold:
        evict(corpus)
    begin = time.perf_counter()
    way(corpus, out)
    return time.perf_counter() - begin


def compare(corpus, out):
    """Asserts that all ways write the same; returns how many utterances."""
    first = None
    for way in WAYS.values():
        seconds(way, corpus, out, cold=False)
        texts = [(out / f"{part}.json").read_text() for part in PARTS]
        written = [json.loads(text) for text in texts]
        assert first is None or written == first
        first = written
    return sum(map(len, first))


def main():
    """Prints the median of each way; they take turns."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--upstream", help="SpeechBrain's prepare script")
    chosen = parser.parse_args()
    ways = dict(WAYS)
    with tempfile.TemporaryDirectory() as folder:
        corpus, out = make_corpus(Path(folder)), Path(folder) / "out"
        number = compare(corpus, out)
        if chosen.upstream:
            ways["SpeechBrain's script"] = upstream(chosen.upstream)
        times = {}
        for cold in (False, True):
            for repetition in range(chosen.repetitions + 1):
                for name, way in ways.items():
                    spent = seconds(way, corpus, out, cold)
                    if repetition:  # the first one warms up
                        times.setdefault((cold, name), []).append(spent)
    print(f"{number} utterances prepared\n")
    print("| way | seconds | times ours | cold, seconds | times ours |")
    print("|---|---|---|---|---|")
    for name in ways:
        cells = []
        for cold in (False, True):
            column, best = times[cold, name], times[cold, OURS]
            ratio = statistics.median(a / b for a, b in zip(column, best))
            cells += [f"{statistics.median(column):.2f}", f"{ratio:.1f}x"]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    logging.disable(logging.INFO)
    main()
