"""Sweeps whose runs cost what others cost, or multiples of a crossing.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import subprocess
from pathlib import Path

import pytest
import toy_sweep

from speechbrain_growth import GrowthError
from speechbrain_growth.__main__ import main
from speechbrain_growth.experiments.grid import read_sweep
from speechbrain_growth.experiments.launchers.chains import chains_of
from speechbrain_growth.experiments.launchers.commands import job_of
from speechbrain_growth.experiments.launchers.jobs import Job
from speechbrain_growth.experiments.runs import read_run

ROOT = Path(__file__).resolve().parents[3]
TIMIT = ROOT / "recipes/TIMIT/ASR/growing_CTC/runs/controls.json"
# A recipe whose epochs cost what it is told; it ends with its budget
SCRIPT = r"""
import json, os, sys, yaml
from speechbrain_growth.launch.spent import with_amount
options = dict(a[2:].replace("=", " ").split(" ", 1) for a in sys.argv[2:])
folder, seed = options["output_folder"], int(options["seed"])
budget = yaml.safe_load(options.get("budget", "{}"))
budget = with_amount(budget) or budget
(unit, amount), = (budget or {"macs": float("inf")}).items()
start = {"event": "start", "metric": "error", "better": "lower", "seed": seed,
         "epochs": int(options.get("number_of_epochs", 5)),
         "threads": int(os.environ["OMP_NUM_THREADS"]),
         "overrides": {k: v for k, v in options.items() if k != "budget"}}
if budget:
    start["budget"] = start["overrides"]["budget"] = budget
cost = float(options.get("cost", 1)) * seed
events, spent = [start], {"macs": 0, "cpu_seconds": 0.0}
for epoch in range(1, start["epochs"] + 1):
    step = {"macs": cost, "cpu_seconds": cost / 8}
    spent = {k: min(spent[k] + step[k], amount if k == unit else spent[k] + step[k])
             for k in spent}
    error = 10 / epoch + seed
    events.append({"event": "epoch", "epoch": epoch, **spent,
                   "parameters": 7, "valid": {"error": error}})
    if spent[unit] >= amount:
        break
events.append({"event": "test", "test": {"error": error}})
with open(os.path.join(folder, "run_log.jsonl"), "w") as fout:
    fout.writelines(json.dumps(e) + "\n" for e in events)
"""
RATE = "lr_annealing: !new:speechbrain_growth.BudgetScheduler {}\n"
YAML = "modules: {}\nbudget: {}\nnumber_of_epochs: 5\ncost: 1\nlr: 1\n"
EQUAL = {
    "small": {"cost": 1, "equal": {"macs": "grow"}},
    "quick": {"cost": 2, "equal": {"cpu_seconds": "grow"}},
    "grow": {"cost": 4},
}


def write(folder, rate=RATE, **changes):
    """A sweep file and its recipe."""
    file = toy_sweep.write(folder, **{"large": None, **changes})
    (folder / "train.py").write_text(SCRIPT)
    (folder / "toy.yaml").write_text(YAML + rate)
    return file


def run_of(folder, name):
    """One run of the sweep."""
    return read_run(str(folder / "results" / name))


# What a run may spend


def test_a_control_costs_what_the_named_run_of_its_seed_costs(tmp_path, capsys):
    main(["sweep", write(tmp_path, runs=EQUAL), "--jobs", "3"])
    for seed in (1, 2):
        grown = run_of(tmp_path, f"grow/{seed}")
        assert grown.budget is None and grown.cost("macs")[-1] == 20 * seed
        small, quick = (
            run_of(tmp_path, f"{n}/{seed}") for n in ("small", "quick")
        )
        assert small.budget == ("macs", 20 * seed)
        assert small.cost("macs")[-1] == 20 * seed
        assert len(small.epochs) == 20  # not the five of the YAML
        assert quick.budget == ("cpu_seconds", 2.5 * seed)
        assert quick.cost("cpu_seconds")[-1] == 2.5 * seed
    # Budgets differ between seeds, as they should
    assert "different budget" not in capsys.readouterr().out


def test_a_control_waits_only_if_the_cost_is_not_known(tmp_path):
    runs = {
        "a": {"equal": {"macs": "b"}},
        "b": {"equal": {"macs": "c"}},
        "c": {"budget": {"macs": 9}},
        "d": {"equal": {"cpu_seconds": "c"}},
    }
    grid = read_sweep(write(tmp_path, runs=runs))
    assert grid.runs["a"]["budget"] == grid.runs["b"]["budget"] == "{macs: 9}"
    assert {name: grid.needs(name) for name in runs} == {
        "a": [],
        "b": [],
        "c": [],
        "d": ["c"],
    }
    job = job_of(grid, "d", 2, [])
    folder = f"{tmp_path}/results/c/2"
    assert f"--budget={{cpu_seconds: {folder}}}" in job.command
    assert (job.after, job.before) == (("c/2",), (folder,))


def test_a_run_may_wait_for_two(tmp_path):
    runs = {
        "late": {"init_from": "first", "equal": {"macs": "grow"}},
        "grow": {},
        "first": {"cost": 3},
    }
    grid = read_sweep(write(tmp_path, runs=runs))
    job = job_of(grid, "late", 1, [])
    assert job.after == ("first/1", "grow/1")
    jobs = [job_of(grid, name, 1, []) for name in runs]
    (chain,) = chains_of(jobs)
    assert [one.name for one in chain] == ["first/1", "grow/1", "late/1"]


def test_chains_that_meet_are_one():
    names = {"a": (), "b": (), "c": ("a",), "d": ("b", "c"), "e": ("b",)}
    jobs = [Job(name, [], "", "", after) for name, after in names.items()]
    (chain,) = chains_of([*jobs, Job("d2", [], "", "", ("d",))])
    found = [job.name for job in chain]
    assert sorted(found) == ["a", "b", "c", "d", "d2", "e"]
    for name, after in names.items():
        assert all(found.index(other) < found.index(name) for other in after)


def test_a_common_budget_gives_way_and_a_grid_is_kept(tmp_path):
    common = {"budget": {"macs": 9}, "number_of_epochs": 3}
    file = write(tmp_path, runs=EQUAL, common=common, grid={"lr": [1, 2]})
    grid = read_sweep(file)
    assert grid.equal["quick,lr@2"] == ("cpu_seconds", "grow,lr@2")
    assert "budget" not in grid.runs["quick,lr@2"]
    assert grid.runs["small,lr@2"]["budget"] == "{macs: 9}"
    assert grid.runs["quick,lr@2"]["number_of_epochs"] == "10000"
    assert grid.runs["grow,lr@2"]["number_of_epochs"] == "3"


def test_printed_lines_find_out_what_the_other_run_costs(tmp_path, capsys):
    main(["sweep", write(tmp_path, runs=EQUAL, seeds=[1]), "--print"])
    shown = capsys.readouterr()
    grow, small, quick = shown.out.splitlines()
    assert "# line 2, small/1, needs grow/1 of line 1" in shown.err
    early = subprocess.run(["sh", "-c", small], capture_output=True, text=True)
    assert (early.returncode, early.stderr) == (
        1,
        "grow/1 is not finished; run it first\n",
    )
    for line in (grow, small, quick):
        assert not subprocess.run(["sh", "-c", line]).returncode
    assert run_of(tmp_path, "small/1").cost("macs")[-1] == 20
    assert run_of(tmp_path, "quick/1").cost("cpu_seconds")[-1] == 2.5


def test_a_changed_named_run_or_prediction_is_refused(tmp_path):
    runs = {**EQUAL, "grow": {"cost": 4, "predicted": 11.0}}
    main(["sweep", write(tmp_path, runs=runs, seeds=[1])])
    assert run_of(tmp_path, "grow/1").predicted == 11.0
    later = {**EQUAL, "grow": {"cost": 4, "predicted": 12.0}}
    with pytest.raises(SystemExit, match="begun with predicted 11.0, but now"):
        main(["sweep", write(tmp_path, runs=later, seeds=[1])])
    larger = {**EQUAL, "grow": {"cost": 5, "predicted": 11.0}}
    with pytest.raises(SystemExit, match="begun with equal's cost 4, but now"):
        main(["sweep", write(tmp_path, runs=larger, seeds=[1])])
    other = {**runs, "small": {"cost": 1, "equal": {"macs": "quick"}}}
    with pytest.raises(
        SystemExit, match="with equal macs of grow, but now has"
    ):
        main(["sweep", write(tmp_path, runs=other, seeds=[1])])


def test_seconds_of_other_threads_are_refused(tmp_path):
    first = {"grow": EQUAL["grow"]}
    main(["sweep", write(tmp_path, runs=first), "--threads", "2"])
    file = write(tmp_path, runs=EQUAL)
    with pytest.raises(SystemExit) as error:
        main(["sweep", file])
    message = str(error.value)
    assert "2 problems" in message and "small" not in message
    assert "grow/1 was run with 2 threads, and quick is to take as" in message
    main(["sweep", file, "--threads", "2"])
    assert run_of(tmp_path, "quick/2").finished


def test_epochs_that_end_before_the_budget_are_pointed_out(tmp_path, capsys):
    runs = {"a": {"budget": {"macs": 100}}, "b": {"budget": {"macs": 3}}}
    main(["sweep", write(tmp_path, runs=runs, seeds=[1])])
    shown = capsys.readouterr().out
    assert "a, seed 1, spent 5 of its budget of 100 macs" in shown
    assert "b, seed 1" not in shown


# Multiples of a crossing


def test_every_run_is_done_at_each_multiple(tmp_path):
    runs = {
        "small": {"predicted": {"macs@0.3": 8.5}},
        "quick": {"equal": {"cpu_seconds": "small"}},
    }
    crossing = {"macs": 2000000.0, "wall_seconds": 7}
    file = write(tmp_path, runs=runs, crossing=crossing, multiples=[0.3, 1])
    grid = read_sweep(file)
    assert [name for name in grid.runs if "small" in name] == [
        "small,macs@0.3",
        "small,macs@1",
        "small,wall_seconds@0.3",
        "small,wall_seconds@1",
    ]
    assert grid.runs["small,macs@0.3"] == {
        "budget": "{macs: 600000.0}",
        "number_of_epochs": "10000",
    }
    assert grid.runs["small,wall_seconds@1"]["budget"] == "{wall_seconds: 7.0}"
    assert grid.needs("quick,macs@1") == ["small,macs@1"]
    assert grid.predicted == {"small,macs@0.3": 8.5}
    main(["sweep", file, "--print"])


def test_a_crossing_is_what_forecast_says(tmp_path):
    place = str(TIMIT)
    crossing = {
        "macs": {"small": f"{place}/small*", "large": f"{place}/large*"}
    }
    file = write(tmp_path, crossing=crossing, multiples=[1], runs={"a": {}})
    # as docs/forecast.md prints it
    assert read_sweep(file).runs["a,macs@1"]["budget"] == (
        "{macs: 13800000000000.0}"
    )
    crossing["macs"] = {"small": f"{place}/small*", "large": f"{place}/tiny*"}
    with pytest.raises(
        GrowthError, match="crossing: macs: .*no kind of run is"
    ):
        read_sweep(
            write(tmp_path, crossing=crossing, multiples=[1], runs={"a": {}})
        )


# The power


def test_the_power_is_stated_before_the_runs(tmp_path, capsys):
    file = write(tmp_path, paired_sd=0.55, seeds=[1, 2, 3, 4, 5])
    main(["sweep", file, "--power"])
    words = "a difference of 0.925 is seen in 80 % of all cases"
    assert words in capsys.readouterr().out
    assert not (tmp_path / "results").exists()
    main(["sweep", file, "--print"])
    assert "# Power: with 5 seeds whose paired" in capsys.readouterr().err
    main(["sweep", write(tmp_path, paired_sd=0.55)])
    shown = capsys.readouterr().out
    assert shown.startswith("Power: with 2 seeds") and "| small |" in shown


def test_one_kind_of_run_has_no_difference(tmp_path, capsys):
    file = write(tmp_path, paired_sd=0.55, runs={"small": {}})
    main(["sweep", file, "--power"])
    assert "Power: one kind of run has no difference" in capsys.readouterr().out


def test_the_deviation_may_be_that_of_a_report(tmp_path, capsys):
    main(["sweep", write(tmp_path, paired_sd=str(TIMIT)), "--power"])
    shown = capsys.readouterr().out
    values = json.loads(TIMIT.read_text())["groups"]
    # Independently: over all pairs of kinds, the mean variance of differences
    squares = []
    for i, one in enumerate(values):
        for other in values[i + 1 :]:
            a, b = (group["values"]["test"] for group in (one, other))
            gaps = [a[seed] - b[seed] for seed in a]
            mean = sum(gaps) / len(gaps)
            squares.append(
                sum((gap - mean) ** 2 for gap in gaps) / (len(gaps) - 1)
            )
    deviation = (sum(squares) / len(squares)) ** 0.5
    assert f"have a deviation of {deviation:.3g}, a" in shown
    with pytest.raises(SystemExit, match="paired_sd: there is no .*none.json"):
        main(["sweep", write(tmp_path, paired_sd="none.json"), "--power"])
    with pytest.raises(SystemExit, match="--power: the file has no paired_sd"):
        main(["sweep", write(tmp_path), "--power"])


# What is refused before anything is run


def with_equal(equal, **more):
    """A file with a run that is to cost what another one costs."""
    return {"runs": {"grow": {}, "small": {"equal": equal, **more}}}


CROSSING = {"crossing": {"macs": 10}, "multiples": [1]}


@pytest.mark.parametrize(
    "changes, message",
    [
        (with_equal("macs"), "small: equal is 'macs'; it must be a unit and a"),
        (with_equal({"macs": "gro"}), "is no run gro; did you mean grow? use"),
        (with_equal({"mac": "grow"}), "there is no unit mac; did you mean mac"),
        (with_equal({"epochs": "grow"}), "there is no unit epochs; use one of"),
        (with_equal({"macs": "small"}), "small is to cost as much as itself;"),
        (
            with_equal({"macs": "grow"}, budget={"macs": 3}),
            "runs: small: budget follows from equal; leave it out",
        ),
        (
            with_equal({"macs": "grow"}, number_of_epochs=3),
            "small: number_of_epochs follows from equal; leave it out",
        ),
        (
            {**with_equal({"macs": "grow"}), "grid": {"budget": [{"macs": 1}]}},
            "small: budget follows from equal",
        ),
        (
            {"common": {"equal": {"macs": "small"}}},
            "common: equal is of single runs",
        ),
        (
            {
                "runs": {
                    "a": {"equal": {"macs": "b"}},
                    "b": {"init_from": "c"},
                    "c": {"equal": {"cpu_seconds": "a"}},
                }
            },
            "a is to cost as much as b, which waits for a; let equal name ano",
        ),
        ({"multiples": [1]}, "crossing: multiples need one; give it"),
        ({"crossing": {"macs": 1}}, "multiples: None are not different numb"),
        (
            {**CROSSING, "multiples": [1, 1]},
            "are not different numbers above 0",
        ),
        (
            {**CROSSING, "crossing": {"macs": -1}},
            "macs is -1; it must be a numb",
        ),
        (
            {**CROSSING, "crossing": {"mac": 1}},
            "no unit mac; did you mean macs",
        ),
        (
            {**CROSSING, "grid": {"macs": [1]}},
            "grid: macs is what multiples set",
        ),
        (
            {**CROSSING, "common": {"number_of_epochs": 3}},
            "common: number_of_epochs follows from multiples of the crossing",
        ),
        (
            {**CROSSING, "runs": {"a": {"budget": {"macs": 1}}}},
            "runs: a: budget follows from multiples of the crossing",
        ),
        (
            {"runs": {"a": {"predicted": "x"}}},
            "a: predicted is 'x'; it must be",
        ),
        (
            {"runs": {"a": {"predicted": [2, 1]}}},
            "predicted is [2, 1]; it must",
        ),
        (
            {"runs": {"a": {"predicted": {"lr@1": 2}}}},
            "predicted is {'lr@1': 2}, but the run is done once; give a number",
        ),
        (
            {"runs": {"a": {"predicted": 3}}, "grid": {"lr": [1, 2]}},
            "3, but the run is done 2 times; say of which, as in {lr@1: 3}",
        ),
        (
            {"runs": {"a": {"predicted": {"lr@3": 2}}}, "grid": {"lr": [1, 2]}},
            "predicted: there is no lr@3; use one of lr@1, lr@2",
        ),
        ({"paired_sd": 0}, "paired_sd is 0; it must be a number above 0, or a"),
        ({"paired_sd": [1]}, "paired_sd is [1]; it must be a float or int or"),
    ],
)
def test_what_a_file_may_not_say(changes, message, tmp_path):
    with pytest.raises(GrowthError) as error:
        read_sweep(write(tmp_path, **changes))
    assert message in str(error.value)
    assert not (tmp_path / "results").exists()


LINEAR = "lr_annealing: !new:speechbrain.nnet.schedulers.LinearScheduler {}\n"


@pytest.mark.parametrize("changes", [{"runs": EQUAL}, CROSSING])
@pytest.mark.parametrize(
    "rate, message",
    [
        (LINEAR, "lr_annealing is !new:speechbrain.nnet.schedulers.Linear"),
        ("", "lr_annealing is not given; use !new:speechbrain_growth.Budget"),
    ],
)
def test_a_rate_that_does_not_follow_the_budget_is_refused(
    changes, rate, message, tmp_path
):
    with pytest.raises(GrowthError) as error:
        read_sweep(write(tmp_path, rate=rate, **changes))
    assert message in str(error.value)
    # the named run ends with its epochs, and may decay over these
    assert "runs: grow" not in str(error.value)
    if rate:
        own = "!new:speechbrain_growth.BudgetScheduler {initial_value: 1}"
        common = {"lr_annealing": own}
        assert read_sweep(write(tmp_path, rate, common=common, **changes))


def test_a_recipe_without_a_budget_is_refused(tmp_path):
    file = write(tmp_path, runs=EQUAL)
    (tmp_path / "toy.yaml").write_text(YAML.replace("budget", "limit") + RATE)
    with pytest.raises(
        GrowthError, match="equal sets budget, which .* does not"
    ):
        read_sweep(file)
