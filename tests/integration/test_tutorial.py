"""docs/tutorial.ipynb prints what it is committed with, and what it says is so.

To execute it needs `pip install -e ".[notebook]"`. To write its outputs anew:
`python tests/integration/test_tutorial.py`.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import os
import re
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from notebooks import (
    ROOT,
    code_of,
    errors_of,
    execute,
    outputs_of,
    printed,
    without_traces,
)

PAGE = ROOT / "docs" / "tutorial.ipynb"
COMMITTED = json.loads(PAGE.read_text(encoding="utf-8"))
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
MACHINE = re.compile(r"/(home|root|tmp|var|usr|opt|work|Users)/|[A-Z]:\\")
# A last cell, which prints what the others hold; MACs are as torch counts them
FACTS = """\
from torch.utils.flop_counter import FlopCounterMode

with FlopCounterMode(display=False) as counter:
    Net(8)(train[0])
update, first = updates["32, Adam carried"], updates["8 units"][original]
new = updates["32, new Adam"].abs()
found = {
    "drifts": [drift, *drifts.values()],
    "apart": {way: distances[-1] for way, distances in apart.items()},
    "off": ((update - first).norm() / first.norm()).item(),
    "whole steps": (new[new > 0] > 0.9 * 0.02).double().mean().item(),
    "losses": losses,
    "ends": {name: c[:, -1].mean(0).tolist() for name, c in curves.items()},
    "forward": counter.get_total_flops() // 2,
    "advised": {name: errors.tolist() for name, errors in ends.items()},
    "growth": growth,
}
print(json.dumps(found))
"""


def read():
    """The page without its outputs, as nbclient takes it."""
    notebook = pytest.importorskip("nbformat").read(PAGE, as_version=4)
    for cell in code_of(notebook):
        cell.outputs, cell.execution_count = [], None
    return notebook


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """A fresh execution: what it prints, what it holds, which files it leaves."""
    notebook = read()
    last = pytest.importorskip("nbformat.v4").new_code_cell(FACTS)
    notebook.cells.append(last)
    left = execute(notebook, tmp_path_factory.mktemp("tutorial"))
    assert errors_of(notebook) == []
    (facts,) = last.outputs
    last.outputs = []
    return SimpleNamespace(
        text=printed(notebook), left=left, facts=json.loads(facts["text"])
    )


def test_it_is_executed_and_names_no_machine():
    text = PAGE.read_text(encoding="utf-8")
    assert not MACHINE.search(re.sub(r'"image/png": ".*"', "", text))
    counts = [cell["execution_count"] for cell in code_of(COMMITTED)]
    assert counts == list(range(1, len(counts) + 1))
    outputs = outputs_of(COMMITTED)
    assert errors_of(COMMITTED) == []
    assert "stderr" not in {output.get("name") for output in outputs}
    assert sum("image/png" in one.get("data", {}) for one in outputs) == 7
    # No times and versions, so that executing it again changes little
    assert without_traces(json.loads(text)) == COMMITTED


def test_its_cells_are_few_and_short():
    lengths = [len(cell["source"]) for cell in code_of(COMMITTED)]
    assert max(lengths) <= 24 and len(lengths) <= 22


@pytest.mark.slow
def test_it_prints_what_is_committed(fresh):
    texts = fresh.text, printed(COMMITTED)
    new, old = (NUMBER.sub("#", text) for text in texts)
    assert new == old
    new, old = ([*map(float, NUMBER.findall(text))] for text in texts)
    assert new == pytest.approx(old, rel=0.02, abs=0.006)
    assert len(new) > 100


@pytest.mark.slow
def test_it_leaves_no_files(fresh):
    assert fresh.left == []


@pytest.mark.slow
def test_the_function_is_preserved_and_copies_come_apart(fresh):
    assert 0 < max(fresh.facts["drifts"]) < 1e-13
    apart = dict(fresh.facts["apart"])
    assert apart.pop("equal") < 1e-11
    assert min(apart.values()) > 0.05
    assert max(apart, key=apart.get) == "{'zero_sum': 0.5}"


@pytest.mark.slow
def test_the_first_update_of_a_copy_is_that_of_its_original(fresh):
    assert fresh.facts["off"] < 0.01 and fresh.facts["whole steps"] > 0.8
    curves = fresh.facts["losses"]
    carried, new = curves["32, Adam carried"], curves["32, new Adam"]
    assert carried[0] == pytest.approx(curves["8 units"][0], rel=1e-12)
    assert max(carried) < 1.02 * carried[0] and max(new) > 1.1 * new[0]
    assert new[-1] < 1.05 * carried[-1]


@pytest.mark.slow
def test_growing_helps_the_small_network_but_does_not_pay(fresh):
    ends = fresh.facts["ends"]
    macs = {name: end[0] for name, end in ends.items()}
    assert macs["small"] == pytest.approx(3 * 24 * fresh.facts["forward"])
    for name in ("small", "large"):
        same = macs[f"{name}, MACs of grown"]
        assert same == pytest.approx(macs["grown"])
    assert macs["grown"] < macs["large"]
    for place in (1, 2):  # loss and error
        grown = ends["grown"][place]
        assert grown < ends["small"][place]
        assert grown < ends["small, MACs of grown"][place]
        assert grown > ends["large, MACs of grown"][place]


@pytest.mark.slow
def test_the_forecast_is_followed_and_does_not_come_true(fresh):
    stats = pytest.importorskip("scipy.stats")
    dates = re.findall(r"grows after (\d+) small epochs", fresh.text)
    assert len(dates) == 2 and all(abs(8 - int(date)) <= 1 for date in dates)
    shares = re.findall(r"Your budget is (\S+) of the crossing", fresh.text)
    near, far = map(float, shares)
    assert 0.8 < near < 1.3 and far > 3
    errors, tests = fresh.facts["advised"], {}
    for name in ("small", "large"):
        tests[name] = stats.ttest_rel(errors["grown"], errors[name])
        low, high = tests[name].confidence_interval()
        words = rf"grown less {name}: (\S+), give or take (\S+)"
        less, bound = map(float, re.search(words, fresh.text).groups())
        assert less == pytest.approx((low + high) / 2, abs=0.006)
        assert bound == pytest.approx((high - low) / 2, abs=0.006)
    assert tests["small"].pvalue > 0.05
    assert tests["large"].pvalue < 0.05 and tests["large"].statistic > 0


@pytest.mark.slow
def test_the_recipe_grew_without_a_jump(fresh):
    growth = fresh.facts["growth"]
    assert growth["grown"] and growth["epoch"] == 4
    assert growth["sizes_after"]["hidden"] == [32]
    before, after = growth["valid_before"], growth["valid_after"]
    assert after == pytest.approx(before, rel=1e-4)


@pytest.mark.slow
def test_a_kernel_without_the_package_ends_with_one_message(
    tmp_path, monkeypatch
):
    notebook = read()
    # Without the module `site`, what is installed by a link is not found
    ends = "site-packages", "dist-packages"
    installed = os.pathsep.join(p for p in sys.path if p.endswith(ends))
    start = "-S", "-m", "ipykernel_launcher", "-f", "{connection_file}"
    kernel = tmp_path / "jupyter" / "kernels" / "bare" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    spec = {
        "display_name": "bare",
        "argv": [sys.executable, *start],
        "env": {"PYTHONPATH": installed},
    }
    kernel.write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    left = execute(notebook, tmp_path / "run", kernel="bare")
    command = '-m pip install -r requirements.txt -e ".[notebook]"'
    message = (
        "This kernel has no speechbrain_growth. In the folder of the "
        f"repository, run\n\n    {sys.executable} {command}\n\n"
        "and restart the kernel."
    )
    assert errors_of(notebook) == [message]
    assert len(outputs_of(notebook)) == 1 and left == []
    assert (ROOT / "requirements.txt").is_file()
    assert "\nnotebook = [" in (ROOT / "pyproject.toml").read_text("utf-8")


def main():
    """Executes the page, and writes it with its outputs."""
    import nbformat

    notebook = read()
    with tempfile.TemporaryDirectory() as folder:
        execute(notebook, Path(folder))
    if errors_of(notebook):
        sys.exit(errors_of(notebook)[0])
    nbformat.write(without_traces(notebook), PAGE)


if __name__ == "__main__":
    main()
