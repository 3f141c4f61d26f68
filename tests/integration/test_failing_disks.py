"""Files that cannot be opened, read or written: one message, then a resume.

Authors
 * The speechbrain_growth authors 2026
"""

import builtins
import errno
import os

import pytest
from bad_inputs import MNIST, _main, forked, run_recipe

RUN = ["hparams/grow.yaml", "--dataset=digits", "--device=cpu", "--hidden=[4]"]
RUN += ["--growth=[{after_epoch: 1, hidden: [6]}]", "--number_of_epochs=2"]


def given(folder):
    """The command line of a run of two epochs with a growth."""
    return [*RUN, f"--output_folder={folder}/out"]


def resumes(folder):
    """The same command, once the disk works, ends well."""
    code, text = run_recipe(MNIST, given(folder), folder / "printed.txt")
    assert code == 0, text
    assert (folder / "out" / "model.yaml").is_file()


IN_THE_WAY = """
    env.log growth_log.jsonl hyperparams.yaml log.txt model.yaml run.lock
    run_log.jsonl train_log.txt
""".split()


@pytest.mark.parametrize("name", IN_THE_WAY)
def test_a_folder_in_the_place_of_a_file(name, tmp_path):
    path = tmp_path / "out" / name
    path.mkdir(parents=True)
    code, text = run_recipe(MNIST, given(tmp_path), tmp_path / "printed.txt")
    assert code == 1 and "Traceback" not in text, text
    assert str(path) in text.splitlines()[-1]
    path.rmdir()
    resumes(tmp_path)


@pytest.mark.parametrize("name", ["out", "out/save"])
def test_a_file_in_the_place_of_a_folder(name, tmp_path):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("")
    code, text = run_recipe(MNIST, given(tmp_path), tmp_path / "printed.txt")
    assert code == 1 and "Traceback" not in text, text
    assert str(path) in text.splitlines()[-1]
    path.unlink()
    resumes(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_nobody_may_write_into(tmp_path):
    (tmp_path / "out").mkdir(mode=0o500)
    code, text = run_recipe(MNIST, given(tmp_path), tmp_path / "printed.txt")
    assert code == 1 and "Traceback" not in text, text
    (tmp_path / "out").chmod(0o700)
    resumes(tmp_path)


class Broken:
    """A file that opens, but cannot be read or written."""

    def __init__(self, file, code):
        self.file, self.code = file, code

    def fail(self, *given):
        """As the system does: without the name of the file"""
        raise OSError(self.code, os.strerror(self.code))

    read = write = readline = __iter__ = fail

    def __enter__(self):
        return self

    def __exit__(self, *given):
        self.file.close()

    def __getattr__(self, name):
        return getattr(self.file, name)


def break_one(folder, name, number, code):
    """Runs the recipe; one of the files of a name, in its folder, breaks."""
    opened, real = [], builtins.open

    def broken(file, *mode, **options):
        """Opens a file, or one that fails"""
        handle = real(file, *mode, **options)
        path = str(file)
        if path.startswith(f"{folder}/out") and os.path.basename(path) == name:
            opened.append(path)
            if len(opened) == number:
                return Broken(handle, code)
        return handle

    builtins.open = broken
    _main(MNIST, "train.py", given(folder))


@pytest.mark.slow
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC], ids=os.strerror)
@pytest.mark.parametrize(
    "name, number",
    [
        ("CKPT.yaml", 1),  # written
        ("CKPT.yaml", 3),  # read
        ("env.log", 1),
        ("growth_log.jsonl", 1),
        ("growth_log.jsonl.tmp", 1),
        ("growth_schedule.ckpt", 1),
        ("growth_transition.ckpt", 2),
        ("hyperparams.yaml.tmp", 1),
        ("log.txt", 1),
        ("meter.ckpt", 1),
        ("model.ckpt", 1),
        ("model.yaml.tmp", 1),
        ("run_log.jsonl", 1),
        ("run_log.jsonl.tmp", 2),
        ("train_log.txt", 2),
    ],
)
def test_one_file_breaks(name, number, code, tmp_path):
    log = tmp_path / "printed.txt"
    exit_code, text = forked(break_one, log, tmp_path, name, number, code)
    assert exit_code == 1 and "Traceback" not in text, text
    last = text.splitlines()[-1]
    assert last.startswith("error: ")
    assert os.strerror(code) in last
    resumes(tmp_path)


@pytest.mark.parametrize("name", ["log.txt", "train_log.txt"])
def test_a_log_on_a_full_disk(name, tmp_path):
    path = tmp_path / "out" / name
    path.parent.mkdir()
    path.symlink_to("/dev/full")  # where the system says that no room is left
    code, text = run_recipe(MNIST, given(tmp_path), tmp_path / "printed.txt")
    assert code == 1 and "Traceback" not in text, text
    assert "No space left on device" in text.splitlines()[-1]
    assert "the same command" in text.splitlines()[-1]
    path.unlink()
    resumes(tmp_path)
