"""Runs on a device: they grow, resume with the same bits, and are as on the CPU.

On the CPU, on a pretended device (tests/unittests/test_pretended_card.py), and
on a GPU (`pytest -m cuda`).

Authors
 * The speechbrain_growth authors 2026
"""

import functools
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from growing_run import YAML, ToyBrain, at, toy, train, weights

HERE = Path(__file__).resolve().parent
# Torch's padding by reflection adds up in any order on a GPU, so that a
# convolution's bits differ from run to run
NO_CNN = {
    "text": YAML.replace(
        "    cnn_channels: !ref", "    cnn_blocks: 0\n    cnn_channels: !ref"
    ).replace(
        "    dropout: !ref",
        "    rnn_class: !name:speechbrain_growth.LiGRU\n    dropout: !ref",
    ),
    "growth": [{"after_epoch": 2, "rnn_neurons": 9, "dnn_neurons": 13}],
}


def on(device, **options):
    """The options of a run on a device."""
    return {"device": device if device == "cpu" else f"{device}:0", **options}


def same(one, other):
    """Whether two sets of tensors agree to the bit."""
    return list(one) == list(other) and all(
        torch.equal(one[name], other[name]) for name in one
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "moment", ["epoch 1 step 2", "epoch 2 saved", "grown", "epoch 3 saved"]
)
def test_resumed_equals_uninterrupted_to_the_bit(moment, device, tmp_path):
    options = {
        "run_opts": on(device, ckpt_interval_steps=1),
        "dropout": 0.4,
        **NO_CNN,
    }
    whole = train(toy(tmp_path / "whole", **options))
    assert whole.schedule.sizes["rnn_neurons"] == 9
    for p in whole.modules.parameters():
        assert p.device.type == device
    train(toy(tmp_path / "cut", kill=at(moment), **options))
    torch.rand(5, device=device)  # draws that the checkpoint knows nothing of
    cut = train(toy(tmp_path / "cut", **options))
    assert same(weights(cut), weights(whole))
    assert cut.history[-1] == whole.history[-1]


class Noting(ToyBrain):
    """Notes whether products may be rounded while it is probed."""

    def compute_forward(self, batch, stage):
        """As its base."""
        allowed = torch.backends.cuda.matmul.allow_tf32
        self.noted.setdefault(self.now, []).append(allowed)
        return super().compute_forward(batch, stage)

    def moment(self, name):
        """As its base."""
        self.now = "growth" if name == "before growing" else "run"
        super().moment(name)


@pytest.mark.slow
def test_a_crdnn_is_as_on_the_cpu_and_probed_with_all_bits(device, tmp_path):
    matmul = torch.backends.cuda.matmul
    before, matmul.allow_tf32 = matmul.allow_tf32, True  # as SpeechBrain has it
    histories = []
    try:
        for number, place in enumerate((device, "cpu")):
            options = {"run_opts": on(place), "dropout": 0.0, "kind": Noting}
            brain = toy(tmp_path / str(number), **options)
            brain.noted, brain.now = {}, "run"
            train(brain)
            (entry,) = brain.growth_log.read()
            assert entry["grown"] and entry["drift"] < 1e-5
            assert set(brain.noted["run"]) == {True}
            # both models on the probe; then the larger one is validated
            assert brain.noted["growth"] == [False, False, True, True]
            stats = brain.meter.stats()
            assert ("gpu_seconds" in stats) == (place == "cuda")
            histories.append(brain.history)
    finally:
        matmul.allow_tf32 = before
    for found, expected in zip(*histories):
        assert found["loss"] == pytest.approx(expected["loss"], rel=5e-2)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_half_precision_grows(precision, device, tmp_path):
    if precision == "fp16" and device != "cuda":
        pytest.skip("SpeechBrain has fp16 on GPUs alone")
    options = {"dropout": 0.0, **NO_CNN}
    run_opts = on(device, precision=precision)
    half = train(toy(tmp_path / "half", run_opts=run_opts, **options))
    assert half.scaler.is_enabled() == (precision == "fp16")
    (entry,) = half.growth_log.read()
    assert entry["grown"] and entry["drift"] < 1e-5
    full = train(toy(tmp_path / "full", run_opts=on(device), **options))
    # In fp16 the first steps are left out, until the scale of the loss fits
    far = 0.3 if precision == "fp16" else 0.05
    for stats, expected in zip(half.history, full.history):
        assert stats["loss"] == pytest.approx(expected["loss"], rel=far)


@pytest.mark.slow
def test_compiled_modules_grow(device, tmp_path, monkeypatch):
    if device == "cpu":  # whose compiler of C++ takes minutes
        quick = functools.partial(torch.compile, backend="eager")
        monkeypatch.setattr(torch, "compile", quick)
    options = {"dropout": 0.0, **NO_CNN}
    run_opts = on(device, compile=True)
    compiled = train(toy(tmp_path / "compiled", run_opts=run_opts, **options))
    assert compiled.growth_log.read()[0]["grown"]
    plain = train(toy(tmp_path / "plain", run_opts=on(device), **options))
    for stats, expected in zip(compiled.history, plain.history):
        assert stats["loss"] == pytest.approx(expected["loss"], rel=1e-2)
    torch._dynamo.reset()


@pytest.mark.slow
def test_one_process_of_many_grows(device, tmp_path):
    """NCCL on a GPU, gloo on a CPU."""
    hidden = {} if device == "cuda" else {"CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
            *("--nproc_per_node=1", "alone_run.py", str(tmp_path), device),
        ],
        cwd=HERE,
        env={**os.environ, "OMP_NUM_THREADS": "1", **hidden},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = torch.load(tmp_path / "found.pt", weights_only=False)
    backend, kind = ("gloo", "speechbrain_growth.nnet.sync_batchnorm")
    if device == "cuda":
        backend, kind = "nccl", "torch.nn.modules.batchnorm"
    assert found["backend"] == backend
    assert found["wrapped"] == ["DistributedDataParallel"] * 2
    assert found["norms"] == {f"{kind}.SyncBatchNorm"}
    alone = train(toy(tmp_path / "alone", run_opts=on(device), dropout=0.0))
    for stats, expected in zip(found["history"], alone.history):
        assert stats["loss"] == pytest.approx(expected["loss"], rel=1e-2)
