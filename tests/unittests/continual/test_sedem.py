"""Tests that SEDEM grows when the data change, and never looks elsewhere

Authors
 * The speechbrain_growth authors 2026
"""

import copy
import json
import math
from functools import partial

import pytest
import torch
from small import ended, same, small, train, until_killed

from speechbrain_growth import MLP, VAE, Experts, GrowthError, task_loader

WINDOW, MEMORY, WAIT = 12, 36, 4  # 3 batches of 4 items; items; windows
CLASSES, EACH = 6, 48  # items for training: 8 windows of each two classes
WINDOWS = 24
FEATURES = """
    features: !name:speechbrain_growth.MLP {hidden: [8], batch_norm: True}
    gate: !name:speechbrain_growth.VAE {hidden: 10, code: 2}"""
MODEL = f"""!new:speechbrain_growth.Experts
    number: !ref <columns>
    inputs: 9
    width: 5
    outputs: {CLASSES}
    gate_on: input{FEATURES}"""
SEDEM = f"""!new:speechbrain_growth.SEDEM
    size: columns
    items: {MEMORY}
    passes: 4
    batch_size: 16"""
FORCED = {"after_epoch": 3, "adds": {"columns": 1}, "old": "frozen"}
STREAM = """!new:speechbrain_growth.Windows
    batches: 3
    stream: !new:speechbrain_growth.{}"""
SPLIT = STREAM.format(
    "Split\n        tasks: 3\n        number_of_classes: 6\n        heads: False"
)
SHUFFLED = STREAM.format("Stream {tasks: 1}")
MOMENTS = [
    "epoch 1 step 2",
    "after the growth of epoch 4",
    "epoch 4 step 3",
    "epoch 8 saved",
    "epoch 13 step 5",
    "epoch 17 step 3",
    "epoch 24 step 7",
    "task 1 finished",
]


def growing(below, forced=True):
    """Growths that follow the agreement"""
    change = {"metric": "agreement", "below": below, "wait": WAIT}
    entry = {"on_change": change, "adds": {"columns": 1}, "max_times": 9}
    return [FORCED] * forced + [{**entry, "old": "frozen"}]


def clusters(seed=0):
    """A cluster for each class, far from each other, in three parts"""
    generator = torch.Generator().manual_seed(seed)
    centres = 3 * torch.randn(CLASSES, 9, generator=generator)
    parts = {}
    for part, each in (("train", EACH), ("valid", 4), ("test", 10)):
        labels = torch.arange(each * CLASSES) % CLASSES
        noise = torch.randn(len(labels), 9, generator=generator)
        parts[part] = centres[labels] + 0.3 * noise, labels
    return parts


def sedem(folder, growth=None, stream=SPLIT, run_opts=None, **options):
    """A Brain that trains experts"""
    overrides = {
        "tasks": 1,
        "epochs_per_task": WINDOWS,
        "growth": growing(0.14) if growth is None else growth,
        **options.pop("overrides", {}),
    }
    parts = options.pop("parts", None) or clusters()
    system = (MODEL, options.pop("strategy", SEDEM), "[]")
    return small(folder, system, overrides, run_opts, parts, own=stream)


def quickly(brain):
    """Trains without a checkpoint of each window"""
    brain.save_epoch = lambda epoch, error: None
    return train(brain)


def noted(brain):
    """Notes the agreement and the memory of every window"""
    brain.seen, measured = [], brain.strategy.measured

    def note(brain, stats):
        """Notes once a window, in training"""
        found = measured(brain, stats)
        tensors, epoch = brain.strategy.tensors, len(brain.seen) + 1
        if tensors["window"] == epoch and len(tensors["memory"]):
            brain.seen.append((found["agreement"], tensors["memory"].clone()))
        return found

    brain.strategy.measured = note
    return quickly(brain)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nobody interrupts"""
    return noted(sedem(tmp_path_factory.mktemp("run")))


def experts_of(brain):
    """The experts"""
    return brain.raw_modules.model


def dates(brain):
    """The epochs after which experts were added"""
    return [one["epoch"] for one in brain.growth_log.read()]


def test_a_loss_is_the_negative_bound_computed_by_torch():
    gate, items = VAE(4, 3, 2).double().eval(), torch.randn(6, 4).double()
    hidden = gate.encoder(items).relu()
    normal = torch.distributions.Normal
    code = normal(gate.mean(hidden), (gate.log_variance(hidden) / 2).exp())
    divergence = torch.distributions.kl_divergence(code, normal(0.0, 1.0))
    decoded = gate.output(gate.decoder(code.mean).relu())
    logs = normal(decoded, 1.0).log_prob(items).sum(1)
    expected = divergence.sum(1) - logs - 2 * math.log(2 * math.pi)
    assert torch.allclose(gate(items), expected)
    assert torch.equal(gate(items), gate(items))


def test_in_training_a_code_is_drawn_around_its_mean():
    gate, item = VAE(4, 3, 2), torch.randn(1, 4)
    with torch.no_grad():
        torch.nn.init.zeros_(gate.log_variance.weight)
        gate.log_variance.bias.fill_(2 * math.log(0.5))
    codes = []
    gate.decoder.register_forward_pre_hook(lambda _, code: codes.append(code))
    gate(item.expand(20_000, 4))
    (code,) = codes[0]
    mean = gate.mean(gate.encoder(item).relu())[0]
    assert torch.allclose(code.mean(0), mean, atol=0.02)
    assert torch.allclose(code.std(0), torch.tensor(0.5), atol=0.02)


def three(gate_on="input", seed=0):
    """Three experts, of which two are old"""
    torch.manual_seed(seed)
    features = partial(MLP, hidden=[6], batch_norm=True)
    return Experts(3, 4, 5, 2, features, partial(VAE, hidden=7), gate_on)


def test_a_classifier_reads_the_weighted_features_of_all_before():
    net, items = three().double().eval(), torch.randn(8, 4).double()
    experts = list(net.experts.values())
    for number, expert in enumerate(experts, start=1):
        assert expert.mixture.shape == (number,)
        powers = expert.mixture.exp()
        summed = sum(
            power / powers.sum() * one.features(items)
            for power, one in zip(powers, experts)
        )
        weight, bias = expert.classifier.weight, expert.classifier.bias
        expected = summed @ weight.T + bias
        assert torch.allclose(net.scores(items)[number - 1], expected)
    train_mode = copy.deepcopy(net).train()
    newest = train_mode.newest
    newest.features.hidden_0.norm.eval()
    assert torch.allclose(train_mode(items), net.scores(items)[2])


def test_an_item_gets_the_expert_whose_gate_knows_it_best():
    for gate_on in ("input", "features"):
        net, items = three(gate_on).eval(), torch.randn(200, 4)
        gates = [one.gate for one in net.experts.values()]
        seen = [items] * 3
        if gate_on == "features":
            seen = [one.features(items) for one in net.experts.values()]
        losses = torch.stack([g(s) for g, s in zip(gates, seen)], 1)
        assert torch.allclose(net.losses(items), losses)
        chosen = losses.argmin(1)
        assert len(chosen.unique()) > 1
        expected = net.scores(items)[chosen, torch.arange(200)]
        assert torch.equal(net(items), expected)
        alone = torch.cat([net.losses(one[None]).argmin(1) for one in items])
        assert torch.equal(alone, chosen)


@pytest.mark.parametrize("gate_on", ["input", "features"])
def test_only_the_newest_expert_learns_and_its_gate_moves_no_features(gate_on):
    net, items = three(gate_on).train(), torch.randn(8, 4)
    before = copy.deepcopy(net.state_dict())
    net.newest_loss(items).backward()
    learnt = {n for n, p in net.named_parameters() if p.grad is not None}
    assert learnt and all(n.startswith("experts.2.gate.") for n in learnt)
    net(items).sum().backward()
    learnt = {n for n, p in net.named_parameters() if p.grad is not None}
    assert learnt == {n for n in before if n.startswith("experts.2.")} - {
        f"experts.2.features.hidden_0.norm.{name}"
        for name in ("running_mean", "running_var", "num_batches_tracked")
    }
    # Old ones keep their own statistics, which the released code does not use
    moved = same(before, net.state_dict())
    assert moved and all(name.startswith("experts.2.") for name in moved)


def test_experts_that_were_frozen_compute_the_same_bits(tmp_path):
    brain, probe, then = sedem(tmp_path), clusters(5)["test"][0], []
    grown = brain.strategy.grown

    def note(brain, plan):
        """Notes what the expert computes that was frozen just now"""
        grown(brain, plan)
        net = experts_of(brain).eval()
        with torch.no_grad():
            then.append((net.scores(probe)[-2], net.losses(probe)[:, -2]))

    brain.strategy.grown = note
    net = experts_of(quickly(brain)).eval()
    assert len(then) == len(net.old) >= 3
    for number, (scores, losses) in enumerate(then):
        assert torch.equal(net.scores(probe)[number], scores)
        assert torch.equal(net.losses(probe)[:, number], losses)
    assert not torch.equal(then[0][0], then[1][0])


def test_agreement_is_high_within_a_segment_and_falls_after_a_switch(whole):
    assert dates(whole)[0] == 3
    values = [agreement for agreement, _ in whole.seen]
    assert all(map(math.isnan, values[:5]))  # no old expert, or not full
    # Windows 4 to 8 are of the first segment, as the first expert's were
    assert min(values[5:8]) >= 0.9
    # Agreement has followed a switch when as many items came as memory holds
    assert values[8] > 0.14 > min(values[8:11])
    added = dates(whole)[1:]
    assert len(added) == 2 and 9 <= added[0] <= 11 and 17 <= added[1] <= 19


def count_of(tmp_path, below, **options):
    """How many experts a run ends with"""
    brain = quickly(sedem(tmp_path / str(below), growing(below), **options))
    return len(experts_of(brain).experts)


def test_the_trigger_has_two_sides_and_between_them_is_monotone(
    whole, tmp_path
):
    counts = [count_of(tmp_path, below) for below in (0.0, 0.5, 1.01)]
    counts.insert(1, len(experts_of(whole).experts))
    assert counts == sorted(counts)
    assert counts[0] == 2  # only the forced one
    # Then one for each waiting time, to which a full memory must come
    assert counts[-1] == 2 + (WINDOWS - 1 - 3) // WAIT


def test_a_shuffled_stream_adds_no_expert(tmp_path):
    assert count_of(tmp_path, 0.14, stream=SHUFFLED) == 2
    never = sedem(tmp_path / "none", growing(1.01, False), stream=SHUFFLED)
    assert len(experts_of(quickly(never)).experts) == 1


def test_a_memory_holds_the_past_of_the_stream_and_no_more_than_its_size(
    whole,
):
    added = [0, *dates(whole)]
    assert len(whole.seen) == WINDOWS
    for window, (_, memory) in enumerate(whole.seen, start=1):
        since = max(epoch for epoch in added if epoch < window)
        assert len(memory) == min(MEMORY, WINDOW * (window - since))
        first, last = WINDOW * since, WINDOW * window
        assert first <= memory.min() and memory.max() == last - 1
        assert memory.tolist() == sorted(set(memory.tolist()))
        new = torch.arange(last - WINDOW, last)
        assert torch.equal(memory[-WINDOW:], new)
        if window <= 3:  # before there is an old expert: the latest items
            assert torch.equal(memory, torch.arange(last)[-MEMORY:])


def test_what_old_experts_know_best_is_dropped(tmp_path):
    brain = sedem(tmp_path)
    until_killed(brain, "epoch 12 step 1")
    tensors, dataset = brain.strategy.tensors, brain.loaders["train"].dataset
    memory = torch.arange(60, 60 + MEMORY)  # of the first and second task
    tensors.update(memory=memory, window=11)
    net = experts_of(brain).eval()
    with torch.no_grad():  # what the newest knows does not count
        net.newest.classifier.weight.mul_(-50)
    brain.strategy.begin_epoch(brain, 1, 12)
    images, labels, _ = dataset[memory]
    old = net.scores(images).double()[:-1].log_softmax(2)
    losses = -old[:, torch.arange(MEMORY), labels].mean(0)
    kept = losses.topk(MEMORY - WINDOW).indices.sort().values
    assert torch.equal(tensors["memory"][:-WINDOW], memory[kept])
    assert set(kept.tolist()) != set(range(WINDOW, MEMORY))


def test_neither_validation_nor_tasks_change_what_is_learnt(whole, tmp_path):
    parts = clusters()
    images, labels = parts["valid"]
    parts["valid"] = -images.flip(0), labels.roll(1)
    brain = sedem(tmp_path, parts=parts)
    brain.loaders["train"].dataset.task[:] = 1
    brain.loaders["train"].dataset.stream.seen = lambda images, task: images
    train(brain)  # with checkpoints, of which none is the best
    assert same(ended(brain), ended(whole)) == []
    assert dates(brain) == dates(whole)


def test_an_epoch_trains_on_passes_over_the_memory(tmp_path):
    brain, given = sedem(tmp_path), []
    forward = brain._forward

    def note(batch, stage):
        """Notes what is trained on"""
        if stage.name == "TRAIN":
            given.append(batch[0])
        return forward(batch, stage)

    brain._forward = note
    until_killed(brain, "epoch 3 step 12")
    # 1, 2 and 3 batches in each of 4 passes: of 12, 24 and 36 items
    sizes = [12] * 4 + [16, 8] * 4 + [16, 16, 4] * 4
    assert [len(one) for one in given] == sizes
    images, _, _ = brain.loaders["train"].dataset[torch.arange(36)]
    orders = torch.cat(given[-12:]).split(36)
    assert not torch.equal(orders[0], orders[1])
    for order in orders:
        assert torch.equal(order.sort(0).values, images.sort(0).values)


@pytest.mark.slow
def test_a_run_killed_everywhere_ends_with_the_same_bits(whole, tmp_path):
    often = {"ckpt_interval_steps": 3}
    for moment in MOMENTS:
        brain = sedem(tmp_path, run_opts=often)
        until_killed(brain, moment)
    brain = train(sedem(tmp_path, run_opts=often))
    assert same(ended(brain), ended(whole)) == []
    one, other = brain.strategy.tensors, whole.strategy.tensors
    assert torch.equal(one.pop("memory"), other["memory"])
    assert repr(one) == repr({k: v for k, v in other.items() if k in one})
    assert brain.meter.total["macs"] == whole.meter.total["macs"]


def test_macs_of_experts_gates_and_memories_are_counted(tmp_path):
    brain = quickly(sedem(tmp_path, growing(0.14)[:1]))
    gate = 9 * 10 + 2 * 10 * 2 + 2 * 10 + 10 * 9
    each = 9 * 8 + 8 * 5 + 5 * CLASSES + gate
    held = [
        [min(WINDOW * n, MEMORY) for n in range(1, windows + 1)]
        for windows in (3, WINDOWS - 3)
    ]
    # Windows in which agreement is measured, and in which items are dropped
    looks = MEMORY * ((WINDOWS - 5) + (WINDOWS - 6))
    first, second = (3 * 4 * sum(items) for items in held)
    assert dates(brain) == [3]
    assert brain.meter.total["macs"] == each * (first + 2 * (second + looks))


def test_a_report_says_how_often_the_gates_are_right(whole):
    whole.evaluate_tasks(whole.loaders["test"], "error")
    path = f"{whole.hparams.output_folder}/tasks.json"
    with open(path, encoding="utf-8") as fin:
        report = json.load(fin)
    saw = report["experts_saw"]
    assert saw[0] == [1] and saw[1][0] == 2 and saw[-1] == [3]
    images, labels = clusters()["test"]
    net = experts_of(whole).eval()
    chosen = net.losses(images).argmin(1)
    for task in (1, 2, 3):
        own = labels // 2 == task - 1
        right = [task in saw[expert] for expert in chosen[own].tolist()]
        assert report["routing"][task - 1] == sum(right) / len(right)
        correct = (net.scores(images[own]).argmax(2) == labels[own]).double()
        routed = correct[chosen[own], torch.arange(int(own.sum()))].mean()
        assert report["routed"][task - 1] == pytest.approx(100 * routed.item())
        best = 100 * correct.mean(1).max().item()
        assert report["best_expert"][task - 1] == pytest.approx(best)
    assert sum(report["routing"]) / 3 > 0.8
    assert report["rows"][1][0] == pytest.approx(
        100 - sum(report["routed"]) / 3, abs=1e-4
    )


class Plain(torch.utils.data.Dataset):
    """Items of no known kind"""

    def __init__(self, of):
        self.tasks, self.window = of.tasks, of.window


ADDS = growing(0.14)[0]
WRONG = [
    ({"strategy": {"items": 0}}, {}, "items is 0; it must be a whole number"),
    ({"strategy": {"passes": 1.5}}, {}, "passes is 1.5; it must be"),
    ({"strategy": {"batch_size": -1}}, {}, "batch_size is -1; it must be"),
    ({"strategy": {"items": 11}}, {}, "holds 11 items, but a window has more"),
    ({"strategy": {"size": "hidden"}}, {}, "write adds: {hidden: 1}"),
    ({"strategy": {"size": "experts"}}, {}, "SEDEM adds to experts, but the"),
    ({"model": {"gate_on": "pixels"}}, {}, "'pixels'; use input or features"),
    ({"growth": [{**ADDS, "adds": {"columns": 2}}]}, {}, "one by one; write"),
    (
        {"growth": [{k: v for k, v in ADDS.items() if k != "old"}]},
        {},
        "one by one; write",
    ),
    (
        {"tasks": 3, "epochs_per_task": 2},
        {"stream": "!new:speechbrain_growth.Permuted {tasks: 3}"},
        "the stream is a Permuted; use speechbrain_growth.Windows",
    ),
]


@pytest.mark.parametrize("overrides, options, message", WRONG)
def test_a_mistake_is_refused_before_training(
    overrides, options, message, tmp_path
):
    with pytest.raises(GrowthError, match=message):
        brain = sedem(tmp_path, overrides=overrides, **options)
        brain.fit_batch = None
        train(brain)
    assert not list(tmp_path.glob("save/CKPT*"))


def test_several_processes_and_items_of_several_tensors_are_refused(tmp_path):
    brain = sedem(tmp_path)
    brain.train_loader, brain.distributed_launch = brain.loaders["train"], True
    (problem,) = brain.strategy.check(brain)
    assert "SEDEM has one memory; use one process" in problem
    brain.distributed_launch = False
    other = Plain(brain.train_loader.dataset)
    brain.train_loader = task_loader(other, 4)
    (problem,) = brain.strategy.check(brain)
    assert "the data are a Plain; use a stream of images" in problem
