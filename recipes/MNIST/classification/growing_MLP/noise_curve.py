#!/usr/bin/env python3
"""Draws what Net2Net's noise costs at the moment of a growth.

Every hidden layer of a trained network becomes twice as wide, once without
noise and then at rising noise levels. A table and two plots (PNG and SVG) show
how much the outputs drift on the validation images, and how accuracy and loss
change.

> python train.py hparams/grow.yaml --dataset=digits --growth=[] \
    --output_folder=results/small
> python noise_curve.py hparams/grow.yaml --dataset=digits \
    --init_from=results/small --output_folder=results/noise

Authors
 * The speechbrain_growth authors 2026
"""

import csv
import os
import sys

import torch
from matplotlib.figure import Figure
from mnist_prepare import DataError, load_mnist, prepare_mnist
from torch.nn.functional import cross_entropy

import speechbrain as sb
from speechbrain_growth import (
    GrowthError,
    best_checkpoint,
    carry,
    drift,
    load_modules,
    open_blueprint,
    plain_errors,
)

LEVELS = (None, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
DRAWS = 5
COLUMNS = ("noise", "draw", "drift", "accuracy", "loss")
PANELS = {
    "drift": "drift of the outputs (relative)",
    "accuracy": "validation accuracy (%)",
    "loss": "validation loss",
}


def measure(model, images, labels):
    """Outputs of a model, its accuracy in percent, and its loss."""
    model.eval()
    with torch.no_grad():
        scores = model(images)
    accuracy = 100 * (scores.argmax(-1) == labels).float().mean().item()
    return scores, accuracy, cross_entropy(scores, labels).item()


def drifts(blueprint, old, images, labels):
    """A row for each noise level and each draw of the noise."""
    wider = [2 * units for units in blueprint.sizes["hidden"]]
    before, accuracy, loss = measure(old, images, labels)
    rows = [dict(zip(COLUMNS, ("before", 0, 0.0, accuracy, loss)))]
    for level in LEVELS:
        for draw in range(DRAWS):
            new = blueprint.modules({"hidden": wider})["model"]
            symmetry = {"noise": level} if level else "shares"
            carry(old, new, symmetry=symmetry, seed=draw)
            after, accuracy, loss = measure(new, images, labels)
            moved = drift(before, after)
            row = (level or 0.0, draw, moved, accuracy, loss)
            rows.append(dict(zip(COLUMNS, row)))
    return rows


def draw(rows, folder):
    """One panel for each quantity: mean and range over the draws."""
    before, *rows = rows
    levels = [level for level in LEVELS if level]
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    for axes, (key, label) in zip(figure.subplots(1, 3), PANELS.items()):
        groups = [
            [row[key] for row in rows if row["noise"] == level]
            for level in levels
        ]
        axes.fill_between(
            levels,
            [min(g) for g in groups],
            [max(g) for g in groups],
            alpha=0.3,
        )
        axes.plot(levels, [sum(g) / len(g) for g in groups], marker="o")
        exact = [row[key] for row in rows if row["noise"] == 0.0]
        axes.axhline(
            max(exact) if key == "drift" else before[key],
            color="black",
            linestyle="--",
            label="no noise" if key == "drift" else "before the growth",
        )
        axes.set(xscale="log", xlabel="noise level", ylabel=label)
        axes.legend()
    figure.axes[0].set_yscale("log")
    for kind in ("png", "svg"):
        figure.savefig(os.path.join(folder, f"noise.{kind}"))


def main(arguments):
    """Reads the trained network, grows it, writes the curve."""
    hparams_file, _, overrides = sb.parse_arguments(arguments)
    blueprint = open_blueprint(hparams_file, overrides)
    if not blueprint.value("init_from"):
        raise GrowthError(
            "init_from is empty; it must be the output folder of a run"
        )
    data = [blueprint.value(key) for key in ("data_folder", "dataset")]
    prepare_mnist(*data, skip_prep=blueprint.value("skip_prep"))
    images, labels = load_mnist(*data, blueprint.value("valid_size"))["valid"]

    modules = blueprint.modules()
    checkpoint = best_checkpoint(blueprint.value("init_from"))
    load_modules(checkpoint, dict(modules.items()), modules.values())

    rows = drifts(blueprint, modules["model"], images, labels)
    folder = blueprint.value("output_folder")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "noise.csv"), "w", newline="") as fout:
        writer = csv.DictWriter(fout, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    draw(rows, folder)

    print("noise | drift   | accuracy       | loss            (mean of draws)")
    before, *rows = rows
    for level in (0.0, *filter(None, LEVELS)):
        group = [row for row in rows if row["noise"] == level]
        moved, accuracy, loss = (
            sum(row[key] for row in group) / DRAWS for key in PANELS
        )
        print(
            f"{level:5g} | {moved:.1e} | {before['accuracy']:.2f} -> "
            f"{accuracy:.2f} | {before['loss']:.4f} -> {loss:.4f}"
        )
    print(f"Table and plots: {os.path.join(folder, 'noise')}.csv, .png, .svg")


if __name__ == "__main__":
    # A mistake of the user ends with one message instead of a traceback
    with plain_errors(DataError):
        main(sys.argv[1:])
