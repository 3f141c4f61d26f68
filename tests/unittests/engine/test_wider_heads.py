"""Heads of attention whose size grows compute what they did, and learn

Authors
 * The speechbrain_growth authors 2026
"""

import copy
import math

import pytest
import torch
from hypothesis import (
    given,
    settings,
    strategies as st,
)
from torch import nn
from torch.nn import functional as F

from speechbrain.nnet import attention
from speechbrain_growth import GrowthError, carry

WAYS = ["shares", "fresh", "pairs", {"zero_sum": 0.1}, {"dirichlet": 1.0}]


class Torch(nn.Module):
    """torch's attention"""

    def __init__(self, width, number, **options):
        super().__init__()
        self.inner = nn.MultiheadAttention(
            width, number, batch_first=True, **options
        )

    def forward(self, x, y):
        return self.inner(x, y, y, need_weights=False)[0]


class Speech(nn.Module):
    """SpeechBrain's attention"""

    def __init__(self, width, number, **options):
        super().__init__()
        self.inner = attention.MultiheadAttention(number, width, **options)

    def forward(self, x, y):
        return self.inner(x, y, y)[0]


def by_hand(scores):
    """Attention of which the scores are a function"""
    return lambda q, k, v, size: torch.softmax(scores(q, k, size), -1) @ v


def scaled(**change):
    """torch's function"""
    return lambda q, k, v, size: F.scaled_dot_product_attention(
        q, k, v, **{name: one(size) for name, one in change.items()}
    )


def scaled_of(change):
    """torch's function of keys that are changed"""
    return lambda q, k, v, size: F.scaled_dot_product_attention(q, change(k), v)


HAND = {
    "function": scaled(),
    "function, with a scale": scaled(scale=lambda size: size**-0.5),
    "function, causal": scaled(is_causal=lambda size: True),
    "function, scaled before": lambda q, k, v, size: (
        F.scaled_dot_product_attention(q * size**-0.5, k, v, scale=1.0)
    ),
    "product, divided": by_hand(lambda q, k, size: q @ k.mT / math.sqrt(size)),
    "product, multiplied": by_hand(
        lambda q, k, size: torch.matmul(q, k.transpose(2, 3)) * size**-0.5
    ),
    "product of scaled queries": by_hand(
        lambda q, k, size: (q * size**-0.5) @ k.permute(0, 1, 3, 2)
    ),
    "product of scaled both": by_hand(
        lambda q, k, size: (q / size**0.25) @ (k / size**0.25).mT
    ),
    "keys before queries": by_hand(lambda q, k, size: (k @ q.mT).mT),
    "einsum": by_hand(
        lambda q, k, size: torch.einsum("bhti,bhsi->bhts", q, k) / size**0.5
    ),
    "einsum, not scaled": by_hand(
        lambda q, k, size: torch.einsum("bhti,bhsi->bhts", 0.3 * q, k)
    ),
}


class Hand(nn.Module):
    """Attention by hand; the projections apart, or in one"""

    def __init__(self, width, number, way="function", packed=False, groups=0):
        super().__init__()
        self.size, self.way = width // number, HAND.get(way, way)
        few = (groups or number) * self.size
        self.sizes = [width, few, few]
        built = [sum(self.sizes)] if packed else self.sizes
        self.inner = nn.ModuleList(nn.Linear(width, n) for n in built)
        self.out = nn.Linear(width, width)

    def forward(self, x, y):
        if len(self.inner) == 1:
            three = self.inner[0](y).split(self.sizes, -1)
        else:
            three = [one(z) for one, z in zip(self.inner, (x, y, y))]
        q, k, v = (
            one.view(*x.shape[:2], -1, self.size).transpose(1, 2)
            for one in three
        )
        times = q.shape[1] // k.shape[1]
        k, v = (one.repeat_interleave(times, 1) for one in (k, v))
        y = self.way(q, k, v, self.size)
        return self.out(y.transpose(1, 2).flatten(2))


class Own(Hand):
    """The same with parameters in the place of layers"""

    def __init__(self, width, number, function, **options):
        super().__init__(width, number, packed=True, **options)
        shape = self.inner[0].weight.mT.shape
        del self.inner
        self.inner = (self.project,)
        self.matrix = nn.Parameter(torch.randn(shape))
        self.vector = nn.Parameter(torch.randn(shape[1]))
        self.function = function

    def project(self, y):
        return self.function(y, self.matrix, self.vector)


class Model(nn.Module):
    """Attention between linear layers, in a residual sum"""

    def __init__(self, width, number, kind=Torch, **options):
        super().__init__()
        self.first, self.last = nn.Linear(3, width), nn.Linear(width, 2)
        self.attention = kind(width, number, **options)

    def forward(self, x):
        x = torch.tanh(self.first(x))
        return self.last(x + self.attention(x, x.flip(1)))


def models(sizes, number=2, kind=Torch, **options):
    """Two models in float64, of which the small one is not as it was built"""
    torch.manual_seed(1)
    found = [Model(n, number, kind, **options).double() for n in sizes]
    with torch.no_grad():
        for parameter in found[0].parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return found


def numbers(batch=2, length=4):
    """Sequences"""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(batch, length, 3, generator=generator).double()


X = numbers()


def far(one, other):
    """The largest difference, relative to the largest number"""
    return ((one - other).abs().max() / one.abs().max()).item()


def loss_of(model):
    """A loss that no symmetry makes special"""
    out = model(X)
    return (out * torch.arange(1.0, out.numel() + 1).view_as(out)).mean()


def stepped(model, optimizer, steps=1):
    """A model after some steps"""
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of(model).backward()
        optimizer.step()
    return model


KINDS = {
    "torch": {},
    "one head": {"number": 1},
    "keys and values of biases": {"bias": False, "add_bias_kv": True},
    "a position of zeros": {"add_zero_attn": True},
    "sb": {"kind": Speech},
    "packed": {"kind": Hand, "packed": True},
    "packed, keys before queries": {
        "kind": Hand,
        "packed": True,
        "way": "keys before queries",
    },
    "packed, scaled before": {
        "kind": Hand,
        "packed": True,
        "way": "product of scaled queries",
    },
    "groups": {"kind": Hand, "groups": 1, "packed": True},
    "own, linear": {
        "kind": Own,
        "function": lambda x, w, b: F.linear(x, w.mT, b),
    },
    "own, addmm": {
        "kind": Own,
        "function": lambda x, w, b: torch.addmm(
            b, x.reshape(-1, x.shape[-1]), w
        ).view(*x.shape[:-1], -1),
    },
    **{way: {"kind": Hand, "way": way} for way in HAND},
}


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("name", KINDS)
def test_it_computes_what_it_did(name, way):
    old, new = models((4, 6), **KINDS[name])
    expected = old(X)
    carry(old, new, symmetry=way, example=X)
    for training in (False, True):
        assert far(expected, new.train(training)(X)) < 1e-12


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    number=st.integers(1, 3),
    each=st.integers(1, 4),
    more=st.integers(1, 6),
    length=st.integers(1, 5),
    way=st.sampled_from(WAYS),
    kind=st.sampled_from([Torch, Hand]),
)
def test_heads_of_any_size_grow_to_any_larger_one(
    number, each, more, length, way, kind
):
    x = numbers(length=length)
    old, new = models((number * each, number * (each + more)), number, kind)
    expected = old(x)
    carry(old, new, symmetry=way, example=x)
    assert far(expected, new(x)) < 1e-12


@pytest.mark.parametrize("name", KINDS)
def test_averages_are_those_of_the_larger_models_gradients(name):
    old, new = models((4, 6), **KINDS[name])
    optimizer = torch.optim.Adam(old.parameters(), 0.0, amsgrad=True)
    stepped(old, optimizer)
    carry(old, new, optimizer, example=X)
    carried = {name: p.grad for name, p in new.named_parameters()}
    new.zero_grad()
    loss_of(new).backward()
    for name, parameter in new.named_parameters():
        grad, state = parameter.grad, optimizer.state[parameter]
        assert (carried[name] - grad).abs().max() < 1e-12
        assert (10 * state["exp_avg"] - grad).abs().max() < 1e-12
        squares = 1000 * state["exp_avg_sq"]
        assert (squares - grad.square()).abs().max() < 1e-12
        assert torch.equal(state["max_exp_avg_sq"], state["exp_avg_sq"])


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam])
@pytest.mark.parametrize("name", KINDS)
def test_copies_of_a_unit_come_to_differ(name, kind):
    old, new = models((4, 8), **KINDS[name])
    optimizer = kind(old.parameters(), 0.1)
    carry(old, new, optimizer, example=X)
    stepped(new, optimizer, 3)
    for rows in parts(new, KINDS[name].get("number", 2)):
        # No row is another one, or another one times a number
        rows = nn.functional.normalize(rows.detach(), dim=-1)
        apart = torch.cdist(rows, rows).minimum(torch.cdist(rows, -rows))
        apart = apart + torch.eye(rows.shape[1])
        assert apart.min() > 1e-6


def parts(model, number):
    """Rows of queries, keys and values, head by head, of a model"""
    found = dict(model.named_parameters())
    names = ("in_proj_weight", "0.weight", "1.weight", "2.weight")
    held = [w for name, w in found.items() if name.endswith(names)]
    held += [w.mT for name, w in found.items() if name.endswith("matrix")]
    held = [w for w in held if w.ndim == 2]
    sizes = getattr(model.attention, "sizes", None)
    parts = torch.cat(held).split(sizes or len(held[0]) // 3)
    size = len(parts[0]) // number
    return [one.unflatten(0, (-1, size)) for one in parts]


def test_fresh_units_are_as_built_in_queries_and_zero_in_keys():
    old, new = models((4, 6))
    built = [one.detach().clone() for one in parts(new, 2)]
    carry(old, new, symmetry="fresh", example=X)
    found = parts(new, 2)
    for row in (0, 2):
        assert torch.equal(found[row][:, 2], built[row][:, 2])
    assert (found[1][:, 2] == 0).all()
    assert (found[1][:, :2, :4] != 0).all()


def test_two_growths_make_heads_larger_and_more():
    torch.manual_seed(0)
    nets = [Model(*sizes).double() for sizes in ((4, 2), (6, 2), (12, 4))]
    expected = nets[0](X)
    for old, new in zip(nets, nets[1:]):
        carry(old, new, example=X)
    assert far(expected, nets[2](X)) < 1e-12


def test_the_old_model_stays_as_it_is():
    old, new = models((4, 6))
    before = copy.deepcopy(old.state_dict())
    carry(old, new, example=X)
    after = old.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def rotated(q, k, v, size):
    """Positions that turn pairs of units"""
    angle = torch.arange(q.shape[2])[:, None] / torch.arange(1.0, 1 + size)
    q, k = (
        one * angle.cos() + one.roll(size // 2, -1) * angle.sin()
        for one in (q, k)
    )
    return F.scaled_dot_product_attention(q, k, v)


REFUSED = {
    "a norm of keys": (
        scaled_of(lambda k: F.layer_norm(k, k.shape[-1:])),
        "layer_norm (uses|averages over)",
    ),
    "an activation of keys": (scaled_of(torch.relu), "relu uses .* meet quer"),
    "keys plus a number": (scaled_of(lambda k: k + 1), "add uses"),
    "a number over keys": (
        scaled_of(lambda k: 1 / k),
        "rdiv uses .* meet quer",
    ),
    "values that are keys": (
        lambda q, k, v, size: F.scaled_dot_product_attention(q, k, k),
        "uses .* meet queries",
    ),
    "queries that are keys": (
        lambda q, k, v, size: F.scaled_dot_product_attention(q, q, v),
        "has two computed tensors",
    ),
    "values that are scaled": (
        lambda q, k, v, size: F.scaled_dot_product_attention(
            q, k, v * size**0.5
        ),
        "keep that number",
    ),
    "scores that are added to": (
        lambda q, k, v, size: torch.softmax((q @ k.mT + 1) / size**0.5, -1) @ v,
        "keep that number",
    ),
    "keys of two scales": (
        lambda q, k, v, size: torch.softmax(q @ k.mT / size**0.5 + q @ k.mT, -1)
        @ v,
        "has two computed tensors",
    ),
    "rotated positions": (rotated, "roll gets 1, and .* 2; keep that number"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_change_is_refused(name):
    way, message = REFUSED[name]
    old, new = models((4, 8), kind=Hand, way=way)
    before = copy.deepcopy(new.state_dict())
    with pytest.raises(GrowthError, match=message):
        carry(old, new, example=X)
    after = new.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


class Leaving(Model):
    """Returns the scores' queries, or keys, too"""

    def forward(self, x):
        x = torch.tanh(self.first(x))
        inner = self.attention.inner[self.attention.way == "keys"]
        way, self.attention.way = self.attention.way, HAND["function"]
        y = self.attention(x, x)
        self.attention.way = way
        return self.last(y), inner(x)


@pytest.mark.parametrize("which", ["queries", "keys"])
def test_queries_and_keys_do_not_leave(which):
    old, new = (Leaving(n, 1, Hand, way=which).double() for n in (4, 6))
    with pytest.raises(GrowthError, match="parts of queries or keys"):
        carry(old, new, example=X)
