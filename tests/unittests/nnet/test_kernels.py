"""The compiled file and its cache: no damaged or foreign bytes are loaded.

Authors
 * The speechbrain_growth authors 2026
"""

import hashlib
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from speechbrain_growth.nnet import cache, kernels

QUICK = ["-O0", "-shared", "-fPIC", "-pthread"]  # what compiles in no time
needs_cc = pytest.mark.skipif(not shutil.which("cc"), reason="needs cc")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.delenv(kernels.OFF, raising=False)
    monkeypatch.setattr(kernels, "FLAGS", QUICK)
    return tmp_path / "speechbrain_growth"


@pytest.fixture
def compiled(monkeypatch):
    """What was compiled, in order."""
    done, compiles = [], kernels._compiled
    monkeypatch.setattr(
        kernels,
        "_compiled",
        lambda *args: done.append(args) or compiles(*args),
    )
    return done


def start():
    """The library, as in a new process."""
    return kernels.kernel.__wrapped__("recurrence", "REAL=float")


@needs_cc
def test_it_is_compiled_once_and_kept_under_its_digest(folder, compiled):
    assert start().made_of == start().made_of
    assert len(compiled) == 1
    (path,) = folder.iterdir()
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert path.name == f"recurrence-{start().made_of}-{digest}.so"
    assert folder.stat().st_mode & 0o777 == 0o700


def flipped(content):
    """One bit of it is another."""
    return bytes([content[0] ^ 1]) + content[1:]


@needs_cc
@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda whole: whole[: len(whole) // 2], id="half"),
        pytest.param(lambda whole: b"", id="empty"),
        pytest.param(lambda whole: bytes(len(whole)), id="zeros"),
        pytest.param(flipped, id="bit"),
    ],
)
def test_a_damaged_file_is_compiled_again(folder, compiled, damage, caplog):
    start()
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    path.unlink()  # the loaded one stays as it is
    path.write_bytes(damage(whole))
    assert start() is not None and len(compiled) == 2
    assert path.read_bytes() == whole
    assert f"{path.name} in the cache is not what was kept" in caplog.text
    caplog.clear()
    assert start() is not None and len(compiled) == 2
    assert caplog.text == ""


@needs_cc
def test_a_compiler_that_never_gives_the_same_leaves_one_file(
    folder, compiled, monkeypatch
):
    flags = iter([["-DFIRST_BUILD=a", "-s"], ["-DSECOND_BUILD=b"]])
    compiles = kernels._compiled
    monkeypatch.setattr(
        kernels,
        "_compiled",
        lambda command, source: compiles([*command, *next(flags)], source),
    )
    start()
    (first,) = folder.iterdir()
    first.unlink()
    first.write_bytes(b"")
    start()
    (second,) = folder.iterdir()
    assert first.name != second.name and len(compiled) == 2
    assert start().made_of in first.name
    assert len(compiled) == 2


@pytest.fixture
def planted(folder, tmp_path):
    """A library that leaves a mark when it is loaded, named as it should be."""
    mark, source = tmp_path / "loaded", tmp_path / "planted.c"
    source.write_text(
        "#include <fcntl.h>\n"
        "__attribute__((constructor)) static void mark(void)\n"
        f'{{ open("{mark}", O_CREAT | O_WRONLY, 0600); }}\n'
    )
    made = tmp_path / "planted.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", made, source], check=True)
    start()
    (path,) = folder.iterdir()
    path.rename(tmp_path / "whole")
    stem = path.name.rpartition("-")[0]
    digest = hashlib.sha256(made.read_bytes()).hexdigest()
    path = folder / f"{stem}-{digest}.so"
    shutil.copy(made, path)
    return path, mark


@needs_cc
def test_what_this_user_keeps_there_is_loaded(planted):
    path, mark = planted  # so the tests below could fail
    path.chmod(0o600)
    start()
    assert mark.exists()


@needs_cc
@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o1777])
def test_nothing_is_loaded_from_a_folder_of_others(
    planted, compiled, mode, folder, caplog
):
    folder.chmod(mode)
    assert start() is not None
    assert not planted[1].exists() and len(compiled) == 1
    assert [*folder.iterdir()] == [planted[0]]
    (line,) = caplog.messages
    assert line == (
        f"recurrence.c is compiled for this start alone: {folder} belongs to "
        "another user, or others may write in it; "
        f"`chmod go-w {folder}` makes it yours alone"
    )
    folder.chmod(0o700)


@needs_cc
def test_nothing_is_loaded_from_another_users_folder(
    planted, compiled, monkeypatch, caplog
):
    user = os.geteuid()
    monkeypatch.setattr(cache.os, "geteuid", lambda: user + 1)
    assert start() is not None
    assert not planted[1].exists() and len(compiled) == 1
    (line,) = caplog.messages
    assert "belongs to another user" in line


@needs_cc
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_no_file_is_loaded_that_others_may_write(planted, mode, compiled):
    path, mark = planted
    path.chmod(mode)
    assert start() is not None and len(compiled) == 1
    assert not mark.exists() and not path.exists()


@needs_cc
@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_what_is_no_file_is_not_loaded(planted, kind, compiled, tmp_path):
    path, mark = planted
    path.rename(tmp_path / "elsewhere.so")
    if kind == "link":
        path.symlink_to(tmp_path / "elsewhere.so")
    else:
        os.mkfifo(path) if kind == "pipe" else path.mkdir()
    assert start() is not None and compiled
    assert not mark.exists()


@needs_cc
def test_a_folder_exchanged_after_the_check_changes_nothing(
    planted, folder, monkeypatch
):
    """As another user may who owns the folder above."""
    path, mark = planted
    bad = folder.parent / path.name
    path.rename(bad)
    whole = bad.with_name("whole").read_bytes() + b"0"  # of a name not loaded
    cache.keep(folder, path.name.rpartition("-")[0], whole)
    finds = kernels.find

    def exchanged(opened, stem):
        found = finds(opened, stem)
        folder.rename(folder.with_name("renamed"))
        folder.mkdir()
        shutil.copy(bad, folder / found.name)
        return found

    monkeypatch.setattr(kernels, "find", exchanged)
    assert start() is not None
    assert not mark.exists()


@needs_cc
def test_many_starts_at_once_keep_one_file(folder):
    with ThreadPoolExecutor(8) as pool:
        found = [*pool.map(lambda _: start().made_of, range(8))]
    assert len({*found}) == len([*folder.iterdir()]) == 1


def test_a_kill_before_the_end_leaves_no_file(tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    for name in ("to_disk", "os.replace"):
        with monkeypatch.context() as patch:
            patch.setattr(f"speechbrain_growth.nnet.cache.{name}", killed)
            with pytest.raises(KeyboardInterrupt):
                cache.keep(tmp_path, "one", b"1")
        assert [*tmp_path.iterdir()] == []
    synced = []
    monkeypatch.setattr(cache, "to_disk", lambda path: synced.append(str(path)))
    kept = cache.keep(tmp_path, "one", b"1")
    assert synced[1:] == [str(tmp_path)] and synced[0] != str(kept)


@needs_cc
def test_its_digest_tells_flags_and_compiler_and_not_their_place(
    folder, monkeypatch, tmp_path
):
    expected = start().made_of
    (tmp_path / "my_cc").symlink_to(shutil.which("cc"))
    monkeypatch.setenv("CC", str(tmp_path / "my_cc"))
    assert start().made_of == expected
    for flags in ("-O1", "-g", "-DANY"):
        monkeypatch.setenv("CC", f"cc {flags}")
        assert start().made_of != expected
    monkeypatch.delenv("CC")
    assert kernels.kernel.__wrapped__(
        "recurrence", "REAL=double"
    ).made_of not in (None, expected)


@needs_cc
@pytest.mark.parametrize("obstacle", ["file", "no home", "read-only"])
def test_without_a_cache_it_is_compiled_for_the_start(
    folder, obstacle, monkeypatch, caplog
):
    if obstacle == "file":
        folder.write_text("")
    elif obstacle == "no home":
        monkeypatch.delenv("XDG_CACHE_HOME")

        def none():
            raise RuntimeError("Could not determine home directory.")

        monkeypatch.setattr(Path, "home", none)
    else:

        def refused(**_):
            raise OSError(30, "Read-only file system", str(folder))

        folder.mkdir(0o700)
        mkstemp = cache.tempfile.mkstemp
        monkeypatch.setattr(
            cache.tempfile,
            "mkstemp",
            lambda dir: refused() if "proc" in str(dir) else mkstemp(dir=dir),
        )
    assert start() is not None
    (line,) = caplog.messages
    assert line.startswith("recurrence.c is compiled for this start alone: ")


def test_without_a_compiler_a_warning_says_so(folder, monkeypatch, caplog):
    monkeypatch.setenv("CC", "no_such_cc")
    assert start() is None
    (record,) = caplog.records
    assert record.levelname == "WARNING" and "no_such_cc" in record.message
