"""Tests the laws of new layers as candidates of Firefly.

Authors
 * The speechbrain_growth authors 2026
"""

import copy
import random
from collections import Counter

import pytest
import torch
from test_firefly import count, problem, slopes, spearman, value, value_at_0
from torch import nn

from speechbrain.nnet.RNN import LiGRU
from speechbrain_growth import MLP, GrowthError, carry
from speechbrain_growth.engine.search.candidates import (
    Candidates,
    candidate_sizes,
)
from speechbrain_growth.engine.search.choosing import Bundle, within
from speechbrain_growth.engine.search.firefly import Search, firefly
from speechbrain_growth.engine.search.layers import placed
from speechbrain_growth.engine.search.scoring import bound, scores, train
from speechbrain_growth.engine.search.slots import Slot, find_slots, with_more
from speechbrain_growth.nnet.scalable_crdnn import ScalableCRDNN


class Block(nn.Module):
    """Adds a branch to what it gets."""

    def __init__(self, width, inner):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.one, self.two = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, inputs):
        """Runs the block."""
        return inputs + self.two(torch.tanh(self.one(self.norm(inputs))))


class Turned(Block):
    """The same sum, with the branch first."""

    def forward(self, inputs):
        """Runs the block."""
        return self.two(torch.tanh(self.one(self.norm(inputs)))) + inputs


class Residual(nn.Module):
    """Blocks in a row, which no rule knows."""

    def __init__(self, blocks, inner=3, width=4, kind=Block):
        super().__init__()
        self.first, self.last = nn.Linear(3, width), nn.Linear(width, 2)
        self.blocks = nn.ModuleList(kind(width, inner) for _ in range(blocks))

    def forward(self, inputs):
        """Runs them."""
        inputs = self.first(inputs)
        for block in self.blocks:
            inputs = block(inputs)
        return self.last(inputs)


class Encoder(nn.Module):
    """A Transformer whose norms stand first."""

    def __init__(self, layers, inner):
        super().__init__()
        layer = nn.TransformerEncoderLayer(
            4, 2, inner, dropout=0.0, batch_first=True, norm_first=True
        )
        self.first, self.last = nn.Linear(3, 4), nn.Linear(4, 2)
        self.layers = nn.TransformerEncoder(
            layer, layers, enable_nested_tensor=False
        )

    def forward(self, inputs):
        """Runs it."""
        return self.last(self.layers(self.first(inputs)))


def crdnn(sizes):
    """A small CRDNN, whose RNN looks both ways"""
    return ScalableCRDNN(
        input_size=4,
        cnn_blocks=1,
        cnn_channels=[2],
        rnn_class=LiGRU,
        rnn_layers=1,
        rnn_bidirectional=True,
        dnn_blocks=1,
        **sizes,
    )


EXTRA = ("extra_cnn_blocks", "extra_rnn_layers", "extra_dnn_blocks")
CRDNN = {**dict.fromkeys(EXTRA, 0), "rnn_neurons": 3, "dnn_neurons": 2}
STACK = {"blocks": 1, "inner": 3}
# How a model is built, its sizes, the shape of its input, and its new layers
NETS = {
    "mlp": (
        lambda s: MLP(3, s["hidden"], 2),
        {"hidden": [4, 3]},
        (8, 3),
        ["hidden_2"],
    ),
    "batch norm": (
        lambda s: MLP(3, s["hidden"], 2, batch_norm=True),
        {"hidden": [4, 3]},
        (8, 3),
        ["hidden_2"],
    ),
    "crdnn": (
        crdnn,
        CRDNN,
        (3, 6, 4),
        ["CNN.extra_0", "RNN_extra_0", "DNN.extra_0"],
    ),
    "residual": (
        lambda s: Residual(s["blocks"], s["inner"]),
        STACK,
        (8, 3),
        ["blocks.1"],
    ),
    "stream": (
        lambda s: Residual(s["blocks"], width=s["width"]),
        {"blocks": 1, "width": 4},
        (8, 3),
        ["blocks.1"],
    ),
    "turned": (
        lambda s: Residual(s["blocks"], width=s["width"], kind=Turned),
        {"blocks": 2, "width": 4},
        (8, 3),
        ["blocks.2"],
    ),
    "encoder": (
        lambda s: Encoder(s["blocks"], s["inner"]),
        STACK,
        (3, 5, 3),
        ["layers.layers.1"],
    ),
}


# With few units and examples, most ReLUs are silent
WIDE = NETS["mlp"][0], {"hidden": [8, 8]}, (64, 3), ["hidden_2"]


def net_of(name, seed=0):
    """What there is to know of a net"""
    return problem(*NETS.get(name, WIDE)[:3], seed)


def candidates_of(name, new=2, seed=0):
    """All candidates of a net with drawn directions, and what made them"""
    old, build, sizes, loss = net_of(name, seed)
    slots, _ = find_slots(old, build, sizes, None)
    deep = [slot for slot in slots if slot.born]
    deeper = build(with_more(sizes, dict.fromkeys(deep, 1)))
    model = build(candidate_sizes(sizes, slots, new))
    found = Candidates(old, model, slots, new, seed, deeper=deeper)
    with torch.no_grad():
        for part in found.new_layers.parts.values():
            part.step.normal_()
    bound(found)
    return found, loss, old, build, sizes, slots, deeper


def gates_of_layers(candidates):
    """The numbers of their gates"""
    first = candidates.units.candidates
    return range(first, first + candidates.new_layers.count)


@pytest.mark.parametrize("name", NETS)
def test_every_layer_that_a_size_adds_is_a_candidate(name):
    *_, slots, _ = candidates_of(name)
    born = [layer for slot in slots for layer in slot.born]
    assert born == NETS[name][3]
    assert any(slot.layers for slot in slots)


@pytest.mark.parametrize("name", ["stream", "turned"])
def test_units_that_meet_at_a_sum_are_one_candidate(name):
    found, _, old, *_, slots, _ = candidates_of(name)
    (slot,) = [slot for slot in slots if slot.layers]
    assert len(slot.layers) == 1
    (one,) = found.units.layers.values()
    assert one.old == old.first.out_features
    # Its rows are those of all layers that make the stream
    made = [name for name in found.gated if found.gated[name].out]
    assert {"first.weight", "blocks.0.two.weight"} <= {*made}


@pytest.mark.parametrize("name", NETS)
def test_with_all_gates_closed_nothing_changes(name):
    found, loss, old, *_ = candidates_of(name)
    closed = found.loss(found.zeros(), loss)
    assert float(closed) == pytest.approx(value(old, loss), rel=1e-12)
    # An open one changes it
    for gate in gates_of_layers(found):
        gates = found.zeros()
        gates[gate] = 0.1
        changed = float(found.loss(gates, loss))
        assert changed != pytest.approx(float(closed), rel=1e-8)


def seen_at(model, layer, loss):
    """What leaves a layer, and the gradient of the loss by it"""
    seen = []

    def keep(module, inputs, output):
        """Notes what leaves"""
        output = output[0] if isinstance(output, tuple) else output
        seen.append(output.detach().requires_grad_(True))
        return seen[0]

    model = copy.deepcopy(model).eval()
    handle = model.get_submodule(layer).register_forward_hook(keep)
    (slope,) = torch.autograd.grad(loss(model), seen)
    handle.remove()
    return seen[0].detach(), slope


def test_the_slope_of_a_new_identity_is_that_of_the_old_model():
    """d/de of relu((I + e W) a + e b) at 0 is W a + b where a is above 0."""
    found, loss, old, *_ = candidates_of("mlp")
    (gate,) = gates_of_layers(found)
    weight, bias = (
        part.scale * part.step.detach()
        for part in found.new_layers.parts.values()
    )
    arrives, slope = seen_at(old, "hidden_1", loss)
    change = (arrives @ weight.T + bias) * (arrives > 0)
    expected = float((slope * change).sum())
    assert float(slopes(found, found.zeros(), loss)[gate]) == pytest.approx(
        expected, rel=1e-10
    )
    assert abs(expected) > 1e-6


BEFORE = {"CNN.extra_0": "CNN", "RNN_extra_0": "RNN", "DNN.extra_0": "DNN"}


@pytest.mark.parametrize("number, layer", enumerate(BEFORE))
def test_the_slope_of_a_gated_block_is_that_of_the_old_model(number, layer):
    """d/de of x + e d f(x) at 0 is d f(x)."""
    found, loss, old, *_, deeper = candidates_of("crdnn")
    arrives, slope = seen_at(old, BEFORE[layer], loss)
    block = deeper.get_submodule(layer).eval()
    with torch.no_grad():
        for name, part in found.new_layers.parts.items():
            if name.startswith(f"{layer}.inner."):
                inner = name[len(layer) + 1 :]
                block.get_parameter(inner).add_(part.scale * part.step)
        made = block.inner(arrives)
    made = made[0] if isinstance(made, tuple) else made
    gate = found.new_layers.parts[f"{layer}.gate"].step.detach()
    expected = float((slope * gate * made).sum())
    slope = slopes(found, found.zeros(), loss)[gates_of_layers(found)[number]]
    assert float(slope) == pytest.approx(expected, rel=1e-10)
    assert abs(expected) > 1e-9


# The CRDNN and the encoder have kinks, and then the error falls more slowly
@pytest.mark.parametrize("name", ["residual"])
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


# A LayerNorm in a new layer takes the mean of all units, also of new ones
@pytest.mark.parametrize(
    "name, wider",
    [(n, True) for n in NETS if n not in ("stream", "turned")]
    + [(n, False) for n in NETS],
)
def test_what_is_kept_computes_what_its_gates_alone_do(name, wider):
    found, loss, old, build, sizes, slots, deeper = candidates_of(name)
    gates, chosen, units = found.zeros(), {}, {}
    gates[list(gates_of_layers(found))] = 0.3
    for label, one in found.units.layers.items() if wider else ():
        # In an order that is not theirs: a new unit, and two splits. What f of
        # a gated block makes of a new unit of its own input is as built
        picked = [1 if name == "crdnn" else one.old + 1, one.old - 1, 0]
        chosen[label] = [one.unit(number) for number in picked]
        units[label] = [n if n < one.old else None for n in picked]
        for number in picked:
            gates[one.gate + number] = 0.3
    larger = with_more(
        sizes, {s: 1 if s.born else 3 for s in slots if s.born or wider}
    )
    new = build(larger)
    places, _ = placed(old, deeper, new, units)
    carry(old, new, units=units, fold=10)
    assert value(new, loss) == pytest.approx(value(old, loss), rel=1e-12)
    state = new.state_dict()
    tensors = found.merged(gates, chosen)
    tensors.update(found.new_layers.tensors(gates, places))
    for tensor, values in tensors.items():
        state[tensor].copy_(values.view_as(state[tensor]))
    expected = float(found.loss(gates, loss))
    assert value(new, loss) == pytest.approx(expected, rel=1e-12)
    assert expected != pytest.approx(value(old, loss), rel=1e-6)


@pytest.mark.parametrize("name", ["mlp", "crdnn"])
def test_directions_of_a_layer_stay_within_their_bound(name):
    found, loss, *_ = candidates_of(name)
    with torch.no_grad():
        for part in found.new_layers.parts.values():
            part.step.mul_(3)
    longer = max(p.step.abs().max() for p in found.new_layers.parts.values())
    assert longer > 2.5
    gates = train(found, [loss] * 5, 0.01)
    assert 0 <= gates.min() and gates.max() <= 0.01
    for gate in gates_of_layers(found):
        for opens in (True, False):
            steps = [
                part.step.flatten()
                for part in found.new_layers.parts.values()
                if (part.gate, part.opens) == (gate, opens)
            ]
            if steps:
                assert torch.cat(steps).square().mean() < 1 + 1e-9


def trained(name, seed):
    """Candidates with trained directions, their gates, scores and the loss"""
    old, build, sizes, loss = net_of(name, seed)
    slots, _ = find_slots(old, build, sizes, None)
    deep = [slot for slot in slots if slot.born]
    deeper = build(with_more(sizes, dict.fromkeys(deep, 1)))
    model = build(candidate_sizes(sizes, slots, 4))
    found = Candidates(old, model, slots, 4, seed, deeper=deeper)
    gates = train(found, [loss] * 8, 0.01)
    return found, gates, scores(found, gates, [loss], 3), loss


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", ["wide mlp", "residual"])
def test_scores_rank_units_and_layers_as_their_gains_do(name, seed):
    found, gates, found_scores, loss = trained(name, seed)
    gains, first = [], value_at_0(found, loss)
    for number in range(len(gates)):
        alone = found.zeros()
        alone[number] = gates[number]
        gains.append(float(found.loss(alone, loss)) - first)
    gains = torch.tensor(gains)
    # A split of a ReLU does nothing where no example is near its kink
    moved = gains != 0 if name == "wide mlp" else gains.isfinite()
    assert moved.sum() > 6
    assert spearman(found_scores[moved], gains[moved]) > 0.9
    for gate in gates_of_layers(found):
        assert gains[gate] < 0  # a direction from 0 goes downhill
        assert float(found_scores[gate]) == pytest.approx(
            float(gains[gate]), rel=0.2
        )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", ["wide mlp", "residual"])
def test_the_best_lower_the_loss_more_than_others(name, seed):
    found, gates, found_scores, loss = trained(name, seed)
    order = found_scores.argsort()
    assert set(gates_of_layers(found)) & set(order[:4].tolist())
    torch.manual_seed(seed)
    any_order = order[torch.randperm(len(order))]
    losses = []
    for picked in (order[:4], any_order[:4], order[-4:]):
        some = found.zeros()
        some[picked] = gates[picked]
        losses.append(float(found.loss(some, loss)))
    assert losses[0] < losses[1] < losses[2]


@pytest.mark.parametrize(
    "name, budget",
    [*((name, 130) for name in NETS), ("mlp", 30), ("residual", 300)],
)
def test_the_budget_is_kept_and_nothing_more_would_fit(name, budget):
    old, build, sizes, loss = net_of(name)
    found = firefly(old, build, sizes, [loss] * 4, Search(budget))
    new = build(found.sizes)
    assert count(new) - count(old) <= budget
    # A search with a large budget says what else lowers the loss
    many = firefly(old, build, sizes, [loss] * 4, Search(10**6))
    slots = {str(s): s for s in find_slots(old, build, sizes, None)[0]}
    kept, all_ = (
        Counter(slots[one["size"]] for one in search.scores)
        for search in (found, many)
    )
    for slot in all_ - kept:
        larger = build(with_more(sizes, kept + Counter([slot])))
        assert count(larger) - count(old) > budget
    plan = carry(old, new, units=found.units, fold=10)
    born = [n for one in found.scores for n in one.get("layers", ())]
    assert [*plan.first_states] == sorted(born, key=NETS[name][3].index)
    before = value(old, loss)
    assert value(new, loss) == pytest.approx(before, rel=1e-12)
    found.write(new)
    change = value(new, loss) - before
    assert change < 0
    assert change == pytest.approx(found.predicted, rel=0.3)
    # A growth sets the norms of a new identity once more
    assert not any("hidden_2.norm" in name for name in found.tensors)


@pytest.mark.parametrize("seed", range(20))
def test_the_choice_is_that_of_trying_one_after_the_other(seed):
    draw = random.Random(seed)
    slots = {Slot(key): draw.randint(1, 9) for key in "abcd"}
    ranked = [Bundle(draw.choice([*slots]), 0.0, {}) for _ in range(20)]
    sizes, budget = dict.fromkeys("abcd", 1), draw.randint(9, 60)

    def cost(sizes):
        """One more of a size costs more, the larger another is"""
        each = sum(c * sizes[s.key] for s, c in slots.items())
        return each + sizes["a"] * sizes["b"]

    expected, larger = [], sizes
    for one in ranked:
        more = with_more(larger, {one.slot: 1})
        if cost(more) - cost(sizes) <= budget:
            expected, larger = [*expected, one], more
    found = within(ranked, sizes, cost, budget)
    assert [id(one) for one in found] == [id(one) for one in expected]
    assert found and len(found) < len(ranked)


def test_layers_can_be_left_out():
    old, build, sizes, loss = net_of("mlp")
    search = Search(100, layers=False)
    found = firefly(old, build, sizes, [loss] * 2, search)
    assert len(found.sizes["hidden"]) == 2 and "hidden[2]" not in found.left
    for one in found.scores:
        assert "layers" not in one


def test_layers_alone_can_be_searched():
    old, build, sizes, loss = net_of("crdnn")
    names = ["extra_dnn_blocks"]
    found = firefly(old, build, sizes, [loss] * 4, Search(100, sizes=names))
    assert found.sizes == {**sizes, "extra_dnn_blocks": 1}
    assert found.candidates == 1 and not found.units
    new = build(found.sizes)
    carry(old, new)
    found.write(new)
    gate = float(new.DNN.extra_0.gate)
    assert 0 < abs(gate) <= 0.01
    change = value(new, loss) - value(old, loss)
    assert change == pytest.approx(found.predicted, rel=0.2)


def stacked(kind):
    """How an RNN of some layers is built"""

    def build(sizes):
        """Builds it"""
        rnn = kind(3, 3, num_layers=sizes["layers"])
        return nn.ModuleDict({"rnn": rnn, "out": nn.Linear(3, 2)})

    return build


# What: how a model is built, its sizes, and what is said of which size
REFUSED = {
    "tanh": (
        lambda s: MLP(3, s["hidden"], 2, nn.Tanh),
        {"hidden": [4]},
        "hidden[1]",
        "Tanh is not idempotent, so it cannot begin as an identity",
    ),
    "lstm": (
        stacked(nn.LSTM),
        {"layers": 1},
        "layers",
        "1 layers would become 2; keep their number",
    ),
    "a list that nothing reads": (
        lambda s: MLP(3, s["hidden"][:1], 2),
        {"hidden": [4]},
        "hidden[1]",
        "nothing grows with it",
    ),
    "numbered layers": (
        lambda s: nn.Sequential(
            nn.Linear(2, 3),
            nn.ReLU(),
            *[nn.Linear(3, 3) for _ in range(s["layers"])],
            nn.Linear(3, 2),
        ),
        {"layers": 0},
        "layers",
        "renames others",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_an_identity_is_left_alone_by_name(what):
    build, sizes, name, words = REFUSED[what]
    try:
        _, left = find_slots(build(sizes), build, sizes, None)
    except GrowthError as error:  # there is no other candidate
        (problem,) = error.problems
        left = {name: problem}
        assert problem.startswith(f"{name}: ")
    assert words in left[name]


@pytest.mark.parametrize(
    "search, words",
    [
        (
            Search(100, sizes=["blocks"], layers=False),
            "which are left out here",
        ),
        (Search(3, sizes=["blocks"]), "one unit or layer adds 39 or more"),
        (Search(100, layers=1), "layers is 1; use True or False"),
    ],
)
def test_what_cannot_be_is_refused_by_name(search, words):
    old, build, sizes, loss = net_of("residual")
    with pytest.raises(GrowthError, match=words):
        firefly(old, build, sizes, [loss], search)


def test_it_is_the_same_each_time_and_leaves_the_model_alone():
    old, build, sizes, loss = net_of("batch norm")
    before = copy.deepcopy(old.state_dict())
    one, two = (
        firefly(old, build, sizes, [loss] * 2, Search(60)) for _ in range(2)
    )
    assert one.scores == two.scores and one.units == two.units
    assert any("layers" in score for score in one.scores)
    assert list(one.tensors) == list(two.tensors)
    for name, tensor in one.tensors.items():
        assert torch.equal(tensor, two.tensors[name])
    for name, tensor in before.items():
        assert torch.equal(tensor, old.state_dict()[name])
    assert old.training
