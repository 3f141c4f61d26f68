"""Costs against torch's own count of real passes; the run log's laws.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from speechbrain.lobes.models.CRDNN import CRDNN
from speechbrain.nnet.linear import Linear
from speechbrain.utils.checkpoints import Checkpointer
from speechbrain_growth import GrowthError
from speechbrain_growth.measure.cost import ForwardCost
from speechbrain_growth.measure.meter import TRAINING, Meter
from speechbrain_growth.measure.run_log import RunLogger, read_events
from speechbrain_growth.schedule.schedule import GrowthSchedule

FEATURES = 8


class Attention(nn.Module):
    """Attends over time, so that its MACs grow with the square of it."""

    def __init__(self):
        super().__init__()
        self.project = nn.Linear(FEATURES, FEATURES)

    def forward(self, x):
        """Mixes the frames."""
        x = self.project(x)
        return (x @ x.transpose(1, 2)).softmax(-1) @ x


class Subsampled(nn.Module):
    """Takes every fourth frame, as two strided convolutions do."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv1d(FEATURES, 6, 3, stride=2),
            nn.Conv1d(6, 4, 3, stride=2),
        )

    def forward(self, x):
        """Frames to fewer frames."""
        return self.conv(x.transpose(1, 2)).transpose(1, 2)


def crdnn(**options):
    """A small CRDNN with an output layer, as the recipe has it."""
    model = CRDNN(
        input_size=FEATURES,
        cnn_channels=[2, 4],
        rnn_neurons=5,
        rnn_layers=2,
        dnn_blocks=1,
        dnn_neurons=6,
        **options,
    )
    return nn.ModuleDict({"model": model, "output": Linear(3, input_size=6)})


MODELS = {
    "CRDNN": lambda: crdnn(time_pooling=True),
    "CRDNN pooling by 4": lambda: crdnn(time_pooling=True, time_pooling_size=4),
    "attention": lambda: nn.ModuleDict({"model": Attention()}),
    "every fourth frame": lambda: nn.ModuleDict({"model": Subsampled()}),
}
BATCHES = [(1, 97), (3, 98), (2, 99), (4, 100), (1, 31), (2, 32), (2, 301)]


def counted(modules, shape):
    """MACs of one pass of real tensors."""
    signal, counter = torch.randn(shape), FlopCounterMode(display=False)
    with counter:
        for module in modules.values():
            signal = module(signal)
            signal = signal[0] if isinstance(signal, tuple) else signal
    return counter.get_total_flops() // 2


@pytest.mark.parametrize("name", MODELS)
def test_a_batch_of_any_length_costs_what_torch_counts(name):
    modules = MODELS[name]()
    cost = ForwardCost(modules)
    for batch, frames in BATCHES:
        shape = (batch, frames, FEATURES)
        assert cost(shape) == counted(modules, shape), shape


@pytest.mark.parametrize(
    "model, shape",
    [
        (nn.Sequential(nn.Linear(7, 5), nn.ReLU(), nn.Linear(5, 3)), (64, 7)),
        (nn.Conv2d(1, 2, 3), (3, 1, 28, 28)),
    ],
)
def test_images_are_counted_at_their_own_shape(model, shape):
    modules = nn.ModuleDict({"model": model})
    assert ForwardCost(modules)(shape) == counted(modules, shape)


def meter(width=2):
    """A meter of a linear layer."""
    schedule = GrowthSchedule()
    schedule.start({"width": width})

    def build(sizes):
        return nn.ModuleDict({"net": nn.Linear(3, sizes["width"])})

    return Meter(build, schedule), schedule


def test_what_was_counted_is_priced_at_its_own_sizes():
    one, schedule = meter()
    one.count(torch.ones(5, 3))
    one.fold()
    schedule.start({"width": 4})
    one.count(torch.ones(7, 3))
    one.count(torch.ones(7, 3))
    expected = TRAINING * (5 * 3 * 2 + 2 * 7 * 3 * 4)
    assert one.stats()["macs"] == expected
    assert one.stats()["macs"] == expected  # asking costs nothing


def test_a_meter_that_is_never_shown_anything_says_so():
    one, _ = meter()
    one.start()
    with pytest.raises(GrowthError, match="must call self.meter.count"):
        one.stats()


def carried_over(one, other, folder):
    """Saves a meter, loads it into another one, and returns the file."""
    checkpoint = Checkpointer(folder, {"meter": one}).save_checkpoint()
    Checkpointer(folder, {"meter": other}).recover_if_possible()
    return checkpoint.paramfiles["meter"]


def test_totals_survive_in_readable_text(tmp_path):
    first, _ = meter()
    first.start()
    first.count(torch.ones(5, 3))
    first.stats()
    first.count(torch.ones(1, 3))
    second, _ = meter()
    second.count(torch.ones(50, 3))  # forgotten: it is in no checkpoint
    text = carried_over(first, second, tmp_path).read_text()
    assert second.stats()["macs"] == TRAINING * 6 * 3 * 2
    assert second.total["wall_seconds"] >= first.total["wall_seconds"]
    assert "macs: 90" in text


def test_a_run_may_resume_on_another_device(tmp_path):
    on_gpu, on_cpu = (meter()[0] for _ in range(2))
    on_gpu.device = "cuda:0"
    on_gpu.total = {"macs": 6, "gpu_seconds": 5.0}
    on_gpu.since = {"macs": 1, "gpu_seconds": 2.0}
    carried_over(on_gpu, on_cpu, tmp_path)
    stats = on_cpu.stats()
    assert stats["gpu_seconds"] == 7.0 and stats["macs"] == 7
    assert stats["wall_seconds"] > 0


def test_a_growth_before_the_first_epoch_stays_logged(tmp_path):
    log = logger(tmp_path)
    log.begin({"before": {"macs": 3}})
    log.log_growth({"growth": 0, "epoch": 0, "grown": True})
    # a checkpoint from inside the first epoch
    log.begin({}, epoch=0)
    assert kinds(log) == ["start", "growth0"]
    assert read_events(log.run_file)[0]["before"] == {"macs": 3}


def logger(folder):
    """A run log."""
    return RunLogger(str(folder / "train_log.txt"), "PER", "lower")


def kinds(log):
    """What is in it, in short."""
    return [
        e["event"] + str(e.get("epoch", "")) for e in read_events(log.run_file)
    ]


def write(log, *epochs):
    """Logs epochs."""
    for epoch in epochs:
        log.log_stats({"epoch": epoch}, valid_stats={"PER": 1.0})


def test_no_epoch_stands_twice(tmp_path):
    log = logger(tmp_path)
    log.begin({"seed": 1})
    write(log, 1, 2)
    log.log_growth({"growth": 0, "epoch": 2, "grown": True})
    write(log, 3)
    # killed after the log line of epoch 3, but before its checkpoint
    again = logger(tmp_path)
    again.begin({"seed": 1}, epoch=2)
    assert kinds(again) == ["start", "epoch1", "epoch2", "growth2"]
    again.log_growth({"growth": 0, "epoch": 2, "grown": True})
    write(again, 3)
    again.log_stats({"Epoch loaded": 3}, test_stats={"PER": 2.0})
    expected = ["start", "epoch1", "epoch2", "growth2", "epoch3", "test"]
    assert kinds(again) == expected
    assert read_events(again.run_file)[0]["starts"] == 2
    again.begin({"seed": 1}, epoch=3)  # not finished until it is tested again
    assert kinds(again) == expected[:-1]
    again.begin({"seed": 1})  # another run
    assert kinds(again) == ["start"]


def test_every_line_is_json_for_any_metric(tmp_path):
    log = logger(tmp_path)
    log.begin({"sizes": {"width": (1, 2)}})
    stats = {"PER": torch.tensor(3.0), "loss": math.nan, "ratio": math.inf}
    log.log_stats({"epoch": 1}, valid_stats=stats)

    def refuse(word):
        raise AssertionError(word)

    lines = (tmp_path / "run_log.jsonl").read_text().splitlines()
    start, epoch = (json.loads(line, parse_constant=refuse) for line in lines)
    assert start["sizes"] == {"width": [1, 2]} and start["better"] == "lower"
    assert epoch["valid"] == {"PER": 3.0, "loss": None, "ratio": None}


def test_a_metric_without_a_direction_is_refused(tmp_path):
    with pytest.raises(GrowthError, match="lower or higher"):
        RunLogger(str(tmp_path / "log"), "PER", "smaller")


def test_what_the_docs_say_of_a_whole_step():
    net = nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10))
    forward, step = (
        FlopCounterMode(display=False),
        FlopCounterMode(display=False),
    )
    with step:
        with forward:
            out = net(torch.randn(64, 784))
        out.sum().backward()
    ratio = step.get_total_flops() / forward.get_total_flops()
    docs = Path(__file__).parents[3] / "docs" / "experiments.md"
    assert f"{ratio:.2f} times its" in docs.read_text(encoding="utf-8")


PROCESS = """
import sys, torch
from speechbrain_growth.measure.meter import Meter
from speechbrain_growth.schedule.schedule import GrowthSchedule
rank, store = int(sys.argv[1]), sys.argv[2]
torch.distributed.init_process_group(
    "gloo", init_method=f"file://{store}", rank=rank, world_size=2
)
build = lambda sizes: torch.nn.ModuleDict({"net": torch.nn.Linear(3, 2)})
meter = Meter(build, GrowthSchedule())
meter.start()
for _ in range(2):
    meter.count(torch.ones(5 + rank, 3))
    macs = meter.stats()["macs"]
print(macs)
"""


@pytest.mark.slow
def test_processes_of_one_run_are_added_up(tmp_path):
    store = str(tmp_path / "store")
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(rank), store],
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    printed = [process.communicate(timeout=120)[0] for process in processes]
    # both processes know the total of both, and no epoch is added twice
    assert printed == [f"{2 * TRAINING * (5 + 6) * 3 * 2}\n"] * 2
