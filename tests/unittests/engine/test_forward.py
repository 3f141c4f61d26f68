"""Tests of models with a forward of their own, which is read step by step

Authors
 * The speechbrain_growth authors 2026
"""

import pytest
import torch
from hypothesis import (
    given,
    settings,
    strategies as st,
)
from test_layers import drift, gap, inputs_of, randomise
from torch import nn
from torch.nn import functional as F

from speechbrain_growth import GrowthError, NoRuleError, carry, trace

VECTOR, SOUND, IMAGE, TOKENS = (5, 3), (3, 7, 4), (4, 1, 8, 8), "tokens"


def model(forward, **layers):
    """Builds models of a class with this forward; layers by their sizes"""

    class Model(nn.Module):
        """As anyone writes one"""

        def __init__(self, n):
            super().__init__()
            for name, build in layers.items():
                setattr(self, name, build(n))

    Model.forward = forward
    return Model


def linear(inputs=None, outputs=None):
    """A linear layer; with the model's size where no number is given"""
    return lambda n: nn.Linear(inputs or n, outputs or n)


ENDS = {"a": linear(3), "b": linear(None, 2)}
EQUAL = {"a": linear(3), "c": linear(3), "b": linear(None, 2)}


def between(change, **layers):
    """Two linear layers, and a function of what lies between"""
    return model(lambda m, x: m.b(change(m.a(x))), **{**ENDS, **layers})


def lenet(flatten):
    """Two convolutions and two linear layers"""

    def forward(m, x):
        x = F.max_pool2d(F.relu(m.norm(m.first(x))), 2)
        x = flatten(torch.tanh(m.second(x)))
        x = F.dropout(F.gelu(m.a(x)), 0.0, training=m.training)
        return F.log_softmax(m.b(x), dim=1)

    return model(
        forward,
        first=lambda n: nn.Conv2d(1, n, 3, padding=1),
        norm=nn.BatchNorm2d,
        second=lambda n: nn.Conv2d(n, n + 1, 3),
        a=lambda n: nn.Linear(4 * (n + 1), n),
        b=linear(None, 10),
    )


class Block(nn.Module):
    """Two convolutions beside a shortcut"""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.one = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.act = nn.ReLU(inplace=True)
        self.two = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.down = None
        if inputs != outputs:
            self.down = nn.Sequential(nn.Conv2d(inputs, outputs, 1))

    def forward(self, x):
        y = self.two(self.act(self.norm(self.one(x))))
        if self.down is not None:
            x = self.down(x)
        y += x
        return self.act(y)


def _resnet(m, x):
    """Blocks in a row, each a class of its own"""
    return m.b(m.pool(m.blocks(F.relu(m.stem(x)))).flatten(1))


def _crnn(m, x):
    """A convolution over time, a recurrent layer, a mean over time"""
    y = torch.relu(m.conv(x.transpose(1, 2))).transpose(1, 2)
    y, _ = m.rnn(y)
    return m.b(y.mean(1))


def _image_rnn(m, x):
    """Frequencies and channels in a row, channels innermost"""
    y = m.conv(x.unsqueeze(1)).permute(0, 2, 3, 1)
    batch, time = y.shape[0], y.size(1)
    y, _ = m.rnn(y.reshape(batch, time, -1))
    return m.b(y[:, -1, :])


def _tagger(m, x):
    """A recurrent layer whose state is not used"""
    y, (state, cell) = m.rnn(m.words(x))
    return m.b(y)


def _attention(m, x, mask=None, weights=False):
    """Self-attention in a residual sum, with arguments that are optional"""
    x = m.a(x)
    y = m.norm(x)
    y = m.attention(y, y, y, attn_mask=mask, need_weights=weights)[0]
    return m.b(x + y)


def _two_inputs(m, x, other=None):
    """What is made of inputs may be anything"""
    if other is not None:
        x = x + other.cumsum(-1)
    return m.b(torch.sigmoid(m.a(x.flip(-1))))


def _state(m, x):
    """Uses the last state"""
    return m.b(m.rnn(x)[1][0])


def _permuted(m, x):
    """Frequencies innermost, where channels are looked for"""
    y = m.conv(x.unsqueeze(1)).permute(0, 2, 1, 3)
    return m.b(y.reshape(y.shape[0], y.shape[1], -1))


def _if_given(m, x, mask=None):
    """Unknown only if a mask is given"""
    y = m.a(x)
    return m.b(y if mask is None else y.masked_fill(mask, 0.0))


def _cross(m, x):
    """Attends to something else that grows"""
    x = m.a(x)
    return m.b(m.attention(torch.tanh(x), x, x)[0])


def _twice_in_a_row(m, x):
    """The same layer on units that differ"""
    return m.b(m.c(m.c(m.a(x))))


def _loop(m, x):
    """Layers of a list"""
    for layer in m.layers:
        x = F.silu(layer(x)) / 2
    return 1 - m.b(x)


def _own_tensors(m, x):
    """Tensors of its own that keep their shapes"""
    return m.b(torch.relu(m.a(x - m.mean))) * m.scale


def _twice(m, x):
    """The same layer in two residual sums, so that its units are the same"""
    x = m.a(x)
    x = x + torch.tanh(m.c(x))
    return m.b(x + torch.tanh(m.c(x)))


LSTM = {"batch_first": True, "bidirectional": True, "num_layers": 2}
# name: class, shape of the input
EXACT = {
    "mlp": (between(torch.relu), VECTOR),
    "method": (between(lambda x: x.tanh() * 2 + 1), VECTOR),
    "gate": (
        model(lambda m, x: m.b(torch.sigmoid(m.c(x)) * m.a(x)), **EQUAL),
        VECTOR,
    ),
    "sum": (
        model(lambda m, x: m.b(torch.add(m.a(x), m.c(x), alpha=2)), **EQUAL),
        VECTOR,
    ),
    "units side by side": (
        model(
            lambda m, x: m.b(torch.cat([m.a(x), m.c(x).tanh(), m.a(x)], -1)),
            **{**EQUAL, "b": lambda n: nn.Linear(3 * n, 2)},
        ),
        VECTOR,
    ),
    "view": (lenet(lambda x: x.view(x.size(0), -1)), IMAGE),
    "reshape": (lenet(lambda x: x.reshape(x.shape[0], -1)), IMAGE),
    "flatten": (lenet(lambda x: torch.flatten(x, 1)), IMAGE),
    "resnet": (
        model(
            _resnet,
            stem=lambda n: nn.Conv2d(1, n, 3, padding=1),
            blocks=lambda n: nn.Sequential(Block(n, n), Block(n, 2 * n)),
            pool=lambda n: nn.AdaptiveAvgPool2d(1),
            b=lambda n: nn.Linear(2 * n, 3),
        ),
        IMAGE,
    ),
    "convolution and gru": (
        model(
            _crnn,
            conv=lambda n: nn.Conv1d(4, n, 3),
            rnn=lambda n: nn.GRU(n, n, batch_first=True),
            b=linear(None, 2),
        ),
        SOUND,
    ),
    "image and gru": (
        model(
            _image_rnn,
            conv=lambda n: nn.Conv2d(1, n, 3, padding=1),
            rnn=lambda n: nn.GRU(4 * n, n, batch_first=True),
            b=linear(None, 2),
        ),
        SOUND,
    ),
    "tagger": (
        model(
            _tagger,
            words=lambda n: nn.Embedding(5, n),
            rnn=lambda n: nn.LSTM(n, n, **LSTM),
            b=lambda n: nn.Linear(2 * n, 3),
        ),
        TOKENS,
    ),
    "attention": (
        model(
            _attention,
            a=linear(4),
            norm=nn.LayerNorm,
            attention=lambda n: nn.MultiheadAttention(
                n, n // 2, batch_first=True
            ),
            b=linear(None, 2),
        ),
        SOUND,
    ),
    "two inputs": (model(_two_inputs, **ENDS), VECTOR),
    "layers in a loop": (
        model(
            _loop,
            layers=lambda n: nn.ModuleList([nn.Linear(3, n), nn.Linear(n, n)]),
            b=linear(None, 2),
        ),
        VECTOR,
    ),
    "a factor that is learnt": (
        model(
            lambda m, x: m.b(m.a(x) + m.gate * torch.tanh(m.c(x))),
            gate=lambda n: nn.Parameter(torch.zeros(1)),
            **EQUAL,
        ),
        VECTOR,
    ),
    "a layer used twice": (
        model(
            _twice,
            a=linear(3),
            c=linear(),
            b=linear(None, 2),
        ),
        VECTOR,
    ),
    "tensors of its own": (
        model(
            _own_tensors,
            mean=lambda n: nn.Parameter(torch.ones(3)),
            scale=lambda n: nn.Parameter(torch.ones(1)),
            **ENDS,
        ),
        VECTOR,
    ),
    "the last state": (
        model(
            _state,
            rnn=lambda n: nn.GRU(4, n, batch_first=True),
            b=linear(None, 2),
        ),
        (2, 5, 4),
    ),
    "frequencies innermost": (
        model(
            _permuted,
            conv=lambda n: nn.Conv2d(1, n, 3, padding=1),
            b=lambda n: nn.Linear(4 * n, 2),
        ),
        (2, 5, 4),
    ),
    "a tensor of its own that grows": (
        model(
            lambda m, x: m.b(m.a(x) * m.t),
            t=lambda n: nn.Parameter(torch.ones(n)),
            **ENDS,
        ),
        VECTOR,
    ),
    "an optional mask": (
        model(_if_given, **ENDS),
        VECTOR,
    ),
    "one unit that meets all": (
        between(lambda x: x + x[..., :1]),
        VECTOR,
    ),
    "attention to other units": (
        model(
            _cross,
            a=linear(3),
            attention=lambda n: nn.MultiheadAttention(n, n // 2),
            b=linear(None, 2),
        ),
        VECTOR,
    ),
    "a layer twice in a row": (
        model(_twice_in_a_row, a=linear(3), c=linear(), b=linear(None, 2)),
        VECTOR,
    ),
    "parts of the units": (
        between(lambda x: torch.cat([x[..., :2], x[..., 2:]], -1)),
        VECTOR,
    ),
}
WAYS = st.sampled_from(
    ["shares", "fresh", "pairs", {"dirichlet": 1.0}, {"zero_sum": 0.5}]
)
each = pytest.mark.parametrize("name", EXACT)


def pair(name):
    """Old and new model, random, and an input"""
    build, shape = EXACT[name]
    old, new = randomise(build(4), 0), randomise(build(6), 1)
    return old, new, inputs_of(shape)


@each
@pytest.mark.parametrize("symmetry", ["shares", "pairs", {"zero_sum": 0.5}])
def test_a_class_of_ones_own_keeps_its_function(name, symmetry):
    old, new, inputs = pair(name)
    assert drift(old, new, inputs, False) > 0.01
    optimizer = torch.optim.Adam(old.parameters())
    assert carry(old, new, optimizer, symmetry=symmetry, fold=5).changes
    assert drift(old, new, inputs, False) < 1e-12
    assert drift(old, new, inputs, True) < 1e-12
    held = optimizer.param_groups[0]["params"]
    assert [id(p) for p in held] == [id(p) for p in new.parameters()]


@each
def test_its_gradients_are_the_old_ones_times_the_share(name):
    old, new, inputs = pair(name)
    plan = carry(old, new, fold=5)
    assert gap(old, new, plan, inputs) < 1e-11


# What a random forward does with two of the values that it has so far
MOVES = [
    lambda m, k, one, other: m.layers[k](one),
    lambda m, k, one, other: torch.tanh(one),
    lambda m, k, one, other: one + other,
    lambda m, k, one, other: torch.sigmoid(one) * other,
    lambda m, k, one, other: 1 - one / 2,
    lambda m, k, one, other: m.joins[k](torch.cat([one, other], -1)),
]


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.data())
def test_random_forwards(data):
    place = st.integers(0, 9)
    move = st.tuples(st.integers(0, len(MOVES) - 1), place, place)
    moves = data.draw(st.lists(move, min_size=1, max_size=8))

    def forward(m, x):
        values = [m.a(x), m.c(x)]
        for k, (which, one, other) in enumerate(moves):
            pair = (values[-1 - n % len(values)] for n in (one, other))
            values.append(MOVES[which](m, k, *pair))
        return m.b(values[-1])

    build = model(
        forward,
        layers=lambda n: nn.ModuleList(nn.Linear(n, n) for _ in moves),
        joins=lambda n: nn.ModuleList(nn.Linear(2 * n, n) for _ in moves),
        **EQUAL,
    )
    size = data.draw(st.integers(1, 5))
    sizes = size, size + data.draw(st.integers(1, 6))
    old, new = (randomise(build(n), n) for n in sizes)
    for one in (old, new):
        used = {k: moves[k][0] for k in range(len(moves))}
        for k, which in used.items():
            one.layers[k] = one.layers[k] if which == 0 else nn.Identity()
            one.joins[k] = one.joins[k] if which == 5 else nn.Identity()
    options = {"symmetry": data.draw(WAYS), "seed": data.draw(place)}
    carry(old, new, example=inputs_of(VECTOR), **options)
    for training in (False, True):
        assert drift(old, new, inputs_of(VECTOR), training) < 1e-12


def test_it_may_stand_among_other_layers():
    build = between(torch.relu)
    old, new = (
        nn.Sequential(nn.Linear(3, n), nn.Linear(n, 3), build(n), nn.Tanh())
        for n in (4, 6)
    )
    randomise(old, 0), randomise(new, 1)
    carry(old, new)
    assert drift(old, new, inputs_of(VECTOR), True) < 1e-12


def test_a_layer_may_be_born_in_a_sequential_inside():
    def body(n):
        layers = [nn.Linear(3, n), nn.ReLU(), nn.Linear(n, n), nn.ReLU()]
        return nn.Sequential(*layers[: 2 + 2 * (n > 4)])

    build = model(lambda m, x: m.b(m.body(x)), body=body, b=linear(None, 2))
    old, new = randomise(build(4), 0), randomise(build(6), 1)
    assert list(carry(old, new).born) == ["body.2", "body.3"]
    assert drift(old, new, inputs_of(VECTOR), True) < 1e-12


def test_a_problem_is_said_once():
    build = model(lambda m, x, y=None: m.b(m.a(x).softmax(-1)), **ENDS)
    with pytest.raises(GrowthError) as raised:
        carry(build(4), build(6))
    assert len(raised.value.problems) == 1


def test_reading_leaves_no_trace():
    def forward(m, x):
        m.calls, m.last = m.calls + 1, x
        return m.b(m.a(x))

    build = model(forward, **ENDS)
    old, new = build(4), build(6).eval()
    old.calls = new.calls = 0
    trace(old, new)
    for one, mode in ((old, True), (new, False)):
        assert one.calls == 0 and not hasattr(one, "last")
        assert one.training == one.a.training == mode


def _branch(m, x):
    """Looks at values"""
    return m.b(m.a(x) if x.sum() > 0 else m.a(-x))


def _in_training(m, x):
    """Does something else in training mode"""
    return m.b(m.a(x).flip(-1) if m.training else m.a(x))


def _unless_given(m, x, mask=None):
    """Unknown only if no mask is given"""
    y = m.a(x)
    return m.b(y.flip(-1) if mask is None else y)


class Scale(nn.Module):
    """A factor for each unit, and no rule"""

    def __init__(self, units):
        super().__init__()
        self.factor = nn.Parameter(torch.ones(units))

    def forward(self, x):
        return self.factor * x


# name: class, error, what it says
REFUSED = {
    "values": (
        model(_branch, **ENDS),
        GrowthError,
        r"test_forward.py:\d+ bool makes a number of data, on which",
    ),
    "training": (
        model(_in_training, **ENDS),
        GrowthError,
        "flip works along the axis of a units 4 -> 6",
    ),
    "flip": (
        between(lambda x: x.flip(-1)),
        GrowthError,
        r"flip works along the axis of a units 4 -> 6 \(dim=1\), where copies",
    ),
    "no rule": (
        between(lambda x: torch.linalg.qr(x)[0]),
        NoRuleError,
        "has no growth rule for a units 4 -> 6; use another function",
    ),
    "product": (
        between(lambda x: (x @ x.mT) @ x),
        GrowthError,
        "sums over a units 4 -> 6, of which it has two computed tensors",
    ),
    "softmax": (
        between(lambda x: x.softmax(-1)),
        GrowthError,
        "softmax works along the axis of a units 4 -> 6 .* made-up input",
    ),
    "mean": (
        between(lambda x: x - x.mean(-1, keepdim=True)),
        GrowthError,
        "mean averages over a units 4 -> 6 .* equally many copies; use 8",
    ),
    "normalize": (between(F.normalize), GrowthError, "normalize works along"),
    "a factor that grows": (
        model(lambda m, x: m.b(m.a(x).tanh() * m.a.out_features), **ENDS),
        GrowthError,
        r"mul gets 4, and in the larger model 6; keep that number",
    ),
    "one more layer": (
        model(
            _loop,
            layers=lambda n: nn.ModuleList(
                [nn.Linear(3, n)] + [nn.Linear(n, n)] * (n - 4)
            ),
            b=linear(None, 2),
        ),
        GrowthError,
        "takes other steps in the larger model.*; put layers that are added",
    ),
    "two layers without a rule": (
        model(
            lambda m, x: m.b(m.d(m.c(m.a(x)).flip(-1))),
            c=Scale,
            d=Scale,
            **ENDS,
        ),
        GrowthError,
        r"flip works along the axis of c.factor\[0\] units 4 -> 6",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_may_differ_is_refused_and_nothing_changed(what):
    build, error, message = REFUSED[what]
    old, new = build(4), build(6)
    before = [t.clone() for t in new.state_dict().values()]
    with pytest.raises(error, match=f"(?s){message}") as raised:
        carry(old, new)
    assert (error is NoRuleError) == isinstance(raised.value, NoRuleError)
    assert all(map(torch.equal, before, new.state_dict().values()))
