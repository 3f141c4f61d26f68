"""Tests that a file is complete or absent, and that no link is followed.

Authors
 * The speechbrain_growth authors 2026
"""

import errno
import os
import subprocess
import sys
import time

import pytest

from speechbrain_growth.data.labels import SafeTextEncoder
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.experiments.launchers.locking import alone
from speechbrain_growth.files import aside, open_own
from speechbrain_growth.launch.lock import lock_folder
from speechbrain_growth.measure.events import write_events
from speechbrain_growth.resume import checksums


def _labels(path):
    """Writes a file of labels"""
    encoder = SafeTextEncoder()
    encoder.update_from_iterable(["sil"], sequence_input=False)
    encoder.insert_blank()
    encoder.save(str(path))


WRITERS = {
    "run_log.jsonl": lambda path: write_events(path, [{"event": "start"}]),
    "label_encoder.txt": _labels,
}


def test_an_error_leaves_the_earlier_file(tmp_path):
    path = tmp_path / "model.yaml"
    path.write_text("old")
    with pytest.raises(OSError, match="full"):
        with aside(path) as new, open(new, "w") as fout:
            fout.write("ne")
            raise OSError("full")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["model.yaml"]


def test_an_error_names_the_file(tmp_path):
    path = tmp_path / "model.yaml"
    with pytest.raises(OSError) as error:
        with aside(path):
            raise OSError(errno.EIO, "Input/output error")
    assert error.value.filename == str(path)


def test_what_a_kill_left_is_written_anew(tmp_path):
    path = tmp_path / "model.yaml"
    (tmp_path / "model.yaml.tmp").write_text("what a killed run wrote, longer")
    with aside(path) as new, open(new, "w") as fout:
        fout.write("new")
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["model.yaml"]


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("end", ["", ".tmp"])
def test_a_planted_link_is_replaced(tmp_path, name, end):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / f"{name}{end}").symlink_to(victim)
    WRITERS[name](tmp_path / name)
    assert victim.read_text() == "precious"
    assert not (tmp_path / name).is_symlink() and (tmp_path / name).is_file()


@pytest.mark.parametrize("plant", ["link", "dangling", "pipe", "folder"])
@pytest.mark.parametrize("lock", ["run.lock", ".sweep.lock"])
def test_a_lock_that_is_no_file_is_refused(tmp_path, lock, plant):
    victim, path = tmp_path / "victim", tmp_path / lock
    victim.write_text("precious")
    {
        "link": lambda: path.symlink_to(victim),
        "dangling": lambda: path.symlink_to(tmp_path / "absent"),
        "pipe": lambda: os.mkfifo(path),
        "folder": path.mkdir,
    }[plant]()
    with pytest.raises(GrowthError, match=f"{lock} is no plain file; remove"):
        if lock == "run.lock":
            lock_folder(str(tmp_path))
        else:
            with alone(str(tmp_path)):
                pass
    assert victim.read_text() == "precious"
    assert not (tmp_path / "absent").exists()


def test_links_of_other_users_are_refused(tmp_path, monkeypatch):
    run, mine = tmp_path / "run", os.geteuid()
    (run / "disk").mkdir(parents=True)
    (run / "save").symlink_to(run / "disk")  # nothing is written through it
    for name in ("log.txt", "train_log.txt"):
        (run / name).symlink_to(tmp_path / "victim")
    monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    with pytest.raises(GrowthError, match="2 problems") as caught:
        lock_folder(str(run))
    assert "train_log.txt is a link that another user made" in str(caught.value)
    monkeypatch.setattr(os, "geteuid", lambda: mine)
    assert lock_folder(str(run))


def test_a_link_made_between_look_and_open_is_refused(tmp_path, monkeypatch):
    (tmp_path / "lock").symlink_to(tmp_path / "victim")
    monkeypatch.setattr(os.path, "lexists", lambda path: False)
    with pytest.raises(OSError, match="symbolic links"):
        open_own(tmp_path / "lock")


def test_a_seal_waits_for_each_file_and_last_for_the_folder(
    tmp_path, monkeypatch
):
    waited = []
    for name in "abcdefgh":
        (tmp_path / name).write_text(name)

    def to_disk(path):
        """Notes what is waited for; for one file longer"""
        if path.name == "a":
            time.sleep(0.2)
        waited.append(path)

    monkeypatch.setattr(checksums, "to_disk", to_disk)
    checksums.seal(tmp_path)
    files = {tmp_path / name for name in [*"abcdefgh", checksums.CHECKSUMS]}
    assert set(waited[:-1]) == files and len(waited) == len(files) + 1
    assert waited[-1] == tmp_path


def test_a_seal_raises_what_the_disk_says_of_one_file(tmp_path, monkeypatch):
    for name in "abcdefgh":
        (tmp_path / name).write_text(name)

    def to_disk(path):
        """One file cannot be written"""
        if path.name == "e":
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(checksums, "to_disk", to_disk)
    with pytest.raises(OSError, match="Input/output error"):
        checksums.seal(tmp_path)


def test_it_imports_neither_torch_nor_speechbrain():
    code = (
        "import sys, speechbrain_growth.files\n"
        "assert not {'torch', 'speechbrain'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
