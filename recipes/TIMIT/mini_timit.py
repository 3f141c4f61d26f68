#!/usr/bin/env python3
"""Renders mini-TIMIT, a synthetic stand-in with the layout of the TIMIT disc.

TIMIT is licensed. So that its recipes can be tried without it, espeak-ng reads
our own sentences aloud, in eight English accents and many voices, and tells
where each phone begins; reverberation and noise make the task less easy. The
corpus is synthetic: it serves to check and to compare, and says nothing about
TIMIT.

espeak-ng is licensed under the GPL-3. It is a separate, optional program,
loaded by this file only, and only to render a corpus (on Linux and macOS):
> pip install espeakng-loader

To render the corpus by hand:
> python mini_timit.py /path/to/mini_timit --seed 1986 --scale 1

Authors
 * The speechbrain_growth authors 2026
"""

import argparse
import contextlib
import ctypes
import fcntl
import functools
import hashlib
import json
import os
import re
import runpy
import shutil
import signal
import sys
import threading
import uuid
import zlib
from pathlib import Path
from typing import NamedTuple, Optional

import numpy as np
from scipy.fft import irfft, next_fast_len
from scipy.signal import firwin, oaconvolve, resample_poly
from tqdm import tqdm

from speechbrain.utils.logger import get_logger

logger = get_logger(__name__)

VERSION = 1  # of the corpus: a change of any byte of it needs another number
SAMPLE_RATE = 16000
SECONDS = (1.8, 4.0)  # of one utterance, silence at both ends included
SILENCE = (0.08, 0.25)  # seconds before and after the speech
SNR_DB = (5.0, 20.0)
RT60 = (0.1, 0.35)  # seconds until the reverberation has decayed by 60 dB
DIRECT_DB = (3.0, 12.0)  # energy of the direct sound against its reverberation
LEVEL_DB = (-34.0, -20.0)  # speech against full scale
PITCH = (35, 65)  # this and the next two: espeak-ng's units
RATE = (150, 195)
RANGE = (30, 70)
BABBLERS = 5

# How many speakers of a region each part has at scale 1, and their utterances.
SIZES = {"TRAIN": (8, 8), "DEV": (3, 4), "TEST": (3, 4)}

ACCENTS = {
    "DR1": "en-US",
    "DR2": "en-US-nyc",
    "DR3": "en",
    "DR4": "en-GB-x-rp",
    "DR5": "en-GB-scotland",
    "DR6": "en-GB-x-gbclan",
    "DR7": "en-GB-x-gbcwmd",
    "DR8": "en-029",
}
VOICES = {
    "F": """f1 f2 f3 f4 f5 Andrea Annie Alicia anika aunty belinda linda shelby
        steph""".split(),
    "M": """m1 m2 m3 m4 m5 m6 m7 m8 Alex Denis Diogo Gene Jacky Lee Marco Mike
        boris ed gustave ian john max norbert pablo quincy rob travis
        victor""".split(),
}

# Ids of TIMIT's standard lists: its recipes find dev and test by them.
HELD_OUT = {
    "TEST": """mdab0 felc0 mwbt0 fpas0 mtas1 mwew0 mjmp0 fpkt0 mlnt0 fjlm0 mlll0
        mtls0 mbpm0 fnlp0 mklt0 fmgd0 mcmj0 mjdh0 mgrt0 fdhc0 mnjm0 fmld0 mjln0
        mpam0""".split(),
    "DEV": """faks0 mgwt0 mjar0 mmdb1 fdac1 mmdm2 fjem0 mpdf0 mbdg0 mbwm0 fcmh0
        mcsh0 fkms0 mgjf0 mglb0 mrtk0 fadg0 mtaa0 fdms0 mtdt0 mthc0 mwjg0 fedw0
        mbns0""".split(),
}

# espeak-ng's phoneme names, and the TIMIT symbols that each stands for.
PHONES = {
    **{name: (name,) for name in "b d f g k l m n p r s t v w z".split()},
    **{"D": ("dh",), "N": ("ng",), "S": ("sh",), "T": ("th",), "Z": ("zh",)},
    **{"dZ": ("jh",), "tS": ("ch",), "h": ("hh",), "w#": ("hh", "w")},
    **{"j": ("y",), ";": ("y",), "r-": ("r",), "t[": ("t",), "t#": ("dx",)},
    **{"?": ("q",), "n-": ("en",), "@L": ("el",), "3:": ("er",)},
    **{"0": ("aa",), "A:": ("aa",), "A@": ("aa",), "a": ("ae",), "aa": ("ae",)},
    **{"O2": ("ao",), "O:": ("ao",), "O@": ("ao",), "o@": ("ao",)},
    **{"E": ("eh",), "V": ("ah",), "U": ("uh",), "u:": ("uw",)},
    **{"I": ("ih",), "i": ("iy",), "i:": ("iy",), "I2": ("ix",), "I#": ("ix",)},
    **{"@": ("ax",), "@2": ("ax",), "a#": ("ax",), "3": ("ax",)},
    **{
        "aI": ("ay",),
        "aU": ("aw",),
        "eI": ("ey",),
        "OI": ("oy",),
        "oU": ("ow",),
    },
    **{"i@": ("iy", "ax"), "i@3": ("ih", "ax"), "e@": ("eh", "ax")},
    **{"U@": ("uh", "ax"), "aI@": ("ay", "ax")},
    **{"_": ("pau",), "_:": ("pau",), "_!": ("pau",)},
}
# Where an accent says something else: r-coloured vowels above all.
ACCENT_PHONES = {
    "en-US": {
        **{"3": ("axr",), "aI3": ("ay", "axr"), "A@": ("aa", "r")},
        **{"O@": ("ao", "r"), "o@": ("ao", "r"), "e@": ("eh", "r")},
        **{"i@3": ("ih", "r"), "U@": ("uh", "r")},
    },
    "en-US-nyc": {"e@": ("eh",)},
    "en-GB-x-rp": {"aa": ("aa",), "U@": ("ao",)},
    "en-GB-scotland": {
        **{"IR": ("er",), "VR": ("er",), "aI2": ("ay",), "e@": ("eh",)},
        **{"i@3": ("ih",), "U@": ("uh", "r")},
    },
    "en-GB-x-gbcwmd": {"e@": ("er",)},
    "en-029": {"aa": ("aa",)},
}
CLOSURES = {
    "b": "bcl",
    "d": "dcl",
    "g": "gcl",
    "p": "pcl",
    "t": "tcl",
    "k": "kcl",
}
CLOSURES.update({"jh": "dcl", "ch": "tcl"})
VOWELS = """aa ae ah ao aw ax axr ay eh el er ey ih ix iy ow oy uh uw""".split()

ESPEAK_RATE = 22050
MUTE_ECHO = b"\x011H"  # the echo of some voices would fill the closures
QUIET = 128  # espeak-ng's pauses stay below this amplitude
PREVOICING = 882  # samples of closure before a voiced release after a vowel
SHORTEST_CLOSURE = 220  # in samples at 22050 Hz, as the next two
SHORTEST_PAUSE = 441
SHORTEST_LIQUID = 661

README = """mini-TIMIT: synthetic speech in the folder layout of the TIMIT disc

Rendered by mini_timit.py with espeak-ng; the sentences are the authors' own,
the phone boundaries are the synthesiser's. The regions DR1 to DR8 stand for
eight English accents of espeak-ng. The names under TEST are those of TIMIT's
dev and core-test lists, so that TIMIT recipes split the corpus as they split
the disc; nothing else here comes from TIMIT, and no person is heard.

Use it to check programs and to compare models with each other. A result on it
says nothing about a result on TIMIT.
"""


class RenderError(ValueError):
    """A corpus that cannot be rendered or used.

    Arguments
    ---------
    where : str
        The folder, package or utterance.
    found : str
        What was found there.
    accepted : str
        What would be accepted.

    Example
    -------
    >>> print(RenderError("corpus", "seed 1", "delete it to have seed 2"))
    corpus: seed 1; delete it to have seed 2
    """

    def __init__(self, where, found, accepted):
        super().__init__(f"{where}: {found}; {accepted}")


class Speaker(NamedTuple):
    """Who speaks."""

    part: str  #: "TRAIN", "DEV" or "TEST"
    region: str  #: "DR1" to "DR8"
    name: str  #: such as "FELC0"; the first letter is the sex
    order: int  #: the speaker's place among those of the part
    accent: str  #: espeak-ng's name of the accent
    voice: str  #: espeak-ng's name of accent and variant
    prosody: tuple  #: rate, pitch and range in espeak-ng's units


class Event(NamedTuple):
    """What espeak-ng tells about a moment of its sound."""

    sample: int  #: when, in samples
    name: Optional[str]  #: the phoneme that begins, None if a word begins
    letter: int  #: where the word begins in the text


class Sound(NamedTuple):
    """A phoneme of espeak-ng."""

    symbols: tuple  #: what TIMIT calls it
    start: int  #: in samples
    end: int  #: in samples
    word: int  #: which of the events' words


class Mark(NamedTuple):
    """The beginning of a phone; it ends where the next one begins."""

    start: int  #: in samples
    symbol: str  #: one of TIMIT's 61
    word: Optional[int]  #: which of the events' words, None in a pause


class Row(NamedTuple):
    """A line of a .PHN or .WRD file."""

    start: int  #: in samples
    end: int  #: in samples
    symbol: str  #: phone or word


class Utterance(NamedTuple):
    """Speech and what is known about it."""

    signal: np.ndarray  #: at 16 kHz, between -1 and 1
    phones: tuple  #: contiguous, from 0 to the end of the signal
    words: tuple  #: without the pauses


def render_mini_timit(folder, seed=1986, scale=1.0):
    """Makes sure that a folder holds mini-TIMIT, and renders it if it does not.

    A folder that holds the same corpus already is used as it is. A rendering
    that is interrupted leaves nothing in `folder`. Two corpora of the same seed
    and scale are equal byte for byte (same libraries, same machine).

    Arguments
    ---------
    folder : str or Path
        Where the corpus is or shall be: missing, empty, or a mini-TIMIT.
    seed : int
        Another seed gives other speakers and other noise.
    scale : float
        Multiplies the numbers of speakers; each region has at least one in
        each part. Above 1 only TRAIN grows: dev and test have fixed names.

    Returns
    -------
    folder : Path
        The folder, with `TRAIN` and `TEST` in it.

    Raises
    ------
    RenderError
        If the folder holds anything else or espeak-ng is missing.

    Example
    -------
    >>> tmpdir = getfixture("tmpdir")
    >>> corpus = render_mini_timit(tmpdir / "mini_timit", scale=0.01)
    >>> sorted(path.name for path in corpus.iterdir())
    ['MINI_TIMIT.json', 'README.TXT', 'TEST', 'TRAIN']
    """
    number = isinstance(scale, (int, float)) and not isinstance(scale, bool)
    if not (number and 0 < scale < float("inf")):
        raise RenderError("scale", str(scale), "a number above 0 is accepted")
    folder = Path(folder).resolve()
    wanted = {"version": VERSION, "seed": int(seed), "scale": float(scale)}
    if is_rendered(folder, wanted):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _unfinished(folder.parent, f".{folder.name}.rendering.") as rendering:
        seconds = _render(rendering, seed, scale)
        manifest = {**wanted, "seconds": seconds, **_inventory(rendering)}
        (rendering / "MINI_TIMIT.json").write_text(
            json.dumps(manifest, indent=1)
        )
        _move(rendering, folder, wanted)
    logger.info("rendered mini-TIMIT in %s", folder)
    return folder


def is_rendered(folder, wanted):
    """Tells whether a folder already holds the corpus that is asked for.

    Arguments
    ---------
    folder : Path
        The folder.
    wanted : dict
        Version, seed and scale.

    Returns
    -------
    rendered : bool
        False for a missing or empty folder.

    Raises
    ------
    RenderError
        If the folder holds anything but the wanted corpus.

    Example
    -------
    >>> is_rendered(Path("no/such/folder"), {"seed": 1986})
    False
    """
    manifest = folder / "MINI_TIMIT.json"
    if manifest.is_file():
        found = json.loads(manifest.read_text())
        found = {key: found.get(key) for key in wanted}
        if found != wanted:
            raise RenderError(
                folder,
                f"a mini-TIMIT of {found}",
                f"delete it or name another folder to have one of {wanted}",
            )
        return True
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RenderError(
            folder,
            "something that is not a mini-TIMIT",
            "a missing or empty folder or a rendered mini-TIMIT is accepted",
        )
    return False


@contextlib.contextmanager
def _unfinished(parent, prefix):
    """Gives a new folder, after removing those that killed processes left."""
    # A lock says who lives, whatever the machine or container is called
    for path in parent.glob(f"{prefix}*"):
        with _lock(path) as free:
            if free:
                shutil.rmtree(path, ignore_errors=True)
    while True:
        folder = parent / f"{prefix}{uuid.uuid4().hex}"
        folder.mkdir()
        with _lock(folder):
            if not folder.exists():  # removed just before it was locked
                continue
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            return


@contextlib.contextmanager
def _lock(folder):
    """Locks a folder; gives False if it is locked, gone or cannot be locked."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        yield False
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        free = True
    except OSError:
        free = False
    try:
        yield free
    finally:
        os.close(handle)


def _move(rendering, folder, wanted):
    """Moves a finished corpus to its folder, unless another process did."""
    try:
        os.replace(rendering, folder)
    except OSError:
        if not is_rendered(folder, wanted):
            raise


def _inventory(folder):
    """Counts the files of a folder and makes one checksum of all."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        digest.update(path.read_bytes())
    return {"files": len(paths), "sha256": digest.hexdigest()}


def _render(folder, seed, scale):
    """Renders all files; returns the seconds of speech of each part."""
    cast = speakers(seed, scale)
    samples = dict.fromkeys(SIZES, 0)
    (folder / "README.TXT").write_text(README)
    total = sum(SIZES[speaker.part][1] for speaker in cast)
    crowd = _crowd(seed)
    with tqdm(total=total, desc="rendering mini-TIMIT") as progress:
        for speaker in cast:
            disc_part = "TRAIN" if speaker.part == "TRAIN" else "TEST"
            home = folder / disc_part / speaker.region / speaker.name
            home.mkdir(parents=True)
            count = SIZES[speaker.part][1]
            for number, text, clean in clean_utterances(speaker, seed, count):
                noisy = degrade(clean, crowd, _rng(seed, speaker.name, number))
                _write(home / f"SX{number}", text, noisy)
                samples[speaker.part] += len(noisy.signal)
                progress.update()
    return {part: n / SAMPLE_RATE for part, n in samples.items()}


def _rng(seed, name, number=0):
    """Gives a random generator that depends on its arguments only."""
    return np.random.default_rng([seed, zlib.crc32(name.encode()), number])


def speakers(seed, scale=1.0):
    """Chooses the speakers of a corpus.

    No other speaker of the accent has the voice of a held-out speaker.
    A smaller corpus has the first speakers of a larger one.

    Arguments
    ---------
    seed : int
        Seed of the corpus.
    scale : float
        Multiplies the numbers of speakers.

    Returns
    -------
    cast : list of Speaker
        Those of TRAIN first, then DEV and TEST.

    Example
    -------
    >>> cast = speakers(1986)
    >>> [sum(one.part == part for one in cast) for part in SIZES]
    [64, 24, 24]
    >>> [
    ...     one.name
    ...     for one in cast
    ...     if one.region == "DR2" and one.part != "TRAIN"
    ... ]
    ['MMDB1', 'FDAC1', 'MMDM2', 'FPAS0', 'MTAS1', 'MWEW0']
    """
    cast = {part: [] for part in SIZES}
    for number, (region, accent) in enumerate(ACCENTS.items()):
        rng = _rng(seed, region)
        voices = {sex: list(rng.permutation(VOICES[sex])) for sex in VOICES}
        for part in ("TEST", "DEV", "TRAIN"):
            size = max(1, round(SIZES[part][0] * scale))
            for place, name in enumerate(_names(part, number, size)):
                variant = voices[name[0]].pop(0)
                if part == "TRAIN":
                    voices[name[0]].append(variant)
                voice = f"gmw/{accent}+{variant}"
                order = place * len(ACCENTS) + number
                prosody = _prosody(_rng(seed, name))
                if place < size:
                    cast[part].append(
                        Speaker(
                            part, region, name, order, accent, voice, prosody
                        )
                    )
    return [speaker for part in SIZES for speaker in cast[part]]


def _names(part, region, size):
    """Names speakers: all held-out ones of a region, or `size` invented ones.

    The real ids end in small digits, so no invented one can be among them.
    """
    if part in HELD_OUT:
        return [name.upper() for name in HELD_OUT[part][3 * region :][:3]]
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return [
        f"{'FM'[(place + region) % 2]}{letters[region]}"
        f"{letters[place // 26 % 26]}{letters[place % 26]}9"
        for place in range(size)
    ]


def _prosody(rng):
    """Chooses rate, pitch and range."""
    return tuple(int(rng.integers(*limits)) for limits in (RATE, PITCH, RANGE))


@functools.lru_cache(maxsize=None)
def _sentences():
    """Gives the numbered sentences of each part.

    They are found by path: `recipes` is no package, and its scripts are linked.
    """
    path = Path(__file__).resolve().with_name("mini_timit_sentences.py")
    return runpy.run_path(str(path))["numbered_sentences"]()


def clean_utterances(speaker, seed, count):
    """Reads some sentences aloud, in silence and without any room.

    Arguments
    ---------
    speaker : Speaker
        Who reads. Speakers of one corpus get different sentences, until TRAIN
        has more speakers than at scale 1.
    seed : int
        Seed of the corpus.
    count : int
        How many utterances are wanted.

    Yields
    ------
    number : int
        Number of the sentence.
    text : str
        The sentence.
    utterance : Utterance
        How it sounds.
    """
    sentences = _sentences()[speaker.part]
    readers = len(ACCENTS) * SIZES[speaker.part][0]
    numbers = list(sentences)[speaker.order % readers :: readers]
    made = 0
    for number in _rng(seed, speaker.name).permutation(numbers):
        text = sentences[number]
        samples, events = synthesize(text, speaker.voice, speaker.prosody)
        silence = _rng(seed, speaker.name, number).uniform(*SILENCE, size=2)
        utterance = align(text, samples, events, speaker.accent, silence)
        if SECONDS[0] <= len(utterance.signal) / SAMPLE_RATE <= SECONDS[1]:
            yield int(number), text, utterance
            made += 1
        if made == count:
            return
    raise RenderError(
        speaker.name,
        f"{made} of {len(numbers)} sentences last {SECONDS} seconds",
        f"{count} are needed: other SECONDS, RATE or sentences",
    )


class _EspeakEvent(ctypes.Structure):
    """espeak-ng's record of an event (`espeak_EVENT` in its `speak_lib.h`)."""

    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("name", ctypes.c_char * 8),
    ]


_ESPEAK_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.POINTER(ctypes.c_short),
    ctypes.c_int,
    ctypes.POINTER(_EspeakEvent),
)


@contextlib.contextmanager
def _fresh_espeak():
    """Loads espeak-ng and unloads it afterwards; yields it and its sample rate.

    espeak-ng keeps the state of its voice and its noise between utterances, and
    no call of its resets all of it: each utterance gets a newly loaded library.
    """
    try:
        import espeakng_loader
    except ImportError:
        raise RenderError(
            "mini-TIMIT",
            "the package espeakng_loader is missing",
            "pip install espeakng-loader provides it",
        ) from None
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    if library.espeak_ng_GetSampleRate() != 0:
        raise RenderError(
            "mini-TIMIT",
            "espeak-ng is in use by this process",
            "render by python mini_timit.py FOLDER",
        )
    try:
        data = espeakng_loader.get_data_path().encode()
        # 2: synchronous; 1: phoneme events; 0x8000: errors do not end Python.
        rate = library.espeak_Initialize(2, 0, data, 0x8001)
        library.espeak_ng_SetRandSeed(ctypes.c_long(1))
        yield library, rate
        library.espeak_Terminate()
    finally:
        close = ctypes.CDLL(None).dlclose
        close.argtypes = [ctypes.c_void_p]
        close(library._handle)


@contextlib.contextmanager
def _undisturbed():
    """Puts Ctrl-C off until its end.

    Raised in a function that C calls, it would be forgotten, and a sound with
    it: the corpus would be rendered to its end, and be another one.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main one is interrupted
        return
    late, kinds = [], (signal.SIGINT, signal.SIGALRM)
    before = {
        kind: signal.signal(kind, lambda number, frame: late.append(number))
        for kind in kinds
    }
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
    for number in late:
        signal.raise_signal(number)


def synthesize(text, voice, prosody):
    """Lets espeak-ng read a text.

    Arguments
    ---------
    text : str
        What to read.
    voice : str
        espeak-ng's name of accent and variant.
    prosody : list of int
        Rate, pitch and range in espeak-ng's units.

    Returns
    -------
    samples : np.ndarray
        int16, at 22050 Hz.
    events : list of Event
        When words and phonemes begin; the last one is the end.
    """
    chunks, events = [], []

    @_ESPEAK_CALLBACK
    def collect(wave, count, records):
        if wave and count > 0:
            chunks.append(ctypes.string_at(wave, 2 * count))
        for record in records:
            if record.type == 0:
                return 0
            if record.type == 1:  # a word
                letter = max(0, record.text_position - 1 - len(MUTE_ECHO))
                events.append(Event(record.sample, None, letter))
            if record.type == 7:  # a phoneme, marks of stress before it
                name = record.name.decode().lstrip("',")
                events.append(Event(record.sample, name, -1))

    with _undisturbed(), _fresh_espeak() as (library, rate):
        library.espeak_SetSynthCallback(collect)
        failed = rate != ESPEAK_RATE or library.espeak_SetVoiceByName(
            voice.encode()
        )
        for parameter, value in zip((1, 3, 4), prosody):
            library.espeak_SetParameter(parameter, value, 0)
        spoken = MUTE_ECHO + text.encode() + b"\0"
        failed = failed or library.espeak_Synth(
            spoken, len(spoken), 0, 1, 0, 1, None, None
        )
    if failed or not chunks:
        raise RenderError(
            f"{voice}: {text}",
            "espeak-ng fails",
            "espeakng-loader 0.2.4 is known to work",
        )
    samples = np.frombuffer(b"".join(chunks), np.int16)
    if events[0].name is not None:  # a first word whose "h" is dropped
        events.insert(0, Event(0, None, 0))
    return samples, events + [Event(len(samples), "_", -1)]


def align(text, samples, events, accent, silence):
    """Turns what espeak-ng tells into an utterance with TIMIT's symbols.

    Arguments
    ---------
    text : str
        The sentence.
    samples : np.ndarray
        The sound.
    events : list of Event
        When words and phonemes begin, and the end.
    accent : str
        espeak-ng's name of the accent.
    silence : sequence of float
        Seconds before and after the speech.

    Returns
    -------
    utterance : Utterance
        At 16 kHz.

    Raises
    ------
    RenderError
        If a phoneme has no symbol or no duration.
    """
    where = f"{accent}: {text}"
    marks = phone_marks(samples, events, accent, where)
    before, after = (int(seconds * SAMPLE_RATE) for seconds in silence)
    first, last = marks[1].start, marks[-1].start
    speech = _resample(samples[first:last])
    signal = np.pad(speech, (before, after))
    starts = [0] + [
        before + round((mark.start - first) * SAMPLE_RATE / ESPEAK_RATE)
        for mark in marks[1:]
    ]
    phones = [
        Row(start, end, mark.symbol)
        for start, end, mark in zip(starts, starts[1:] + [len(signal)], marks)
    ]
    if any(row.start >= row.end for row in phones):
        raise RenderError(
            where, f"an empty phone in {phones}", "none may be empty"
        )
    words = []
    for number, group in enumerate(_word_groups(text, events)):
        rows = [row for row, mark in zip(phones, marks) if mark.word == number]
        words += _word_rows(group, rows)
    return Utterance(signal, tuple(phones), tuple(words))


@functools.lru_cache(maxsize=None)
def _lowpass():
    """Designs the filter of `_resample`, once for all utterances."""
    return firwin(20 * 441 + 1, 1 / 441, window=("kaiser", 5.0))


def _resample(samples):
    """Turns espeak-ng's samples into samples at 16 kHz, between -1 and 1."""
    return resample_poly(samples / 32768, 320, 441, window=_lowpass())


def phone_marks(samples, events, accent, where=""):
    """Finds where TIMIT's phones begin.

    espeak-ng's phonemes are TIMIT's but for these: the closure of a stop is the
    pause before it, the voicing before its release, or both; `l` and `r` after
    a vowel may be part of that vowel; some vowels end in `r` or schwa.

    Arguments
    ---------
    samples : np.ndarray
        The sound.
    events : list of Event
        When words and phonemes begin, and the end.
    accent : str
        espeak-ng's name of the accent.
    where : str
        What an error names.

    Returns
    -------
    marks : list of Mark
        The first and the last one are `h#`.

    Raises
    ------
    RenderError
        If a phoneme is not in the table.

    Example
    -------
    >>> events = [Event(0, None, 0), Event(0, "a", -1), Event(3000, "t", -1)]
    >>> sound = np.full(4000, 1000)
    >>> sound[2000:3000] = 0
    >>> for mark in phone_marks(sound, events + [Event(4000, "_", -1)], "en"):
    ...     print(mark.start, mark.symbol)
    0 h#
    0 ae
    2000 tcl
    3000 t
    4000 h#
    """
    table = {**PHONES, **ACCENT_PHONES.get(accent, {})}
    unknown = {event.name for event in events} - set(table) - {None}
    if unknown:
        raise RenderError(
            where,
            f"unknown phonemes {sorted(unknown)}",
            f"{sorted(table)} are known",
        )
    loud = np.abs(samples.astype(int)) >= QUIET
    marks, previous = [Mark(0, "h#", None)], None
    for sound in _sounds(events, table):
        marks += _sound_marks(sound, previous, marks[-1], loud)
        previous = sound.symbols[0]
    marks = [
        mark
        for last, mark in zip([None] + marks, marks)
        if last is None or mark.word is not None or last.word is not None
    ]
    ending = Mark(len(samples), "h#", None)
    if marks[-1].word is None:
        ending = marks.pop()._replace(symbol="h#")
    return [
        mark
        for mark, following in zip(marks, marks[1:] + [ending])
        if mark.symbol != "pau"
        or following.start - mark.start >= SHORTEST_PAUSE
    ] + [ending]


def _sounds(events, table):
    """Gives each phoneme its symbols, end and word."""
    word, begun = -1, []
    for event in events:
        if event.name is None:
            word += 1
        else:
            begun.append((table[event.name], event.sample, word))
    return [
        Sound(symbols, start, end, word)
        for (symbols, start, word), (_, end, _) in zip(begun, begun[1:])
    ]


def _sound_marks(sound, previous, last, loud):
    """Gives the marks of a phoneme that follows a phoneme and a mark."""
    symbol, start, word = sound.symbols[0], sound.start, sound.word
    length = sound.end - start
    if symbol == "pau":
        return [Mark(start, "pau", None)]
    if symbol == last.symbol == "r":
        return []  # an r-coloured vowel's end is its link to the next vowel
    after_vowel = previous in VOWELS
    if symbol in CLOSURES and last.word is not None:
        closure = _quiet_start(loud, last.start, start)
        if symbol in ("b", "d", "g", "jh") and after_vowel:
            start += min(PREVOICING, 2 * length // 3)
        if start - closure >= SHORTEST_CLOSURE:
            return [
                Mark(closure, CLOSURES[symbol], word),
                Mark(start, symbol, word),
            ]
    elif symbol == "q":
        start = _quiet_start(loud, last.start, start)
    elif symbol in ("l", "r") and after_vowel and length < SHORTEST_LIQUID:
        start = sound.end - 2 * (sound.end - last.start) // 5
    middle = start + 3 * (sound.end - start) // 5
    return [
        Mark(at, name, word) for at, name in zip((start, middle), sound.symbols)
    ]


def _quiet_start(loud, lowest, end):
    """Finds where the quiet begins that ends at `end`."""
    found = np.flatnonzero(loud[lowest:end])
    return lowest + int(found[-1]) + 1 if len(found) else end


def _word_groups(text, events):
    """Gives the words that each word event stands for, such as `in the`."""
    tokens = [
        (found.start(), found.group()) for found in re.finditer(r"\S+", text)
    ]
    letters = [event.letter for event in events if event.name is None]
    # espeak-ng may point into the word before; never beyond the word's begin.
    firsts = [sum(at < letter for at, _ in tokens) for letter in letters]
    groups = [
        [token for _, token in tokens[first:last]]
        for first, last in zip(firsts, firsts[1:] + [len(tokens)])
    ]
    if not all(groups):
        raise RenderError(
            text, f"words at {letters}", "each event begins a word"
        )
    return groups


def _word_rows(group, phones):
    """Shares the phones of a word event among its words, by their letters."""
    rows = []
    for number, token in enumerate(group):
        word = re.sub(r"[^a-z']", "", token.lower())
        share = len(token) / sum(map(len, group[number:]))
        most = len(phones) - len(group[number + 1 :])
        count = min(max(1, round(len(phones) * share)), most)
        if phones[count - 1].symbol in CLOSURES.values():
            count += 1 if count < most else -1
        rows.append(Row(phones[0].start, phones[count - 1].end, word))
        phones = phones[count:]
    return rows


def degrade(utterance, crowd, rng):
    """Puts an utterance into a room, adds noise and sets the level.

    The direct sound stays where it is, so the boundaries stay valid.

    Arguments
    ---------
    utterance : Utterance
        The clean one.
    crowd : list of np.ndarray
        Other people's speech, for babble.
    rng : np.random.Generator
        Chooses the room, the noise and the levels.

    Returns
    -------
    utterance : Utterance
        The same with another signal.
    """
    signal = _reverberate(utterance.signal, rng)
    speech = signal[utterance.phones[0].end : utterance.phones[-1].start]
    noise = NOISES[rng.integers(len(NOISES))](len(signal), rng, crowd)
    gain = _rms(speech) / _rms(noise) * 10 ** (-rng.uniform(*SNR_DB) / 20)
    level = 10 ** (rng.uniform(*LEVEL_DB) / 20) / _rms(speech)
    signal = level * (signal + gain * noise)
    return utterance._replace(
        signal=signal / max(1.0, np.abs(signal).max() / 0.99)
    )


def _rms(signal):
    """Root mean square."""
    return np.sqrt(np.mean(signal**2))


def _reverberate(signal, rng):
    """Adds the decaying noise of a room to the direct sound."""
    length = int(rng.uniform(*RT60) * SAMPLE_RATE)
    tail = rng.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    tail[: SAMPLE_RATE // 500] = 0  # nothing is nearer than 2 ms
    tail *= 10 ** (-rng.uniform(*DIRECT_DB) / 20) / np.sqrt(np.sum(tail**2))
    return signal + oaconvolve(signal, tail)[: len(signal)]


def _white(length, rng, crowd):
    """Noise of equal power at all frequencies."""
    return rng.standard_normal(length)


def _pink(length, rng, crowd):
    """Noise whose power falls as the frequency grows."""
    size = next_fast_len(length, real=True)
    bins = size // 2 + 1
    spectrum = rng.standard_normal(bins) + 1j * rng.standard_normal(bins)
    return irfft(spectrum / np.sqrt(np.arange(bins) + 1), size)[:length]


def _babble(length, rng, crowd):
    """Several voices that speak at the same time."""
    chosen = rng.choice(len(crowd), BABBLERS, replace=False)
    return sum(
        np.resize(
            np.roll(voice, rng.integers(len(voice))) / _rms(voice), length
        )
        for voice in (crowd[number] for number in chosen)
    )


def _hum(length, rng, crowd):
    """The mains and its harmonics, over a little white noise."""
    mains = rng.choice([50, 60])
    second = 2 * np.pi * mains * np.arange(SAMPLE_RATE) / SAMPLE_RATE
    hum = sum(
        rng.uniform(0.3, 1) / k * np.sin(k * second + rng.uniform(0, 2 * np.pi))
        for k in range(1, 13)
    )
    return np.resize(hum, length) + 0.1 * rng.standard_normal(length)


NOISES = (_white, _pink, _babble, _hum)


def _crowd(seed):
    """Lets some voices read sentences of TRAIN, for babble."""
    sentences, crowd = _sentences()["TRAIN"], []
    for number in range(2 * BABBLERS):
        rng = _rng(seed, "crowd", number)
        accent = rng.choice(list(ACCENTS.values()))
        voice = f"gmw/{accent}+{rng.choice(VOICES['FM'[number % 2]])}"
        text = sentences[int(rng.choice(list(sentences)))]
        samples, _ = synthesize(text, voice, [170, 50, 50])
        crowd.append(_resample(samples))
    return crowd


def _write(stem, text, utterance):
    """Writes the four files of an utterance, whose names begin with `stem`."""
    samples = np.round(utterance.signal * 32767).astype("<i2")
    stem.with_suffix(".WAV").write_bytes(
        _sphere_header(samples) + samples.tobytes()
    )
    for suffix, rows in (
        (".PHN", utterance.phones),
        (".WRD", utterance.words),
        (".TXT", [Row(0, len(samples), text)]),
    ):
        lines = [f"{row.start} {row.end} {row.symbol}\n" for row in rows]
        stem.with_suffix(suffix).write_text("".join(lines))


def _sphere_header(samples):
    """Describes int16 samples in the manner of NIST SPHERE, in 1024 bytes."""
    fields = {
        "channel_count": 1,
        "sample_count": len(samples),
        "sample_rate": SAMPLE_RATE,
        "sample_min": samples.min(),
        "sample_max": samples.max(),
        "sample_n_bytes": 2,
        "sample_sig_bits": 16,
    }
    lines = ["NIST_1A", "   1024", "database_id -s10 mini-TIMIT"]
    lines += [f"{name} -i {value}" for name, value in fields.items()]
    lines += [
        "sample_byte_format -s2 01",
        "sample_coding -s3 pcm",
        "end_head",
        "",
    ]
    return "\n".join(lines).encode().ljust(1024)


def main(arguments):
    """Renders by hand."""
    parser = argparse.ArgumentParser(description="Renders mini-TIMIT.")
    parser.add_argument("folder", help="missing, empty, or a mini-TIMIT")
    parser.add_argument("--seed", type=int, default=1986)
    parser.add_argument("--scale", type=float, default=1.0)
    chosen = vars(parser.parse_args(arguments))
    try:
        render_mini_timit(**chosen)
    except (RenderError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
