"""Tests that dynamically expandable networks do what their stages say

Authors
 * The speechbrain_growth authors 2026
"""

import copy
import math

import pytest
import torch
from hyperpyyaml import load_hyperpyyaml

import speechbrain as sb
from speechbrain_growth import (
    MLP,
    ContinualBrain,
    GrowthError,
    LeanBrain,
    task_loader,
    trace,
)
from speechbrain_growth.continual.stages import FIRST, LAST, STAGES
from speechbrain_growth.continual.weights.proximal import (
    group_soft_threshold,
    shrink_units,
    soft_threshold,
)
from speechbrain_growth.continual.weights.selection import selected
from speechbrain_growth.continual.weights.units import Units
from speechbrain_growth.launch.init_from import open_blueprint

HIDDEN, TASKS, EACH, INPUTS, CLASSES = [6, 5], 3, 6, 9, 3
EPOCHS = "{head: 1, selected: 1, expanded: 1, whole: 1}"  # and 2 at the end
OPTIONS = {
    "own": "[model.output]",
    "epochs": EPOCHS,
    "units": 2,
    "tau": 0.0,
    "sigma": 0.1,
    "pull": 0.05,
}
YAML = """
seed: 7
__set_seed: !apply:speechbrain.utils.seed_everything [!ref <seed>]
output_folder: !PLACEHOLDER
epochs_per_task: 6
stream: !new:speechbrain_growth.Permuted
    tasks: 3
    seed: 3
strategy: !new:speechbrain_growth.DEN
    OPTIONS
hidden: [6, 5]
growth: []
growth_schedule: !new:speechbrain_growth.GrowthSchedule
    growth: !ref <growth>
growth_log: !new:speechbrain_growth.GrowthLog
    save_file: !ref <output_folder>/growth_log.jsonl
    example_shape: [1, 9]
model: !new:speechbrain_growth.MLP
    inputs: 9
    hidden: !ref <hidden>
    outputs: 3
    MORE
modules: {model: !ref <model>}
epoch_counter: !new:speechbrain.utils.epoch_loop.EpochCounter
    limit: 18
opt_class: !name:torch.optim.Adam
    lr: 0.02
lr_annealing: !new:speechbrain.nnet.schedulers.LinearScheduler
    initial_value: 0.02
    final_value: 0.002
    epoch_count: !ref <epochs_per_task>
checkpointer: !new:speechbrain_growth.SafeCheckpointer
    checkpoints_dir: !ref <output_folder>/save
    recoverables:
        model: !ref <model>
        counter: !ref <epoch_counter>
"""


class Killed(Exception):
    """Stands for a process that ends at once"""


class SmallBrain(ContinualBrain, LeanBrain):
    """Classifies; keeps what it computes at named moments, or ends there"""

    kill = None
    seen = ()

    def moment(self, name):
        """A moment within a task: its epoch and what happens"""
        if self.kill == name:
            raise Killed(name)
        if name in self.seen:
            tasks = range(1, len(self.finished) + 1)
            was = self.modules.training
            self.seen[name] = {
                "logits": [self.logits_of(task)[0] for task in tasks],
                "modules": copy.deepcopy(self.raw_modules),
                "loss": self.measure(0)["loss"],
            }
            self.modules.train(was)

    def compute_forward(self, batch, stage):
        """Scores of the classes"""
        self.meter.count(batch[0])
        return self.modules.model(batch[0])

    def compute_objectives(self, predictions, batch, stage):
        """Cross-entropy"""
        return torch.nn.functional.cross_entropy(predictions, batch[1])

    def on_fit_batch_end(self, batch, outputs, loss, should_step):
        """Counts as a moment"""
        self.moment(f"epoch {self.hparams.epoch_counter.current}, {self.step}")

    def begin_epoch(self, epoch):
        """After all that happens between two epochs is a moment"""
        super().begin_epoch(epoch)
        self.moment(f"epoch {epoch} begins")

    def grow(self, epoch):
        """Before and after a growth are moments"""
        self.moment(f"epoch {epoch} before the growth")
        super().grow(epoch)
        self.moment(f"epoch {epoch} after the growth")

    def on_stage_end(self, stage, stage_loss, epoch=None):
        """As recipes do: anneal, decide, save"""
        if stage == sb.Stage.VALID:
            self.anneal_epoch(epoch, stage_loss)
            self.decide_growth(epoch, self.valid_stats(stage_loss))
            self.moment(f"epoch {epoch} over")
            self.save_epoch(epoch, stage_loss)
            self.moment(f"epoch {epoch} saved")


def data():
    """Three clusters, in three parts"""
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(CLASSES, INPUTS, generator=generator)
    parts = {}
    for part, number in (("train", 24), ("valid", 12), ("test", 12)):
        labels = torch.arange(number) % CLASSES
        noise = torch.randn(number, INPUTS, generator=generator)
        parts[part] = centres[labels] + 0.5 * noise, labels
    return parts


def small(folder, options=None, more="", **run_opts):
    """A Brain from a folder, which may have checkpoints"""
    given = {**OPTIONS, **(options or {})}
    lines = "\n    ".join(f"{k}: {v}" for k, v in given.items())
    text = YAML.replace("OPTIONS", lines.replace("inf", ".inf"))
    path = folder / "small.yaml"
    folder.mkdir(exist_ok=True)
    path.write_text(text.replace("MORE", more))
    overrides = {"output_folder": str(folder)}
    with open(path) as fin:
        hparams = load_hyperpyyaml(fin, overrides)
    brain = SmallBrain(
        stream=hparams["stream"],
        strategy=hparams["strategy"],
        blueprint=open_blueprint(str(path), overrides),
        schedule=hparams["growth_schedule"],
        growth_log=hparams["growth_log"],
        modules=hparams["modules"],
        opt_class=hparams["opt_class"],
        hparams=hparams,
        run_opts={"noprogressbar": True, **run_opts},
        checkpointer=hparams["checkpointer"],
    )
    brain.loaders = {
        part: task_loader(one, 4, shuffle=part == "train", seed=5)
        for part, one in hparams["stream"].of(data()).items()
    }
    return brain


def train(brain, *moments):
    """Trains all tasks; keeps what is computed at some moments"""
    brain.seen = dict.fromkeys(moments)
    counter = brain.hparams.epoch_counter
    brain.fit(counter, brain.loaders["train"], brain.loaders["valid"])
    return brain


SHARED = [
    f"epoch {epoch} {what}" for epoch in (7, 9) for what in ("begins", "over")
]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A run with splits and expansions"""
    brain = train(small(tmp_path_factory.mktemp("plain")), *SHARED)
    assert len(splits(brain)) == len(expansions(brain)) == TASKS - 1
    return brain


def layers_of_modules(modules):
    """The linear layers of some modules"""
    return [m for m in modules.modules() if isinstance(m, torch.nn.Linear)]


def layers_of(brain):
    """The linear layers of a Brain"""
    return layers_of_modules(brain.raw_modules)


def first_of(task):
    """The first epoch of a task"""
    return (task - 1) * EACH + 1


def splits(brain):
    """The growths that split units, which come before the last stage"""
    log = brain.growth_log.read()
    return [one for one in log if one["epoch"] % EACH == 4]


def expansions(brain):
    """The growths that add units to a task that misses its goal"""
    log = brain.growth_log.read()
    return [one for one in log if one["epoch"] % EACH == 2]


def added(growth):
    """How many units a growth adds to each layer"""
    before, after = growth["sizes_before"], growth["sizes_after"]
    return [b - a for a, b in zip(before["hidden"], after["hidden"])]


# Proximal steps


def test_a_soft_threshold_is_that_of_torch():
    weights = torch.randn(50, dtype=torch.float64) * 2
    expected = torch.nn.functional.softshrink(weights, 0.7)
    assert torch.allclose(soft_threshold(weights, 0.7), expected, atol=1e-15)


def test_a_group_soft_threshold_is_optimal():
    """Where the subgradient of half the squared distance + norm is zero"""
    torch.manual_seed(1)
    rows = torch.randn(40, 3, dtype=torch.float64)
    found = group_soft_threshold(rows, 1.3)
    zero = (found == 0).all(1)
    assert 5 < zero.sum() < 35
    assert (rows[zero].norm(dim=1) <= 1.3).all()
    unit = found / found.norm(dim=1, keepdim=True)
    slope = found - rows + 1.3 * unit
    assert slope[~zero].abs().max() < 1e-14


def test_a_group_is_all_that_enters_a_unit():
    layer = torch.nn.Linear(3, 4).double()
    rows = torch.cat([layer.weight, layer.bias[:, None]], 1).detach()
    units = Units(trace(layer, layer))
    new = torch.arange(len(units)) >= 1
    shrink_units(units, dict(layer.named_parameters()), new, 0.2)
    found = torch.cat([layer.weight, layer.bias[:, None]], 1)
    expected = rows * (1 - 0.2 / rows.norm(dim=1, keepdim=True))
    assert torch.equal(found[0], rows[0])
    assert torch.allclose(found[1:], expected[1:], atol=1e-14)


# Selective retraining


def reachable(weights):
    """Which units lie on a path of weights that are not zero, one by one"""
    levels = [set(range(len(weights[-1])))]
    for weight in reversed(weights):
        found = {
            below
            for above in levels[0]
            for below, one in enumerate(weight[above].tolist())
            if one != 0
        }
        levels.insert(0, found)
    return levels


def test_the_selection_follows_every_path():
    torch.manual_seed(0)
    sizes, weights = [7, 6, 5, 2], []
    for below, above in zip(sizes, sizes[1:]):
        weights.append(
            torch.randn(above, below) * (torch.rand(above, below) > 0.7)
        )
    net = torch.nn.Sequential(
        *(torch.nn.Linear(b, a) for b, a in zip(sizes, sizes[1:]))
    )
    for layer, weight in zip(net, weights):
        layer.weight.data.copy_(weight)
    units = Units(trace(net, net))
    met = selected(units, dict(net.named_parameters()))
    labels = ["inputs 7", *(f"{n} units" for n in range(3))]
    found = [
        set(met[list(units.layers[label])].nonzero()[:, 0].tolist())
        for label in labels
    ]
    assert found == reachable(weights)
    assert any(len(one) < size for one, size in zip(found, sizes))


def test_what_is_not_selected_stays_to_the_bit(tmp_path, monkeypatch):
    """As if the L1 penalty had led to zeros in three layers"""
    moment = SmallBrain.moment

    def with_zeros(brain, name):
        """Makes zeros once the head is trained"""
        if name == "epoch 7 over":
            below, above, head = (one.weight.data for one in layers_of(brain))
            head[:, 1:3] = above[:, 4] = above[0, 2] = below[:, 5] = 0
        moment(brain, name)

    monkeypatch.setattr(SmallBrain, "moment", with_zeros)
    begins, over = "epoch 8 begins", "epoch 8 over"
    brain = train(small(tmp_path, {"l2": 0.1}), begins, over)
    before, after = (
        [tensor for _, tensor in brain.seen[when]["modules"].named_parameters()]
        for when in (begins, over)
    )
    levels = reachable(before[::2])
    assert list(map(len, levels)) == [INPUTS - 1, 5, 3, CLASSES]
    for number, (old, new) in enumerate(zip(before, after)):
        below, above = levels[number // 2], levels[number // 2 + 1]
        inside = torch.zeros_like(old, dtype=torch.bool)
        for row in above:
            inside[row] = True
            for column in range(old.shape[1]) if old.ndim == 2 else ():
                inside[row, column] = column in below
        assert torch.equal(old != new, inside & (old != new))
        assert (old != new).any()


def test_the_head_alone_is_trained_first(plain):
    before, after = (
        plain.seen[when]["modules"].state_dict()
        for when in ("epoch 7 begins", "epoch 7 over")
    )
    assert {n for n in after if not torch.equal(before[n], after[n])} == {
        "model.output.weight",
        "model.output.bias",
    }


# Expansion


def test_without_a_goal_nothing_is_added(tmp_path):
    brain = train(small(tmp_path, {"tau": math.inf, "sigma": math.inf}))
    assert brain.growth_log.read() == []


def test_a_goal_out_of_reach_adds_units_to_each_task(tmp_path):
    brain = train(small(tmp_path, {"tau": 0.0, "sigma": math.inf}))
    assert list(map(added, expansions(brain))) == [[2, 2]] * (TASKS - 1)
    assert brain.schedule.sizes["hidden"] == [10, 9]


def test_an_expansion_trains_new_weights_alone(plain):
    before, after = (
        layers_of_modules(plain.seen[when]["modules"])
        for when in ("epoch 9 begins", "epoch 9 over")
    )
    widths = [INPUTS, *HIDDEN, CLASSES]
    for one, other, below, above in zip(before, after, widths, widths[1:]):
        old, new = one.weight[:above, :below], other.weight[:above, :below]
        assert torch.equal(old, new)
        assert torch.equal(one.bias[:above], other.bias[:above])
        assert not torch.equal(one.weight, other.weight)


def without(layers, gone):
    """A network of the units that are left, and its head's weights"""
    left = [(~one).nonzero()[:, 0] for one in gone]
    hidden = [len(one) for one in left[1:-1]]
    net = MLP(INPUTS, hidden, CLASSES)
    with torch.no_grad():
        for layer, new, into, out in zip(
            layers, layers_of_modules(net), left, left[1:]
        ):
            new.weight.copy_(layer.weight[out][:, into])
            new.bias.copy_(layer.bias[out])
    return net


def removed_units(layers):
    """Which units nothing enters, by a loop of its own"""
    found = [torch.zeros(INPUTS, dtype=torch.bool)]
    for layer in layers[:-1]:
        rows = torch.cat([layer.weight, layer.bias[:, None]], 1)
        found.append(rows.abs().sum(1) == 0)
    return [*found, torch.zeros(CLASSES, dtype=torch.bool)]


def test_removed_units_change_nothing_and_do_not_count(tmp_path):
    options = {"gamma": 8.5, "sigma": math.inf}
    brain = train(small(tmp_path, options))
    assert list(map(added, expansions(brain))) == [[2, 2]] * (TASKS - 1)
    layers = layers_of(brain)
    gone = removed_units(layers)
    assert 0 < int(gone[1].sum()) <= 4 and not gone[1][: HIDDEN[0]].any()
    net = without(layers, gone)
    inputs = torch.randn(20, INPUTS)
    left = [one.numel() for one in net.parameters()]
    now = brain.raw_modules.model
    assert torch.allclose(net(inputs), now(inputs), atol=1e-6)
    report = brain._costs()
    heads = [
        CLASSES
        * (1 + int((~gone[2])[: brain.finished[task].sizes["hidden"][1]].sum()))
        for task in range(1, TASKS)
    ]
    total = report["parameters"] + report["stored"]
    assert total == sum(left) + sum(heads)


# Splitting


def test_split_units_give_earlier_tasks_back_to_the_bit(tmp_path):
    """With sigma 0 all that moved is split, in front of the last stage"""
    begins = [f"epoch {first_of(task)} begins" for task in (2, 3)]
    split = [f"epoch {first_of(task) + 4} after the growth" for task in (2, 3)]
    over = [f"epoch {first_of(task) + 3} over" for task in (2, 3)]
    options = {"sigma": 0.0, "pull": 0.0}
    brain = train(small(tmp_path, options), *begins, *over, *split)
    assert len(splits(brain)) == 2
    for then, moved, now in zip(begins, over, split):
        then, moved, now = (
            brain.seen[one]["logits"] for one in (then, moved, now)
        )
        assert len(then) and not any(map(torch.equal, then, moved))
        assert all(map(torch.equal, then, now))


def test_the_present_task_reads_the_copies(tmp_path):
    """Where all units are split, it computes what it did"""
    before, after = "epoch 11 before the growth", "epoch 11 after the growth"
    brain = train(small(tmp_path, {"sigma": 0.0}), before, after)
    assert added(splits(brain)[0])[1] == HIDDEN[1]
    assert brain.seen[before]["loss"] == pytest.approx(
        brain.seen[after]["loss"], abs=1e-6
    )


def test_with_a_large_sigma_nothing_is_split_and_all_drift(tmp_path):
    options = {"sigma": math.inf, "pull": 0.0}
    moments = "epoch 13 begins", "epoch 18 over"
    brain = train(small(tmp_path, options), *moments)
    assert splits(brain) == []
    then, now = (brain.seen[one]["logits"] for one in moments)
    assert len(then) == 2 and not any(map(torch.equal, then, now))


def test_splits_are_as_many_as_drifted(tmp_path):
    """The released code splits as many, but others"""
    before, after = "epoch 11 before the growth", "epoch 11 after the growth"
    for way in ("most", "least"):
        options = {"split": way, "sigma": 0.25}
        brain = train(
            small(tmp_path / way, options), "epoch 7 begins", before, after
        )
        old, moved, now = (
            layers_of_modules(brain.seen[when]["modules"])
            for when in ("epoch 7 begins", before, after)
        )
        layer = zip(old[:-1], moved, now, added(splits(brain)[0]))
        for one, other, third, count in layer:
            rows, columns = one.weight.shape
            far = (other.weight[:rows, :columns] - one.weight).square().sum(1)
            far = (far + (other.bias[:rows] - one.bias).square()).sqrt()
            assert count == (far > 0.25).sum() and 0 < count < rows
            order = sorted(range(rows), key=lambda n: far[n].item())
            chosen = order[-count:] if way == "most" else order[:count]
            for unit in range(rows):
                source = one if unit in chosen else other
                assert torch.equal(
                    third.weight[unit, :columns], source.weight[unit, :columns]
                )


def test_a_strong_pull_lets_nothing_drift(tmp_path):
    far = {}
    for pull in (0.0, 1e6):
        options = {"pull": pull, "sigma": math.inf, "l2": 0.0}
        brain = train(
            small(tmp_path / str(pull), options),
            "epoch 7 begins",
            "epoch 12 over",
        )
        old, now = (
            layers_of_modules(brain.seen[when]["modules"])[0].weight
            for when in ("epoch 7 begins", "epoch 12 over")
        )
        far[pull] = (now[: len(old)] - old).norm()
    assert far[1e6] < 0.05 * far[0.0]


# Stamps


def test_finished_tasks_do_not_read_units_of_later_ones(plain):
    state = copy.deepcopy(plain.raw_modules.state_dict())
    sizes = [HIDDEN, splits(plain)[0]["sizes_after"]["hidden"]]
    for task, hidden in enumerate(sizes, start=1):
        then, widths = plain.logits_of(task)[0], [INPUTS, *hidden, 0]
        with torch.no_grad():
            for layer, below, above in zip(
                layers_of(plain), widths, widths[1:]
            ):
                layer.weight[above:] += 1.0
                layer.weight[:, below:] -= 2.0
                layer.bias[above:] += 3.0
        now = plain.logits_of(task)[0]
        present = plain.logits_of(TASKS)[0]
        plain.raw_modules.load_state_dict(state)
        assert torch.equal(now, then)
        assert not torch.equal(present, plain.logits_of(TASKS)[0])


# Runs


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """How a run ends that nobody interrupts"""
    return ended(train(small(tmp_path_factory.mktemp("whole"), STAGED)))


STAGED = {"mu": 1.0, "gamma": 6.0}
MOMENTS = [
    "epoch 3, 4",  # of the first task
    "epoch 7, 4",  # head
    "epoch 8, 4",  # selected
    "epoch 8 over",
    "epoch 8 saved",
    "epoch 9 before the growth",
    "epoch 9 after the growth",
    "epoch 9, 4",  # expanded
    "epoch 10, 4",  # whole
    "epoch 10 saved",
    "epoch 11 before the growth",
    "epoch 11 after the growth",
    "epoch 11 begins",
    "epoch 11, 4",  # last
    "epoch 12 saved",
    "epoch 13 begins",
    "epoch 15, 4",
    "epoch 17, 4",
]


def ended(brain):
    """All that a run ends with"""
    state = dict(brain.raw_modules.state_dict())
    for number, one in enumerate(brain.finished.tasks):
        state.update({f"{number} {k}": v for k, v in one.own.items()})
    for name, parameter in brain.raw_modules.named_parameters():
        for key, value in brain.optimizer.state.get(parameter, {}).items():
            state[f"{name} {key}"] = torch.as_tensor(value)
    state.update({f"held {k}": v for k, v in brain.held.masks.items()})
    log = [
        {k: v for k, v in one.items() if k != "seconds"}
        for one in brain.growth_log.read()
    ]
    tensors = {n: t.detach().clone() for n, t in state.items()}
    return tensors, log, brain.schedule.state(), brain.strategy.stored


@pytest.mark.slow
def test_a_run_killed_in_every_stage_ends_with_the_same_bits(tmp_path, whole):
    often = {"ckpt_interval_steps": 2}
    for moment in MOMENTS:
        brain = small(tmp_path, STAGED, **often)
        brain.kill = moment
        with pytest.raises(Killed):
            train(brain)
    tensors, *rest = ended(train(small(tmp_path, STAGED, **often)))
    expected, *others = whole
    assert len(rest[0]) == 4 and rest[2] < 0
    assert tensors.keys() == expected.keys()
    assert [
        n for n in tensors if not torch.equal(tensors[n], expected[n])
    ] == []
    assert rest == others


def test_the_best_epoch_is_one_of_the_last_stage(tmp_path):
    brain, found = small(tmp_path), {}
    for stage in (FIRST, *STAGES, LAST):
        brain.strategy.tensors["stage"] = stage
        found[stage] = brain.strategy.score(brain, 4.0)
    assert found == {**dict.fromkeys(STAGES, math.inf), FIRST: 4.0, LAST: 4.0}


# Mistakes

WRONG = {
    "tau": ({"tau": -1}, "", "tau is -1; it must be a number, at least 0"),
    "units": ({"units": 1.5}, "", "units is 1.5; it must be a whole number"),
    "split": ({"split": "all"}, "", "split is 'all'; it must be most or least"),
    "stages": ({"epochs": "{head: 1}"}, "", "it must give each of head, sel"),
    "too long": (
        {"epochs": EPOCHS.replace("whole: 1", "whole: 3")},
        "",
        "epochs has 6 of the 6",
    ),
    "head": ({"own": "[model.hidden_0]"}, "", r"it must be \[model.output\]"),
    "size": ({"size": "width"}, "", "size is width, but the model has the s"),
    "norms": ({}, "batch_norm: True", "is a BatchNorm1d; later tasks would ch"),
    "sigmoid": (
        {},
        "activation: !name:torch.nn.Sigmoid",
        "is a Sigmoid, which turns 0 into another number",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_does_not_fit_is_refused(what, tmp_path):
    options, more, message = WRONG[what]
    with pytest.raises(GrowthError, match=message):
        train(small(tmp_path, options, more))


def test_a_listed_growth_is_refused(tmp_path):
    brain = small(tmp_path)
    brain.schedule.insert({"after_epoch": 1, "hidden": [7, 5]})
    with pytest.raises(GrowthError, match="DEN asks for its growths"):
        train(brain)
