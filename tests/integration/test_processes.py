"""Two real processes train one model, which grows in the middle.

Authors
 * The speechbrain_growth authors 2026
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from growing_run import at, toy, train

from speechbrain_growth import GrowthError
from speechbrain_growth.launch.processes import join
from speechbrain_growth.nnet.sync_batchnorm import SyncBatchNorm

HERE = Path(__file__).resolve().parent
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
pytestmark = pytest.mark.slow  # all but the last test need two processes
GROWN = {"cnn_channels": [4, 8], "rnn_neurons": 9, "dnn_neurons": 13}


@pytest.fixture(scope="module")
def batch():
    """A batch, and the gradient that comes back."""
    torch.manual_seed(0)
    return torch.randn(2, 7, 4, 5, dtype=torch.float64).unbind()


@pytest.fixture(scope="module")
def scenes(batch, tmp_path_factory):
    """What each scene of `spread_run.py` gave on each of two processes."""
    folder = tmp_path_factory.mktemp("spread")
    train(toy(folder / "one_to_two", kill=at("epoch 3 saved")))
    (folder / "batch_norm").mkdir()
    torch.save(batch, folder / "batch_norm" / "batch.pt")
    done = subprocess.run(
        [*TORCHRUN, "--nproc_per_node=2", "spread_run.py", str(folder)],
        cwd=HERE,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {
        path.parent.name: [
            torch.load(path.parent / f"{rank}.pt", weights_only=False)
            for rank in (0, 1)
        ]
        for path in folder.glob("*/0.pt")
    } | {"folder": folder}


def same(one, other):
    """Whether two sets of tensors agree to the bit."""
    return list(one) == list(other) and all(
        torch.equal(one[name], other[name]) for name in one
    )


SCENES = (
    "whole resumed_before resumed_after one_to_two two_to_one scripted filled"
)


PARTLY = ("by_hand", "measured", "one_size_only", "frozen", "budgeted")


@pytest.mark.parametrize("scene", [*SCENES.split(), *PARTLY])
def test_all_processes_end_with_the_same_weights(scene, scenes):
    one, other = scenes[scene]
    assert same(one["weights"], other["weights"])
    assert one["history"] == other["history"]
    sizes = {"rnn_neurons": 9} if scene in PARTLY else GROWN
    assert {key: one["sizes"][key] for key in sizes} == sizes
    parallel = "DistributedDataParallel"
    assert one["wrapped"] == other["wrapped"] == [parallel, parallel]


def test_processes_begin_units_from_the_gradients_of_both(scenes):
    one, other = (part["filling"] for part in scenes["filled"])
    assert one == other and len(one["units"]) == 4 and one["batches"] == 2


def test_one_process_searches_and_all_grow_alike(scenes):
    one, other = scenes["searched"]
    assert same(one["weights"], other["weights"])
    assert one["found"] == other["found"] and one["macs"] == other["macs"]
    assert one["sizes"] == other["sizes"] and one["sizes"]["dnn_neurons"] > 8


def test_all_processes_make_the_same_choice(scenes):
    one, other = scenes["chosen"]
    assert same(one["weights"], other["weights"])
    assert one["sizes"] == other["sizes"]
    again = scenes["chosen_again"][0]
    assert same(one["weights"], again["weights"])
    assert one["held"] == again["held"]
    assert one["wrapped"] == ["DistributedDataParallel"] * 2


def test_the_processes_share_a_budget(scenes):
    one, other = scenes["budgeted"]
    assert one["steps"] == other["steps"] and one["macs"] == other["macs"]
    assert 5e6 <= one["macs"] < 5e6 * (1 + 1 / (one["steps"] - 1))
    assert len(one["history"]) < 4


@pytest.mark.parametrize("scene", ["resumed_before", "resumed_after"])
def test_resumed_equals_uninterrupted(scene, scenes):
    assert same(scenes["whole"][0]["weights"], scenes[scene][0]["weights"])


def test_what_is_measured_is_the_same_in_all_processes(scenes):
    one, other = scenes["measured"]
    assert same(one["whole"], one["weights"])  # which was stopped on the way
    assert one["seen"] == other["seen"] == one["resumed"] == other["resumed"]


def test_batch_norms_are_synchronised_again_after_a_growth(scenes):
    layers = scenes["whole"][0]["layers"]
    assert str(SyncBatchNorm) in layers
    assert not layers & {str(torch.nn.BatchNorm1d), str(torch.nn.BatchNorm2d)}


def test_the_best_checkpoint_is_tested_by_all(scenes):
    one, other = scenes["whole"]
    best = min(one["history"], key=lambda stats: (stats["error"]))
    assert one["loss"] == other["loss"] == pytest.approx(best["loss"], rel=1e-2)


def test_a_growth_is_logged_once(scenes):
    lines = (scenes["folder"] / "whole" / "growth_log.jsonl").read_text()
    assert len(lines.splitlines()) == 1


def test_one_process_resumes_what_two_began(scenes):
    brain = toy(scenes["folder"] / "two_to_one")
    brain.on_fit_start()
    saved = scenes["two_to_one"][0]["weights"]
    for name, tensor in brain.modules.state_dict().items():
        wrapped = name.replace(".", ".module.", 1)
        assert torch.equal(tensor, saved[wrapped]), name
    train(brain)
    assert brain.hparams.epoch_counter.current == 4


def test_no_process_waits_for_one_that_failed(scenes):
    one, other = scenes["failure"]
    assert one == "process 1 failed: no room for 9 units"
    assert other == "no room for 9 units"


@pytest.mark.parametrize(
    "scene, message",
    [
        ("drifting", "rolled back: the probe batch drifted by 2.5e-01"),
        ("bad_metric", "no metric 'PER'; use one that it gave: loss, error"),
    ],
)
def test_the_main_process_decides_for_all(scene, message, scenes):
    one, other = scenes[scene]
    assert one == other and message in one


@pytest.mark.parametrize(
    "scene, where",
    [
        ("broken_in_training", ""),
        ("broken_in_validation", "the validation of "),
    ],
)
def test_what_one_process_sees_takes_a_growth_back_on_all(scene, where, scenes):
    expected = scenes["refused"][0]
    assert expected["sizes"]["rnn_neurons"] == 6
    for found in scenes[scene]:
        assert same(found["weights"], expected["weights"])
        for key in ("sizes", "history", "wrapped"):
            assert found[key] == expected[key]
    log = (scenes["folder"] / scene / "growth_log.jsonl").read_text()
    assert f"the loss at step 2 of {where}epoch 3 is not finite" in log


def test_sync_batch_norm_sees_the_batches_of_all(batch, scenes):
    net = torch.nn.Sequential(torch.nn.BatchNorm1d(4, dtype=torch.float64))
    inputs = batch[0].clone().requires_grad_()
    outputs = net(inputs)
    outputs.backward(batch[1])
    one, other = scenes["batch_norm"]
    close = torch.testing.assert_close
    close(torch.cat([one["outputs"], other["outputs"]]), outputs)
    close(torch.cat([one["gradient"], other["gradient"]]), inputs.grad)
    close(one["weight"] + other["weight"], net[0].weight.grad)
    close(one["bias"] + other["bias"], net[0].bias.grad)
    for name, buffer in net.state_dict().items():
        close(one["buffers"][name], buffer)
        assert torch.equal(one["buffers"][name], other["buffers"][name])
    net.eval()
    close(torch.cat([one["eval"], other["eval"]]), net(inputs))


def test_processes_without_a_gpu_each_are_pointed_to_gloo(monkeypatch):
    for name in ("RANK", "LOCAL_RANK"):
        monkeypatch.setenv(name, "0")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(
        GrowthError, match="nccl: .* --distributed_backend=gloo"
    ):
        join({"distributed_backend": "nccl"})
