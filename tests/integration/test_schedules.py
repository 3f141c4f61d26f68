"""Each list of hparams/schedules in its recipe, on very few data.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import os
import runpy
from pathlib import Path

import pytest
from bad_inputs import run_recipe

from speechbrain_growth.launch.init_from import open_blueprint
from speechbrain_growth.launch.planning import plan_run

ROOT = Path(__file__).resolve().parents[2]
LISTS = ROOT / "hparams" / "schedules"
RECIPES = {
    "mlp": ROOT / "recipes" / "MNIST" / "classification" / "growing_MLP",
    "crdnn": ROOT / "recipes" / "TIMIT" / "ASR" / "growing_CTC",
}
# What both recipes have; other lists repeat an experiment of one of them
BOTH = [
    "at_a_share_of_the_budget",
    "at_one_date",
    "by_hand",
    "by_the_gradient",
    "choose_what_to_widen",
    "near_the_floor",
    "on_plateau",
    "on_plateau_or_at_a_date",
    "towards_in_equal_macs",
    "until_a_limit",
    "when_it_underfits",
    "when_the_slope_is_low",
    "wider_in_three_steps",
]
EPOCHS = 7
UTTERANCES = 6  # four for the candidates of choose, and two to measure them
BUDGET = {"mlp": "{macs: 5.0e+8}", "crdnn": "{macs: 3.0e+10}"}
QUICK = ["choose_what_to_widen", "towards_in_equal_macs"]


def options(model, name, output):
    """The command line of a list, from the folder of its recipe"""
    path = os.path.relpath(
        LISTS / f"{model}_{name}.yaml", RECIPES[model] / "hparams"
    )
    budget = [f"--budget={BUDGET[model]}"] if "budget" in name else []
    return [
        f"--growth=!include:{path}",
        f"--number_of_epochs={EPOCHS}",
        f"--output_folder={output}",
        *budget,
    ]


def compared_with_its_plan(model, name, output, *given):
    """Trains with a list; the growths are those of the plan"""
    output.mkdir()
    if name == "by_hand":
        (output / "grow_now").touch()
    line = [*options(model, name, output), *given]
    words = {a[2:].split("=")[0]: a.split("=", 1)[1] for a in line if "=" in a}
    yaml = RECIPES[model] / "hparams" / "grow.yaml"
    overrides = "".join(f"{key}: {value}\n" for key, value in words.items())
    start, *rows = plan_run(open_blueprint(str(yaml), overrides))
    line = ["hparams/grow.yaml", *line, "--device=cpu"]
    code, printed = run_recipe(RECIPES[model], line, f"{output}.txt")
    assert code == 0, printed
    log = (output / "growth_log.jsonl").read_text().splitlines()
    found = [json.loads(one) for one in log]
    certain = {r["growth"] for r in rows if r["span"][1] is not None}
    assert len(found) >= max(len(certain), 1)
    sizes = start["sizes"]
    for number, entry in enumerate(found):
        ways = [row for row in rows if row["growth"] == number]
        first, last = ways[0]["span"]
        assert entry["grown"] and first <= entry["epoch"]
        assert last is None or entry["epoch"] <= last
        now = {key: entry["sizes_after"][key] for key in sizes}
        assert now in [{**sizes, **row["sizes"]} for row in ways]
        sizes = now
    return found


@pytest.mark.parametrize("model", RECIPES)
@pytest.mark.parametrize("name", BOTH)
def test_both_recipes_have_it_and_say_the_same_of_it(model, name):
    text = (LISTS / f"{model}_{name}.yaml").read_text()
    lines = text.splitlines()
    assert 5 <= len(lines) <= 15
    budget = f"budget: {BUDGET[model]}\n" if "budget" in name else ""
    given = f"growth: !include:{LISTS / f'{model}_{name}.yaml'}\n{budget}"
    yaml = RECIPES[model] / "hparams" / "grow.yaml"
    assert len(plan_run(open_blueprint(str(yaml), given))) > 1


def test_none_is_forgotten():
    stems = {path.stem.partition("_")[::2] for path in LISTS.glob("*.yaml")}
    own = ("early", "published", "widen_to")
    found = {
        m: sorted(n for k, n in stems if k == m and not n.startswith(own))
        for m in RECIPES
    }
    assert found == {"mlp": sorted(BOTH), "crdnn": sorted(BOTH)}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(n, marks=[] if n in QUICK else [pytest.mark.slow])
        for n in BOTH
    ],
)
def test_trains_an_mlp(name, tmp_path):
    found = compared_with_its_plan(
        "mlp", name, tmp_path / "run", "--dataset=digits"
    )
    if name == "choose_what_to_widen":
        assert set(found[0]["scores"]) == {"wide", "wider"}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Options that name the shortest utterances of a mini-TIMIT

    Each is a batch of its own, in training as in validation and test.
    """
    folder = tmp_path_factory.mktemp("corpus")
    line, log = [f"{folder / 'mini'}", "--scale=0.02"], folder / "printed.txt"
    recipe = RECIPES["crdnn"]
    code, printed = run_recipe(recipe, line, log, script="mini_timit.py")
    assert code == 0, printed
    whole, short = folder / "whole.json", folder / "short.json"
    prepare = runpy.run_path(str(recipe / "timit_prepare.py"))["prepare_timit"]
    others = [str(folder / name) for name in ("dev.json", "test.json")]
    prepare(str(folder / "mini"), str(whole), *others)
    items = json.loads(whole.read_text()).items()
    shortest = sorted(items, key=lambda item: item[1]["duration"])
    short.write_text(json.dumps(dict(shortest[:UTTERANCES])))
    parts = ("train", "valid", "test")
    return [
        f"--data_folder={folder / 'mini'}",
        "--skip_prep=True",
        "--batch_size=1",
        *(f"--{part}_annotation={short}" for part in parts),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", BOTH)
def test_trains_a_crdnn(name, corpus, tmp_path):
    compared_with_its_plan("crdnn", name, tmp_path / "run", *corpus)
