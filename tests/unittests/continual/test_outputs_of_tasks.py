"""Tests that tasks with different numbers of outputs are kept, split and resumed

Authors
 * The speechbrain_growth authors 2026
"""

from functools import partial

import pytest
import torch
from small import (
    COLUMNS,
    MLP,
    OWN,
    STRATEGY,
    ended,
    same,
    small,
    train,
    until_killed,
)

from speechbrain_growth import (
    MLP as Net,
    Columns,
    GrowthError,
    carry,
)
from speechbrain_growth.continual.finished import FinishedTasks

MORE = MLP.replace("outputs: 3", "outputs: !ref <classes>")
COLUMN = "adds: {columns: 1}, outputs: fresh, old: frozen"
FRESH = "outputs: fresh, symmetry: fresh"
PARENTS = "outputs: {model.output: [1, null]}", "outputs: {model.output: [4]}"


def growth(second, third=None):
    """Growths to 5 and 6 outputs; the key that follows is their number"""
    entries = [
        f"{{on_task: {task}, classes: {classes}, {words}}}"
        for task, classes, words in (
            (2, 5, second),
            (3, 6, third or second),
        )
    ]
    return f"[{', '.join(entries)}]\nclasses: 3"


SYSTEMS = {
    "progressive": (
        COLUMNS.replace("outputs: 3", "outputs: !ref <classes>"),
        STRATEGY.format("Progressive"),
        growth(COLUMN),
    ),
    "independent": (MORE, STRATEGY.format("Independent"), growth(FRESH)),
    "fine-tuning": (MORE, STRATEGY.format("Strategy"), growth(*PARENTS)),
    "heads": (MORE, OWN, growth(*PARENTS)),
}
KEEPING = ("progressive", "independent")


@pytest.fixture(scope="module", params=SYSTEMS)
def whole(request, tmp_path_factory):
    """A run that nobody interrupts"""
    folder = tmp_path_factory.mktemp("whole")
    return request.param, train(small(folder, SYSTEMS[request.param]))


def outputs_of(brain, task):
    """How many outputs the network of a task has"""
    return brain.logits_of(task)[0].shape[-1]


def test_a_finished_task_has_its_own_number_of_outputs(whole):
    name, brain = whole
    expected = [3, 5, 6] if name in KEEPING else [6, 6, 6]
    assert [outputs_of(brain, task) for task in (1, 2, 3)] == expected
    for task, then in enumerate(brain.finished.probes, start=1):
        assert all(map(torch.equal, brain.logits_of(task), then))
    assert (len(brain.finished.probes) == 3) == (name in KEEPING)


def test_the_matrix_is_measured_with_each_number_of_outputs(whole):
    name, brain = whole
    matrix = brain.evaluate_tasks(brain.loaders["test"], "error")
    assert matrix.bwt == 0 or name not in KEEPING
    assert matrix.diagonal == [matrix.rows[n][n - 1] for n in (1, 2, 3)]


@pytest.mark.parametrize("moment", ["task 1 finished", "epoch 5 step 5"])
def test_a_killed_run_ends_with_the_same_bits(moment, whole, tmp_path):
    name, expected = whole
    brain = small(tmp_path, SYSTEMS[name])
    until_killed(brain, moment)
    brain = train(small(tmp_path, SYSTEMS[name]))
    # The matrix of the whole run was measured, which loaded its last checkpoint
    assert same(ended(brain), ended(expected)) == []


def test_the_heads_of_finished_tasks_split_as_the_network_does():
    torch.manual_seed(0)
    old, new = torch.nn.Linear(4, 3), torch.nn.Linear(4, 6)
    tasks = FinishedTasks(stamps=False)
    tasks.close(old, {"classes": 3}, {}, own=["weight", "bias"])
    carry(old, new)  # a later head, with other weights
    torch.nn.init.normal_(old.weight)
    plan = carry(old, new, outputs={"": [1, 1, None]})
    own = dict(tasks[1].own)
    tasks.grow(plan, new, {"classes": 6}, {})
    inputs, grown = torch.randn(5, 4), tasks[1].own
    before = torch.nn.functional.linear(inputs, own["weight"], own["bias"])
    after = torch.nn.functional.linear(inputs, grown["weight"], grown["bias"])
    found = after.softmax(1)
    found[:, 1] += found[:, 3] + found[:, 4]
    torch.testing.assert_close(found[:, :3], before.softmax(1))
    assert found[:, 5].max() < 1e-7


@pytest.mark.parametrize("laterals", ["linear", "adapters"])
def test_finished_columns_keep_their_heads_beside_more_outputs(laterals):
    into = ["hidden_1.linear", "output"]
    build = partial(Net, 5, [7, 6])
    old = Columns(2, partial(build, 3), laterals, into)
    new = Columns(3, partial(build, 5), laterals, into)
    built = {name: t.clone() for name, t in new.state_dict().items()}
    plan = carry(old, new, symmetry="fresh", outputs="fresh")
    assert plan.output.new == 5
    state, widened = new.state_dict(), 0
    for name, was in old.state_dict().items():
        now = state[name]
        if now.shape != was.shape:
            widened += 1
            assert torch.equal(now[:3], was) and not now[3:].any()
        else:
            assert torch.equal(now, was)
    assert widened == 5  # two heads with biases, and a lateral into one
    for name in set(state) - set(old.state_dict()):
        assert torch.equal(state[name], built[name])


def test_the_last_column_learns_its_new_outputs():
    build = partial(Net, 5, [7, 6])
    old, new = (Columns(2, partial(build, n)) for n in (3, 5))
    rows = new.columns["1"].output.weight[3:].clone()
    carry(old, new, symmetry="fresh", outputs="fresh")
    assert torch.equal(new.columns["1"].output.weight[3:], rows)
    assert not new.columns["0"].output.weight[3:].any()


def test_columns_that_are_there_get_no_more_units():
    old = Columns(1, partial(Net, 5, [7, 6], 3))
    new = Columns(2, partial(Net, 5, [7, 8], 3))
    with pytest.raises(GrowthError, match="may only get more outputs"):
        carry(old, new, symmetry="fresh")


WRONG = {
    "a split of what is kept": (
        (MORE, STRATEGY.format("Independent"), growth(*PARENTS)),
        r"growth\[0\] .* an output that splits changes what earlier tasks comp",
    ),
    "a task that is to be found": (
        (
            SYSTEMS["progressive"][0]
            .replace("linear\n", "none\n")
            .replace("into: [hidden_1.linear, output]", "into: []"),
            STRATEGY.format("ExpertGate\n    size: columns"),
            growth(COLUMN),
        ),
        "the networks of tasks would have other numbers of outputs",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_mistake_is_refused_before_training(what, tmp_path):
    system, message = WRONG[what]
    with pytest.raises(GrowthError, match=message):
        train(small(tmp_path, system))
