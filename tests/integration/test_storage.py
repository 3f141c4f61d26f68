"""Broken storage: damaged checkpoints, a full disk, two runs in one folder.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
import itertools
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import time

import pytest
import torch
import yaml
from bad_inputs import forked
from growing_run import Killed, at, data, toy, train, train_log, weights

from speechbrain.utils.checkpoints import Checkpointer
from speechbrain_growth import GrowthError
from speechbrain_growth.launch.lock import folder_lock
from speechbrain_growth.launch.plain_errors import plain_errors
from speechbrain_growth.resume.checkpointer import SafeCheckpointer
from speechbrain_growth.resume.checksums import CHECKSUMS


def write_into(folder, room, printed):
    """A run whose files may not become larger than `room` bytes.

    That is what the disk says when it is full. What is printed goes to a pipe,
    for which there is always room.
    """
    os.dup2(printed, 2)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    brain = toy(folder)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    with plain_errors():
        train(brain)


def second(folder, log, room=1 << 30):
    """Another process that runs in a folder: its exit code, what it printed."""
    reader, writer = os.pipe()
    try:
        code, _ = forked(write_into, log, folder, room, writer)
        os.close(writer)
        with open(reader, encoding="utf-8", closefd=False) as fin:
            return code, fin.read()
    finally:
        os.close(reader)


def truncate(path):
    """Half of the file is missing."""
    os.truncate(path, path.stat().st_size // 2)


def empty(path):
    """Nothing is left, as after a power failure."""
    os.truncate(path, 0)


def flip(path):
    """One bit is another."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def remove(path):
    """The file is gone."""
    path.unlink()


def rename(path):
    """The file has another name."""
    path.rename(path.with_name("other"))


def cut_a_line(path):
    """The last line of the file is missing."""
    path.write_bytes(b"".join(path.read_bytes().splitlines(True)[:-1]))


def dangle(path):
    """The file is a link that leads nowhere."""
    path.unlink()
    path.symlink_to("nowhere")


def add(path):
    """There is a file more."""
    path.write_text("lr: 1.0")


def add_link(path):
    """There is a link that leads nowhere, and the model is cut off."""
    path.symlink_to("nowhere")
    truncate(path.with_name("model.ckpt"))


DAMAGES = (
    [
        (damage, name)
        for damage in (truncate, empty, flip, remove)
        for name in ("model.ckpt", "optimizer.ckpt", "CKPT.yaml")
    ]
    + [
        (truncate, "growth_schedule.ckpt"),
        (empty, "randomness.ckpt"),
        (flip, "counter.ckpt"),
        (add, "scheduler2.ckpt"),
        (add_link, "beside.ckpt"),
        (dangle, "model.ckpt"),
        (dangle, "CKPT.yaml"),
    ]
    + [
        (damage, CHECKSUMS)
        for damage in (
            truncate,
            flip,
            empty,
            remove,
            rename,
            cut_a_line,
            dangle,
        )
    ]
)


def dies_at(patch, owner, name, moment):
    """Makes a function end the process instead of its n-th call"""
    function, calls = getattr(owner, name), itertools.count()

    def dying(*args, **kwargs):
        if next(calls) == moment:
            raise Killed
        return function(*args, **kwargs)

    patch.setattr(owner, name, dying)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nothing happens to."""
    return train(toy(tmp_path_factory.mktemp("whole")))


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run that was stopped after its third epoch; it grew after two."""
    folder = tmp_path_factory.mktemp("stopped")
    train(toy(folder, kill=at("epoch 4 step 1")))
    return folder


def newest(folder):
    """The folder of the newest checkpoint."""
    return max((folder / "save").glob("CKPT*"), key=lambda path: path.name)


@pytest.mark.parametrize(
    "damage, name",
    [pytest.param(d, n, id=f"{d.__name__} {n}") for d, n in DAMAGES],
)
def test_a_damaged_checkpoint_is_found(damage, name, stopped, tmp_path):
    copy = shutil.copytree(stopped / "save", tmp_path / "save")
    last = newest(tmp_path)
    damage(last / name)
    checkpointer = SafeCheckpointer(copy)
    found = checkpointer.find_checkpoint()
    assert found.path.name < last.name
    assert list(checkpointer.soundness.damaged) == [last]


@pytest.mark.parametrize("damage", [truncate, flip, remove])
def test_a_run_resumes_from_the_checkpoint_before(
    damage, stopped, whole, tmp_path, caplog
):
    shutil.copytree(stopped, tmp_path, dirs_exist_ok=True)
    last = newest(tmp_path)
    damage(last / "model.ckpt")
    resumed = train(toy(tmp_path))
    assert f"{last} is skipped: model.ckpt" in caplog.text
    assert "resumes from the one before it" in caplog.text
    assert train_log(resumed) == train_log(whole)
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(resumed)[name]), name


def test_no_run_starts_over_a_folder_of_damaged_checkpoints(tmp_path):
    train(toy(tmp_path, kill=at("epoch 3 step 1")))
    found = sorted((tmp_path / "save").glob("CKPT*"))
    assert len(found) == 2
    for path in found:
        empty(path / "model.ckpt")
    with pytest.raises(GrowthError) as error:
        train(toy(tmp_path))
    assert all(str(path) in str(error.value) for path in found)
    assert sorted((tmp_path / "save").glob("CKPT*")) == found


def test_the_best_checkpoint_may_be_damaged(tmp_path):
    brain = train(toy(tmp_path))
    best = brain.checkpointer.find_checkpoint(min_key="error").path
    flip(best / "output.ckpt")
    loader = torch.utils.data.DataLoader(data(2, seed=1), batch_size=4)
    toy(tmp_path).evaluate(loader, min_key="error")


def test_stock_speechbrain_loads_what_was_saved(stopped, tmp_path):
    brain = toy(tmp_path, rnn_neurons=9, dnn_neurons=13, cnn_channels=[4, 8])
    stock = Checkpointer(
        stopped / "save",
        {"model": brain.modules.model, "output": brain.modules.output},
    )
    found = stock.recover_if_possible()
    assert found.path == newest(stopped)
    saved = torch.load(found.paramfiles["output"], weights_only=True)
    assert torch.equal(brain.modules.output.w.weight, saved["w.weight"])


def test_checksums_are_those_of_sha256sum(stopped):
    done = subprocess.run(
        ["sha256sum", "--quiet", "-c", CHECKSUMS], cwd=newest(stopped)
    )
    assert done.returncode == 0


def test_the_best_and_the_newest_two_are_kept(tmp_path):
    brain = toy(tmp_path, number_of_epochs=1)
    for error in (1.0, 5.0, 3.0, 4.0, 6.0, 7.0):
        brain.checkpointer.save_and_keep_only(
            meta={"error": error}, min_keys=["error"]
        )
    kept = [c.meta["error"] for c in brain.checkpointer.list_checkpoints()]
    assert sorted(kept) == [1.0, 3.0, 6.0, 7.0]


def test_a_checkpoint_with_a_name_is_replaced_as_a_whole(tmp_path):
    net = torch.nn.Linear(1, 1)
    checkpointer = SafeCheckpointer(tmp_path, {"net": net})
    for value in (1.0, 2.0):
        net.weight.data.fill_(value)
        saved = checkpointer.save_checkpoint(name="mine")
    checkpointer.save_checkpoint()
    assert saved.path == tmp_path / "CKPT+mine"
    assert torch.load(saved.paramfiles["net"])["weight"].item() == 2.0
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("moment", range(4))
def test_a_kill_between_renames_leaves_one_of_the_two(
    moment, tmp_path, monkeypatch
):
    """A checkpoint of the same name, saved twice; also a reader finds one"""
    net = torch.nn.Linear(1, 1)
    checkpointer = SafeCheckpointer(tmp_path, {"net": net})
    net.weight.data.fill_(1.0)
    checkpointer.save_checkpoint(name="mine")
    net.weight.data.fill_(2.0)
    with monkeypatch.context() as patch:
        dies_at(patch, pathlib.Path, "rename", moment)
        with contextlib.suppress(Killed):
            checkpointer.save_checkpoint(name="mine")
    for again in range(2):  # the second time, another one was saved between
        found = SafeCheckpointer(tmp_path).list_checkpoints()
        values = [torch.load(c.paramfiles["net"])["weight"] for c in found]
        assert (2.0 if moment > 1 else 1.0) in values
        assert len(found) == 1 + again
        net.weight.data.fill_(3.0)
        SafeCheckpointer(tmp_path, {"net": net}).save_checkpoint()


@pytest.mark.parametrize("moment", range(5))
def test_a_kill_while_one_is_deleted_leaves_none_that_counts(
    moment, tmp_path, monkeypatch, caplog
):
    net = torch.nn.Linear(1, 1)
    checkpointer = SafeCheckpointer(tmp_path, {"net": net})
    for _ in range(3):
        checkpointer.save_checkpoint()
    with monkeypatch.context() as patch:
        dies_at(patch, os, "unlink", moment)
        with contextlib.suppress(Killed):
            checkpointer.delete_checkpoints(num_to_keep=2)
    again = SafeCheckpointer(tmp_path, {"net": net})
    assert len(again.list_checkpoints()) == 2
    again.save_checkpoint()
    assert len(list(tmp_path.iterdir())) == 3
    assert "is skipped" not in caplog.text


def test_the_newest_is_the_last_that_was_saved_whatever_the_clock_says(
    whole, tmp_path, monkeypatch
):
    now = time.time()
    with monkeypatch.context() as patch:
        hours = itertools.count(0, -3600)  # an hour back at each look
        patch.setattr(time, "time", lambda: now + next(hours))
        train(toy(tmp_path, kill=at("epoch 4 step 1")))
        known = SafeCheckpointer(tmp_path / "save").find_checkpoint()
        assert (
            yaml.safe_load(known.paramfiles["growth_schedule"].read_text())[
                "last"
            ]["epoch"]
            == 3
        )
    resumed = train(toy(tmp_path))
    assert train_log(resumed) == train_log(whole)
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(resumed)[name]), name


def test_checkpoints_without_checksums_are_loaded_from_stock_speechbrain(
    tmp_path,
):
    net = torch.nn.Linear(1, 1)
    stock = Checkpointer(tmp_path, {"net": net}).save_checkpoint()
    assert SafeCheckpointer(tmp_path).find_checkpoint().path == stock.path


@pytest.mark.parametrize("room", [4_000, 200])
def test_a_full_disk_ends_with_one_message(
    room, whole, tmp_path, tmp_path_factory
):
    """Room for the text files of a checkpoint only, or for none of them."""
    train(toy(tmp_path, kill=at("epoch 3 step 1")))
    before = sorted((tmp_path / "save").rglob("*"))
    log = tmp_path_factory.mktemp("second") / "log"
    code, printed = second(tmp_path, log, room)
    assert code == 1, printed
    assert "Traceback" not in printed
    assert "error: " in printed and "the same command" in printed
    assert sorted((tmp_path / "save").rglob("*")) == before
    resumed = train(toy(tmp_path))
    assert train_log(resumed) == train_log(whole)
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(resumed)[name]), name


def test_a_second_run_in_a_folder_refuses(tmp_path, tmp_path_factory):
    train(toy(tmp_path, kill=at("epoch 1 step 1")))
    log = tmp_path_factory.mktemp("second") / "log"
    with folder_lock(str(tmp_path)):
        code, printed = second(tmp_path, log)
        train(toy(tmp_path))  # this process has the lock
    assert code == 1
    words = f"error: output_folder: another run is writing into {tmp_path}"
    assert words in printed
    assert f"(process {os.getpid()} on " in printed
    code, printed = second(tmp_path, log)
    assert code == 0, printed
