"""Tests the laws of Firefly: candidates, scores, and what is kept.

Authors
 * The speechbrain_growth authors 2026
"""

import copy

import pytest
import torch
from torch import nn

from speechbrain.nnet.RNN import LiGRU
from speechbrain_growth import MLP, GrowthError, carry
from speechbrain_growth.engine.search.candidates import (
    Candidates,
    candidate_sizes,
)
from speechbrain_growth.engine.search.firefly import Search, firefly
from speechbrain_growth.engine.search.scoring import bound, scores, train
from speechbrain_growth.engine.search.slots import find_slots, with_more
from speechbrain_growth.nnet.scalable_crdnn import ScalableCRDNN


class Recurrent(nn.Module):
    """Two recurrent layers of one size, and an output."""

    def __init__(self, kind, width):
        super().__init__()
        self.rnn = kind(3, width, num_layers=2, batch_first=True)
        self.out = nn.Linear(width, 2)

    def forward(self, inputs):
        """Runs the layers."""
        return self.out(self.rnn(inputs)[0])


def normed(width, norm):
    """A net with a norm"""
    return nn.Sequential(
        nn.Linear(3, width), norm(width), nn.Tanh(), nn.Linear(width, 2)
    )


def convolved(width):
    """A net with convolutions, flattened before a linear layer"""
    return nn.Sequential(
        nn.Conv1d(3, width, 3, padding=1),
        nn.Tanh(),
        nn.Conv1d(width, 4, 3, padding=1),
        nn.Tanh(),
        nn.Flatten(),
        nn.Linear(20, 2),
    )


def crdnn(sizes):
    """A small CRDNN, whose RNN looks both ways"""
    return ScalableCRDNN(
        input_size=4,
        cnn_blocks=1,
        cnn_channels=sizes["cnn_channels"],
        rnn_class=LiGRU,
        rnn_layers=2,
        rnn_neurons=sizes["rnn_neurons"],
        rnn_bidirectional=True,
        dnn_blocks=1,
        dnn_neurons=2,
    )


# How a model is built, its sizes, and the shape of its input
NETS = {
    "mlp": (lambda s: MLP(3, s["hidden"], 2, nn.Tanh), {"hidden": [4, 3]}),
    "batch norm": (lambda s: normed(s["width"], nn.BatchNorm1d), {"width": 4}),
    "layer norm": (lambda s: normed(s["width"], nn.LayerNorm), {"width": 4}),
    "convolution": (lambda s: convolved(s["width"]), {"width": 3}),
    "lstm": (lambda s: Recurrent(nn.LSTM, s["width"]), {"width": 3}),
    "gru": (lambda s: Recurrent(nn.GRU, s["width"]), {"width": 3}),
    "crdnn": (crdnn, {"cnn_channels": [2], "rnn_neurons": 3}),
}
RECURRENT = ("lstm", "gru", "crdnn")
SHAPES = {"convolution": (8, 3, 5), "lstm": (8, 5, 3), "gru": (8, 5, 3)}
SHAPES["crdnn"] = (3, 6, 4)


def net_of(name, seed=0):
    """What there is to know of a net"""
    return problem(*NETS[name], SHAPES.get(name, (8, 3)), seed)


def problem(build, sizes, shape, seed=0):
    """A model in float64, how it is built, its sizes, and a loss"""
    torch.manual_seed(seed)
    old = build(sizes).double()
    for module in old.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    inputs = torch.randn(shape, dtype=torch.float64)
    targets = torch.randn_like(old.eval()(inputs))
    old.train()

    def loss(model):
        """The squared error"""
        return (model(inputs) - targets).square().mean()

    return old, lambda s: build(s).double(), dict(sizes), loss


def candidates_of(name, new=2, seed=0):
    """All candidates of a net, and its loss"""
    old, build, sizes, loss = net_of(name, seed)
    slots, _ = find_slots(old, build, sizes, None)
    model = build(candidate_sizes(sizes, slots, new))
    found = Candidates(old, model, slots, new, seed)
    bound(found)
    return found, loss, old, build, sizes, slots


def value(old, loss):
    """The loss in eval mode"""
    with torch.no_grad():
        return float(loss(copy.deepcopy(old).eval()))


def slopes(candidates, gates, loss):
    """The gradient of the gates"""
    gates = gates.clone().requires_grad_(True)
    return torch.autograd.grad(candidates.loss(gates, loss), gates)[0]


def splits_of(candidates):
    """Which candidates are splits"""
    units = candidates.units
    return torch.zeros(units.candidates, dtype=torch.bool).index_fill(
        0, units.gate[units.sign == 1], True
    )


@pytest.mark.parametrize("name", NETS)
def test_with_all_gates_closed_nothing_changes(name):
    found, loss, old, *_ = candidates_of(name)
    closed = found.loss(found.zeros(), loss)
    assert float(closed) == pytest.approx(value(old, loss), rel=1e-12)


@pytest.mark.parametrize("name", NETS)
def test_at_0_the_loss_has_a_slope_for_new_units_and_none_for_splits(name):
    found, loss, *_ = candidates_of(name)
    slope = slopes(found, found.zeros(), loss).abs()
    splits = splits_of(found)
    reached = slope[~splits] > 1e-7
    assert splits.any() and reached.any()
    assert reached.all() or name == "crdnn"  # ReLUs send nothing
    assert slope[splits].max() < 1e-14
    # Beside 0 there is one
    beside = slopes(found, found.zeros() + 0.1, loss).abs()
    reached = beside[splits] > 1e-9
    assert reached.any() and (reached.all() or name == "crdnn")


# In a recurrent layer the copies read each other along a direction of their own
@pytest.mark.parametrize("name", [n for n in NETS if n not in RECURRENT])
def test_a_split_alone_is_even_in_its_gate(name):
    found, loss, *_ = candidates_of(name)
    for number in splits_of(found).nonzero()[:, 0][:3]:
        both = []
        for gate in (0.3, -0.3):
            gates = found.zeros()
            gates[number] = gate
            both.append(float(found.loss(gates, loss)))
        assert both[0] == pytest.approx(both[1], rel=1e-12)
        assert both[0] != pytest.approx(value_at_0(found, loss), rel=1e-9)


def value_at_0(found, loss):
    """The loss with all gates closed"""
    return float(found.loss(found.zeros(), loss))


# A CRDNN has kinks, and then the error falls more slowly
@pytest.mark.parametrize("name", [n for n in NETS if n != "crdnn"])
def test_scores_sum_to_the_change_up_to_the_square_of_the_parts(name):
    found, loss, *_ = candidates_of(name)
    gates = torch.full_like(found.zeros(), 0.5)
    change = float(found.loss(gates, loss)) - value_at_0(found, loss)
    errors = [
        abs(float(scores(found, gates, [loss], points).sum()) - change)
        for points in (8, 16, 32)
    ]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.05)


@pytest.mark.parametrize("name", NETS)
def test_what_is_kept_computes_what_its_gates_alone_do(name):
    found, loss, old, build, sizes, slots = candidates_of(name)
    gates, chosen, units = found.zeros(), {}, {}
    for label, one in found.units.layers.items():
        # In an order that is not theirs: a new unit, and two splits
        picked = [one.old + 1, one.old - 1, 0]
        chosen[label] = [one.unit(number) for number in picked]
        units[label] = [n if n < one.old else None for n in picked]
        for number in picked:
            gates[one.gate + number] = 0.3
    larger = with_more(sizes, dict.fromkeys(slots, 3))
    new = build(larger)
    plan = carry(old, new, units=units, fold=10)
    assert value(new, loss) == pytest.approx(value(old, loss), rel=1e-12)
    state, merged = new.state_dict(), found.merged(gates, chosen)
    assert set(merged) == set(plan.changes)
    for tensor, values in merged.items():
        state[tensor].copy_(values.view_as(state[tensor]))
    expected = float(found.loss(gates, loss))
    assert value(new, loss) == pytest.approx(expected, rel=1e-12)
    assert expected != pytest.approx(value(old, loss), rel=1e-6)


@pytest.mark.parametrize("name", ["mlp", "lstm"])
def test_directions_and_gates_stay_within_their_bounds(name):
    found, loss, *_ = candidates_of(name)
    gates = train(found, [loss] * 20, 0.01)
    assert 0 <= gates.min() and gates.max() <= 0.01
    units = found.units
    for what, known in (("split", units.sign == 1), ("leaves", units.fresh)):
        sums = torch.zeros(len(units.gate)).double()
        counts = sums.clone()
        for one in found.gated.values():
            for owners, squares, count in one.squares().get(what, ()):
                sums.index_add_(0, owners.clamp(min=0), squares)
                counts.index_add_(0, owners.clamp(min=0), count)
        mean = (sums / counts)[known]
        assert mean.max() < 1 + 1e-9 and mean.max() > 0.5


def ranks(values):
    """The rank of each value"""
    return values.argsort().argsort().double()


def spearman(one, other):
    """The correlation of two rankings"""
    pair = torch.stack([ranks(one), ranks(other)])
    return float(torch.corrcoef(pair)[0, 1])


@pytest.mark.parametrize("seed", range(5))
def test_scores_rank_candidates_as_their_gains_do(seed):
    found, loss, *_ = candidates_of("mlp", new=6, seed=seed)
    gates = train(found, [loss] * 8, 0.01)
    found_scores = scores(found, gates, [loss], 3)
    gains, first = [], value_at_0(found, loss)
    for number in range(len(gates)):
        alone = found.zeros()
        alone[number] = gates[number]
        gains.append(float(found.loss(alone, loss)) - first)
    assert spearman(found_scores, torch.tensor(gains)) > 0.9


@pytest.mark.parametrize("seed", range(5))
def test_the_best_lower_the_loss_more_than_others(seed):
    found, loss, *_ = candidates_of("mlp", new=6, seed=seed)
    gates = train(found, [loss] * 8, 0.01)
    order = scores(found, gates, [loss], 3).argsort()
    torch.manual_seed(seed)
    any_order = order[torch.randperm(len(order))]
    losses = []
    for picked in (order[:4], any_order[:4], order[-4:]):
        some = found.zeros()
        some[picked] = gates[picked]
        losses.append(float(found.loss(some, loss)))
    assert losses[0] < losses[1] < losses[2]


def count(model):
    """Number of parameters"""
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("budget", [130, 300])
def test_the_budget_is_kept_and_one_unit_more_would_pass_it(name, budget):
    old, build, sizes, loss = net_of(name)
    found = firefly(old, build, sizes, [loss] * 4, Search(budget))
    new = build(found.sizes)
    assert count(new) - count(old) <= budget
    # The search with a large budget ranks alike, so it says what came next
    many = firefly(old, build, sizes, [loss] * 4, Search(10**6))
    kept = len(found.scores)
    assert many.scores[:kept] == found.scores and kept
    if len(many.scores) > kept:
        slots, _ = find_slots(old, build, sizes, None)
        names = {str(slot): slot for slot in slots}
        more = {}
        for one in many.scores[: kept + 1]:
            slot = names[one["size"]]
            more[slot] = more.get(slot, 0) + 1
        assert count(build(with_more(sizes, more))) - count(old) > budget
    carry(old, new, units=found.units, fold=10)
    before = value(old, loss)
    found.write(new)
    change = value(new, loss) - before
    assert change < 0
    assert change == pytest.approx(found.predicted, rel=0.3)


def test_no_candidate_with_a_positive_score_is_kept():
    old, build, sizes, loss = net_of("mlp")
    found = firefly(old, build, sizes, [loss] * 4, Search(10**6))
    assert all(one["score"] < 0 for one in found.scores)
    # A loss that nothing lowers
    nothing = firefly(
        old, build, sizes, [lambda m: 0 * loss(m)] * 2, Search(100)
    )
    assert nothing.sizes == sizes and not nothing.units


def test_a_budget_may_count_something_else():
    old, build, sizes, loss = net_of("mlp")
    args = old, build, sizes, [loss] * 2, Search(3)
    found = firefly(*args, cost=lambda sizes: sum(sizes["hidden"]))
    assert sum(found.sizes["hidden"]) == sum(sizes["hidden"]) + 3


def test_it_is_the_same_each_time_and_leaves_the_model_alone():
    old, build, sizes, loss = net_of("batch norm")
    before = copy.deepcopy(old.state_dict())
    results = []
    for _ in range(2):
        results.append(firefly(old, build, sizes, [loss] * 2, Search(50)))
    one, two = results
    assert one.scores == two.scores and one.units == two.units
    for name, tensor in one.tensors.items():
        assert torch.equal(tensor, two.tensors[name])
    for name, tensor in before.items():
        assert torch.equal(tensor, old.state_dict()[name])
    assert old.training


@pytest.mark.parametrize(
    "search, words",
    [
        (Search(3), "one unit or layer adds"),
        (Search(100, sizes=["depth"]), "depth, which are no sizes"),
        (Search(100, sizes=["outputs"]), "the outputs of the model grow"),
        (Search(100, new=-1), "new is -1"),
        (Search(0), "budget is 0"),
    ],
)
def test_what_cannot_be_is_refused_by_name(search, words):
    def build(sizes):
        return MLP(3, sizes["hidden"], sizes["outputs"]).double()

    sizes = {"hidden": [4], "outputs": 2}
    with pytest.raises(GrowthError, match=words):
        firefly(build(sizes), build, sizes, [lambda m: 0], search)


def test_units_that_no_size_adds_alone_are_refused():
    def build(sizes):
        return MLP(3, [3 * sizes["thirds"]], 2).double()

    sizes = {"thirds": 2}
    with pytest.raises(GrowthError, match="by more than one unit"):
        firefly(build(sizes), build, sizes, [lambda m: 0], Search(100))


def test_units_can_be_named_in_carry():
    old, new = MLP(3, [4], 2), MLP(3, [6], 2)
    plan = carry(old, new, units={"hidden_0.linear units": [2, None]})
    width = plan.tensors["output.weight"][1].width
    assert width.source[4] == 2 and width.fresh.tolist()[4:] == [False, True]
    inputs = torch.randn(5, 3)
    assert torch.allclose(old(inputs), new(inputs), atol=1e-6)
    for units in ({"hidden": [0, 0]}, {"hidden_0.linear units": [0]}):
        with pytest.raises(GrowthError, match="units: "):
            carry(old, MLP(3, [6], 2), units=units)
    with pytest.raises(GrowthError, match="found the parents 4"):
        carry(old, MLP(3, [6], 2), units={"hidden_0.linear units": [4, 0]})
