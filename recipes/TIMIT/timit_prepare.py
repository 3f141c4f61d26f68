"""TIMIT as three JSON annotations: train, valid and test.

Two layouts are recognised, in upper, lower or mixed case and at any depth
below the data folder:

* disc, as the LDC ships it: ``TRAIN/DR1/FCJF0/SX12.WAV``. Train is all of
  TRAIN; valid and test are the usual 50 development and 24 core test speakers
  of TEST.
* flat, the sample that NLTK distributes: ``dr1-fvmh0/sx12.wav``. All its
  speakers come from TRAIN. Women and men, each sorted by name, take turns:
  the first three speakers are test, the next three valid, the rest train.
  With the sample's 16 speakers, train holds 10, and each part both sexes.

The SA sentences are left out, because every speaker reads the same two. Each
other sentence needs audio and phones; words are taken from .wrd or .txt if one
of them is there. A folder that is linked directly inside the data folder is
searched like the others.
Only label files and audio headers are read. All defects of the corpus are
reported together, before anything is written.

Download: https://catalog.ldc.upenn.edu/LDC93S1

Authors
 * The speechbrain_growth authors 2026
"""

import difflib
import functools
import io
import itertools
import json
import os
import re
import stat
import struct
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from tqdm import tqdm

from speechbrain.utils.logger import get_logger

logger = get_logger(__name__)

SAMPLE_RATE = 16000  # of the discs
MAX_LISTED = 20
THREADS = 4  # that wait for the disk
CHUNK = 16  # utterances that one of them reads at a time

# cspell:disable
PHONES = (
    "aa ae ah ao aw ax ax-h axr ay b bcl ch d dcl dh dx eh el em en eng epi er "
    "ey f g gcl h# hh hv ih ix iy jh k kcl l m n ng nx ow oy p pau pcl q r s "
    "sh t tcl th uh uw ux v w y z zh"
).split()
PHONE_SET = frozenset(PHONES)

# Lee & Hon 1989, table I. Symbols that are not named here stay as they are.
FROM_61_TO_48 = {
    "ax-h": "ax",
    "axr": "er",
    "bcl": "vcl",
    "dcl": "vcl",
    "gcl": "vcl",
    "kcl": "cl",
    "pcl": "cl",
    "tcl": "cl",
    "em": "m",
    "eng": "ng",
    "nx": "n",
    "hv": "hh",
    "ux": "uw",
    "h#": "sil",
    "pau": "sil",
    "q": "",
}
FROM_48_TO_39 = {
    "ao": "aa",
    "ax": "ah",
    "ix": "ih",
    "el": "l",
    "en": "n",
    "zh": "sh",
    "cl": "sil",
    "vcl": "sil",
    "epi": "sil",
}
FOLDINGS = {
    60: (),
    61: (),
    48: (FROM_61_TO_48,),
    39: (FROM_61_TO_48, FROM_48_TO_39),
}

DEV_SPEAKERS = frozenset(
    "FADG0 FAKS0 FCAL1 FCMH0 FDAC1 FDMS0 FDRW0 FEDW0 FGJD0 FJEM0 FJMG0 FJSJ0 "
    "FKMS0 FMAH0 FMML0 FNMR0 FREW0 FSEM0 MAJC0 MBDG0 MBNS0 MBWM0 MCSH0 MDLF0 "
    "MDLS0 MDVC0 MERS0 MGJF0 MGLB0 MGWT0 MJAR0 MJFC0 MJSW0 MMDB1 MMDM2 MMJR0 "
    "MMWH0 MPDF0 MRCS0 MREB0 MRJM4 MRJR0 MROA0 MRTK0 MRWS1 MTAA0 MTDT0 MTEB0 "
    "MTHC0 MWJG0".split()
)
CORE_TEST_SPEAKERS = frozenset(
    "FDHC0 FELC0 FJLM0 FMGD0 FMLD0 FNLP0 FPAS0 FPKT0 MBPM0 MCMJ0 MDAB0 MGRT0 "
    "MJDH0 MJLN0 MJMP0 MKLT0 MLLL0 MLNT0 MNJM0 MPAM0 MTAS1 MTLS0 MWBT0 "
    "MWEW0".split()
)
# cspell:enable

SPEAKER = r"(?P<speaker>[fm][a-z]{3}\d)"
FLAGS = re.ASCII | re.IGNORECASE | re.DOTALL
FOLDERS = {
    "disc": re.compile(
        r"(?:.*/)?(?P<half>train|test)/dr[1-8]/" + SPEAKER, FLAGS
    ),
    "flat": re.compile(r"(?:.*/)?(?P<half>dr[1-8])-" + SPEAKER, FLAGS),
}
FILE = re.compile(
    r"(?P<sentence>s[ix]\d+)\.(?P<kind>wav\.wav|wav|phn|wrd|txt)", FLAGS
)
NEEDS = {
    "disc": "TRAIN with its speakers and TEST with the development and the "
    "core test speakers are needed",
    "flat": "at least seven speakers are needed",
}
LINKABLE = re.compile(r".*\.(wav|phn|wrd|txt)", FLAGS)
LABEL_LINE = re.compile(r"\s*(\d{1,9})\s+(\d{1,9})\s+(\S.*?)\s*", re.ASCII)
LABEL_FILE = re.compile(
    r"(?:[0-9]{1,9} [0-9]{1,9} [!-~]+\n)+"
)  # if all is well
HEAD = 4096  # bytes that hold the header of nearly all audio files
SPHERE_FIELD = re.compile(rb"^(\w+) -\w+ +(\S+)", re.MULTILINE)


class CorpusError(ValueError):
    """Everything that keeps a corpus from being prepared, in one message.

    Arguments
    ---------
    data_folder : str
        The folder that was searched.
    problems : list of str
        Where, what was found and what would be accepted, for each defect.

    Example
    -------
    >>> print(CorpusError("TIMIT", ["SX12.PHN: empty; segments are needed"]))
    TIMIT in 'TIMIT' cannot be prepared, problems: 1
     * SX12.PHN: empty; segments are needed
    """

    def __init__(self, data_folder, problems):
        self.problems = list(problems)
        lines = [
            f"TIMIT in '{data_folder}' cannot be prepared, "
            f"problems: {len(self.problems)}"
        ]
        lines += [f" * {problem}" for problem in self.problems[:MAX_LISTED]]
        if len(self.problems) > MAX_LISTED:
            lines.append(f" * and {len(self.problems) - MAX_LISTED} more")
        super().__init__("\n".join(lines))


class Utterance(NamedTuple):
    """One sentence of one speaker, and where its files lie."""

    speaker: str  # In capitals, on whichever disc.
    sentence: str  # In capitals.
    half: str  # "TRAIN" or "TEST" on the disc, else the dialect region.
    stem: str  # Path below the data folder, without the extension.
    files: dict  # From "wav", "phn", "wrd", "txt" to a path.

    @property
    def id(self):
        """The key of the annotations."""
        return f"{self.speaker}_{self.sentence}"


class Choice(NamedTuple):
    """What the annotations are made for."""

    phn_set: int  # Number of phone classes.
    sample_rate: int  # Samples per second of all audio.
    label_rate: int  # Samples per second that the label files count.


class Segments(NamedTuple):
    """The lines of a label file, by column."""

    lines: list  # Their numbers, counted from 1.
    starts: list  # First samples.
    ends: list  # First samples behind them.
    labels: list  # Phones, words or a sentence.


class AudioHeader(NamedTuple):
    """What an audio file says about itself."""

    rate: int  # Samples per second.
    channels: int  # Signals side by side.
    frames: int  # Samples per channel that are announced.
    frame_bytes: int  # Bytes of one sample of all channels.
    start: int  # Position of the first sample in the file.


def prepare_timit(
    data_folder,
    save_json_train,
    save_json_valid,
    save_json_test,
    phn_set=39,
    skip_prep=False,
    sample_rate=SAMPLE_RATE,
):
    """Writes the three annotations of TIMIT, unless they are there already.

    What they were made from is kept in ``timit_prepare.json`` beside the
    train annotation. They are written again when the data folder, its layout,
    the phone set or the sample rate is another one.

    Arguments
    ---------
    data_folder : str
        Folder that holds TIMIT, as the LDC or as NLTK distributes it.
    save_json_train : str
        Where the train annotation goes.
    save_json_valid : str
        Where the valid annotation goes.
    save_json_test : str
        Where the test annotation goes.
    phn_set : {39, 48, 60, 61}
        Number of phone classes. 60 and 61 both keep the labels as they are.
    skip_prep : bool
        Whether to do nothing.
    sample_rate : int
        Samples per second that all audio must have. The labels may count them,
        or those of the discs, as when only the audio was resampled.

    Returns
    -------
    None

    Raises
    ------
    ValueError
        If the phone set is unknown.
    CorpusError
        If anything in the corpus is missing or broken; nothing is written.

    Example
    -------
    >>> prepare_timit(
    ...     "/data/TIMIT", "train.json", "valid.json", "test.json"
    ... )  # doctest: +SKIP
    """
    if skip_prep:
        return
    if phn_set not in FOLDINGS:
        raise ValueError(
            f"phn_set: {phn_set!r} is no phone set of TIMIT; "
            f"one of {sorted(FOLDINGS)} is accepted"
        )

    problems = []
    paths = _list_paths(data_folder, problems)
    layout, utterances = _find_layout(paths, problems)
    if layout is None:
        above = _corpus_above(data_folder, paths)
        if above:
            problems = [
                f"data folder: is a part of a corpus; name '{above}' instead"
            ]
        raise CorpusError(data_folder, problems)

    annotations = [save_json_train, save_json_valid, save_json_test]
    record_path = os.path.join(
        os.path.dirname(save_json_train), "timit_prepare.json"
    )
    record = {
        "data_folder": os.path.realpath(data_folder),
        "layout": layout,
        "phn_set": 61 if phn_set == 60 else phn_set,
        "sample_rate": sample_rate,
        "annotations": [
            os.path.relpath(path, os.path.dirname(record_path))
            for path in annotations
        ],
    }
    if _is_done(annotations, record_path, record):
        return

    parts = _split(layout, utterances, problems)
    choice = Choice(phn_set, sample_rate, sample_rate)
    documents, found = _annotate_parts(data_folder, parts, choice)
    if found and sample_rate != SAMPLE_RATE:
        choice = choice._replace(label_rate=SAMPLE_RATE)
        again = _annotate_parts(data_folder, parts, choice)
        if len(again[1]) < len(found):
            documents, found = again
            logger.info(
                f"The labels count {SAMPLE_RATE} samples a second, as on the "
                f"disc; they are converted to {sample_rate}"
            )
    if problems + found:
        raise CorpusError(data_folder, problems + found)

    _write_together(dict(zip(annotations, documents)), record_path, record)
    for name, path, document in zip(parts, annotations, documents):
        minutes = sum(item["duration"] for item in document.values()) / 60
        speakers = {item["spk_id"] for item in document.values()}
        logger.info(
            f"{name}: {len(document)} utterances of {len(speakers)} speakers, "
            f"{minutes:.1f} minutes, written to {path}"
        )


def fold(phones, ends, phn_set):
    """Phones of a smaller set, with the sample at which each one ends.

    The tables are those of Lee & Hon, "Speaker-independent phone recognition
    using hidden Markov models", IEEE Transactions on Acoustics, Speech, and
    Signal Processing, 1989. 61 to 39 is 61 to 48, then 48 to 39. The glottal
    stop is dropped, and neighbouring silences become one.

    Arguments
    ---------
    phones : list of str
        Symbols as in the label files.
    ends : list of int
        Where each phone ends.
    phn_set : {39, 48, 60, 61}
        The set to fold to.

    Returns
    -------
    phones : list of str
        The folded symbols.
    ends : list of int
        Where each folded symbol ends.

    Example
    -------
    >>> fold(["h#", "q", "pau", "ao", "zh"], [10, 20, 30, 40, 50], 39)
    (['sil', 'aa', 'sh'], [30, 40, 50])
    """
    table = _fold_table(phn_set)
    folded, last = [], []
    for phone, end in zip(phones, ends):
        phone = table.get(phone, phone)
        if phone == "sil" and folded and folded[-1] == "sil":
            last[-1] = end
        elif phone:
            folded.append(phone)
            last.append(end)
    return folded, last


def phone_sets(sizes):
    """The phones of several sets, and what each is in the set before.

    Arguments
    ---------
    sizes : list of int
        39, 48 or 61, each larger than the one before.

    Returns
    -------
    list
        The phones of the first set, in alphabetical order; then for each other
        set a mapping from each phone to that of the set before, or to None if
        it is dropped there.

    Raises
    ------
    ValueError
        If a set is unknown, or no larger.

    Example
    -------
    >>> first, finer = phone_sets([39, 48])
    >>> len(first), len(finer), finer["ao"], finer["aa"]
    (39, 48, 'aa', 'aa')
    """
    if sorted(set(sizes) & {39, 48, 61}) != list(sizes):
        raise ValueError(
            f"phone sets: {sizes!r}; some of 39, 48 and 61, in this order, are "
            "accepted"
        )
    folded = [
        [(fold([phone], [0], size)[0] or [None])[0] for phone in sorted(PHONES)]
        for size in sizes
    ]
    first = sorted({phone for phone in folded[0] if phone})
    pairs = zip(folded, folded[1:])
    others = [{n: b for b, n in zip(*pair) if n} for pair in pairs]
    return [first, *(dict(sorted(one.items())) for one in others)]


@functools.lru_cache(maxsize=None)
def _fold_table(phn_set):
    """The folded symbol of each symbol that changes."""
    symbols = {phone: phone for phone in {*FROM_61_TO_48, *FROM_48_TO_39}}
    for table in FOLDINGS[phn_set]:
        symbols = {key: table.get(now, now) for key, now in symbols.items()}
    return symbols


def _find_layout(paths, problems):
    """The layout of a corpus and its utterances, from the paths alone.

    Of several copies of a file in the same folder (``SX12.WAV`` and a
    converted ``SX12.WAV.wav``) the first by name counts, which is the disc's.
    """
    found, folders = {}, {}
    for path in sorted(paths):
        folder, _, name = path.rpartition("/")
        if folder not in folders:
            folders[folder] = _layout_of(folder)
        layout, place = folders[folder]
        match = layout and FILE.fullmatch(name)
        if match:
            _file_under(found.setdefault(layout, {}), path, place, match)
    if len(found) == 1:
        ((layout, utterances),) = found.items()
        utterances = sorted(utterances.values(), key=lambda item: item.id)
        problems += _find_doubles(utterances)
        return layout, utterances
    if found:
        problems.append(
            "data folder: holds the disc's folders and the flat sample's; "
            "only one of the two is accepted"
        )
    elif not problems or paths:
        problems.append(
            "data folder: no SX or SI sentence in it, but "
            f"{_enumerate({path.split('/')[0] for path in paths})}; "
            "TRAIN/DR1/FCJF0/SX37.WAV or dr1-fvmh0/sx116.wav, or any others "
            "named like these, are looked for"
        )
    return None, []


def _layout_of(folder):
    """The layout that has such a speaker's folder, and how it matches."""
    for layout, pattern in FOLDERS.items():
        match = pattern.fullmatch(folder)
        if match:
            return layout, match
    return None, None


def _corpus_above(data_folder, paths):
    """The folder of the corpus that a data folder is a part of, if any."""
    for place in (os.path.abspath(data_folder), os.path.realpath(data_folder)):
        names = []
        for _ in range(3):  # a half, a region, a speaker
            place, name = os.path.split(place)
            names.insert(0, name)
            inner = ["/".join([*names, path]) for path in paths]
            if _find_layout(inner, [])[0]:
                return place
    return None


def _file_under(utterances, path, place, match):
    """Adds one path to the utterance that its folder and name belong to."""
    sentence, kind = match.groups()
    # Audio and labels of one sentence may differ in case.
    key = place.string, sentence.upper()
    if key not in utterances:
        speaker, half = place["speaker"].upper(), place["half"].upper()
        stem = path[: len(path) - len(kind) - 1]
        utterances[key] = Utterance(speaker, key[1], half, stem, {})
    utterances[key].files.setdefault(kind[:3].lower(), path)


def _find_doubles(utterances):
    """A problem for each sentence found in more than one folder."""
    return [
        f"{second.stem}: the same sentence as {first.stem}; one copy of the "
        "corpus below the data folder is accepted"
        for first, second in zip(utterances, utterances[1:])
        if first.id == second.id
    ]


def _split(layout, utterances, problems):
    """The utterances of "train", "valid" and "test", in this order."""
    parts = {"train": [], "valid": [], "test": []}
    if layout == "flat":
        dev, test = _choose_held_out({item.speaker for item in utterances})
    else:
        dev, test = DEV_SPEAKERS, CORE_TEST_SPEAKERS
    for utterance in utterances:
        if utterance.half == "TRAIN":
            parts["train"].append(utterance)
        elif utterance.speaker in dev:
            parts["valid"].append(utterance)
        elif utterance.speaker in test:
            parts["test"].append(utterance)
        elif layout == "flat":
            parts["train"].append(utterance)
    for name, part in parts.items():
        if not part:
            problems.append(f"{name} part: no utterance; {NEEDS[layout]}")
    return parts


def _choose_held_out(speakers):
    """The valid and the test speakers of the flat layout."""
    women = sorted(name for name in speakers if name.startswith("F"))
    men = sorted(name for name in speakers if name.startswith("M"))
    pairs = itertools.zip_longest(women, men)
    turns = [name for pair in pairs for name in pair if name]
    return set(turns[3:6]), set(turns[:3])


def _parse_segments(text, where, problems):
    """The well-formed lines of a label file."""
    if LABEL_FILE.fullmatch(text):
        fields = text.split()
        starts, ends = map(int, fields[::3]), map(int, fields[1::3])
        lines = range(1, len(fields) // 3 + 1)
        return Segments(lines, [*starts], [*ends], fields[2::3])
    segments = Segments([], [], [], [])
    for number, line in enumerate(text.splitlines(), start=1):
        match = LABEL_LINE.fullmatch(line)
        if match:
            start, end, label = match.groups()
            row = number, int(start), int(end), label
            for column, item in zip(segments, row):
                column.append(item)
        elif line.strip():
            problems.append(
                f"{where}, line {number}: {_shorten(line)} is malformed; "
                "'first-sample last-sample label' is expected"
            )
    if not text.strip():
        problems.append(f"{where}: empty; labelled segments are expected")
    return segments


def _check_phones(segments, where):
    """Unknown symbols, and boundaries that go backwards."""
    samples = [*itertools.chain(*zip(segments.starts, segments.ends))]
    if samples == sorted(samples) and PHONE_SET.issuperset(segments.labels):
        return []
    problems = []
    previous = 0
    for line, start, end, label in zip(*segments):
        if label not in PHONES:
            problems.append(
                f"{where}, line {line}: {_shorten(label)} is no phone of "
                f"TIMIT; the nearest one is '{_nearest_phone(label[:20])}'"
            )
        if not previous <= start <= end:
            problems.append(
                f"{where}, line {line}: {start} {end} goes backwards; "
                f"{previous} <= first sample <= last sample is expected"
            )
        previous = max(previous, end)
    return problems


@functools.lru_cache(maxsize=1024)
def _nearest_phone(label):
    """The symbol that was probably meant."""
    return difflib.get_close_matches(label.lower(), PHONES, 1, cutoff=0)[0]


def _read_audio_header(stream):
    """What a RIFF or a NIST SPHERE file says about itself.

    The header is read here, because soundfile reports what it finds of a
    truncated file, not what the file should hold.
    """
    magic = stream.read(12)
    if magic[:4] == b"RIFF" and magic[8:] == b"WAVE":
        return _read_riff_header(stream)
    if magic[:8] == b"NIST_1A\n":
        stream.seek(0)
        return _read_sphere_header(stream)
    raise ValueError(
        f"begins with {magic[:8]!r}; RIFF or NIST SPHERE is expected"
    )


def _read_riff_header(stream):
    """Reads the format and data chunks, in any order."""
    layout = None
    while True:
        head = stream.read(8)
        if len(head) < 8:
            raise ValueError("RIFF ends before its data; audio is expected")
        name, size = struct.unpack("<4sI", head)
        if name == b"data":
            break
        if name == b"fmt ":
            layout = stream.read(size)
        else:
            stream.seek(size + size % 2, os.SEEK_CUR)
    if layout is None or len(layout) < 16:
        raise ValueError("RIFF without its format; a format is expected")
    coding, channels, rate, _, frame_bytes = struct.unpack(
        "<HHIIH", layout[:14]
    )
    # Integers, floats, and either of them behind an extended header.
    if coding not in (0x0001, 0x0003, 0xFFFE) or not frame_bytes:
        raise ValueError(f"RIFF with coding {coding}; PCM is expected")
    return AudioHeader(
        rate, channels, size // frame_bytes, frame_bytes, stream.tell()
    )


def _read_sphere_header(stream):
    """The fields in front of the samples."""
    preface = stream.read(16)
    try:
        start = int(preface[8:])
        head = (preface + stream.read(max(start - 16, 0))).split(b"end_head")[0]
        fields = dict(SPHERE_FIELD.findall(head))
        rate, channels, frames, width = (
            int(fields[name])
            for name in (
                b"sample_rate",
                b"channel_count",
                b"sample_count",
                b"sample_n_bytes",
            )
        )
    except (KeyError, ValueError):
        raise ValueError(
            "NIST SPHERE with a broken header; sample_rate, channel_count, "
            "sample_count and sample_n_bytes are expected"
        )
    coding = fields.get(b"sample_coding", b"pcm").decode("latin-1")
    if coding != "pcm" or width < 1 or channels < 1:
        raise ValueError(
            f"NIST SPHERE with coding '{coding}', {width} bytes, {channels} "
            "channels; uncompressed pcm is expected"
        )
    return AudioHeader(rate, channels, frames, width * channels, start)


def _check_audio(header, size, sample_rate):
    """What is wrong with an audio file of this header and size."""
    findings = []
    if header.rate != sample_rate:
        findings.append(
            f"{header.rate} Hz, but sample_rate is {sample_rate}; use "
            f"--sample_rate={header.rate}, or resample the audio of the corpus"
        )
    if header.channels != 1:
        findings.append(f"{header.channels} channels; one is expected")
    there = max(size - header.start, 0) // header.frame_bytes
    if header.frames < 1:
        findings.append("no samples; audio is expected")
    elif there < header.frames:
        findings.append(
            f"{header.frames} samples announced, {there} there: truncated; "
            "a complete file is expected"
        )
    return findings


def _list_paths(root, problems):
    """Every path below a folder, separated by slashes."""
    if not os.path.isdir(root):
        state = "is a file" if os.path.isfile(root) else "does not exist"
        problems.append(f"data folder: {state}; a folder is expected")
        return []
    owned = [os.path.realpath(root)]
    paths, links = [], []
    folders = [""]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(os.path.join(root, folder)) as entries:
                for entry in entries:
                    path = folder + entry.name
                    paths.append(path)
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(path + "/")
                    elif entry.is_symlink():
                        target = os.path.realpath(entry.path)
                        if not folder and _is_beside(target, owned[0]):
                            owned.append(target)
                            folders.append(path + "/")
                        else:
                            links.append((path, target))
        except OSError as error:
            where = folder or "data folder"
            problems.append(_describe(where, error, "a readable folder"))
    for path, target in links:
        if not any(_is_inside(target, folder) for folder in owned):
            problems += _describe_link(root, path, target)
    return paths


def _is_inside(path, folder):
    """Whether a path without links is a folder's or of something in it."""
    return os.path.commonpath([path, folder]) == folder


def _is_beside(path, folder):
    """Whether a folder neither is in another one nor holds it."""
    return os.path.isdir(path) and not (
        _is_inside(path, folder) or _is_inside(folder, path)
    )


def _describe_link(root, path, target):
    """A problem for a link that leads out of the data folder, if it matters."""
    found = f"{path}: links to {target}, outside of the data folder"
    if os.path.isdir(target) and "/" in path:
        place = os.path.join(root, path.rpartition("/")[0])
        return [
            f"{found}; a folder may be linked directly inside the data folder: "
            f"name '{place}' as the data folder"
        ]
    if os.path.isdir(target):
        return [f"{found}, and holds it; remove the link"]
    if LINKABLE.fullmatch(path):
        return [f"{found}; put the file there"]
    return []


def _annotate_parts(root, parts, choice):
    """The annotations of each part, and the problems of all."""
    problems = []
    documents = [
        _annotate_all(root, part, choice, problems) for part in parts.values()
    ]
    return documents, problems


def _annotate_all(root, utterances, choice, problems):
    """The annotations by key; several threads read, to overlap disk waits."""

    def annotate(chunk):
        found = []
        return [_annotate(root, item, choice, found) for item in chunk], found

    firsts = range(0, len(utterances), CHUNK)
    chunks = [utterances[first : first + CHUNK] for first in firsts]
    annotations = []
    with ThreadPoolExecutor(THREADS) as pool:
        read = pool.map(annotate, chunks)
        bar = {"total": len(chunks), "leave": False, "delay": 2}
        for made, found in tqdm(read, "reading labels", **bar):
            annotations += made
            problems += found
    return dict(zip([item.id for item in utterances], annotations))


def _annotate(root, utterance, choice, problems):
    """The annotation of one utterance, as upstream's recipes read it."""
    missing = [kind for kind in ("wav", "phn") if kind not in utterance.files]
    if missing:
        problems.append(
            f"{utterance.stem}: no .{' and no .'.join(missing)} file; each "
            "sentence needs both"
        )
    frames = _read_frames(root, utterance, choice.sample_rate, problems)
    segments = _read_phones(root, utterance, problems)
    ends = segments.ends
    if choice.label_rate != choice.sample_rate:
        ends = [end * choice.sample_rate // choice.label_rate for end in ends]
    if frames and max(ends, default=0) > frames:
        problems.append(
            f"{utterance.files['phn']}: the labels end at sample {max(ends)}, "
            f"but the audio has {frames}; labels within the audio are expected"
        )
    phones, ends = fold(segments.labels, ends, choice.phn_set)
    if segments.labels and not phones:
        problems.append(
            f"{utterance.files['phn']}: only glottal stops; a phone is expected"
        )
    return {
        "wav": "{data_root}/" + _escape(utterance.files.get("wav", "")),
        "duration": frames / choice.sample_rate,
        "spk_id": utterance.speaker,
        "phn": " ".join(phones),
        "wrd": _escape(_read_words(root, utterance, problems)),
        "ground_truth_phn_ends": " ".join(map(str, ends)),
    }


def _read_frames(root, utterance, sample_rate, problems):
    """Samples of audio; 0 if there are none that can be read."""
    if "wav" not in utterance.files:
        return 0
    path = utterance.files["wav"]
    try:
        header, size = _read_header(os.path.join(root, path))
    except OSError as error:
        problems.append(_describe(path, error, "an audio file"))
        return 0
    except ValueError as error:
        problems.append(f"{path}: {error}")
        return 0
    found = _check_audio(header, size, sample_rate)
    problems += [f"{path}: {item}" for item in found]
    return header.frames if not found else 0


def _read_phones(root, utterance, problems):
    """The phones and where they end, as in the label file."""
    nothing = Segments([], [], [], [])
    if "phn" not in utterance.files:
        return nothing
    path = utterance.files["phn"]
    text = _read_text(root, path, problems)
    if text is None:
        return nothing
    segments = _parse_segments(text, path, problems)
    problems += _check_phones(segments, path)
    return segments


def _read_words(root, utterance, problems):
    """The words; without a list of words, those of the sentence."""
    kind = "wrd" if "wrd" in utterance.files else "txt"
    if kind not in utterance.files:
        return ""
    path = utterance.files[kind]
    text = _read_text(root, path, problems)
    if text is None:
        return ""
    segments = _parse_segments(text, path, problems)
    words = " ".join(segments.labels)
    if kind == "txt":
        words = " ".join(re.findall(r"[a-z']+", words.lower()))
    return words


def _read_text(root, path, problems):
    """A label file's text, or None."""
    try:
        return _read_file(os.path.join(root, path))[0].decode("utf-8")
    except OSError as error:
        problems.append(_describe(path, error, "a label file"))
    except UnicodeDecodeError as error:
        problems.append(
            f"{path}: byte {error.start} is 0x{error.object[error.start]:02x}; "
            "UTF-8 text is expected"
        )
    return None


def _read_header(path):
    """The header of an audio file, and the bytes that the file has."""
    head, size = _read_file(path, HEAD)
    try:
        return _read_audio_header(io.BytesIO(head)), size
    except ValueError:  # perhaps it is longer
        return _read_audio_header(io.BytesIO(_read_file(path)[0])), size


def _read_file(path, most=None):
    """A file or its first bytes, and its size; does not block on a pipe."""
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise OSError("is a folder or a device")
        return os.read(file, most or status.st_size), status.st_size
    finally:
        os.close(file)


def _describe(where, error, accepted):
    """A problem, worded from an error of the operating system."""
    reason = error.strerror or str(error)
    return f"{where}: {reason}; {accepted} is expected"


def _escape(text):
    """Text with its braces doubled, because ``from_json`` fills in braces."""
    return text.replace("{", "{{").replace("}", "}}")


def _shorten(text):
    """Quoted text that fits on a line."""
    return repr(text if len(text) <= 40 else text[:40] + "[...]")


def _enumerate(names):
    """The first few of some names, for a message."""
    if not names:
        return "nothing at all"
    first = ", ".join(repr(name) for name in sorted(names)[:5])
    rest = len(names) - 5
    return first if rest < 1 else f"{first} and {rest} more"


def _is_done(annotations, record_path, record):
    """Whether annotations of the same corpus and options are there."""
    if not all(os.path.isfile(path) for path in annotations):
        return False
    try:
        with open(record_path, encoding="utf-8") as file:
            made_from = json.load(file)
    except (OSError, ValueError):
        made_from = None
    if made_from == record:
        logger.info(f"Skipping preparation, already made from {record}")
        return True
    logger.info(
        f"The annotations were made from {made_from or 'unknown data'}, "
        f"preparing them again from {record}"
    )
    return False


def _write_together(documents, record_path, record):
    """Replaces all files; a set replaced in part counts as missing."""
    documents = {**documents, record_path: record}
    temporary = {path: f"{path}.{os.getpid()}.tmp" for path in documents}
    try:
        for path, document in documents.items():
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            with open(temporary[path], "w", encoding="utf-8") as file:
                _dump(document, file)
        # Without its old record, a half replaced set counts as unknown.
        if os.path.exists(record_path):
            os.remove(record_path)
        for path, source in temporary.items():
            os.replace(source, path)
    finally:
        for source in temporary.values():
            if os.path.exists(source):
                os.remove(source)


def _dump(document, file):
    """Writes JSON with a line for each key, which is faster than indents."""
    lines = [
        f"{json.dumps(key)}: {json.dumps(document[key])}" for key in document
    ]
    file.write("{\n" + ",\n".join(lines) + "\n}\n")
