"""Mini-TIMIT: layout, alignment, determinism, and what an interruption leaves

Authors
 * The speechbrain_growth authors 2026
"""

import importlib.util
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("espeakng_loader")

SCRIPT = Path(__file__).parents[3] / "recipes" / "TIMIT" / "mini_timit.py"
SCALE = 0.02  # one speaker for each region and part
SYMBOLS = set(
    """aa ae ah ao aw ax ax-h axr ay b bcl ch d dcl dh dx eh el em en eng epi er
    ey f g gcl h# hh hv ih ix iy jh k kcl l m n ng nx ow oy p pau pcl q r s sh
    t tcl th uh uw ux v w y z zh""".split()
)
FOLDED = {"ao": "aa", "ax": "ah", "axr": "er", "el": "l", "en": "n", "ix": "ih"}
SILENT = ("h#", "pau", "q", "bcl", "dcl", "gcl", "pcl", "tcl", "kcl")


def load_script():
    """Imports the script, which is in no package."""
    spec = importlib.util.spec_from_file_location("mini_timit", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


mini_timit = load_script()


def render(folder):
    """Renders the small corpus of these tests."""
    return mini_timit.render_mini_timit(folder, seed=1986, scale=SCALE)


def contents(folder):
    """Gives the bytes of each file of a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def rows(path):
    """Reads a .PHN, .WRD or .TXT file."""
    lines = path.read_text().splitlines()
    return [
        (int(start), int(end), symbol)
        for start, end, symbol in (line.split(" ", 2) for line in lines)
    ]


def part_of(path):
    """Tells the part of a file from its place and its speaker's name."""
    if path.parts[-4] == "TRAIN":
        return "TRAIN"
    name = path.parts[-2].lower()
    (part,) = (p for p, ids in mini_timit.HELD_OUT.items() if name in ids)
    return part


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Renders the corpus that most tests look at."""
    return render(tmp_path_factory.mktemp("corpora") / "mini_timit")


@pytest.fixture(scope="module")
def clean():
    """Reads a few sentences without noise, for each accent."""
    return [
        utterance
        for speaker in mini_timit.speakers(1986, SCALE)
        if speaker.part == "TRAIN"
        for _, _, utterance in mini_timit.clean_utterances(speaker, 1986, 3)
    ]


@pytest.fixture
def no_rendering(monkeypatch):
    """Makes rendering an error."""

    def fail(*args):
        raise AssertionError("rendered")

    monkeypatch.setattr(mini_timit, "_render", fail)


def test_layout_and_header(corpus):
    """The folders are the disc's, and soundfile reads the sound."""
    waves = sorted(corpus.glob("*/*/*/*.WAV"))
    assert len(waves) == 8 * (8 + 4 + 4)
    for path in waves:
        assert path.read_bytes()[:16] == b"NIST_1A\n   1024\n"
        info = soundfile.info(str(path))
        assert (info.samplerate, info.channels) == (16000, 1)
        assert info.subtype == "PCM_16" and "NIST" in info.format_info
        assert info.frames == rows(path.with_suffix(".PHN"))[-1][1]
        assert 1.8 <= info.duration <= 4.0
        ((start, end, sentence),) = rows(path.with_suffix(".TXT"))
        assert (start, end) == (0, info.frames) and sentence[-1] in ".?"
        sound, _ = soundfile.read(str(path))
        assert 0.01 < np.abs(sound).max() < 1


def test_manifest_tells_what_was_rendered(corpus):
    """Seed, scale, number of files, seconds and checksum are written down."""
    manifest = json.loads((corpus / "MINI_TIMIT.json").read_text())
    assert (manifest["seed"], manifest["scale"]) == (1986, SCALE)
    assert manifest["files"] == len(contents(corpus)) - 1
    frames = dict.fromkeys(mini_timit.SIZES, 0)
    for path in corpus.rglob("*.WAV"):
        frames[part_of(path)] += soundfile.info(str(path)).frames
    assert manifest["seconds"] == {p: n / 16000 for p, n in frames.items()}
    assert "says nothing about" in " ".join(
        (corpus / "README.TXT").read_text().split()
    )


def test_phones_are_contiguous_and_timits(corpus):
    """Boundaries touch, all symbols are known, all 39 folded phones occur."""
    met = set()
    for path in corpus.rglob("*.PHN"):
        phones = rows(path)
        assert phones[0][0] == 0
        assert phones[0][2] == phones[-1][2] == "h#"
        assert all(start < end for start, end, _ in phones)
        assert all(a[1] == b[0] for a, b in zip(phones, phones[1:]))
        assert "h#" not in {symbol for _, _, symbol in phones[1:-1]}
        met |= {symbol for _, _, symbol in phones}
    assert met <= SYMBOLS
    folded = {FOLDED.get(s, s) for s in met - set(SILENT) - {"zh"}}
    assert len(folded | {"sil"}) == 39


def test_closures_are_followed_by_their_releases(corpus):
    """No closure is alone, and no word ends between the two."""
    releases = {
        **{"bcl": {"b"}, "dcl": {"d", "jh"}, "gcl": {"g"}},
        **{"pcl": {"p"}, "tcl": {"t", "ch"}, "kcl": {"k"}},
    }
    closures = 0
    for path in corpus.rglob("*.PHN"):
        phones = rows(path)
        within = {end for _, end, s in phones if s in releases}
        assert not within & {
            end for _, end, _ in rows(path.with_suffix(".WRD"))
        }
        for (_, _, symbol), (_, _, following) in zip(phones, phones[1:]):
            if symbol in releases:
                closures += 1
                assert following in releases[symbol]
    assert closures > 500


def test_words_are_those_of_the_sentence(corpus):
    """Words and text agree, and words begin and end where phones do."""
    for path in corpus.rglob("*.WRD"):
        ((_, _, sentence),) = rows(path.with_suffix(".TXT"))
        words = rows(path)
        spelled = "".join(
            c for c in sentence.lower() if c.isalpha() or c == " "
        )
        said = " ".join(word.replace("'", "") for _, _, word in words)
        assert said == spelled
        phones = rows(path.with_suffix(".PHN"))
        assert {w[0] for w in words} <= {p[0] for p in phones}
        assert {w[1] for w in words} <= {p[1] for p in phones}
        assert all(a[1] <= b[0] for a, b in zip(words, words[1:]))


def test_each_part_has_both_sexes_and_all_regions(corpus):
    """A small corpus is as mixed as a large one."""
    for part in mini_timit.SIZES:
        waves = [p for p in corpus.rglob("*.WAV") if part_of(p) == part]
        assert {path.parts[-2][0] for path in waves} == {"F", "M"}
        regions = {path.parts[-3] for path in waves}
        assert regions == {f"DR{number}" for number in range(1, 9)}


@pytest.mark.parametrize("scale", [SCALE, 1, 10])
def test_speakers_do_not_overlap(scale):
    """Neither names nor voices of an accent are shared between parts."""
    cast = mini_timit.speakers(7, scale)
    assert len({speaker.name for speaker in cast}) == len(cast)
    held_out = {name for ids in mini_timit.HELD_OUT.values() for name in ids}
    for part in mini_timit.SIZES:
        inside = [speaker for speaker in cast if speaker.part == part]
        outside = [speaker for speaker in cast if speaker.part != part]
        assert not {s.voice for s in inside} & {s.voice for s in outside}
        known = {s.name.lower() for s in inside} & held_out
        assert len(known) == (0 if part == "TRAIN" else len(inside))


def test_speakers_of_a_smaller_corpus_are_among_those_of_a_larger_one():
    """The scale adds speakers and changes none."""
    small, large = mini_timit.speakers(7, 0.3), mini_timit.speakers(7, 2)
    assert set(small) < set(large)


def test_parts_share_no_sentence(corpus):
    """Neither numbers nor texts, in the corpus and in the full list."""
    texts = {part: set() for part in mini_timit.SIZES}
    for path in corpus.rglob("*.TXT"):
        if path.name != "README.TXT":
            texts[part_of(path)].add((path.stem, rows(path)[0][2]))
    for part, pairs in texts.items():
        sentences = mini_timit._sentences()[part]
        assert {(f"SX{n}", text) for n, text in sentences.items()} >= pairs
    every = [
        t for part in mini_timit._sentences().values() for t in part.values()
    ]
    assert len(set(every)) == len(every)


@pytest.mark.slow
def test_a_fresh_process_renders_the_same_bytes(corpus, tmp_path):
    """By hand, into another folder."""
    again = tmp_path / "again"
    command = [sys.executable, str(SCRIPT), str(again), "--scale", str(SCALE)]
    subprocess.run(command, check=True, capture_output=True)
    assert contents(again) == contents(corpus)


def half_way(folder):
    """A process that has begun to render into a folder"""
    command = [sys.executable, str(SCRIPT), str(folder), "--scale", str(SCALE)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while process.poll() is None and len([*folder.parent.rglob("*.WAV")]) < 10:
        time.sleep(0.02)
    return process


@pytest.mark.slow
def test_a_killed_rendering_leaves_nothing_that_counts(corpus, tmp_path):
    """The next rendering is complete, the same, and removes the remains."""
    folder = tmp_path / "corpus"
    process = half_way(folder)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not folder.exists()
    (remains,) = tmp_path.iterdir()
    assert remains.name.startswith(".corpus.rendering.")
    assert contents(render(folder)) == contents(corpus)
    assert set(tmp_path.iterdir()) == {folder}


@pytest.mark.slow
def test_two_renderings_do_not_touch_each_other(corpus, tmp_path):
    """The processes may not see each other, as in two containers."""
    folder = tmp_path / "corpus"
    process = half_way(folder)
    process.send_signal(signal.SIGSTOP)
    (first,) = tmp_path.iterdir()
    before = contents(first)
    with mini_timit._unfinished(tmp_path, ".corpus.rendering.") as second:
        assert contents(first) == before
        assert set(tmp_path.iterdir()) == {first, second}
    process.send_signal(signal.SIGCONT)
    assert process.wait() == 0
    assert contents(folder) == contents(corpus)


def test_utterances_do_not_depend_on_earlier_ones():
    """espeak-ng's state does not leak: alone or after others is the same."""
    first, second, *others = mini_timit.speakers(1986, SCALE)[:4]

    def read(speaker):
        text = f"{speaker.region} measures the shady vision of hushed voices."
        samples, events = mini_timit.synthesize(
            text, speaker.voice, speaker.prosody
        )
        return samples.tobytes(), events

    alone = read(first)
    for other in (second, *others):
        read(other)
    assert read(first) == alone


def test_a_rendered_corpus_is_used_at_once(corpus, no_rendering):
    """The second call renders nothing and touches nothing."""
    before = {path: path.stat().st_mtime_ns for path in corpus.rglob("*")}
    assert render(str(corpus)) == corpus
    assert before == {path: path.stat().st_mtime_ns for path in before}


@pytest.mark.parametrize("other", [{"seed": 7}, {"scale": 0.5}])
def test_another_corpus_is_refused(corpus, no_rendering, other):
    """A folder of another seed or scale is not taken for the wanted one."""
    wanted = {"seed": 1986, "scale": SCALE, **other}
    with pytest.raises(
        mini_timit.RenderError, match="delete it or name another"
    ):
        mini_timit.render_mini_timit(corpus, **wanted)


@pytest.mark.parametrize("name", ["thesis.tex", "TRAIN/DR1/FABC0/SX1.WAV"])
def test_a_foreign_folder_is_refused(tmp_path, no_rendering, name):
    """Nothing in it is touched."""
    path = tmp_path / "mine" / name
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    with pytest.raises(ValueError, match="not a mini-TIMIT"):
        render(tmp_path / "mine")
    assert contents(tmp_path) == {f"mine/{name}": b"mine"}


def test_a_corpus_that_another_process_finished_first_is_used(
    corpus, tmp_path, monkeypatch
):
    """Two processes that render the same do not break each other."""
    folder = tmp_path / "corpus"

    def too_late(rendering, seed, scale):
        shutil.copytree(corpus, folder)
        return {}

    monkeypatch.setattr(mini_timit, "_render", too_late)
    assert contents(render(folder)) == contents(corpus)
    assert list(tmp_path.iterdir()) == [folder]


def test_a_failed_rendering_leaves_nothing(tmp_path, no_rendering):
    """Not even a temporary folder."""
    with pytest.raises(AssertionError, match="rendered"):
        render(tmp_path / "corpus")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("scale", ["four", None, True, [4]])
def test_a_scale_is_a_number(scale, tmp_path):
    with pytest.raises(mini_timit.RenderError, match="a number above 0"):
        mini_timit.render_mini_timit(tmp_path / "corpus", scale=scale)


@pytest.mark.parametrize("scale", ["0", "-1", "nan", "inf"])
def test_a_scale_that_is_none_ends_with_one_message(scale, tmp_path):
    with pytest.raises(SystemExit, match="error: scale: .* a number above 0"):
        mini_timit.main([str(tmp_path / "corpus"), f"--scale={scale}"])


def test_a_foreign_folder_ends_with_one_message(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(SystemExit, match="error: .*not a mini-TIMIT"):
        mini_timit.main([str(tmp_path)])


def test_ctrl_c_waits_for_the_end_of_a_sentence(monkeypatch):
    """C, which calls us with each sound, would not hand it on."""
    expected = mini_timit.synthesize("Hello.", "en-us", (170, 50, 50))
    heard, string_at = [], mini_timit.ctypes.string_at

    def pressed(*args):
        signal.raise_signal(signal.SIGINT)
        heard.append(string_at(*args))
        return heard[-1]

    with monkeypatch.context() as patch:
        patch.setattr(mini_timit.ctypes, "string_at", pressed)
        with pytest.raises(KeyboardInterrupt):
            mini_timit.synthesize("Hello.", "en-us", (170, 50, 50))
    assert b"".join(heard) == expected[0].tobytes()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_missing_espeak_is_named(tmp_path, monkeypatch):
    """The error tells what to install."""
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(ValueError, match="pip install espeakng-loader"):
        render(tmp_path / "corpus")


def test_an_unknown_phoneme_is_named():
    """It is an error, never a guess."""
    events = [mini_timit.Event(0, "X!", -1), mini_timit.Event(9, "_", -1)]
    with pytest.raises(ValueError, match="en-US: Hi: unknown phonemes .'X!'"):
        mini_timit.align("Hi", np.zeros(9), events, "en-US", (0, 0))


def decibels(utterance, wanted, shift=0):
    """Gives the median level of the phones with the wanted symbols."""
    signal = np.roll(utterance.signal, shift)
    return np.median(
        [
            10 * np.log10(np.mean(signal[row.start : row.end] ** 2) + 1e-8)
            for row in utterance.phones
            if row.symbol in wanted
        ]
    )


def test_phones_lie_where_they_sound(clean):
    """Closures are quiet and vowels loud, but not if the labels are late."""
    voiceless = ("pcl", "tcl", "kcl")

    def contrasts(shift):
        return [
            decibels(utterance, mini_timit.VOWELS, shift)
            - decibels(utterance, voiceless, shift)
            for utterance in clean
            if {row.symbol for row in utterance.phones} & set(voiceless)
        ]

    assert len(clean) == 24
    assert min(contrasts(0)) > 30
    for shift in (-640, 640):  # 40 ms
        assert np.median(contrasts(shift)) < np.median(contrasts(0)) - 20
    for utterance in clean:
        vowels = decibels(utterance, mini_timit.VOWELS)
        assert decibels(utterance, ("h#",)) < vowels - 40


@pytest.mark.parametrize("kind", range(len(mini_timit.NOISES)))
def test_noise_and_room_leave_the_boundaries_valid(clean, kind, monkeypatch):
    """The direct sound stays in place, at the wanted ratio to the noise."""
    noise = mini_timit.NOISES[kind]
    crowd = [utterance.signal for utterance in clean[-10:]]
    monkeypatch.setattr(mini_timit, "NOISES", (noise,))
    monkeypatch.setattr(mini_timit, "SNR_DB", (10, 10))
    rng = np.random.default_rng(kind)
    for utterance in clean[:4]:
        noisy = mini_timit.degrade(utterance, crowd, rng)
        assert noisy.phones == utterance.phones
        lags = np.correlate(noisy.signal[200:-200], utterance.signal, "valid")
        assert abs(int(np.argmax(np.abs(lags))) - 200) <= 1
        start, end = noisy.phones[0].end, noisy.phones[-1].start
        power = np.mean(noisy.signal[start:end] ** 2)
        floor = np.mean(noisy.signal[:start] ** 2)
        assert 2 < 10 * np.log10(power / floor) < 20
