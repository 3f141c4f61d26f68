"""Tests that each task finds its own units, and leaves all others alone

Authors
 * The speechbrain_growth authors 2026
"""

import copy

import pytest
import torch
from small import (
    data as clusters,
    ended,
    same,
    small,
    train,
    until_killed,
)
from small_crdnn import (
    data as utterances,
    small_crdnn,
)

import speechbrain as sb
from speechbrain_growth import GrowthError, task_loader
from speechbrain_growth.continual.weights.searching import Places, find_units
from speechbrain_growth.continual.weights.unlocking import (
    moving_alike,
    pairs_of,
)
from speechbrain_growth.engine.search.candidates import Candidates
from speechbrain_growth.engine.search.scoring import (
    scores,
    train as trained,
)
from speechbrain_growth.engine.tracing import trace

PLAIN = """!new:speechbrain_growth.MLP
    inputs: 9
    hidden: !ref <hidden>
    outputs: 3
    activation: !name:torch.nn.Tanh"""
NORMED = f"{PLAIN}\n    batch_norm: True"
INPUTS, CLASSES, HIDDEN, EACH, TASKS = 9, 3, [5, 4], 5, 3
BUDGET = 45
FIRST, SECOND = EACH + 2, EACH + 4  # epochs of task 2 that end with a search
ROWS = [f"model.hidden_{n}.linear" for n in (0, 1)]


def of(folder, options=None, model=PLAIN, **changes):
    """A Brain of five epochs a task, with searches after two and four"""
    given = {"budget": BUDGET, "every": 2, "rounds": 2, "new": 2, "batches": 3}
    own = "[model.output, norms]" if model == NORMED else "[model.output]"
    given.update({"own": own, "pick_lr": 0.002, **(options or {})})
    text = "!new:speechbrain_growth.FireflyStyle"
    text += "".join(
        f"\n    {key}: {value}"
        for key, value in given.items()
        if value is not None
    )
    overrides = {"epochs_per_task": EACH, **changes.pop("overrides", {})}
    parts = clusters()
    inputs, labels = parts["train"]
    noise = torch.randn(3, *inputs.shape, generator=torch.manual_seed(1))
    parts["train"] = (inputs + 0.3 * noise).flatten(0, 1), labels.repeat(3)
    return small(folder, (model, text, "[]"), overrides, parts=parts, **changes)


def count(hidden):
    """Number of parameters of an MLP"""
    sizes = [INPUTS, *hidden, CLASSES]
    return sum((a + 1) * b for a, b in zip(sizes, sizes[1:]))


def searches(brain):
    """Every search of a run"""
    return brain.strategy.report["searches"]


def kinds(search):
    """What a search found: the kinds of its units"""
    return [kind for one in search["units"] for kind in one["kinds"].values()]


@pytest.fixture(scope="module", params=["plain", "normed"])
def run(request, tmp_path_factory):
    """A run that nobody interrupts; notes what is trained when a task ends"""
    model = {"plain": PLAIN, "normed": NORMED}[request.param]
    brain = of(tmp_path_factory.mktemp(request.param), model=model)
    end, brain.then = brain.strategy.end, {}

    def noted(brain, task):
        """Notes the logits of the network in training, and its weights"""
        with brain.on_task(task), torch.no_grad():
            batch = next(iter(brain.valid_loader))
            brain.modules.eval()
            logits = brain.compute_forward(batch, sb.Stage.VALID)
        brain.then[task] = logits, ended(brain), dict(brain.schedule.sizes)
        end(brain, task)

    brain.strategy.end = noted
    return train(brain)


# Earlier tasks


def test_earlier_tasks_keep_their_bits(run):
    masks = run.strategy.tensors["masks"]
    assert not all(m.all() for task in masks for m in task.values())
    for task in range(1, TASKS + 1):
        (now,) = run.logits_of(task)
        assert torch.equal(now, run.then[task][0])
    matrix = run.evaluate_tasks(run.loaders["test"], "error")
    assert matrix.bwt == 0 and matrix.tasks == TASKS


def test_a_task_trains_its_own_units_and_its_head_alone(run):
    for task in (2, 3):
        (_, then, _), (_, now, _) = run.then[task - 1], run.then[task]
        for layer in ROWS:
            old, new = then[f"{layer}.weight"], now[f"{layer}.weight"]
            rows, columns = old.shape
            assert torch.equal(new[:rows, :columns], old)
            assert torch.equal(
                now[f"{layer}.bias"][:rows], then[f"{layer}.bias"]
            )
        head = "model.output.weight"
        old = then[head]
        assert not torch.equal(now[head][:, : old.shape[1]], old)


@pytest.mark.parametrize("rate, learns", [(0.0, False), (0.01, True)])
def test_the_mask_is_learnt_before_the_search_alone(rate, learns, tmp_path):
    folders = [tmp_path / name for name in ("before", "after")]
    moments = f"epoch {FIRST} step 3", f"epoch {FIRST + 1} step 3"
    reads = []
    for folder, moment in zip(folders, moments):
        brain = until_killed(of(folder, {"pick_lr": rate}), moment)
        reads.append(brain.strategy.tensors["picks"])
    before, after = reads
    learnt = [pick for pick in before.values() if (pick != 0.01).any()]
    assert bool(learnt) == learns
    assert learns == any((pick < 0.005).any() for pick in before.values())
    for label, pick in after.items():
        left = pick[: len(before[label])] == 0
        stays = pick[: len(before[label])][~left]
        assert learns or (stays == 0.01).all()
        assert (pick[len(before[label]) :] == 0.01).all()


def test_a_task_does_not_read_what_its_mask_leaves_out(run):
    brain, (then,) = run, run.logits_of(2)
    changed = {True: 0, False: 0}
    for name, mask in brain.strategy.tensors["masks"][1].items():
        weight = brain.raw_modules.get_parameter(name)
        own = name.startswith("model.output")
        for unit, reads in enumerate(mask.flatten().tolist()):
            stored = brain.finished[2].own.get(name) if own else weight
            column = stored.detach()[:, unit].clone()
            stored.detach()[:, unit] += 3.0
            (now,) = brain.logits_of(2)
            stored.detach()[:, unit] = column
            differs = not torch.equal(now, then)
            assert reads or not differs
            changed[reads] += differs
    assert changed[True] > 2 and changed[False] == 0


# The search


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run that ended in task 2, right before its first search"""
    folder = tmp_path_factory.mktemp("stopped")
    return until_killed(of(folder), f"epoch {FIRST} step 17")


def all_held(brain):
    """Says that all hidden units are held"""
    widths = brain.strategy.tensors["widths"].items()
    return {label: torch.ones(n, dtype=torch.bool) for label, n in widths}


def found_in(brain, seed=5, **changes):
    """Searches; nothing is left of it"""
    search = brain.strategy.search(seed)._replace(**changes)
    return find_units(brain, search, all_held(brain), 3, FIRST + 1)


@pytest.mark.parametrize("budget", [20, 45, 110])
def test_one_unit_more_would_pass_the_budget(budget, stopped):
    found, entry = found_in(stopped, budget=budget)
    now = count(HIDDEN)
    assert entry["spent"] == count(found.sizes["hidden"]) - now <= budget
    many, _ = found_in(stopped, budget=10**6)
    kept, full = [], set()
    for one in many.scores:  # the best first; a size that is full stays so
        names = [unit["size"] for unit in [*kept, one]]
        wider = [n + names.count(f"hidden[{i}]") for i, n in enumerate(HIDDEN)]
        if one["size"] not in full and count(wider) - now <= budget:
            kept.append(one)
        else:
            full.add(one["size"])
    assert kept == found.scores and 0 < len(kept) < len(many.scores)


def test_every_search_of_a_run_keeps_its_budget(run):
    log = run.growth_log.read()
    found = [one for one in searches(run) if one["units"]]
    assert len(log) == len(found) == len(searches(run)) == 2 * (TASKS - 1)
    norm = 2 if "model.hidden_0.norm.weight" in ended(run) else 0
    for growth, search in zip(log, found):
        sizes = [growth[f"sizes_{w}"]["hidden"] for w in ("before", "after")]
        names = [one["size"] for one in search["units"]]
        for place, (before, after) in enumerate(zip(*sizes)):
            assert after - before == names.count(f"hidden[{place}]")
        costs = [count(one) + norm * sum(one) for one in sizes]
        assert costs[1] - costs[0] == search["spent"] <= BUDGET


def training_data(brain):
    """All images and labels of task 2"""
    with brain.on_task(2, brain.loaders["train"]):
        images, labels, _ = map(torch.cat, zip(*brain.loaders["train"]))
    return images, labels


def candidates_of(brain, seed, new=6):
    """The model of all candidates in task 2, its loss, and the present one"""
    present = copy.deepcopy(brain.raw_modules)
    with torch.no_grad():
        for name, tensor in brain.strategy.weights(brain).items():
            present.get_parameter(name).copy_(tensor)
    search = brain.strategy.search(seed)._replace(budget=10**6, new=new)
    places = Places(brain, search)
    model = places.build(places.tried()).double()
    pairs = pairs_of(trace(present, model), all_held(brain))
    images, labels = training_data(brain)

    def loss(modules):
        """Of all training data of the task"""
        outputs = modules["model"](images.double())
        return torch.nn.functional.cross_entropy(outputs, labels)

    found = Candidates(present.double(), model, places.slots[0], new, seed)
    return found, moving_alike(loss, pairs), loss, present


def losses_of(found, loss, gates, *chosen):
    """What the loss is if some candidates are taken"""
    values = []
    for one in chosen:
        alone = found.zeros()
        alone[one] = gates[one]
        values.append(float(found.loss(alone, loss)))
    return values


@pytest.mark.parametrize("seed", range(5))
def test_what_is_chosen_beats_any_and_the_last(seed, stopped):
    found, alike, *_ = candidates_of(stopped, seed)
    gates = trained(found, [alike] * 8, 0.01)
    order = scores(found, gates, [alike], 3).argsort()
    torch.manual_seed(seed)
    any_order = order[torch.randperm(len(order))]
    chosen = order[:4], any_order[:4], order[-4:], order[:0]
    best, middle, last, none = losses_of(found, alike, gates, *chosen)
    assert best < middle < last and best < none


def ranks(values):
    """The rank of each value"""
    return values.argsort().argsort().double()


@pytest.mark.parametrize("seed", range(3))
def test_scores_rank_candidates_as_their_gains_do(seed, stopped):
    found, alike, *_ = candidates_of(stopped, seed)
    gates = trained(found, [alike] * 8, 0.01)
    each = [[number] for number in range(len(gates))]
    gains = torch.tensor(losses_of(found, alike, gates, *each))
    pair = ranks(scores(found, gates, [alike], 3)), ranks(gains)
    assert torch.corrcoef(torch.stack(pair))[0, 1] > 0.9


def test_a_held_unit_does_not_split_but_moves(stopped):
    found, alike, loss, present = candidates_of(stopped, seed=0)
    gates = trained(found, [alike] * 8, 0.01)
    layer, now = present["model"].hidden_0.linear, float(loss(present))
    differ = 0
    for unit in range(HIDDEN[0]):
        alone = found.zeros()
        alone[unit] = gates[unit]
        before = copy.deepcopy(layer.state_dict())
        with torch.no_grad():
            for leaf, tensor in layer.named_parameters():
                gated = found.gated[f"model.hidden_0.linear.{leaf}"]
                tensor[unit] = gated(alone)[unit]
            moved = float(loss(present))
        layer.load_state_dict(before)
        assert float(found.loss(alone, alike)) == pytest.approx(moved, rel=1e-9)
        differ += moved != now
    assert differ > 2
    kinds = [losses_of(found, one, gates, [1], [2]) for one in (loss, alike)]
    assert kinds[0] != kinds[1]


def test_all_gates_of_a_copy_move_as_those_of_its_unit():
    old, new = torch.nn.GRU(3, 2), torch.nn.GRU(3, 5)
    plan = trace(old, new)
    (label,) = {
        label
        for label, before, after in dict(
            plan.tensors["weight_hh_l0"][0].width.drawn_by
        )
    }
    pairs = pairs_of(plan, {label: torch.tensor([False, True])})
    for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
        ((dim, units, copies),) = pairs[name]
        assert dim == 0
        assert units.tolist() == [1, 6, 11] and copies.tolist() == [3, 8, 13]


def test_only_training_data_of_the_task_are_read(stopped, monkeypatch):
    seen, forward = [], stopped._forward

    def noted(batch, stage):
        """Notes what is read with gradients"""
        if torch.is_grad_enabled():
            seen.append((stage, batch[0]))
        return forward(batch, stage)

    monkeypatch.setattr(stopped, "_forward", noted)
    _, entry = found_in(stopped)
    known = training_data(stopped)[0]
    assert len(seen) == entry["batches"] * 4  # a step, and three scores
    for stage, images in seen:
        assert stage == sb.Stage.TRAIN
        assert (known == images[:, None]).all(-1).any(1).all()


def test_a_search_leaves_nothing_but_its_cost(stopped):
    before, spent = ended(stopped), stopped.meter.since["macs"]
    state = torch.get_rng_state()
    found, entry = found_in(stopped)
    assert same(before, ended(stopped)) == []
    assert torch.equal(state, torch.get_rng_state())
    each = stopped.schedule.cost(found.tried)[1]
    more = stopped.meter.since["macs"] - spent
    assert more == 3 * entry["batches"] * 4 * each * 4  # batches have 4 items
    assert found.sizes["hidden"] != stopped.schedule.sizes["hidden"]


# Growths


def around(folder, epoch, options=None):
    """Two runs that end right before and after a growth, and their logits"""
    found = []
    folder.mkdir(exist_ok=True)
    for when in ("before", "after"):
        moment = f"{when} the growth of epoch {epoch}"
        brain = until_killed(of(folder / when, options), moment)
        batch = next(iter(brain.loaders["valid"]))
        brain.modules.eval()
        with torch.no_grad():
            logits = brain.compute_forward(batch, sb.Stage.VALID)
            found += [brain, logits, effective(brain), batch[0]]
    return found


def effective(brain):
    """Weights and biases of the three layers, as the present task has them"""
    own = brain.strategy.weights(brain)
    layers = [*ROWS, "model.output"]
    tensors = dict(brain.raw_modules.named_parameters())
    return [
        [own.get(f"{n}.weight", tensors[f"{n}.weight"]).detach().clone()]
        + [tensors[f"{n}.bias"].detach().clone()]
        for n in layers
    ]


def copies_of(brain, kind):
    """Pairs of a unit and its copy in each layer, for one kind of unit"""
    search, widths = searches(brain)[-1], brain.schedule.sizes["hidden"]
    found = []
    for place, width in enumerate(widths):
        units = [u for u in search["units"] if u["size"] == f"hidden[{place}]"]
        first = width - len(units)
        pairs = []
        for number, one in enumerate(units):
            ((label, parent),) = one["from"].items()
            if one["kinds"][label] == kind:
                pairs.append((parent, first + number))
        found.append(pairs)
    return found


def test_a_copy_stands_in_the_place_of_the_unit(tmp_path):
    args = tmp_path, FIRST + 1, {"pick_lr": 0.0, "budget": 120}
    _, _, before, _, brain, logits, after, inputs = around(*args)
    pairs = copies_of(brain, "unlocked")
    assert all(pairs)
    for place, (weight, bias) in enumerate(after):
        if place:
            for unit, copied in pairs[place - 1]:
                assert not weight[:, unit].any()  # nobody reads it
                weight[:, unit] = weight[:, copied]
                weight[:, copied] = 0
        then, unmoved = before[place], set(range(len(before[place][0])))
        rows, columns = then[0].shape
        for unit, copied in pairs[place] if place < 2 else ():
            weight[unit], bias[unit] = weight[copied], bias[copied]
            unmoved -= {unit}
            far = (
                (weight[unit, :columns] - then[0][unit]).square().mean().sqrt()
            )
            scale = then[0].square().mean().sqrt()
            assert 0 < far < 0.03 * scale
        kept = sorted(unmoved)
        assert torch.equal(weight[kept][:, :columns], then[0][kept])
        assert torch.equal(bias[kept], then[1][kept])
    # So the network is one in which units have moved, and some are new
    signal = inputs
    for place, (weight, bias) in enumerate(after):
        signal = torch.nn.functional.linear(signal, weight, bias)
        signal = signal.tanh() if place < 2 else signal
    assert torch.allclose(signal, logits, atol=1e-6)


def test_without_a_step_a_growth_changes_nothing(tmp_path):
    far = []
    for step in (1e-6, 0.01):
        options = {"step": step, "budget": 400}
        found = around(tmp_path / str(step), FIRST + 1, options)
        far.append(float((found[1] - found[5]).abs().max()))
        assert {"unlocked", "new"} <= set(kinds(searches(found[4])[-1]))
    assert far[0] < 1e-5 < 1e-3 < far[1]


def test_units_of_the_task_split_in_two(tmp_path):
    args = tmp_path, SECOND + 1, {"budget": 10**6, "pick_lr": 0.0}
    _, _, before, _, brain, _, after, _ = around(*args)
    found = searches(brain)
    assert "split" not in kinds(found[0]) and len(found) == 2
    assert set(kinds(found[1])) == {"new", "split", "unlocked"}
    (lower, upper), (weight, bias) = copies_of(brain, "split"), after[0]
    assert lower and upper
    for unit, copied in lower:
        assert unit >= HIDDEN[0]
        for now, then in zip((weight, bias), before[0]):
            middle = (now[unit] + now[copied]) / 2
            assert torch.allclose(middle, then[unit], atol=1e-6)
        assert not torch.equal(weight[unit], weight[copied])
    for unit, copied in upper:
        for one in (unit, copied):
            sent = 2 * after[2][0][:, one]
            assert torch.allclose(sent, before[2][0][:, unit], atol=1e-6)


# Runs


MOMENTS = [
    f"epoch {EACH} saved",
    "task 1 finished",
    f"epoch {FIRST} step 5",
    f"epoch {FIRST} saved",
    f"before the growth of epoch {FIRST + 1}",
    f"after the growth of epoch {FIRST + 1}",
    f"epoch {FIRST + 1} step 3",
    f"epoch {SECOND} saved",
    f"after the growth of epoch {SECOND + 1}",
    f"epoch {SECOND + 1} step 4",
    "task 2 finished",
    f"epoch {FIRST + EACH} step 4",
    f"after the growth of epoch {FIRST + EACH + 1}",
]


def state(brain):
    """All that a run ends with, masks included"""
    found, tensors = ended(brain), brain.strategy.tensors
    found.update({f"{k} is read": v for k, v in tensors["picks"].items()})
    for task, masks in enumerate(tensors["masks"], start=1):
        found.update({f"{k} masked in {task}": v for k, v in masks.items()})
    return found


@pytest.mark.slow
def test_a_run_killed_everywhere_ends_with_the_same_bits(tmp_path):
    whole = train(of(tmp_path / "whole"))
    often = {"run_opts": {"ckpt_interval_steps": 2}}
    for moment in MOMENTS:
        until_killed(of(tmp_path / "killed", **often), moment)
    again = train(of(tmp_path / "killed", **often))
    assert same(state(whole), state(again)) == []
    assert searches(whole) == searches(again)
    assert whole.meter.total["macs"] == again.meter.total["macs"]
    assert whole.schedule.state() == again.schedule.state()


def test_what_no_task_can_afford_any_more_is_reported(tmp_path):
    brain = of(tmp_path)
    brain.strategy.budget, brain.strategy.check = 7, lambda brain: []
    train(brain)
    assert brain.growth_log.read() == [] and len(searches(brain)) == 4
    assert all(not one["units"] for one in searches(brain))
    assert (
        "budget is 7, but one unit or layer adds" in searches(brain)[0]["why"]
    )


def test_masks_count_in_the_capacity(run):
    masks = run.strategy.tensors["masks"]
    hidden = [run.finished[task].sizes["hidden"] for task in (2, 3)]
    bits = sum(map(sum, hidden))  # each layer is read by one other
    assert run.strategy.stored == bits / 32 and masks[0] == {}


@pytest.mark.slow
def test_a_crdnn_keeps_its_bits(tmp_path):
    text = """!new:speechbrain_growth.FireflyStyle
    own: [model.output, norms]
    size: [rnn_neurons, dnn_neurons]
    budget: 150
    every: 2
    new: 2
    batches: 1
    step: 0.000001
    pick_lr: 0.01"""
    brain = small_crdnn(tmp_path, text, overrides={"epochs_per_task": 4})
    items = brain.stream.of(utterances())["train"]
    brain.loaders["train"] = task_loader(items, 2, shuffle=True, seed=5)
    train(brain)
    for search in searches(brain):
        assert 0 < search["spent"] <= 150
    found = [
        (one["size"], kind)
        for search in searches(brain)
        for one in search["units"]
        for kind in one["kinds"].values()
    ]
    for size in ("rnn_neurons", "dnn_neurons"):
        assert (size, "unlocked") in found
    for growth in brain.growth_log.read():
        before, after = (
            growth[f"valid_{w}"]["loss"] for w in ("before", "after")
        )
        assert after == pytest.approx(before, rel=1e-5)
    assert all(not m.all() for m in brain.strategy.tensors["masks"][2].values())
    for task, then in enumerate(brain.finished.probes, start=1):
        assert all(map(torch.equal, brain.logits_of(task), then))


# Mistakes

WRONG = {
    "no budget": ({"budget": None}, "strategy: budget is None; use a number"),
    "zero": ({"budget": 0}, "budget is 0; use a number above 0"),
    "below": (
        {"budget": 8},
        "budget is 8, but one unit or layer adds 9 or more",
    ),
    "no sizes": ({"size": "[]"}, r"size is \[\]; name the sizes that may grow"),
    "no size": ({"size": "width"}, "size is width, but the model has the"),
    "new": ({"new": -1}, "new is -1; use a whole number, 0 or above"),
    "step": ({"step": 0.0}, "step is 0.0; use a number above 0"),
    "every": ({"every": 0}, "every is 0; it must be a whole number, at least"),
    "rounds": ({"rounds": 1.5}, "rounds is 1.5; it must be a whole number"),
    "rate": ({"pick_lr": -1}, "pick_lr is -1; it must be at least 0"),
    "late": ({"rounds": 3}, "3 searches, one every 2 epochs, leave none of"),
    "dear": ({"new": 90}, "one batch of search costs more than 2 epochs"),
    "no head": ({"own": "[]"}, r"own is \[\]; it must be \[model.output\]"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_does_not_fit_is_refused(what, tmp_path):
    options, message = WRONG[what]
    with pytest.raises(GrowthError, match=message):
        train(of(tmp_path, options))
    assert not (tmp_path / "save").exists() or not any(
        (tmp_path / "save").iterdir()
    )


def test_all_mistakes_are_named_at_once(tmp_path):
    wrong = {"budget": None, "every": 0, "pick_lr": -1, "size": "[]"}
    with pytest.raises(GrowthError) as error:
        of(tmp_path, wrong)
    assert len(error.value.problems) == 4


def test_a_listed_growth_and_several_processes_are_refused(tmp_path):
    growth = [{"after_epoch": 1, "hidden": [7, 5], "symmetry": "fresh"}]
    brain = of(tmp_path, overrides={"growth": growth})
    brain.distributed_launch = True
    problems = "\n".join(brain.strategy.check(brain))
    assert "FireflyStyle asks for its growths; write growth: []" in problems
    assert "masks are learnt in one process" in problems
