"""Tests for TIMIT's prepare script, on corpora of a few samples

Authors
 * The speechbrain_growth authors 2026
"""

import importlib.util
import json
import logging
import os
import pathlib
import shutil
import struct

import numpy as np
import pytest
import soundfile

from speechbrain.dataio.dataio import read_audio
from speechbrain.dataio.dataset import DynamicItemDataset
from speechbrain_growth import check_annotation

ROOT = pathlib.Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "recipes" / "TIMIT" / "timit_prepare.py"
spec = importlib.util.spec_from_file_location("timit_prepare", SCRIPT)
timit = importlib.util.module_from_spec(spec)
spec.loader.exec_module(timit)

FRAMES = 160
PARTS = ("train", "valid", "test")
DISC = {"TRAIN": ("FCJF0", "MDAC0"), "TEST": ("FADG0", "FELC0", "MABW0")}
FLAT = ("FAAA0", "FBBB0", "FCCC0", "FDDD0", "MAAA0", "MBBB0", "MCCC0", "MDDD0")
SENTENCES = ("SA1", "SX37", "SI648")
PHN = "0 20 h#\n20 40 sh\n40 60 tcl\n60 80 q\n80 120 pau\n120 160 h#\n"
WRD = "20 40 she\n40 120 don't\n"
TXT = "0 160 She don't -- Well-known.\n"
SX = "TRAIN/DR1/FCJF0/SX37"


def write_sphere(path, frames=FRAMES, held=None, **fields):
    """A NIST SPHERE file with a header as on the disc"""
    fields = {
        "sample_count": frames,
        "sample_rate": 16000,
        "channel_count": 1,
        "sample_n_bytes": 2,
        **fields,
    }
    lines = ["NIST_1A", "   1024", "database_id -s5 TIMIT"]
    lines += [f"{key} -i {value}" for key, value in fields.items()]
    lines += ["sample_byte_format -s2 01", "sample_sig_bits -i 16", "end_head"]
    header = "\n".join([*lines, ""]).encode().ljust(1024)
    held = frames if held is None else held
    path.write_bytes(header + np.arange(held, dtype="<i2").tobytes())


def write_riff(path, frames=FRAMES, rate=16000, channels=1):
    """A RIFF file"""
    samples = np.arange(frames * channels, dtype="int16")
    soundfile.write(
        str(path), samples.reshape(-1, channels), rate, "PCM_16", format="WAV"
    )


def write_corpus(root, layout="disc", case=str.upper, write=write_sphere):
    """A corpus with three sentences of each speaker"""
    if layout == "disc":
        folders = [
            f"{half}/DR1/{name}"
            for half, names in DISC.items()
            for name in names
        ]
    else:
        folders = [f"DR2-{name}" for name in FLAT]
    for folder in folders:
        folder = root / case(folder)
        folder.mkdir(parents=True)
        for sentence in SENTENCES:
            write(folder / case(f"{sentence}.WAV"))
            for kind, text in (("PHN", PHN), ("WRD", WRD), ("TXT", TXT)):
                (folder / case(f"{sentence}.{kind}")).write_text(text)
    return root


def prepare(root, out, phn_set=39):
    """Prepares, and returns the three annotations"""
    paths = [str(out / f"{part}.json") for part in PARTS]
    timit.prepare_timit(str(root), *paths, phn_set=phn_set)
    return [json.loads(pathlib.Path(path).read_text()) for path in paths]


@pytest.fixture
def corpus(tmp_path):
    return write_corpus(tmp_path / "TIMIT")


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def log(caplog):
    caplog.set_level(logging.INFO)
    return caplog


@pytest.mark.parametrize("write", [write_riff, write_sphere])
@pytest.mark.parametrize("case", [str.upper, str.lower, str.swapcase])
@pytest.mark.parametrize("prefix", ["", "TIMIT", "timit/Timit {1990}"])
def test_disc(tmp_path, out, prefix, case, write):
    root = tmp_path / "data"
    write_corpus(root / prefix, "disc", case, write)
    train, valid, test = prepare(root, out)
    assert list(train) == [
        "FCJF0_SI648",
        "FCJF0_SX37",
        "MDAC0_SI648",
        "MDAC0_SX37",
    ]
    assert list(valid) == ["FADG0_SI648", "FADG0_SX37"]
    assert list(test) == ["FELC0_SI648", "FELC0_SX37"]
    data = DynamicItemDataset.from_json(
        str(out / "train.json"), replacements={"data_root": str(root)}
    )
    data.set_output_keys(["id", "wav", "duration", "spk_id", "phn", "wrd"])
    for item in data:
        assert read_audio(item["wav"]).shape == (FRAMES,)
        assert item["duration"] == FRAMES / 16000
        assert item["spk_id"] == item["id"].split("_")[0]
        assert (item["phn"], item["wrd"]) == ("sil sh sil", "she don't")


def test_mixed_case_in_one_folder(corpus, out):
    path = corpus / f"{SX}.WAV"
    path.rename(path.with_name("sx37.wav"))
    item = prepare(corpus, out)[0]["FCJF0_SX37"]
    assert item["wav"] == "{data_root}/TRAIN/DR1/FCJF0/sx37.wav"
    assert item["phn"] == "sil sh sil"


@pytest.mark.parametrize("write", [write_riff, write_sphere])
@pytest.mark.parametrize("case", [str.upper, str.lower])
def test_flat(tmp_path, out, case, write):
    root = write_corpus(tmp_path / "data", "flat", case, write)
    train, valid, test = (
        {item["spk_id"] for item in part.values()}
        for part in prepare(root, out)
    )
    assert test == {"FAAA0", "MAAA0", "FBBB0"}
    assert valid == {"MBBB0", "FCCC0", "MCCC0"}
    assert train == {"FDDD0", "MDDD0"}


def test_flat_sample_of_nltk():
    women = [f"F{letter * 3}0" for letter in "ABCDEFGH"]
    men = [f"M{letter * 3}0" for letter in "ABCDEFGH"]
    paths = [f"dr1-{name}/sx1.wav".lower() for name in women + men]
    layout, utterances = timit._find_layout(paths[::-1], [])
    parts = timit._split(layout, utterances, [])
    assert [len(part) for part in parts.values()] == [10, 3, 3]
    for part in parts.values():
        assert {item.speaker[0] for item in part} == {"F", "M"}


def test_converted_copies_count_once(corpus, out):
    shutil.copytree(str(corpus), str(out / "plain"))
    for path in list(corpus.rglob("*.WAV")):
        write_riff(path.with_name(path.name + ".wav"))
    both = prepare(corpus, out)
    assert both == prepare(out / "plain", out)
    for path in corpus.rglob("*.WAV"):
        path.unlink()
    item = prepare(corpus, out, 61)[0]["FCJF0_SX37"]
    assert item["wav"] == "{data_root}/" + SX + ".WAV.wav"


def test_words_from_the_sentence(corpus, out):
    (corpus / f"{SX}.WRD").unlink()
    (corpus / f"{SX}.TXT").write_text("0 160 She's well-known, don't\t{ask}!\n")
    train = prepare(corpus, out)[0]
    assert train["FCJF0_SX37"]["wrd"] == "she's well known don't ask"
    assert train["FCJF0_SI648"]["wrd"] == "she don't"


def test_braces_in_words_are_kept(corpus, out):
    (corpus / f"{SX}.WRD").write_text("0 160 {she}\n")
    prepare(corpus, out)
    data = DynamicItemDataset.from_json(
        str(out / "train.json"), replacements={"data_root": str(corpus)}
    )
    assert data.data["FCJF0_SX37"]["wrd"] == "{she}"


def test_links_within_the_data_folder(corpus, out):
    expected = prepare(corpus, out)
    (corpus / "store").mkdir()
    (corpus / f"{SX}.WAV").rename(corpus / "store" / "a.bin")
    (corpus / f"{SX}.WAV").symlink_to(corpus / "store" / "a.bin")
    (corpus / "again").symlink_to(corpus / "TRAIN")
    (corpus / "README").symlink_to("/etc/hosts")
    assert prepare(corpus, out, 48) is not None
    assert prepare(corpus, out) == expected


@pytest.mark.parametrize("halves", [("TRAIN",), ("TRAIN", "TEST")])
def test_halves_on_another_disk(corpus, out, halves):
    shutil.copytree(str(corpus), str(out / "plain"))
    disk = outside(corpus)
    for half in halves:
        (corpus / half).rename(disk / half)
        (corpus / half).symlink_to(disk / half)
    found = prepare(corpus, out)
    assert found == prepare(out / "plain", out)
    for part in PARTS:
        check_annotation(
            str(out / f"{part}.json"), str(corpus), sample_rate=16000
        )


@pytest.mark.parametrize("layout", ["disc", "flat"])
def test_words_are_not_needed(tmp_path, out, layout):
    root = write_corpus(tmp_path / "data", layout)
    expected = prepare(root, out)
    for path in [*root.rglob("*.WRD"), *root.rglob("*.TXT")]:
        path.unlink()
    found = prepare(root, out / "new")
    for part, right in zip(found, expected):
        assert part == {name: {**right[name], "wrd": ""} for name in right}


@pytest.mark.parametrize(
    "layout, below",
    [
        ("disc", "TRAIN"),
        ("disc", "TEST"),
        ("disc", "TRAIN/DR1"),
        ("disc", "TRAIN/DR1/FCJF0"),
        ("flat", "DR2-FAAA0"),
    ],
)
def test_a_part_of_a_corpus_is_no_corpus(tmp_path, out, layout, below):
    root = write_corpus(tmp_path / "data", layout)
    (tmp_path / "link").symlink_to(root / below)
    for part in (root / below, tmp_path / "link"):
        with pytest.raises(timit.CorpusError) as error:
            prepare(part, out)
        assert error.value.problems == [
            f"data folder: is a part of a corpus; name '{root}' instead"
        ]


@pytest.mark.parametrize("write", [write_riff, write_sphere])
@pytest.mark.parametrize("counted", [8000, 16000])
def test_a_corpus_at_8_khz(tmp_path, out, log, counted, write):
    fields = {"rate" if write == write_riff else "sample_rate": 8000}
    root = write_corpus(
        tmp_path / "data",
        write=lambda path: write(path, FRAMES * 8000 // counted, **fields),
    )
    paths = [str(out / f"{part}.json") for part in PARTS]
    timit.prepare_timit(str(root), *paths, sample_rate=8000)
    assert ("are converted to 8000" in log.text) == (counted == 16000)
    for path in paths:
        check_annotation(path, str(root), sample_rate=8000)
        for item in json.loads(pathlib.Path(path).read_text()).values():
            wav = item["wav"].format(data_root=root)
            frames = soundfile.info(wav).frames
            assert item["duration"] == frames / 8000
            ends = [int(end) for end in item["ground_truth_phn_ends"].split()]
            assert ends[-1] == frames and ends[0] == frames // 8
    with pytest.raises(timit.CorpusError, match="use --sample_rate=8000, or"):
        timit.prepare_timit(str(root), *paths)  # at 16 kHz, made again


def test_all_labels_beyond_the_audio_are_named(tmp_path, out):
    root = write_corpus(
        tmp_path / "data", write=lambda path: write_sphere(path, FRAMES - 1)
    )
    with pytest.raises(timit.CorpusError) as error:
        prepare(root, out)
    assert len(error.value.problems) == 8  # two sentences of four speakers
    assert all("end at sample 160" in line for line in error.value.problems)


def test_folding_tables():
    assert len(set(timit.PHONES)) == len(timit.PHONES) == 61
    classes = {
        phn_set: set(timit.fold(timit.PHONES, range(61), phn_set)[0])
        for phn_set in (60, 61, 48, 39)
    }
    assert classes[60] == classes[61] == set(timit.PHONES)
    assert classes[48] == set(
        "aa ae ah ao aw ax ay b ch cl d dh dx eh el en epi er ey f g hh ih ix "
        "iy jh k l m n ng ow oy p r s sh sil t th uh uw v vcl w y z zh".split()
    )
    assert classes[39] == set(
        "aa ae ah aw ay b ch d dh dx eh er ey f g hh ih iy jh k l m n ng ow "
        "oy p r s sh sil t th uh uw v w y z".split()
    )
    assert (len(classes[48]), len(classes[39])) == (48, 39)


@pytest.mark.parametrize("phn_set", [60, 61, 48, 39])
def test_folding_twice_changes_nothing(phn_set):
    once = timit.fold(timit.PHONES, list(range(61)), phn_set)
    assert timit.fold(*once, phn_set) == once


@pytest.mark.parametrize("phone", timit.PHONES)
def test_folding_to_39_goes_through_48(phone):
    through = timit.fold(*timit.fold([phone], [1], 48), 39)
    assert timit.fold([phone], [1], 39) == through
    assert timit.fold([phone], [1], 61) == ([phone], [1])


@pytest.mark.parametrize(
    "phn_set, phones, ends",
    [
        (61, "h# sh tcl q pau h#", "20 40 60 80 120 160"),
        (60, "h# sh tcl q pau h#", "20 40 60 80 120 160"),
        (48, "sil sh cl sil", "20 40 60 160"),
        (39, "sil sh sil", "20 40 160"),
    ],
)
def test_silences_merge_into_the_last_end(corpus, out, phn_set, phones, ends):
    item = prepare(corpus, out, phn_set)[0]["FCJF0_SX37"]
    assert item["phn"] == phones
    assert item["ground_truth_phn_ends"] == ends


def test_speaker_lists():
    assert len(timit.DEV_SPEAKERS) == 50
    assert len(timit.CORE_TEST_SPEAKERS) == 24
    assert not timit.DEV_SPEAKERS & timit.CORE_TEST_SPEAKERS
    # The core test holds one woman and two men of each of eight regions.
    women = [name for name in timit.CORE_TEST_SPEAKERS if name[0] == "F"]
    assert len(women) == 8


def test_second_time_is_skipped(corpus, out, log):
    prepare(corpus, out)
    assert "train: 4 utterances of 2 speakers, 0.0 minutes" in log.text
    (out / "test.json").write_text("{}")
    assert prepare(corpus, out)[2] == {}
    assert "Skipping preparation" in log.text


def test_prepared_again_for_other_phones(corpus, out, log):
    prepare(corpus, out, 61)
    assert prepare(corpus, out, 39)[0]["FCJF0_SX37"]["phn"] == "sil sh sil"
    assert "'phn_set': 61" in log.text and "preparing them again" in log.text
    assert "Skipping" not in log.text


def test_60_and_61_are_the_same(corpus, out, log):
    prepare(corpus, out, 61)
    prepare(corpus, out, 60)
    assert "Skipping preparation" in log.text


def test_prepared_again_for_other_data(corpus, out, log):
    prepare(corpus, out)
    link = out / "link"
    link.symlink_to(corpus)
    prepare(link, out)
    assert "Skipping preparation" in log.text
    log.clear()
    moved = corpus.rename(corpus.with_name("moved"))
    prepare(moved, out)
    assert "preparing them again" in log.text


def test_prepared_again_for_another_layout(corpus, out, log):
    prepare(corpus, out)
    shutil.rmtree(str(corpus))
    write_corpus(corpus, "flat")
    assert "FAAA0_SX37" in prepare(corpus, out)[2]
    assert "'layout': 'disc'" in log.text


def test_prepared_again_for_other_annotations(corpus, out):
    paths = [str(out / f"{part}.json") for part in PARTS]
    prepare(corpus, out)
    other = [path.replace(".json", "61.json") for path in paths]
    timit.prepare_timit(str(corpus), *other, phn_set=61)
    assert prepare(corpus, out, 61)[0]["FCJF0_SX37"]["phn"].startswith("h#")


@pytest.mark.parametrize("record", [None, "", "{", "[]", "\udcff"])
def test_prepared_again_without_a_record(corpus, out, log, record):
    expected = prepare(corpus, out)
    path = out / "timit_prepare.json"
    path.unlink()
    if record is not None:
        path.write_bytes(record.encode("utf-8", "surrogateescape"))
    (out / "test.json").write_text("{}")
    assert prepare(corpus, out) == expected
    assert "were made from unknown data" in log.text


def test_prepared_again_when_one_is_missing(corpus, out):
    expected = prepare(corpus, out)
    (out / "valid.json").unlink()
    assert prepare(corpus, out) == expected


def test_annotations_survive_moving_the_output(corpus, out, log):
    prepare(corpus, out)
    prepare(corpus, out.rename(out.with_name("elsewhere")))
    assert "Skipping preparation" in log.text


def test_skip_prep(out):
    paths = [str(out / f"{part}.json") for part in PARTS]
    timit.prepare_timit("no such folder", *paths, skip_prep=True)
    assert not out.exists()


def test_annotations_in_the_working_folder(corpus, tmp_path, monkeypatch, log):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        timit.prepare_timit(corpus, "a.json", "b.json", "c.json")
    assert "Skipping preparation" in log.text
    assert (tmp_path / "timit_prepare.json").exists()


@pytest.mark.parametrize("survivors", [0, 1, 2, 3])
def test_interrupted_while_replacing(corpus, out, monkeypatch, survivors):
    expected = prepare(corpus, out)
    calls = []
    replace = os.replace

    def interrupt(*args):
        calls.append(args)
        if len(calls) > survivors:
            raise KeyboardInterrupt
        replace(*args)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            prepare(corpus, out, 61)
    assert sorted(os.listdir(out)) == ["test.json", "train.json", "valid.json"]
    assert prepare(corpus, out) == expected


def test_interrupted_while_writing(corpus, out, monkeypatch):
    expected = prepare(corpus, out)
    before = sorted(os.listdir(out))
    calls = []

    def interrupt(document, file):
        calls.append(file.write("{"))
        if len(calls) > 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(timit, "_dump", interrupt)
        with pytest.raises(KeyboardInterrupt):
            prepare(corpus, out, 61)
    assert sorted(os.listdir(out)) == before
    (corpus / f"{SX}.PHN").unlink()
    assert prepare(corpus, out) == expected


@pytest.mark.parametrize("phn_set", [40, "39", None])
def test_unknown_phone_set(corpus, out, phn_set):
    with pytest.raises(ValueError) as error:
        prepare(corpus, out, phn_set)
    assert str(error.value) == (
        f"phn_set: {phn_set!r} is no phone set of TIMIT; "
        "one of [39, 48, 60, 61] is accepted"
    )


def cut(path, size):
    """Leaves so many bytes of a file"""
    path.write_bytes(path.read_bytes()[:size])


def edit(path, old, new):
    """Replaces bytes of a file, the length included"""
    path.write_bytes(path.read_bytes().replace(old, new))


def move_out(path):
    """Leaves a link to the outside in place of a file or a folder"""
    target = path.rename(outside(path) / path.name)
    path.symlink_to(target)


def outside(path):
    """A folder beside the corpus"""
    while path.name != "TIMIT":
        path = path.parent
    folder = path.with_name("outside")
    folder.mkdir()
    return folder


def make_folder(path):
    path.unlink()
    path.mkdir()


def make_pipe(path):
    path.unlink()
    os.mkfifo(str(path))


def damage(kind, action, *args):
    """A function that spoils one file of one sentence"""
    return lambda root: action(root / f"{SX}.{kind}", *args)


def write_text(kind, text):
    return damage(kind, pathlib.Path.write_text, text)


def remove(*kinds):
    def act(root):
        for kind in kinds:
            (root / f"{SX}.{kind}").unlink()

    return act


def replace_by_riff(size=None, **kwargs):
    def act(root):
        write_riff(root / f"{SX}.WAV", **kwargs)
        cut(root / f"{SX}.WAV", size)

    return act


def replace_by_sphere(**kwargs):
    return damage("WAV", lambda path: write_sphere(path, **kwargs))


def keep_only(name):
    """Removes one half of the disc, or one speaker"""
    return lambda root: shutil.rmtree(str(root / name))


def empty(root):
    shutil.rmtree(str(root))
    root.mkdir()


def fill_with_others(root):
    empty(root)
    for name in ("a", "b", "c", "d", "e", "f", "g"):
        (root / f"{name}.txt").write_text("")


def add_flat(root):
    write_corpus(root / "sample", "flat")


def double(root):
    shutil.copytree(
        str(root / SX).replace("SX37", ""), str(root / "TEST/DR2/FCJF0")
    )


RATE = "use --sample_rate=8000, or resample the audio of the corpus"
MALFORMED = "'first-sample last-sample label' is expected"
FILES = "each sentence needs both"
LOOKED_FOR = (
    "TRAIN/DR1/FCJF0/SX37.WAV or dr1-fvmh0/sx116.wav, or any others named "
    "like these, are looked for"
)
NEEDED = (
    "TRAIN with its speakers and TEST with the development and the core test "
    "speakers are needed"
)
SPHERE = (
    f"{SX}.WAV: NIST SPHERE with a broken header; sample_rate, channel_count, "
    "sample_count and sample_n_bytes are expected"
)
RIFF_FORMAT = struct.pack("<HHIIHH", 1, 1, 16000, 32000, 2, 16)
BAD = {
    "no folder": (
        lambda root: shutil.rmtree(str(root)),
        ["data folder: does not exist; a folder is expected"],
    ),
    "a file": (
        lambda root: [shutil.rmtree(str(root)), root.write_text("")],
        ["data folder: is a file; a folder is expected"],
    ),
    "empty folder": (
        empty,
        [
            "data folder: no SX or SI sentence in it, but nothing at all; "
            + LOOKED_FOR
        ],
    ),
    "other folder": (
        fill_with_others,
        [
            "data folder: no SX or SI sentence in it, but 'a.txt', 'b.txt', "
            f"'c.txt', 'd.txt', 'e.txt' and 2 more; {LOOKED_FOR}"
        ],
    ),
    "both layouts": (
        add_flat,
        [
            "data folder: holds the disc's folders and the flat sample's; "
            "only one of the two is accepted"
        ],
    ),
    "two copies": (
        double,
        [
            f"TRAIN/DR1/FCJF0/{name}: the same sentence as "
            f"TEST/DR2/FCJF0/{name}; one copy of the corpus below the data "
            "folder is accepted"
            for name in ("SI648", "SX37")
        ],
    ),
    "no train": (
        keep_only("TRAIN"),
        [f"train part: no utterance; {NEEDED}"],
    ),
    "no test half": (
        keep_only("TEST"),
        [f"{part} part: no utterance; {NEEDED}" for part in ("valid", "test")],
    ),
    "no core test speaker": (
        keep_only("TEST/DR1/FELC0"),
        [f"test part: no utterance; {NEEDED}"],
    ),
    "no audio": (remove("WAV"), [f"{SX}: no .wav file; {FILES}"]),
    "no phones": (remove("PHN"), [f"{SX}: no .phn file; {FILES}"]),
    "only a sentence": (
        remove("WAV", "PHN", "WRD"),
        [f"{SX}: no .wav and no .phn file; {FILES}"],
    ),
    "empty phones": (
        write_text("PHN", ""),
        [f"{SX}.PHN: empty; labelled segments are expected"],
    ),
    "blank phones": (
        write_text("PHN", "\n \n"),
        [f"{SX}.PHN: empty; labelled segments are expected"],
    ),
    "empty words": (
        write_text("WRD", ""),
        [f"{SX}.WRD: empty; labelled segments are expected"],
    ),
    "only glottal stops": (
        write_text("PHN", "0 160 q\n"),
        [f"{SX}.PHN: only glottal stops; a phone is expected"],
    ),
    "line without label": (
        write_text("PHN", "0 20 h#\n20 160\n"),
        [f"{SX}.PHN, line 2: '20 160' is malformed; {MALFORMED}"],
    ),
    "line without numbers": (
        write_text("PHN", "0 20 h#\n\n20 -7 sh\n20 1e2 sh\n"),
        [
            f"{SX}.PHN, line 3: '20 -7 sh' is malformed; {MALFORMED}",
            f"{SX}.PHN, line 4: '20 1e2 sh' is malformed; {MALFORMED}",
        ],
    ),
    "endless number": (
        write_text("PHN", f"0 {'9' * 5000} h#\n"),
        [
            f"{SX}.PHN, line 1: '0 {'9' * 38}[...]' is malformed; {MALFORMED}",
        ],
    ),
    "malformed words": (
        write_text("WRD", "20 she\n"),
        [f"{SX}.WRD, line 1: '20 she' is malformed; {MALFORMED}"],
    ),
    "unknown phones": (
        write_text("PHN", "0 20 h#\n20 40 SH\n40 50 tlc\n50 160 h#\n"),
        [
            f"{SX}.PHN, line 2: 'SH' is no phone of TIMIT; the nearest one is "
            "'sh'",
            f"{SX}.PHN, line 3: 'tlc' is no phone of TIMIT; the nearest one "
            "is 'tcl'",
        ],
    ),
    "end before start": (
        write_text("PHN", "0 20 h#\n40 30 sh\n40 160 h#\n"),
        [
            f"{SX}.PHN, line 2: 40 30 goes backwards; "
            "20 <= first sample <= last sample is expected"
        ],
    ),
    "start before the last end": (
        write_text("PHN", "0 20 h#\n10 30 sh\n30 160 h#\n"),
        [
            f"{SX}.PHN, line 2: 10 30 goes backwards; "
            "20 <= first sample <= last sample is expected"
        ],
    ),
    "phones in Latin-1": (
        damage("PHN", pathlib.Path.write_bytes, b"0 160 \xe4\n"),
        [f"{SX}.PHN: byte 6 is 0xe4; UTF-8 text is expected"],
    ),
    "words in Latin-1": (
        damage("WRD", pathlib.Path.write_bytes, b"0 160 \xe4\n"),
        [f"{SX}.WRD: byte 6 is 0xe4; UTF-8 text is expected"],
    ),
    "phones are a folder": (
        damage("PHN", make_folder),
        [f"{SX}.PHN: is a folder or a device; a label file is expected"],
    ),
    "words are a folder": (
        damage("WRD", make_folder),
        [f"{SX}.WRD: is a folder or a device; a label file is expected"],
    ),
    "phones are a pipe": (
        damage("PHN", make_pipe),
        [f"{SX}.PHN: is a folder or a device; a label file is expected"],
    ),
    "audio is a folder": (
        damage("WAV", make_folder),
        [f"{SX}.WAV: is a folder or a device; an audio file is expected"],
    ),
    "dangling link": (
        lambda root: [
            (root / f"{SX}.PHN").unlink(),
            (root / f"{SX}.PHN").symlink_to(root / "nothing"),
        ],
        [f"{SX}.PHN: No such file or directory; a label file is expected"],
    ),
    "link to the outside": (
        damage("PHN", move_out),
        [
            f"{SX}.PHN: links to OUTSIDE/SX37.PHN, outside of the data folder; "
            "put the file there"
        ],
    ),
    "folder on the outside, linked further down": (
        lambda root: move_out(root / "TRAIN" / "DR1"),
        [
            "TRAIN/DR1: links to OUTSIDE/DR1, outside of the data folder; a "
            "folder may be linked directly inside the data folder: name "
            "'ROOT/TRAIN' as the data folder",
            f"train part: no utterance; {NEEDED}",
        ],
    ),
    "link to the folder above": (
        lambda root: (root / "above").symlink_to(root.parent),
        [
            "above: links to ABOVE, outside of the data folder, and holds it; "
            "remove the link"
        ],
    ),
    "labels beyond the audio": (
        lambda root: [
            (root / f"{SX}.PHN").write_text("0 20 sh\n20 200 h#\n"),
            (root / "TEST/DR1/FADG0/SI648.PHN").write_text("0 161 q\n0 0 sh"),
        ],
        [
            f"{SX}.PHN: the labels end at sample 200, but the audio has 160; "
            "labels within the audio are expected",
            "TEST/DR1/FADG0/SI648.PHN, line 2: 0 0 goes backwards; 161 <= first "
            "sample <= last sample is expected",
            "TEST/DR1/FADG0/SI648.PHN: the labels end at sample 161, but the "
            "audio has 160; labels within the audio are expected",
        ],
    ),
    "no bytes": (
        damage("WAV", cut, 0),
        [f"{SX}.WAV: begins with b''; RIFF or NIST SPHERE is expected"],
    ),
    "another format": (
        damage("WAV", pathlib.Path.write_bytes, b"fLaC" + bytes(99)),
        [
            f"{SX}.WAV: begins with b'fLaC\\x00\\x00\\x00\\x00'; RIFF or NIST "
            "SPHERE is expected"
        ],
    ),
    "SPHERE cut in half": (
        damage("WAV", cut, 1024 + FRAMES),
        [
            f"{SX}.WAV: 160 samples announced, 80 there: truncated; a complete "
            "file is expected"
        ],
    ),
    "SPHERE without its last sample": (
        damage("WAV", cut, 1024 + 2 * FRAMES - 1),
        [
            f"{SX}.WAV: 160 samples announced, 159 there: truncated; a complete "
            "file is expected"
        ],
    ),
    "SPHERE cut in its header": (damage("WAV", cut, 60), [SPHERE]),
    "SPHERE cut behind its fields": (
        damage("WAV", cut, 1000),
        [
            f"{SX}.WAV: 160 samples announced, 0 there: truncated; a complete "
            "file is expected"
        ],
    ),
    "SPHERE with an odd field": (
        replace_by_sphere(sample_count="many"),
        [SPHERE],
    ),
    "SPHERE with an odd size": (
        damage("WAV", edit, b"   1024\n", b"   many\n"),
        [SPHERE],
    ),
    "SPHERE without samples": (
        replace_by_sphere(frames=0),
        [f"{SX}.WAV: no samples; audio is expected"],
    ),
    "SPHERE with two channels at 8 kHz": (
        replace_by_sphere(held=2 * FRAMES, channel_count=2, sample_rate=8000),
        [
            f"{SX}.WAV: 8000 Hz, but sample_rate is 16000; {RATE}",
            f"{SX}.WAV: 2 channels; one is expected",
        ],
    ),
    "SPHERE cut with two channels": (
        replace_by_sphere(held=FRAMES, channel_count=2),
        [
            f"{SX}.WAV: 2 channels; one is expected",
            f"{SX}.WAV: 160 samples announced, 80 there: truncated; a complete "
            "file is expected",
        ],
    ),
    "SPHERE without width": (
        replace_by_sphere(sample_n_bytes=0),
        [
            f"{SX}.WAV: NIST SPHERE with coding 'pcm', 0 bytes, 1 channels; "
            "uncompressed pcm is expected"
        ],
    ),
    "SPHERE with shorten": (
        replace_by_sphere(sample_coding="pcm,embedded-shorten-v2.00"),
        [
            f"{SX}.WAV: NIST SPHERE with coding 'pcm,embedded-shorten-v2.00', "
            "2 bytes, 1 channels; uncompressed pcm is expected"
        ],
    ),
    "RIFF cut in half": (
        replace_by_riff(size=44 + FRAMES),
        [
            f"{SX}.WAV: 160 samples announced, 80 there: truncated; a complete "
            "file is expected"
        ],
    ),
    "RIFF cut in its header": (
        replace_by_riff(size=40),
        [f"{SX}.WAV: RIFF ends before its data; audio is expected"],
    ),
    "RIFF without samples": (
        replace_by_riff(frames=0),
        [f"{SX}.WAV: no samples; audio is expected"],
    ),
    "RIFF with two channels": (
        replace_by_riff(channels=2),
        [f"{SX}.WAV: 2 channels; one is expected"],
    ),
    "RIFF at 8 kHz": (
        replace_by_riff(rate=8000),
        [f"{SX}.WAV: 8000 Hz, but sample_rate is 16000; {RATE}"],
    ),
    "RIFF without format": (
        damage(
            "WAV",
            pathlib.Path.write_bytes,
            b"RIFF\x0c\0\0\0WAVEdata\0\0\0\0",
        ),
        [f"{SX}.WAV: RIFF without its format; a format is expected"],
    ),
    "RIFF with another coding": (
        damage(
            "WAV",
            pathlib.Path.write_bytes,
            b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x06"
            + RIFF_FORMAT[1:]
            + b"data\0\0\0\0",
        ),
        [f"{SX}.WAV: RIFF with coding 6; PCM is expected"],
    ),
}


@pytest.mark.parametrize("spoil, expected", BAD.values(), ids=list(BAD))
def test_bad_corpus(corpus, out, spoil, expected):
    spoil(corpus)
    with pytest.raises(timit.CorpusError) as error:
        prepare(corpus, out)
    place = str(corpus.with_name("outside"))
    for word, path in (
        ("OUTSIDE", place),
        ("ROOT", str(corpus)),
        ("ABOVE", str(corpus.parent)),
    ):
        expected = [line.replace(word, path) for line in expected]
    assert error.value.problems == expected
    assert str(error.value).splitlines() == [
        f"TIMIT in '{corpus}' cannot be prepared, problems: {len(expected)}",
        *(f" * {line}" for line in expected),
    ]
    assert not out.exists()


def test_too_few_flat_speakers(tmp_path, out):
    root = write_corpus(tmp_path / "data", "flat")
    for name in ("FCCC0", "FDDD0", "MCCC0", "MDDD0"):
        shutil.rmtree(str(root / f"DR2-{name}"))
    with pytest.raises(timit.CorpusError) as error:
        prepare(root, out)
    assert error.value.problems == [
        "train part: no utterance; at least seven speakers are needed"
    ]


@pytest.mark.parametrize("kind", ["PHN", "WAV"])
def test_unreadable_file(corpus, out, monkeypatch, kind):
    opened = os.open

    def refuse(path, *args, **kwargs):
        if str(path).endswith(f"{SX}.{kind}"):
            raise PermissionError(13, "Permission denied", path)
        return opened(path, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        with pytest.raises(timit.CorpusError) as error:
            prepare(corpus, out)
    accepted = {"PHN": "a label file", "WAV": "an audio file"}[kind]
    assert error.value.problems == [
        f"{SX}.{kind}: Permission denied; {accepted} is expected"
    ]


def test_unreadable_folder(corpus, out, monkeypatch):
    scan = os.scandir

    def refuse(path):
        if str(path).endswith("MDAC0/"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", refuse)
        with pytest.raises(timit.CorpusError) as error:
            prepare(corpus, out)
    assert error.value.problems == [
        "TRAIN/DR1/MDAC0/: Permission denied; a readable folder is expected"
    ]


def test_all_problems_at_once(corpus, out):
    (corpus / "TRAIN/DR1/FCJF0/SX37.PHN").unlink()
    (corpus / "TRAIN/DR1/MDAC0/SX37.WRD").write_text("she")
    cut(corpus / "TEST/DR1/FADG0/SI648.WAV", 1100)
    shutil.rmtree(str(corpus / "TEST/DR1/FELC0"))
    with pytest.raises(timit.CorpusError) as error:
        prepare(corpus, out)
    assert sorted(line.split(": ")[0] for line in error.value.problems) == [
        "TEST/DR1/FADG0/SI648.WAV",
        "TRAIN/DR1/FCJF0/SX37",
        "TRAIN/DR1/MDAC0/SX37.WRD, line 1",
        "test part",
    ]


def test_long_lists_are_cut(corpus, out):
    (corpus / f"{SX}.PHN").write_text("0 1 sil\n" * 23)
    with pytest.raises(timit.CorpusError) as error:
        prepare(corpus, out)
    lines = str(error.value).splitlines()
    assert lines[0].endswith("problems: 45") and len(lines) == 22
    assert lines[-1] == " * and 25 more"


def test_sentences_that_are_left_out_are_not_read(corpus, out):
    for path in [*corpus.rglob("SA1.*"), *corpus.rglob("MABW0/*")]:
        path.write_bytes(b"")
    prepare(corpus, out)


def test_chunks_between_format_and_data(corpus, out):
    write_riff(corpus / f"{SX}.WAV")
    edit(corpus / f"{SX}.WAV", b"data", b"LIST\x03\0\0\0abc\0junk\0\0\0\0data")
    item = prepare(corpus, out)[0]["FCJF0_SX37"]
    assert item["duration"] == FRAMES / 16000


@pytest.mark.parametrize("subtype", ["PCM_24", "FLOAT"])
@pytest.mark.parametrize("format", ["WAV", "WAVEX"])
def test_other_widths(corpus, out, format, subtype):
    path = str(corpus / f"{SX}.WAV")
    soundfile.write(path, np.zeros(FRAMES), 16000, subtype, format=format)
    item = prepare(corpus, out)[0]["FCJF0_SX37"]
    assert item["duration"] == soundfile.info(path).duration
