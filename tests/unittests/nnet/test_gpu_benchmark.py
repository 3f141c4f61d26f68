"""The command that checks and times on a GPU, where there is none.

Authors
 * The speechbrain_growth authors 2026
"""

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from interpreted import interpreted, module

ROOT = Path(__file__).resolve().parents[3]
BENCHMARKS = ROOT / "tests" / "benchmarks"
TIME = re.compile(r"\d+\.\d\d ms \(\d+\.\dx\)")
WAYS = ["stock", "--jit", "ours, launched", "ours"]


@pytest.fixture
def gpu(monkeypatch):
    """The module of the command."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("gpu")


@pytest.mark.slow
def test_without_a_gpu_it_says_so_in_one_line():
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "gpu.py")],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "No GPU is at hand, so nothing was checked and nothing timed.\n"
    )


def test_every_way_is_timed(gpu, capsys, monkeypatch):
    monkeypatch.setattr(gpu.gpu_ways, "WARM_UP", 0)
    with interpreted():
        chunks = module("chunks")
        chunks.STEPS = 2
        ways = gpu.gpu_ways.recurrences("cpu", 3, 2, 2)
        ways["ours"]()
        assert chunks.forward_chunk.cache_info().currsize
        rows = gpu.recurrences("cpu", [3, 5], (2, 2), 1)
        gpu.table("title", rows)
        with gpu.gpu_ways.tile(32, 64, 4):
            assert chunks.OWN == 32
        assert chunks.OWN == 16
        (row,) = gpu.tiles("cpu", 3, (2, 2), 1, of=[(32, 64, 4)])
        assert row["units"] == "32" and float(row["ours"].split()[0]) > 0
        found = gpu.precisions("cpu", 3, (2, 2), 1)
    assert [row["units"] for row in rows] == ["3", "5"]
    for row in rows:
        assert list(row) == ["units", *WAYS] and row["stock"].endswith("(1.0x)")
        assert all(TIME.fullmatch(row[name]) for name in WAYS)
    printed = capsys.readouterr().out.splitlines()
    assert printed[1:3] == ["title", " | ".join(["units", *WAYS])]
    assert len(printed) == 5
    products = [row["products in"] for row in found]
    assert products == ["float32", "TF32", "float16", "bfloat16"]


def test_launched_alone_gives_the_same_without_a_graph(gpu):
    with interpreted():
        chunks = module("chunks")
        chunks.STEPS, made = 2, []
        chunks.recorded = lambda launch, device: made.append(1) or launch
        ways = gpu.gpu_ways.recurrences("cpu", 3, 2, 4)
        ways["ours, launched"]()
        ways["ours, launched"]()
        assert made == []
        ways["ours"]()
        assert made == [1, 1]


def test_whole_layers_and_a_growth_are_measured(gpu):
    ways = gpu.gpu_ways
    layers = ways.layers("cpu", 4, 2, 5)
    assert set(layers) >= {"stock", "--jit", "ours", "cuDNN's GRU"}
    spent = ways.times_of(layers, "cpu", 1)
    assert all(one > 0 for one in spent.values())

    def build(times):
        torch.manual_seed(0)
        return torch.nn.Linear(63, 2**14 * times)

    row = ways.growth("cpu", build, (3, 63))
    # 2**20 weights and twice as many, with two entries of state for each
    assert row["old MB"] == "12" and row["new MB"] == "24"
    assert float(row["carrying s"]) > 0 and float(row["a step s"]) > 0


def test_checks_count_what_passed(gpu, tmp_path):
    path = tmp_path / "test_some.py"
    path.write_text(
        "import pytest\n"
        "pytestmark = pytest.mark.slow\n"
        "@pytest.mark.parametrize('n', [1, 2, 3])\n"
        "def test_a_number_is_odd(n):\n"
        "    assert n % 2\n"
        "def test_nothing():\n"
        "    pass\n"
    )
    lines, passed = gpu.checks(str(path), marks="slow")
    assert not passed and lines[0].startswith("a number is odd | 2 of 3 | ")
    assert lines[1].startswith("nothing | 1 of 1 | ")
    assert "assert (2 % 2)" in lines[2]
    path.write_text("def test_nothing():\n    pass\n")
    assert not gpu.checks(str(path), marks="slow")[1]  # no test is no success
    lines, passed = gpu.checks(str(path), marks="not slow")
    assert passed and len(lines) == 1


def test_checks_that_take_too_long_fail(gpu, tmp_path, monkeypatch):
    monkeypatch.setattr(gpu, "SECONDS", 0.1)
    lines, passed = gpu.checks(str(tmp_path), marks="slow")
    assert lines == ["not done after 0.1 s"] and not passed
