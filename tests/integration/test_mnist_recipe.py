"""The MNIST recipe from its command line, on the digits of scikit-learn.

Authors
 * The speechbrain_growth authors 2026
"""

import csv
import importlib
import json
import os
import re
from pathlib import Path
from unittest import mock

import pytest
import torch
from bad_inputs import altered, from_a_shell, run_recipe
from load_model import in_a_new_process, sums_in
from torch import nn

from speechbrain_growth.__main__ import main
from speechbrain_growth.blueprint.blueprint import Blueprint
from speechbrain_growth.launch.init_from import open_blueprint

ROOT = Path(__file__).resolve().parents[2]
RECIPE = ROOT / "recipes" / "MNIST" / "classification" / "growing_MLP"
YAML = str(RECIPE / "hparams" / "grow.yaml")
YAML_TEXT = Path(YAML).read_text(encoding="utf-8")
NOWHERE = "http://localhost:1"

# The published strategies: schedule, and what the README adds to it
STRATEGIES = {
    "mlp_early_widen_twice": [],
    "mlp_early_deepen_then_widen": ["--hidden=[32]"],
    "mlp_early_widen_with_batchnorm": ["--hidden=[8]", "--batch_norm=True"],
}
LARGE = {
    "mlp_early_widen_twice": [64],
    "mlp_early_deepen_then_widen": [32, 64],
    "mlp_early_widen_with_batchnorm": [32],
}


def run(output, *arguments, way=run_recipe):
    """Runs train.py, which reaches no network; its exit code and its words."""
    line = ["hparams/grow.yaml", f"--output_folder={output}", *arguments]
    proxies = {"http_proxy": NOWHERE, "https_proxy": NOWHERE}
    with mock.patch.dict(os.environ, proxies):
        return way(RECIPE, [*line, "--device=cpu"], f"{output}.txt")


@pytest.fixture(scope="module", params=STRATEGIES)
def grown(request, tmp_path_factory):
    """A run of each strategy: its name, output folder and printed words."""
    output = tmp_path_factory.mktemp(request.param)
    schedule = f"!include:../../../../../hparams/schedules/{request.param}.yaml"
    code, printed = run(
        output,
        "--dataset=digits",
        "--number_of_epochs=18",
        f"--growth={schedule}",
        "--noprogressbar",
        *STRATEGIES[request.param],
    )
    assert code == 0, printed
    return request.param, output, printed


def test_learns_grows_and_says_so(grown):
    strategy, output, printed = grown
    accuracy = float(re.search(r"Test accuracy ([\d.]+) %", printed)[1])
    assert accuracy > 85  # of ten classes
    for name in ("train_log.txt", "growth_log.jsonl", "hyperparams.yaml"):
        assert (output / name).stat().st_size > 0
    growths = (output / "growth_log.jsonl").read_text().splitlines()
    assert len(growths) == 1 + (strategy != "mlp_early_widen_with_batchnorm")
    assert f"Growth {len(growths)} after epoch" in printed


def test_a_scheduler_may_count_steps(tmp_path):
    linear = re.search(r"lr_annealing: (!new:.*\n(?: .*\n)+)", YAML_TEXT)[1]
    noam = (
        "!new:speechbrain.nnet.schedulers.NoamScheduler\n"
        "    lr_initial: !ref <lr>\n    n_warmup_steps: 4\n"
    )
    altered(linear, noam)(tmp_path)
    given = [
        f"{tmp_path}/bad.yaml",
        f"--output_folder={tmp_path}",
        "--dataset=digits",
        "--number_of_epochs=2",
        "--lr=0.5",
        "--growth=[{after_epoch: 1, hidden: [17]}]",
    ]
    code, printed = run_recipe(RECIPE, given, tmp_path / "printed.txt")
    assert code == 0, printed
    log = (tmp_path / "train_log.txt").read_text()
    found = [float(lr) for lr in re.findall(r"lr: ([^,]+),", log)]
    images = 1437 - 1437 // 8  # the rest is held out
    steps = [epoch * -(-images // 64) for epoch in (1, 2)]
    expected = [0.5 * (4 / step) ** 0.5 for step in steps]
    assert found == pytest.approx(expected, rel=1e-2)


def test_the_training_macs_are_those_of_the_widths(grown):
    strategy, output, _ = grown
    last, widths = 0, {}
    for event in map(json.loads, (output / "run_log.jsonl").open()):
        if event["event"] == "start":
            hidden = event["sizes"]["hidden"]
        elif event["event"] == "growth":
            hidden = event["sizes_after"]["hidden"]
        elif event["event"] == "epoch":
            widths = [784, *hidden, 10]
            macs = sum(a * b for a, b in zip(widths, widths[1:]))
            assert event["macs"] - last == 3 * 1258 * macs
            last = event["macs"]
    assert widths == [784, *LARGE[strategy], 10]


def test_accuracy_and_loss_are_equal_to_the_printed_digit(grown):
    _, output, _ = grown
    log = (output / "train_log.txt").read_text()
    for entry in map(json.loads, (output / "growth_log.jsonl").open()):
        before, after = entry["valid_before"], entry["valid_after"]
        for key, digits in (("accuracy", 2), ("error", 2), ("loss", 4)):
            assert f"{before[key]:.{digits}f}" == f"{after[key]:.{digits}f}"
        assert entry["drift"] < 1e-5
        assert f"valid accuracy: {before['accuracy']:.2f}" in log


@pytest.mark.slow
def test_a_new_process_loads_the_best_model(grown, tmp_path):
    _, output, printed = grown
    best, sums = in_a_new_process(output / "model.yaml", "error", tmp_path)
    tested = re.findall(r"Loading a checkpoint from (\S+)", printed)[-1]
    assert str(best) == tested and sums == sums_in(best, "model")


@pytest.mark.slow
def test_a_new_process_loads_a_model_that_did_not_grow(tmp_path):
    small = ["--dataset=digits", "--growth=[]", "--number_of_epochs=1"]
    code, printed = run(tmp_path / "run", *small)
    assert code == 0, printed
    for name in ("model.yaml", "hyperparams.yaml"):
        found = in_a_new_process(tmp_path / "run" / name, "error", tmp_path)
        assert found[1] == sums_in(found[0], "model")


def test_a_checkpoint_is_a_stack_of_stock_layers(grown):
    strategy, output, _ = grown
    newest = max(
        (output / "save").glob("CKPT*"),
        key=lambda path: int((path / "counter.ckpt").read_text()),
    )
    layers, arriving = nn.Sequential(), 784
    for units in LARGE[strategy]:
        layers.append(nn.Linear(arriving, units))
        if strategy == "mlp_early_widen_with_batchnorm":
            layers.append(nn.BatchNorm1d(units))
        arriving = units
    layers.append(nn.Linear(arriving, 10))
    state = torch.load(newest / "model.ckpt", weights_only=True)
    assert len(state) == len(layers.state_dict())
    state = dict(zip(layers.state_dict(), state.values()))
    layers.load_state_dict(state, strict=True)


@pytest.mark.parametrize("grown", ["mlp_early_widen_twice"], indirect=True)
def test_knowledge_is_transferred(grown, tmp_path):
    _, earlier, _ = grown
    code, printed = run(
        tmp_path,
        "--dataset=digits",
        f"--init_from={earlier}",
        "--growth=[{after_epoch: 0, hidden: [128]}]",
        "--number_of_epochs=1",
        "--opt_name=sgd",
        "--lr=0.01",
    )
    assert code == 0, printed
    (entry,) = map(json.loads, (tmp_path / "growth_log.jsonl").open())
    assert entry["epoch"] == 0 and entry["sizes_after"]["hidden"] == [128]
    assert entry["valid_before"]["accuracy"] > 85
    assert "Test accuracy" in printed


@pytest.mark.parametrize("grown", ["mlp_early_widen_twice"], indirect=True)
def test_noise_costs_more_the_louder_it_is(grown, tmp_path, monkeypatch):
    _, earlier, _ = grown
    monkeypatch.syspath_prepend(str(RECIPE))
    curve = importlib.import_module("noise_curve")
    monkeypatch.setattr(curve, "DRAWS", 2)
    wanted = [f"--init_from={earlier}", f"--output_folder={tmp_path}"]
    curve.main([YAML, "--dataset=digits", *wanted])
    with (tmp_path / "noise.csv").open() as fin:
        before, *rows = csv.DictReader(fin)
    drifts = {}
    for row in rows:
        drifts.setdefault(float(row["noise"]), []).append(float(row["drift"]))
    exact = drifts.pop(0.0)
    assert max(exact) < 1e-5
    means = [sum(group) / len(group) for group in drifts.values()]
    assert means == sorted(means) and means[0] > 10 * max(exact)
    accuracies = {float(r["accuracy"]) for r in rows if r["noise"] == "0.0"}
    assert accuracies == {float(before["accuracy"])}
    for kind in ("png", "svg"):
        assert (tmp_path / f"noise.{kind}").stat().st_size > 1000


@pytest.mark.parametrize(
    "way, argument, message",
    [
        pytest.param(
            *(from_a_shell, "--opt_name=adma", "must be adam or sgd"),
            marks=pytest.mark.slow,
        ),
        (run_recipe, "--dataset=mnist", "here and could not be downloaded"),
    ],
)
def test_a_mistake_ends_without_a_traceback(way, argument, message, tmp_path):
    data = f"--data_folder={tmp_path / 'here'}"
    code, printed = run(tmp_path / "output", data, argument, way=way)
    assert code == 1
    assert "error: " in printed and message in printed
    assert "Traceback" not in printed


# What each published strategy starts from
START = {
    "widen_twice": [],
    "deepen_then_widen": ["--hidden=[32]"],
    "widen_with_batchnorm": ["--hidden=[8]", "--batch_norm=True"],
}
YAMLS = {
    "grow": YAML,
    "fashion": str(ROOT / "hparams" / "variants" / "mlp_fashion_mnist.yaml"),
    "published": str(ROOT / "hparams" / "variants" / "mlp_published.yaml"),
}


@pytest.mark.parametrize("yaml", YAMLS)
@pytest.mark.parametrize("when", ["early", "published"])
@pytest.mark.parametrize("strategy", START)
def test_plan_prints_each_strategy(strategy, when, yaml, capsys):
    file = (
        f"!include:../../../../../hparams/schedules/mlp_{when}_{strategy}.yaml"
    )
    main(["plan", YAMLS[yaml], f"--growth={file}", *START[strategy]])
    table = capsys.readouterr().out
    assert "MACs per image" in table
    growths = 1 if strategy == "widen_with_batchnorm" else 2
    noisy = growths - (strategy == "deepen_then_widen")
    noisy = noisy if when == "published" else 0
    assert table.count("after_epoch") == growths
    assert table.count("noise 0.01") == noisy
    assert table.count("exact") == growths - noisy


def test_a_cnn_that_is_written_in_yaml_grows(tmp_path):
    given = [
        str(ROOT / "hparams/variants/cnn_fashion_mnist.yaml"),
        f"--output_folder={tmp_path}",
        "--dataset=digits",
        "--number_of_epochs=2",
        "--channels=2",
        "--growth=[{after_epoch: 1, channels: 3}]",
    ]
    code, printed = run_recipe(RECIPE, given, tmp_path / "printed.txt")
    assert code == 0, printed
    (entry,) = map(json.loads, (tmp_path / "growth_log.jsonl").open())
    assert entry["drift"] < 1e-5
    assert entry["valid_before"] == pytest.approx(entry["valid_after"])
    # Convolutions of 28, 14 and 7 pixels a side, and classes from 3 x 3 pixels
    for key, c in (("macs_before", 2), ("macs_after", 3)):
        cells = 28**2 * c + 14**2 * c * 2 * c + 7**2 * 2 * c * 4 * c
        assert entry[key] == 9 * cells + 36 * c * 10


def test_fashion_is_the_other_yaml_with_some_changes():
    base = Blueprint(YAML)
    fashion = open_blueprint(YAMLS["fashion"])
    assert fashion.path == base.path
    changed = ("dataset", "data_folder", "shift", "label_smoothing")
    for key in changed:
        assert fashion.value(key) != base.value(key)
    for key in ("number_of_epochs", "lr", "hidden", "growth"):
        assert fashion.value(key) == base.value(key)


@pytest.mark.parametrize(
    "growth, message",
    [
        ("[{after_epoch: 2, hidden: [8]}]", "would shrink to"),
        ("[{after_epoch: 2, hidden: 32}]", "must stay a list of 1 number"),
        ("[{after_epoch: 2, hidden: [16, 32]}]", "no identity"),
        ("[{after_epoch: 2, adds: {outputs: 2}}]", "the outputs grow"),
        ("[{after_epoch: 2, inputs: 1000}]", "inputs"),
    ],
)
def test_plan_refuses_what_training_would(growth, message):
    with pytest.raises(SystemExit, match="error") as error:
        main(["plan", YAML, f"--growth={growth}"])
    assert message in str(error.value)
