"""Tests that AdaNet adds what lowers its objective, and nothing else

Authors
 * The speechbrain_growth authors 2026
"""

import math

import numpy as np
import pytest
import torch
from hypothesis import (
    given,
    settings,
    strategies as st,
)
from small import PIXELS, ended, same, small, train, until_killed

import speechbrain as sb
from speechbrain_growth import (
    GrowthError,
    Pair,
    Subnetworks,
    binary_exponential,
    binary_logistic,
    carry,
)
from speechbrain_growth.continual.ensemble.objective import (
    complexity,
    falls,
    solve,
)

UNITS, ROUND, ROUNDS, ITEMS = 5, 3, 2, 48
MODEL = f"""!new:speechbrain_growth.Subnetworks
    depths: !ref <columns>
    inputs: {PIXELS}
    units: {UNITS}
    outputs: 3"""
STRATEGY = """!new:speechbrain_growth.AdaNet
    epochs: 3
    size: columns
    OPTIONS"""
EPOCHS = {"tasks": 1, "epochs_per_task": ROUND * ROUNDS}
LOW, HIGH = 1e-3, 1e-2  # prices at which depth 2 is worth it, and is not
# At the high price, the last of these rounds is not reached
ENDS = {"price": HIGH, "epochs_per_task": ROUND * (ROUNDS + 1)}


def data():
    """Classes that no linear function tells apart: signs of a product"""
    generator = torch.Generator().manual_seed(4)
    parts = {}
    for part, number in (("train", ITEMS), ("valid", 12), ("test", 12)):
        inputs = torch.rand(number, PIXELS, generator=generator) * 4 - 2
        labels = (inputs[:, 0] * inputs[:, 1] > 0).long()
        labels[inputs[:, 2] > 1] = 2
        parts[part] = inputs, labels
    return parts


def adanet(folder, price=LOW, more="", growth="[]", model=MODEL, **overrides):
    """A Brain from a folder, which may have checkpoints"""
    options = f"price: {price}\n    {more}".replace("inf", ".inf")
    strategy = STRATEGY.replace("OPTIONS", options)
    given = {"columns": [1], **EPOCHS, **overrides}
    run_opts = {"max_grad_norm": math.inf, **given.pop("run_opts", {})}
    system = (model, strategy, growth)
    return small(folder, system, given, run_opts, parts=data())


def killed(folder, moment, **options):
    """The Brain of a run that ended at a moment"""
    return until_killed(adanet(folder, **options), moment)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A run whose rounds all add something"""
    return train(adanet(tmp_path_factory.mktemp("plain")))


def net_of(brain):
    """Its sum of subnetworks"""
    return brain.raw_modules["model"]


def rounds_of(brain):
    """What its log says of each round"""
    return brain.strategy.report["rounds"]


# An independent implementation, in numpy with 64 bits


def numbers(tensor):
    """A tensor as an array of 64 bits"""
    return tensor.detach().double().numpy()


def units_of(one, x, below):
    """Last units of a subnetwork, and what each layer gives"""
    first, *later = one.layers
    units = x @ numbers(first.weight).T + numbers(first.bias)
    given = [np.maximum(units, 0)]
    for number, layer in enumerate(later):
        read = [given[-1], *(g[number] for g in below if len(g) > number)]
        units = np.concatenate(read, axis=1) @ numbers(layer.weight).T
        given.append(np.maximum(units, 0))
    return units, given


def price_by_hand(one, x, price, bound=1.0):
    """lambda times the bound, written out layer by layer"""
    widths = [x.shape[1] + 1, *(layer.in_features for layer in one.layers[1:])]
    size, reads = 1.0, 1.0
    for width in widths:
        size, reads = size * 2 * bound, reads * width
    largest = max(1.0, np.abs(x).max())
    log = math.log(2 * widths[0]) / (2 * len(x))
    return price * largest * size * math.sqrt(reads) * math.sqrt(log)


def objective_by_hand(parts, price):
    """F of some subnetworks, one after another"""
    x, labels = data()["train"]
    x, total, paid, below = numbers(x), 0.0, 0.0, []
    for one in parts:
        units, given = units_of(one, x, below)
        below.append(given)
        weights = numbers(one.output.weight)
        total = total + units @ weights.T
        paid += price_by_hand(one, x, price) * np.abs(weights).sum()
    high = total.max(1)
    logs = high + np.log(np.exp(total - high[:, None]).sum(1))
    return (logs - total[np.arange(len(x)), labels.numpy()]).mean() + paid


def test_the_objective_falls_and_is_what_a_recomputation_gives(plain):
    added, log = list(net_of(plain).added.values()), rounds_of(plain)
    assert len(added) == len(log) == ROUNDS  # the last growth was done, too
    for number, line in enumerate(log, start=1):
        found = objective_by_hand(added[:number], LOW)
        logged = line["candidates"][line["best"]]["objective"]
        assert found == pytest.approx(logged, rel=1e-9)
        assert found < line["before"] and line["added"]
        depth = line["candidates"][line["best"]]["depth"]
        assert depth == len(added[number - 1].layers)
    assert log[0]["before"] == pytest.approx(math.log(3))
    starts = [line["before"] for line in log[1:]]
    bests = [line["candidates"][line["best"]]["objective"] for line in log]
    assert starts == pytest.approx(bests[:-1], rel=1e-9)


def test_the_log_has_the_objective_of_the_loser(tmp_path):
    brain = killed(tmp_path, f"epoch {2 * ROUND} saved")
    net, line = net_of(brain), rounds_of(brain)[-1]
    assert len(net.added) == 1 and set(line["candidates"]) == {
        "shallow",
        "deep",
    }
    for name, found in line["candidates"].items():
        parts = [*net.added.values(), net.candidates[name]]
        by_hand = objective_by_hand(parts, LOW)
        assert found["objective"] == pytest.approx(by_hand, rel=1e-9)
        assert found["off"] <= 1e-7
    values = {n: one["objective"] for n, one in line["candidates"].items()}
    assert line["best"] == min(values, key=values.get)


def test_what_was_added_stays_to_the_bit(plain, tmp_path):
    inputs = data()["valid"][0]
    for number in range(1, ROUNDS + 1):
        epoch = number * ROUND + 1
        folder = tmp_path / str(number)
        brain = killed(folder, f"after the growth of epoch {epoch}")
        depths = net_of(plain).depths[: number + 1]
        assert net_of(brain).depths == depths
        then = net_of(brain).eval()(inputs)
        past = Subnetworks(depths, PIXELS, UNITS, 3).eval()
        past.added.load_state_dict(
            {
                name: tensor
                for name, tensor in net_of(plain).added.state_dict().items()
                if int(name.split(".")[0]) <= number
            }
        )
        assert torch.equal(past(inputs), then)


def test_a_winner_is_added_with_the_weights_that_were_solved_for(tmp_path):
    before = killed(tmp_path, f"before the growth of epoch {ROUND + 1}")
    best = rounds_of(before)[-1]["best"]
    chosen = net_of(before).candidates[best].state_dict()
    after = killed(tmp_path, f"after the growth of epoch {ROUND + 1}")
    assert not same(chosen, net_of(after).added["1"].state_dict())


@pytest.mark.parametrize("name", ["shallow", "deep"])
def test_a_candidate_is_trained_as_if_it_were_alone(name, tmp_path):
    brain = killed(tmp_path, f"after the growth of epoch {ROUND + 1}")
    net, (inputs, labels) = net_of(brain), data()["train"]
    batch = [inputs, labels, torch.ones(ITEMS)]
    net.train()
    net.zero_grad()
    first = brain.modules.model(inputs)
    loss = brain.compute_objectives(first, batch, sb.Stage.TRAIN)
    loss.backward()
    found = [p.grad.clone() for p in net.candidates[name].parameters()]
    assert all(p.grad is None for p in net.added.parameters())
    total, units = net.parts(inputs)
    number, one = list(net.candidates).index(name), net.candidates[name]
    alone = torch.nn.functional.cross_entropy(
        total + one.output(units[number]), labels
    )
    expected = torch.autograd.grad(alone, list(one.parameters()))
    for mine, theirs in zip(found, expected):
        torch.testing.assert_close(mine, theirs)
        assert mine.abs().max() > 0


def norms_in(candidates):
    """The norms of what enters each unit, with its bias"""
    return torch.cat(
        [
            torch.cat([layer.weight, layer.bias[:, None]], 1).norm(dim=1)
            if layer.bias is not None
            else layer.weight.norm(dim=1)
            for one in candidates.values()
            for layer in one.layers
        ]
    )


@pytest.mark.parametrize("bound", [0.25, 1.0])
def test_what_enters_a_unit_has_a_bounded_norm(bound, tmp_path):
    brain = killed(tmp_path, "epoch 1 saved", more=f"bound: {bound}")
    norms = norms_in(net_of(brain).candidates)
    assert norms.max() <= bound * (1 + 1e-6)
    assert norms.max() >= bound * (1 - 1e-6)  # it was necessary
    assert len(norms.unique()) > 1  # shorter ones were left alone


def test_complexity_has_a_price(plain, tmp_path):
    low = net_of(plain).depths
    assert max(low) >= 2
    high = train(adanet(tmp_path / "high", price=HIGH))
    assert net_of(high).added and max(net_of(high).depths) == 1


def test_an_infinite_price_adds_nothing_and_ends_the_run(tmp_path):
    brain = train(adanet(tmp_path, price=math.inf))
    assert brain.hparams.epoch_counter.current == ROUND
    assert net_of(brain).depths == [1] and not rounds_of(brain)[0]["added"]
    for one in net_of(brain).candidates.values():
        assert not one.output.weight.any()
    assert len(rounds_of(brain)) == 1
    matrix = brain.evaluate_tasks(brain.loaders["test"], "error")
    assert len(matrix.rows) == 2
    again = train(adanet(tmp_path, price=math.inf))  # there is nothing to do
    assert again.hparams.epoch_counter.current == ROUND
    assert not same(ended(brain), ended(again))


@pytest.fixture(scope="module")
def price_that_ends(tmp_path_factory):
    """A run that ends before the last round, after it added something"""
    brain = train(adanet(tmp_path_factory.mktemp("ends"), **ENDS))
    assert not rounds_of(brain)[-1]["added"] and net_of(brain).added
    return brain


MOMENTS = [
    "epoch 2 step 5",
    f"epoch {ROUND} saved",
    f"before the growth of epoch {ROUND + 1}",
    f"after the growth of epoch {ROUND + 1}",
    f"epoch {ROUND + 2} step 3",
    f"before the growth of epoch {ROUND * ROUNDS + 1}",
    f"after the growth of epoch {ROUND * ROUNDS + 1}",
    "task 1 finished",
]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_run_ends_with_the_same_bits(moment, plain, tmp_path):
    killed(tmp_path, moment)
    brain = train(adanet(tmp_path))
    assert net_of(brain).depths == net_of(plain).depths
    assert rounds_of(brain) == rounds_of(plain)  # every number
    assert not same(ended(brain), ended(plain))
    assert brain.meter.total["macs"] == plain.meter.total["macs"]


def test_a_run_killed_after_its_last_round_stays_over(
    price_that_ends, tmp_path
):
    last = price_that_ends.hparams.epoch_counter.current
    assert last < ENDS["epochs_per_task"]
    killed(tmp_path, f"epoch {last} saved", **ENDS)
    brain = train(adanet(tmp_path, **ENDS))
    assert brain.hparams.epoch_counter.current == last
    assert not same(ended(brain), ended(price_that_ends))


def test_both_candidates_count_in_what_training_costs(tmp_path):
    brain = killed(tmp_path, "epoch 1 saved")
    shallow = UNITS * (PIXELS + 3)
    deep = shallow + UNITS**2
    # Each step as three forwards
    assert brain.meter.stats()["macs"] == 3 * ITEMS * (shallow + deep)
    again = killed(tmp_path / "2", f"after the growth of epoch {ROUND + 1}")
    before = again.meter.stats()["macs"]
    again = killed(tmp_path / "2", f"epoch {ROUND + 1} saved")
    added, *others = (
        sum(p.numel() for p in one.parameters() if p.ndim > 1)
        for one in [
            net_of(again).added["1"],
            *net_of(again).candidates.values(),
        ]
    )
    cost = 3 * ITEMS * (added + sum(others))
    assert again.meter.stats()["macs"] - before == cost


# The solution of the convex problem


@st.composite
def problems(draw):
    """Units of two subnetworks, some in both, labels, and a price"""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 999)))
    classes, width = draw(st.integers(2, 4)), draw(st.integers(1, 5))
    first = torch.randn(30, width, generator=generator).double()
    second = torch.randn(30, width, generator=generator).double()
    second[:, 0] = first[:, 0] + 0.3 * second[:, 0]
    noise = torch.randn(30, classes, generator=generator).double()
    target = torch.randn(width, classes, generator=generator).double()
    labels = ((first + second) @ target + 0.5 * noise).argmax(1)
    return first, second, labels, draw(st.sampled_from([0.003, 0.02, 0.1]))


@given(problems())
@settings(max_examples=25, deadline=None)
def test_no_weight_can_be_changed_for_the_better(problem):
    units, _, labels, price = problem
    classes = int(labels.max()) + 1
    zeros = torch.zeros(30, classes).double()

    def loss(scores):
        """Cross-entropy"""
        return torch.nn.functional.cross_entropy(scores, labels)

    found = solve(loss, zeros, units, price)
    weights = found.weights.numpy()
    # By hand: the gradient of the loss against the corners of the price
    scores = units.numpy() @ weights.T
    shares = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    wrong = (shares - np.eye(classes)[labels.numpy()]) / len(labels)
    gradient = wrong.T @ units.numpy()
    moved = weights != 0
    assert (
        np.abs(gradient + price * np.sign(weights))[moved].max(initial=0) < 1e-6
    )
    assert np.abs(gradient)[~moved].max(initial=0) <= price + 1e-6
    logs = -np.log(shares[np.arange(len(labels)), labels.numpy()]).mean()
    whole = logs + price * np.abs(weights).sum()
    assert found.objective == pytest.approx(whole, rel=1e-9)


def copies(problem):
    """Whether F falls with a copy of the newest, and of the older one"""
    first, second, labels, price = problem

    def loss(scores):
        """Cross-entropy"""
        return torch.nn.functional.cross_entropy(scores, labels)

    total, paid = torch.zeros(30, int(labels.max()) + 1).double(), 0.0
    for units in (first, second):
        found = solve(loss, total, units, price)
        total = total + units @ found.weights.T
        paid += price * float(found.weights.abs().sum())
    before = float(loss(total)) + paid
    return [
        falls(before, solve(loss, total, units, price).objective + paid)
        for units in (second, first)
    ]


@given(problems())
@settings(max_examples=25, deadline=None)
def test_a_copy_of_the_newest_subnetwork_is_not_worth_its_price(problem):
    assert not copies(problem)[0]


def test_a_copy_of_an_older_subnetwork_may_be():
    generator = torch.Generator().manual_seed(1)
    first = torch.randn(30, 3, generator=generator).double()
    second = first + 0.5 * torch.randn(30, 3, generator=generator).double()
    labels = (first[:, 0] + second[:, 1] > 0).long()
    assert copies((first, second, labels, 0.003)) == [False, True]


@given(st.integers(0, 99), st.sampled_from([0.01, 0.1]))
@settings(max_examples=20, deadline=None)
def test_two_scores_are_the_one_function_of_the_paper(seed, price):
    generator = torch.Generator().manual_seed(seed)
    units = torch.randn(30, 3, generator=generator).double()
    noise = torch.randn(30, generator=generator).double()
    labels = (units.sum(1) + noise > 0).long()

    def paper(scores):
        """Phi(1 - y f), the function f in one column"""
        return torch.log1p((1 - (2 * labels - 1) * scores[:, 0]).exp()).mean()

    def ours(scores):
        """The same of two scores"""
        return binary_logistic(scores, labels)

    one = solve(paper, torch.zeros(30, 1).double(), units, price)
    two = solve(ours, torch.zeros(30, 2).double(), units, price)
    assert two.objective == pytest.approx(one.objective, rel=1e-9)
    function = two.weights[1] - two.weights[0]
    torch.testing.assert_close(function, one.weights[0], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(two.weights[0], -two.weights[1])


def test_losses_of_two_classes_are_those_of_the_paper():
    scores = torch.tensor([[0.5, 2.0], [1.0, -1.0], [0.0, 3.0]]).double()
    labels = torch.tensor([1, 1, 0])
    margins = np.array([1.5, -2.0, -3.0])
    by_hand = np.log(1 + np.exp(1 - margins)).mean()
    assert float(binary_logistic(scores, labels)) == pytest.approx(by_hand)
    by_hand = np.exp(1 - margins).mean()
    assert float(binary_exponential(scores, labels)) == pytest.approx(by_hand)


@pytest.mark.parametrize("loss", [binary_logistic, binary_exponential])
@pytest.mark.parametrize(
    "outputs, label, words", [(10, 1, "10 scores"), (2, 7, "labels up to 7")]
)
def test_losses_of_two_classes_refuse_others(loss, outputs, label, words):
    with pytest.raises(GrowthError, match=f"{words}.*use outputs: 2"):
        loss(torch.zeros(1, outputs), torch.tensor([label]))


def test_the_bound_of_complexity_is_that_of_the_paper():
    net = Subnetworks([1, 2, 2], PIXELS, UNITS, 3)
    x = 3 * np.ones((ITEMS, PIXELS))
    for one in [*net.added.values(), *net.candidates.values()]:
        found = complexity(one.reads, 3.0, ITEMS, 0.7)
        assert found == pytest.approx(price_by_hand(one, x, 1.0, 0.7))


# What cannot be


@pytest.mark.parametrize(
    "depths, words",
    [
        ([], "first must be at least 1"),
        ([0], "first must be at least 1"),
        ([1, 3], "3 follows 1, but candidates then have 1 and 2"),
        ([1, 2, 1], "1 follows 2, but candidates then have 2 and 3"),
    ],
)
def test_depths_that_no_candidates_have_are_refused(depths, words):
    with pytest.raises(GrowthError, match=words):
        Subnetworks(depths, PIXELS, UNITS, 3)


@pytest.mark.parametrize(
    "old, new", [([1, 1], [1, 2]), ([1], [1, 1, 1]), ([1, 1], [1])]
)
def test_a_growth_only_adds_one_subnetwork(old, new):
    old, new = (Subnetworks(d, PIXELS, UNITS, 3) for d in (old, new))
    with pytest.raises(GrowthError, match="add one subnetwork, behind"):
        carry(old, new, symmetry="fresh")


WRONG = [
    ({"columns": [1, 1]}, "nothing was added yet; begin with \\[1\\]"),
    ({"tasks": 2}, "the stream has 2; use tasks: 1"),
    (
        {"growth": "[{after_epoch: 1, columns: [1, 1]}]"},
        "asks for its growths; write growth: \\[\\]",
    ),
    ({"epochs_per_task": 8}, "epochs_per_task is 8, and a round has 3"),
    ({"run_opts": {"max_grad_norm": 5.0}}, "5.0 would clip both candidates"),
    ({"more": "bound: 0.0"}, "bound is 0.0; it must be above 0"),
    ({"more": "bound: inf"}, "bound is inf; it must be above 0, and finite"),
    ({"more": "beta: -1"}, "beta is -1; it must be a number, at least 0"),
    ({"price": "many"}, "price is 'many'; it must be a number"),
    (
        {"model": "!new:speechbrain_growth.MLP {inputs: 9, hidden: [4]}"},
        "0 Subnetworks; use one speechbrain_growth.Subnetworks",
    ),
]


@pytest.mark.parametrize("options, words", WRONG)
def test_what_cannot_work_is_refused_before_training(options, words, tmp_path):
    if "model" in options:
        options["model"] = options["model"].replace("[4]}", "[4], outputs: 3}")
    with pytest.raises(Exception) as caught:
        train(adanet(tmp_path, **options))
    assert isinstance(caught.value.__cause__ or caught.value, GrowthError)
    caught.match(words)


def test_a_pair_shows_two_classes(tmp_path):
    images, labels = torch.arange(12.0).view(6, 2), torch.tensor([3] * 6)
    labels[1:3] = torch.tensor([8, 0])
    found = Pair([8, 3]).of({"train": (images, labels)})["train"]
    assert sorted(found.labels.tolist()) == [0, 1, 1, 1, 1]
    shown, label, _ = found[torch.arange(5)]
    eight = shown[label == 0]
    assert torch.equal(eight, images[1:2])


@pytest.mark.parametrize("classes", [[3], [3, 3], [3, "8"], [1, 2, 3]])
def test_a_pair_is_two_labels(classes):
    with pytest.raises(GrowthError, match="give two labels"):
        Pair(classes)


def test_a_pair_names_a_class_that_is_not_there():
    data = torch.zeros(2, 4), torch.tensor([0, 1])
    with pytest.raises(GrowthError, match="names 7, but valid has no item"):
        Pair([0, 7]).of({"valid": data})
