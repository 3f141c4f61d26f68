"""Tests for the plan of a run, and for the log of its growths

Authors
 * The speechbrain_growth authors 2026
"""

import json

import pytest
import torch
from torch import nn

from speechbrain_growth import trace
from speechbrain_growth.blueprint.blueprint import Blueprint
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.launch.plan_table import as_table
from speechbrain_growth.launch.planning import plan_run
from speechbrain_growth.measure.growth_log import GrowthLog
from speechbrain_growth.schedule.schedule import GrowthSchedule

torch.set_num_threads(1)

TEXT = """
number_of_epochs: 10
rate: 0.1
inputs: 3
width: 4
depth_width: 5
outputs: 2
growth:
    - after_epoch: 2
      width: 8
    - on_plateau: {metric: PER, patience: 2}
      width: 9
      depth_width: 10
      symmetry: {noise: 0.01}

growth_schedule: !new:speechbrain_growth.GrowthSchedule
    growth: !ref <growth>
growth_log: !new:speechbrain_growth.GrowthLog
    save_file: growth_log.jsonl
    example_shape: [1, !ref <inputs>]
    example_name: image

net: !new:torch.nn.Sequential
    - !new:torch.nn.Linear [!ref <inputs>, !ref <width>]
    - !new:torch.nn.ReLU
    - !new:torch.nn.Linear [!ref <width>, !ref <depth_width>]
    - !new:torch.nn.{norm} [!ref <depth_width>]
    - !new:torch.nn.Linear [!ref <depth_width>, !ref <outputs>]
modules:
    net: !ref <net>
"""


@pytest.fixture
def plan(tmp_path):
    """Plans a run with a norm and overrides of one's own"""

    def planned(norm="BatchNorm1d", state=None, **overrides):
        path = tmp_path / "hparams.yaml"
        path.write_text(TEXT.replace("{norm}", norm))
        return plan_run(Blueprint(str(path), overrides), state)

    return planned


def cost(a, b):
    """Parameters and MACs of the net, by hand"""
    return (
        4 * a + (a + 1) * b + 2 * b + (b + 1) * 2,
        3 * a + a * b + b * 2,
    )


def test_each_growth_has_a_row(plan):
    rows = plan()
    assert [row["when"] for row in rows] == [
        "start",
        "after_epoch 2",
        "on_plateau metric PER, patience 2",
    ]
    assert [row["sizes"] for row in rows] == [
        {"width": 4, "depth_width": 5},
        {"width": 8},
        {"width": 9, "depth_width": 10},
    ]
    assert [row["exact"] for row in rows] == ["", "exact", "noise 0.01"]


def test_tensors_are_said_with_the_sizes_of_the_yaml(plan):
    _, wider, both = (row.get("tensors") for row in plan())
    first, second = both.splitlines()[0], both.splitlines()[2]
    assert "out width 4 -> 8, in inputs 3" in wider.splitlines()[0]
    assert "out width 8 -> 9, in inputs 3" in first
    assert "out depth_width 5 -> 10, in width 8 -> 9" in second


def test_a_size_that_may_be_another_is_not_named():
    old, new = (
        nn.Sequential(nn.Linear(3, n), nn.LSTM(n, m))
        for n, m in ((4, 6), (6, 9))
    )
    found = trace(old, new)
    text = found.text({"a": 4, "b": [9, 6]}, {"a": 6, "b": [9, 9]})
    assert "out a 4 -> 6, in inputs 3" in text
    assert "out 4 gates x b 24 -> 36, in a 4 -> 6" in text
    text = found.text({"a": 4, "b": 4, "c": 24}, {"a": 6, "b": 6, "c": 36})
    assert text == str(found)


def test_cost_is_that_of_the_model_then(plan):
    rows = plan()
    found = [(row["parameters"], row["macs"]) for row in rows]
    expected = [cost(4, 5), cost(8, 5), cost(9, 10)]
    assert found == expected
    shares = [macs / expected[-1][1] for _, macs in expected]
    assert [row["share"] for row in rows] == pytest.approx(shares)


def test_a_run_without_growths_shows_all_sizes(plan):
    rows = plan(growth=[], width=7)
    assert len(rows) == 1 and rows[0]["share"] == 1
    assert rows[0]["sizes"] == {
        "inputs": 3,
        "width": 7,
        "depth_width": 5,
        "outputs": 2,
    }


def test_the_table_is_text(plan):
    *table, total = as_table(plan()).splitlines()
    cells = [[cell.strip() for cell in line.split(" | ")] for line in table]
    parameters, macs = cost(4, 5)
    assert cells[0] == [
        "when",
        "epoch",
        "sizes",
        "parameters",
        "MACs per image",
        "of the largest",
        "function",
    ]
    assert set(table[1]) == {"-", "|"}
    share = round(100 * macs / cost(9, 10)[1])
    assert cells[2][:5] == [
        "start",
        "",
        "width 4, depth_width 5",
        str(parameters),
        str(macs),
    ]
    assert cells[2][5].startswith(f"{share} %")
    assert cells[3][1] == "2" and cells[4][1] == "5 or later, or never"
    assert cells[4][-2:] == ["100 %", "noise 0.01"]
    small, middle, large = cost(4, 5)[1], cost(8, 5)[1], cost(9, 10)[1]
    least = (2 * small + 8 * middle) / large
    most = (2 * small + 3 * middle + 5 * large) / large
    assert f"as much as {least:.1f} to {most:.1f} of the largest" in total


def test_a_choice_has_a_row_for_each_candidate(plan):
    choose = {"wide": {"width": 6}, "deep": {"adds": {"depth_width": 5}}}
    growth = [
        {"after_epoch": 3, "choose": choose, "choose_steps": 5},
        {"after_epoch": 5, "width": 9},
    ]
    rows = plan(growth=growth)
    assert [(row["when"], row["sizes"]) for row in rows[1:]] == [
        ("after_epoch 3: wide", {"width": 6}),
        ("after_epoch 3: deep", {"depth_width": 10}),
        ("after_epoch 5", {"width": 9}),
    ]
    macs = [row["macs"] for row in rows]
    first, wide, deep, last = macs
    # Behind a choice, the most expensive candidate is planned with
    assert macs == [
        cost(4, 5)[1],
        cost(6, 5)[1],
        *(cost(n, 10)[1] for n in (4, 9)),
    ]
    least = (3 * first + 2 * wide + 5 * last) / last
    most = (3 * first + 2 * deep + 5 * last) / last
    assert rows[0]["total"] == pytest.approx((least, most))
    text = as_table(rows)
    assert "take 10 steps of training on top of that" in text


def test_a_filling_is_tried_before_training(plan):
    sizes, way = {"width": 8, "depth_width": 10}, {"gradmax": 0.5}
    growth = {"after_epoch": 2, **sizes, "symmetry": way, "batches": 3}
    words = r"growth\[0\] \(after_epoch 2\): net.0: the activation .* slope 0"
    with pytest.raises(GrowthError, match=words):
        plan(growth=[growth])
    way["zero_slope"] = 0.001
    rows = plan(growth=[growth])
    found = rows[1]["filling"]
    assert (found["batches"], found["left"]) == (3, {})
    assert rows[1]["exact"] == "gradmax 0.5, zero_slope 0.001"
    # Each twice, of at most three features beside what a unit reads
    assert found["bytes"] == 8 * 2 * (6 * (6 + 10) + 11 * (11 + 2))
    one, two = rows[0]["macs"], rows[1]["macs"]
    # Only before the norm it is asked how what units read varies; two looks,
    # as one activation is flat
    sums = 4 * 5 + 5 * 2 + 5 * 5
    cost = 3 * (1 + sums / (3 * one)) + 2 * two / one
    assert found["cost"] == pytest.approx(cost)
    words = "begin from the gradients of 3 batches; on top of that, this costs"
    assert words in as_table(rows)


def test_it_names_units_that_begin_fresh(plan):
    # A single example of random numbers says nothing of a step or a threshold
    way = {"tiny": 0.5, "natural_step": True, "threshold": 0, "kink": True}
    sizes = {"width": 8, "depth_width": 10}
    rows = plan("PReLU", growth=[{"after_epoch": 2, **sizes, "symmetry": way}])
    (why,) = rows[1]["filling"]["left"].values()
    assert why == "net.3 has weights for each of them"
    assert f"those of net.2 units begin as fresh ones: {why}." in as_table(rows)


def test_what_is_measured_for_a_condition_is_said(plan):
    growth = [{"on_gradient": 0.5, "width": 8}]
    text = as_table(plan(growth=growth))
    assert "natural_gradient is measured after each validation" in text
    assert "measured" not in as_table(plan())


def test_what_can_never_happen_within_the_run_is_refused(plan):
    growth = [
        {"every_epochs": 6, "width": 8},
        {"every_epochs": 4, "width": 16},
    ]
    message = r"^growth\[1\] \(every_epochs 4\): .*epoch 10 at the earliest"
    with pytest.raises(GrowthError, match=message):
        plan(growth=growth)
    with pytest.raises(GrowthError, match="every_epochs 4; 3 of 3.*epoch 12"):
        plan(growth=[{"every_epochs": 4, "towards": {"width": 9}, "steps": 3}])
    # Others may happen less often than they might
    repeated = {"every_epochs": 4, "adds": {"width": 1}, "max_times": 9}
    assert len(plan(growth=[repeated])) == 1 + 2


def test_an_entry_may_only_set_something(plan):
    grows = {"after_epoch": 4, "width": 8}
    only = {"after_epoch": 2, "sets": {"rate": 0.2}}
    rows = plan(growth=[only, grows])
    small, large = cost(4, 5), cost(8, 5)
    assert [(row["parameters"], row["macs"]) for row in rows] == [
        small,
        small,
        large,
    ]
    assert rows[1]["exact"] == "exact; then sets rate 0.2"
    assert rows[1]["sizes"] == {} and rows[1]["span"] == (2, 2)
    total = (4 * small[1] + 6 * large[1]) / large[1]
    assert rows[0]["total"] == pytest.approx((total, total))
    with pytest.raises(GrowthError, match="the YAML has no key 'rat'"):
        plan(growth=[{**only, "sets": {"rat": 1}}])
    twice = [only, {**only, "after_epoch": 3}]
    between = {"after_epoch": 3, "sets": {"rate": 0.3}}
    assert len(plan(growth=[only, between, {**only, "after_epoch": 4}])) == 4
    message = r"^growth\[1\] \(after_epoch 3\): sets: they have these values"
    with pytest.raises(GrowthError, match=message):
        plan(growth=twice)


SEEN = """
number_of_epochs: 10
pool: 2
hop: 20
width: 4
growth:
    - {after_epoch: 4, sets: {pool: 1}}
    - {after_epoch: 6, sets: {hop: 10}}
    - {after_epoch: 8, width: 8, outputs: fresh}
growth_schedule: !new:speechbrain_growth.GrowthSchedule
    growth: !ref <growth>
growth_log: !new:speechbrain_growth.GrowthLog
    save_file: growth_log.jsonl
    example_shape: [1, 1, 16]
features: !new:torch.nn.AvgPool1d [!ref <hop>]
net: !new:torch.nn.Sequential
    - !new:torch.nn.AvgPool1d [!ref <pool>]
    - !new:torch.nn.Conv1d [1, !ref <width>, 1]
modules: {net: !ref <net>}
"""


def test_what_a_setting_makes_cheaper_is_counted_or_named(tmp_path):
    path = tmp_path / "hparams.yaml"
    path.write_text(SEEN)
    rows = plan_run(Blueprint(str(path)))
    assert [row["macs"] for row in rows] == [4 * 8, 4 * 16, 4 * 16, 8 * 16]
    total = (4 * 4 * 8 + 4 * 4 * 16 + 2 * 8 * 16) / (8 * 16)
    assert rows[0]["total"] == pytest.approx((total, total))
    text = as_table(rows)
    words = "after_epoch 6: what an epoch costs with the new features is not"
    assert words in text and text.count("is not known to the plan") == 1


# A budget may end the run before its epochs do

DATE = {"after_epoch": 2, "width": 8}


def with_budget(folder, budget, *growth):
    """Plans a run that has a budget; growths stand in the file"""
    path = folder / "hparams.yaml"
    text = TEXT.replace("{norm}", "BatchNorm1d")
    text = text.replace("<growth>\n", f"<growth>\n    budget: {budget}\n")
    entries = "".join(f"    - {json.dumps(one)}\n" for one in growth)
    begin, end = text.index("    - after_epoch"), text.index("growth_schedule:")
    path.write_text(f"{text[:begin]}{entries}{text[end:]}")
    return plan_run(Blueprint(str(path)))


@pytest.mark.parametrize("given, length", [(5.5, 5.5), (6, 6), (99, 10)])
def test_a_budget_in_epochs_counts_those_that_are_trained(
    given, length, tmp_path
):
    rows = with_budget(tmp_path, {"epochs": given}, DATE)
    small, large = cost(4, 5)[1], cost(8, 5)[1]
    total = (2 * small + (length - 2) * large) / large
    assert rows[0]["epochs"] == length
    assert rows[0]["total"] == pytest.approx((total, total))
    text = as_table(rows)
    assert f"In all, {length} epochs cost as much as {total:.1f} of" in text
    assert "budget" not in text and "never" not in text


@pytest.mark.parametrize(
    "budget, words",
    [
        ({"macs": 3e10}, "ends as soon as its budget of 3e+10 macs is spent"),
        (
            {"cpu_seconds": 600},
            "ends by time, as soon as its budget of 600 cpu seconds is spent",
        ),
    ],
)
def test_other_budgets_leave_open_how_much_is_trained(budget, words, tmp_path):
    small, large = cost(4, 5)[1], cost(8, 5)[1]
    most = (2 * small + 8 * large) / large
    rows = with_budget(tmp_path, budget, DATE)
    assert rows[0]["total"] == pytest.approx((0, most))
    text = as_table(rows)
    assert f"at most 10 epochs cost at most as much as {most:.1f} of" in text
    assert words in text and " | 2, or never " in text
    without = with_budget(tmp_path, {}, DATE)
    assert without[0]["total"] == pytest.approx((most, most))
    assert "spent" not in as_table(without) and "| 2  " in as_table(without)


IMPOSSIBLE = [
    ({"macs": 1e9}, "after_macs", 1e9, 9e8),
    ({"epochs": 5.5}, "after_epoch", 6, 5),
    ({"epochs": 5.5}, "every_epochs", 6, 5),
]


@pytest.mark.parametrize("budget, name, late, early", IMPOSSIBLE)
def test_what_can_never_happen_within_the_budget_is_refused_with_its_line(
    budget, name, late, early, tmp_path
):
    first = {"after_epoch": 1, "width": 5}
    first = [] if name == "every_epochs" else [first]
    assert with_budget(tmp_path, budget, *first, {name: early, "width": 8})
    with pytest.raises(GrowthError) as raised:
        with_budget(tmp_path, budget, *first, {name: late, "width": 8})
    (problem,) = raised.value.problems
    path = tmp_path / "hparams.yaml"
    lines = path.read_text().splitlines()
    (line,) = (
        n for n, one in enumerate(lines, 1) if name in one and "8" in one
    )
    where = f"{path}, line {line}: growth[{len(first)}] ({name} "
    assert problem.startswith(where), problem


def state_after(growth, metrics, grows=True):
    """The state of a run of TEXT after some epochs"""
    schedule = GrowthSchedule(growth)
    schedule.start({"inputs": 3, "width": 4, "depth_width": 5, "outputs": 2})
    for epoch, metric in enumerate(metrics, start=1):
        if schedule.decide(epoch, {"PER": metric}) and grows:
            schedule.grown(step=epoch)
    return schedule.state()


WAITS = [
    {"after_epoch": 2, "width": 8},
    {"on_plateau": {"metric": "PER", "not_after": 6}, "depth_width": 6},
]


def test_a_resumed_run_has_ahead_what_has_not_happened(plan):
    rows = plan(state=state_after(WAITS, [9, 8, 7]), growth=WAITS)
    assert [row.get("span") for row in rows] == [None, (5, 6)]
    small, large = cost(8, 5)[1], cost(8, 6)[1]
    assert rows[0]["epochs"] == 7
    least, most = (3 * small + 4 * large), (2 * small + 5 * large)
    assert rows[0]["total"] == pytest.approx((least / large, most / large))


def test_a_growth_that_is_decided_happens_at_once(plan):
    rows = plan(state=state_after(WAITS, [9, 8], grows=False), growth=WAITS)
    assert [row.get("span") for row in rows] == [None, (2, 2), (5, 6)]


def test_a_run_that_waited_in_vain_is_over(plan):
    growth = [{"by_hand": True, "width": 8}]
    assert len(plan(state=state_after(growth, range(10)), growth=growth)) == 1


def test_a_candidate_that_cannot_be_built_is_named_with_its_line(tmp_path):
    path = tmp_path / "hparams.yaml"
    given = TEXT.replace("{norm}", "LayerNorm").replace(
        "    - after_epoch: 2\n      width: 8\n",
        "    - after_epoch: 2\n"
        "      choose: {more: {width: 8}, none: {adds: {outputs: 2}}}\n",
    )
    path.write_text(given)
    with pytest.raises(GrowthError) as raised:
        plan_run(Blueprint(str(path)))
    (problem,) = raised.value.problems
    line = given[: given.index("- after_epoch")].count("\n") + 1
    assert problem.startswith(f"{path}, line {line}: growth[0] (after_epoch 2)")
    assert "choose: none: the outputs grow" in problem


def test_all_problems_of_all_growths_are_named_at_once(plan):
    growth = [
        {"after_epoch": 1, "depth_width": 7},
        {"after_epoch": 2, "width": 6},
        {"after_epoch": 3, "depth_width": 9, "adds": {"outputs": 1}},
    ]
    with pytest.raises(GrowthError) as raised:
        plan("InstanceNorm1d", growth=growth)
    first, last = raised.value.problems
    assert first.startswith("growth[0] (after_epoch 1): net.3: reduces")
    assert last.startswith("growth[2] (after_epoch 3): net.3: reduces")


def test_outputs_cannot_grow(plan):
    growth = [{"after_epoch": 1, "adds": {"outputs": 1}}]
    message = (
        r"^growth\[0\] \(after_epoch 1\): the outputs grow \(.*2 -> 3\); give "
        "the old output .* else the last module must keep its size"
    )
    with pytest.raises(GrowthError, match=message):
        plan(growth=growth)


@pytest.mark.parametrize("epochs", [0, -3, 2.5, "ten", None, True])
def test_a_number_of_epochs_that_is_none_is_refused(plan, epochs):
    with pytest.raises(GrowthError, match="^number_of_epochs is .*above 0$"):
        plan(number_of_epochs=epochs)


def test_the_schedule_is_compared_with_the_run(plan):
    message = r"2 problems:\n.*'widht'; did you mean width.*\n.*epoch is 12"
    growth = [{"after_epoch": 12, "widht": 9}]
    with pytest.raises(GrowthError, match=message):
        plan(growth=growth)


def test_a_bad_entry_is_refused(plan):
    with pytest.raises(GrowthError, match=r"growth\[0\]: found no condition"):
        plan(growth=[{"width": 9}])


def test_planning_touches_no_file(plan, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan()
    assert [file.name for file in tmp_path.iterdir()] == ["hparams.yaml"]


# A YAML need not have what follows from its other keys


OBJECTS = TEXT[TEXT.index("growth_schedule:") : TEXT.index("net:")]
SHORT = TEXT.replace("{norm}", "BatchNorm1d").replace(
    OBJECTS, "output_folder: out\nexample_shape: [1, !ref <inputs>]\n"
)


def written(folder, text, overrides=None):
    """The blueprint of a text"""
    (folder / "hparams.yaml").write_text(text)
    return Blueprint(str(folder / "hparams.yaml"), overrides)


def test_a_schedule_and_a_log_follow_from_other_keys(tmp_path, plan):
    given = {"growth_log": {"example_name": "image"}, "inputs": 5}
    blueprint = written(tmp_path, SHORT, given)
    log = blueprint.load()["growth_log"]
    assert log.save_file == "out/growth_log.jsonl"
    assert log.example_shape == (1, 5)
    assert plan_run(blueprint) == plan(inputs=5)
    # Those that the YAML has are taken as they are
    whole = written(tmp_path, TEXT.replace("{norm}", "LayerNorm"))
    assert whole.text() == TEXT.replace("{norm}", "LayerNorm")


ABSENT = {
    "growth": "the YAML has no key growth; write what the model becomes",
    "output_folder": "the YAML has no key output_folder; write the folder",
    "example_shape": "the YAML has no key example_shape; write the shape of",
}


@pytest.mark.parametrize("keys", [*([key] for key in ABSENT), list(ABSENT)])
def test_keys_from_which_nothing_can_follow_are_named_at_once(tmp_path, keys):
    text = SHORT
    for key in keys:
        text = text.replace(f"\n{key}:", f"\nno_{key}:")
    with pytest.raises(GrowthError) as raised:
        plan_run(written(tmp_path, text))
    problems = raised.value.problems
    assert len(problems) == len(keys)
    for key, problem in zip(keys, problems):
        assert problem.startswith(ABSENT[key])


@pytest.mark.parametrize("key", ["growth_schedule", "growth_log"])
def test_an_object_under_a_misspelt_key_is_not_passed_over(tmp_path, key):
    text = TEXT.replace("{norm}", "LayerNorm").replace(f"{key}:", f"a_{key}:")
    text += "output_folder: out\nexample_shape: [1, 3]\n"
    with pytest.raises(GrowthError, match=f"there is no key {key}; a run that"):
        plan_run(written(tmp_path, text))


def test_a_checkpointer_that_a_kill_can_break_is_refused(tmp_path):
    stock = "!new:speechbrain.utils.checkpoints.Checkpointer"
    text = f"{SHORT}checkpointer: {stock}\n    checkpoints_dir: save\n"
    line = text[: text.index("checkpointer:")].count("\n") + 1
    with pytest.raises(GrowthError) as raised:
        plan_run(written(tmp_path, text))
    path, own = tmp_path / "hparams.yaml", "speechbrain_growth.SafeCheckpointer"
    head = f"{path}, line {line}: checkpointer is SpeechBrain's own, and a "
    assert str(raised.value).startswith(head)
    assert str(raised.value).endswith(f"use !new:{own}")
    safe = written(tmp_path, text.replace(stock, f"!new:{own}"))
    assert len(plan_run(safe)) == 3


# Growth in depth, by a longer list

DEEP = """
number_of_epochs: 10
hidden: [4]
cnn_channels: [2, 4]
growth: []
growth_schedule: !new:speechbrain_growth.GrowthSchedule
    growth: !ref <growth>
growth_log: !new:speechbrain_growth.GrowthLog
    save_file: growth_log.jsonl
    example_shape: [1, 20, 12]
cnn: !new:speechbrain.lobes.models.CRDNN.CRDNN
    input_size: 12
    cnn_channels: !ref <cnn_channels>
    rnn_layers: 1
    rnn_neurons: 4
    dnn_blocks: 1
    dnn_neurons: 6
mlp: !new:speechbrain_growth.MLP [6, !ref <hidden>, 2]
modules: {cnn: !ref <cnn>, mlp: !ref <mlp>}
"""


def deep(tmp_path, **growth):
    """Plans one growth of a CRDNN with an MLP behind it"""
    path = tmp_path / "deep.yaml"
    path.write_text(DEEP)
    growth = [{"after_epoch": 2, **growth}]
    return plan_run(Blueprint(str(path), {"growth": growth}))


def test_a_longer_list_is_a_growth_in_depth(tmp_path):
    start, deeper = deep(tmp_path, hidden=[5, 5])
    assert deeper["exact"] == "exact"
    more = (7 * 5 + 6 * 5 + 6 * 2) - (7 * 4 + 5 * 2)
    assert deeper["parameters"] - start["parameters"] == more


@pytest.mark.parametrize(
    "growth, message",
    [
        ({"hidden": [4, 8]}, "4 inputs and 8 outputs are no identity"),
        ({"hidden": [2, 4]}, "mlp"),
        (
            {"cnn_channels": [2, 4, 8], "hidden": [5, 5]},
            r"cnn_channels would become \[2, 4, 8\], but the model ignores "
            "what stands behind the first 2",
        ),
    ],
)
def test_a_longer_list_that_cannot_be_is_refused(tmp_path, growth, message):
    with pytest.raises(GrowthError, match=message):
        deep(tmp_path, **growth)


# The log of growths


def entry(number=0, **rest):
    """A growth as the Brain logs it"""
    return {
        "growth": number,
        "epoch": 2,
        "condition": "after_epoch 2",
        "grown": True,
        "drift": 1.25e-7,
        "tolerance": 1e-4,
        "sizes_before": {"width": 4, "inputs": 3},
        "sizes_after": {"width": 8, "inputs": 3},
        "parameters_before": 1_500_000,
        "parameters_after": 3_000_000,
        "macs_before": 500_000,
        "macs_after": 1_250_000,
        "valid_before": {"PER": 16.8345},
        "valid_after": {"PER": 16.8},
        "seconds": 1.26,
        **rest,
    }


def test_a_logged_growth_in_words(tmp_path):
    log = GrowthLog(str(tmp_path / "log.jsonl"), [1, 3], "image")
    assert log.in_words() == "The model did not grow."
    log.write(entry())
    assert log.in_words() == (
        "Growth 1 after epoch 2, after_epoch 2: width 4 -> 8; 1.50 -> 3.00 M "
        "parameters, 0.50 -> 1.25 M MACs per image; probe drift 1.2e-07; "
        "validation right before -> right after: PER 16.83 -> 16.80; 1.3 s."
    )


def test_a_growth_that_was_rolled_back_in_words(tmp_path):
    log = GrowthLog(str(tmp_path / "log.jsonl"), [1, 3])
    log.write(entry(grown=False, drift=0.5))
    assert log.in_words() == (
        "Growth 1 after epoch 2 was rolled back: the probe batch drifted by "
        "5.0e-01, above 1e-04. The model stays at width 4, inputs 3."
    )


def test_a_growth_done_again_replaces_what_a_killed_run_logged(tmp_path):
    log = GrowthLog(str(tmp_path / "log.jsonl"), [1, 3])
    for number, epoch in [(0, 1), (1, 5), (2, 8), (1, 6)]:
        log.write(entry(number, epoch=epoch))
    assert [(e["growth"], e["epoch"]) for e in log.read()] == [(0, 1), (1, 6)]
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["growth"] for line in lines] == [0, 1]
    assert [file.name for file in tmp_path.iterdir()] == ["log.jsonl"]


# What a recipe's YAML may have where no growth can reach it

HEAD = "growth[0] (after_epoch 2): "
BY_KEY = (
    "Write the number that grows as a key at the top of the YAML, and refer to "
    "it by !ref <{}>; now it is written into the model: {}"
)


@pytest.mark.parametrize(
    "old, new, message",
    [
        (
            "[!ref <width>, !ref <depth_width>]",
            "{in_features: !ref <width>, out_features: 5}",
            "net.2.out_features 5",
        ),
        ("modules:", "own: !new:torch.nn.PReLU {num_parameters: 5}", None),
    ],
    ids=["in the model", "elsewhere"],
)
def test_a_size_written_into_the_model_is_shown(tmp_path, old, new, message):
    path = tmp_path / "hparams.yaml"
    text = TEXT.replace("{norm}", "BatchNorm1d")
    text = text.replace(old, new if message else f"{new}\n{old}", 1)
    path.write_text(text)
    growth = [{"after_epoch": 2, "out_features": 9}]
    with pytest.raises(GrowthError) as raised:
        plan_run(Blueprint(str(path), {"growth": growth}))
    expected = (
        f"{HEAD}the model has no size 'out_features'; its sizes are "
        "inputs, width, depth_width, outputs"
    )
    if message:
        expected += ". " + BY_KEY.format("out_features", message)
    assert str(raised.value) == expected


@pytest.mark.parametrize(
    "module, message",
    [
        (
            "speechbrain.lobes.features.Fbank",
            f"{HEAD}other: Fbank has no growth rule, and no parameters to grow; "
            "list it before all modules that have some, if it is called before "
            "them; else take it out of modules, and call self.hparams.other",
        ),
        (
            "torch.nn.Bilinear [3, 3, 3]",
            "growth_log: an example of shape (1, 3) does not go through "
            "other: Bilinear.forward() missing 1 required positional "
            "argument: 'input2'; each of modules must run on what the one "
            "before it returns, and on nothing else",
        ),
    ],
    ids=["nothing to grow", "another signature"],
)
def test_a_module_that_no_growth_can_pass_is_named(tmp_path, module, message):
    path = tmp_path / "hparams.yaml"
    text = TEXT.replace("{norm}", "BatchNorm1d").replace(
        "modules:\n", f"other: !new:{module}\nmodules:\n"
    )
    text += "    other: !ref <other>\n"
    path.write_text(text)
    growth = [{"after_epoch": 2, "width": 9}]
    with pytest.raises(GrowthError) as raised:
        plan_run(Blueprint(str(path), {"growth": growth}))
    place = (
        f"{path}, line {text[: text.index('growth_log:')].count(chr(10)) + 1}: "
    )
    assert str(raised.value).removeprefix(place).startswith(message)


FEATURES = """
bins: 8
slope: 0.1
first: !new:speechbrain.lobes.features.Fbank
    n_mels: !ref <bins>
second: !new:torch.nn.LeakyReLU [!ref <slope>]
modules:
    first: !ref <first>
    second: !ref <second>
"""
LATE = {"after_epoch": 2, "width": 9}


def with_features(folder, *growth):
    """Plans growths behind features that the YAML lists among the modules"""
    text = TEXT.replace("{norm}", "BatchNorm1d")
    text = text.replace("\nmodules:\n", FEATURES)
    return plan_run(written(folder, text, {"growth": list(growth)}))


def test_features_before_all_that_learns_may_be_among_the_modules(
    tmp_path, plan
):
    rows = with_features(tmp_path, LATE)
    assert rows == plan(growth=[LATE])


def test_features_that_a_growth_would_change_are_refused(tmp_path):
    with pytest.raises(GrowthError) as raised:
        with_features(tmp_path, {**LATE, "bins": 9})
    assert str(raised.value) == (
        "growth[0] (after_epoch 2): first: Fbank has no growth rule, and the "
        "growth would change it; name sizes that it does not refer to"
    )


FREEZING = [
    {"after_epoch": 2, "freeze": ["net.0"]},
    {
        "after_epoch": 3,
        "depth_width": 10,
        "freeze": ["net.3"],
        "symmetry": "fresh",
    },
    {"after_epoch": 4, "width": 8, "freeze": "old"},
    {"after_epoch": 5, "freeze": "none"},
    {"after_epoch": 6, "width": 16},
]


def test_the_plan_says_what_is_frozen_and_how_much_is_trained(plan):
    rows = plan(growth=FREEZING)
    assert [row["exact"] for row in rows[1:]] == [
        "exact; freezes net.0",
        "exact; freezes net.3",
        "exact; freezes old units",
        "exact; trains all again",
        "exact",
    ]
    whole = [row["parameters"] for row in rows]
    free = [
        whole[1] - 4 * 4,
        whole[2] - 4 * 4 - 2 * 5,
        4 * 4,  # what enters the new units
    ]
    found = [row["trained"] for row in rows[1:]]
    assert found == [n / m for n, m in zip(free, whole[1:])] + [None, None]
    text = as_table(rows)
    assert "| trained |" in text and f"| {100 * found[1]:.0f} % " in text
    # The layer behind the new units is old, and grows no unit of its own
    line = "after_epoch 4: net.2.weight is frozen, and reads none of the new"
    assert text.count("is frozen") == text.count(line) == 1
    assert "trained" not in as_table(plan())


def test_what_was_frozen_before_a_resume_only_training_knows(plan):
    schedule = GrowthSchedule(FREEZING)
    schedule.start({"inputs": 3, "width": 4, "depth_width": 5, "outputs": 2})
    schedule.decide(2, {})
    schedule.grown(step=6)
    rows = plan(growth=FREEZING, state=schedule.state())
    assert [row.get("trained") for row in rows] == [None] * 5
    assert "freezes net.3" in rows[1]["exact"]
