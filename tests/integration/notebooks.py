"""Reads and executes notebooks, for their tests.

Authors
 * The speechbrain_growth authors 2026
"""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def code_of(notebook):
    """The cells of code."""
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def outputs_of(notebook):
    """All outputs, in order."""
    return [output for cell in code_of(notebook) for output in cell["outputs"]]


def printed(notebook):
    """What the cells of code print."""
    return "".join(
        "".join(output["text"])
        for output in outputs_of(notebook)
        if output["output_type"] == "stream"
    )


def execute(notebook, folder, kernel="python3"):
    """Executes a notebook in an empty folder; returns the files it leaves."""
    client = pytest.importorskip("nbclient")
    names = "here", "scratch", "ipython", "torch"
    places = {name: folder / name for name in names}
    for place in places.values():
        place.mkdir(parents=True)
    own = {
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(places["scratch"]),
        "IPYTHONDIR": str(places["ipython"]),
        "TORCHINDUCTOR_CACHE_DIR": str(places["torch"]),
        "OMP_NUM_THREADS": "1",
    }
    runner = client.NotebookClient(
        notebook,
        timeout=600,
        kernel_name=kernel,
        record_timing=False,
        resources={"metadata": {"path": str(places["here"])}},
    )
    try:
        runner.execute(env={**os.environ, **own})
    except client.exceptions.CellExecutionError:
        pass  # the outputs have it
    return [*places["here"].iterdir(), *places["scratch"].iterdir()]


def errors_of(notebook):
    """What cells ended with, as Jupyter shows it."""
    return [
        "\n".join(output["traceback"])
        for output in outputs_of(notebook)
        if output["output_type"] == "error"
    ]


def without_traces(notebook):
    """Takes out what each machine has of its own; returns the notebook."""
    for cell in notebook["cells"]:
        cell["metadata"] = {}
    notebook["metadata"]["language_info"] = {"name": "python"}
    return notebook
