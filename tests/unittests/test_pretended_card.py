"""Growths on a pretended device, which finds tensors that stay on the CPU.

Authors
 * The speechbrain_growth authors 2026
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
# Tests that run there, and how many they are
CHOSEN = [
    (["unittests/engine/test_devices.py"], 25),
    (["integration/test_devices_run.py", "-k", "crdnn or grown"], 2),
    (["unittests/continual/test_cpg.py", "-k", "a_growth_leaves"], 1),
]


def on_a_card(*arguments):
    """Runs Python in a process of its own, where there is a pretended card."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=TESTS,
        env={
            **os.environ,
            "PRETENDED_CARD": "1",
            "PYTHONPATH": str(TESTS.parent),
        },
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.slow
@pytest.mark.parametrize("chosen, number", CHOSEN)
def test_nothing_is_left_on_the_cpu(chosen, number):
    done = on_a_card("-m", "pytest", *"-q -n 0".split(), *chosen)
    assert done.returncode == 0, done.stdout
    assert re.search(rf"^{number} passed", done.stdout, re.M)
    assert "skipped" not in done.stdout


ALLOWED = [
    "x + 1",
    "x + torch.ones(())",
    "x[torch.tensor([1])]",
    "x.cpu() + torch.ones(3)",
]
REFUSED = {
    "x + torch.ones(3)": "add: tensors of shape (3,) are on the CPU",
    "x.mul_(torch.ones(3))": "mul_: tensors of shape (3,) are on the CPU",
    "torch.cat([x, torch.ones(3)])": "cat: tensors of shape (3,) are on",
    "x.index_select(0, torch.tensor([1]))": "index_select: tensors of shape",
}
SCRIPT = """
import torch, pretended_card
for line in LINES:
    x = torch.ones(3, device="pretended")
    try:
        print(eval(line).shape)
    except RuntimeError as error:
        print(error)
"""


@pytest.mark.slow
def test_it_refuses_what_a_gpu_refuses():
    lines = [*ALLOWED, *REFUSED]
    done = on_a_card("-c", SCRIPT.replace("LINES", repr(lines)))
    found = done.stdout.splitlines()
    assert len(found) == len(lines), done.stderr
    for line, printed in zip(lines, found):
        assert printed.startswith(REFUSED.get(line, "torch.Size(")), line
