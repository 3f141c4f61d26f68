"""Tests for layers that only the new model has, and for the scalable CRDNN

Authors
 * The speechbrain_growth authors 2026
"""

from collections import OrderedDict

import pytest
import torch
from torch import nn

from speechbrain.lobes.models.CRDNN import CRDNN
from speechbrain.lobes.models.VanillaNN import VanillaNN
from speechbrain.nnet import CNN, RNN, activations, containers, linear
from speechbrain_growth import GrowthError, NoRuleError, carry, trace
from speechbrain_growth.engine.births.layers import Birth, FirstState, identity
from speechbrain_growth.engine.maps.plan import Exact
from speechbrain_growth.nnet.gated import Gated
from speechbrain_growth.nnet.quick import as_stock
from speechbrain_growth.nnet.scalable_crdnn import ScalableCRDNN
from speechbrain_growth.schedule.growth import parse

torch.set_num_threads(1)
EXACT = 1e-12  # relative, in float64
IN_EVAL = "exact in eval, approximate in train once calibrated"


def mlp(*widths, act=nn.ReLU, norm=None, inputs=3, outputs=2):
    """Linear layers with activations between"""
    layers, arriving = [], inputs
    for width in widths:
        layers.append(nn.Linear(arriving, width))
        layers += [norm(width)] if norm else []
        layers.append(act())
        arriving = width
    return nn.Sequential(*layers, nn.Linear(arriving, outputs))


def named(*names, width=4):
    """An MLP whose layers have names"""
    layers = [("first", nn.Linear(3, width)), ("act", nn.ReLU())]
    for name in names:
        layers.append((name, nn.Linear(width, width)))
        layers.append((f"{name}_act", nn.ReLU()))
    return nn.Sequential(OrderedDict([*layers, ("last", nn.Linear(width, 2))]))


def vanilla(blocks):
    """SpeechBrain's MLP, and an output layer"""
    body = VanillaNN([None, None, 3], nn.ReLU, blocks, 5)
    output = linear.Linear(2, input_size=5)
    return nn.ModuleDict({"body": body, "output": output})


def conv(deeper, kind=nn.Conv1d, width=4, kernel=3):
    """Convolutions and pooling"""
    more = [kind(width, width, kernel, padding="same"), nn.ReLU()] * deeper
    pool = nn.MaxPool1d(2) if kind is nn.Conv1d else nn.MaxPool2d(2)
    first = kind(3, width, kernel)
    last = kind(width, 2, 1)
    return nn.Sequential(first, nn.ReLU(), pool, nn.Dropout(0.0), *more, last)


def wrapped(deeper, kind=CNN.Conv1d, width=4):
    """SpeechBrain's convolutions, which pad by themselves"""
    dims = 3 if kind is CNN.Conv1d else 4
    size = {"in_channels": width} if dims == 3 else {}
    shape = {} if dims == 3 else {"input_shape": (1, 9, 6, width)}
    first = {"input_shape": (1, 9, 6, 3)[:2] + (6, 3)[-(dims - 2) :]}
    layers = [("first", kind(width, 3, **first)), ("act", nn.ReLU())]
    if deeper:
        layers.append(("more", kind(width, 3, **size, **shape)))
        layers.append(("more_act", nn.ReLU()))
    return containers.Sequential(**dict(layers))


def crdnn(channels=(2, 3), rnn=4, dnn=5, **options):
    """A small scalable CRDNN without dropout"""
    options = {
        "input_size": 8,
        "cnn_channels": list(channels),
        "rnn_neurons": rnn,
        "dnn_neurons": dnn,
        "rnn_layers": 2,
        "dropout": 0.0,
        **options,
    }
    return ScalableCRDNN(**options)


def extra(cnn=0, rnn=0, dnn=0):
    """How many blocks are inserted"""
    return {
        "extra_cnn_blocks": cnn,
        "extra_rnn_layers": rnn,
        "extra_dnn_blocks": dnn,
    }


# what: old, new, shape of the inputs, names of the layers that are born
MLPS = {
    "one more": (lambda: (mlp(4), mlp(4, 4)), (7, 3), "2 3"),
    "two more": (lambda: (mlp(4), mlp(4, 4, 4)), (7, 3), "2 3 4 5"),
    "wider, too": (lambda: (mlp(4), mlp(7, 7)), (7, 3), "2 3"),
    "in the second place": (lambda: (mlp(4, 6), mlp(4, 6, 6)), (7, 3), "4 5"),
    "all equally wide": (
        lambda: (mlp(4, inputs=4, outputs=4), mlp(4, 4, inputs=4, outputs=4)),
        (7, 4),
        "2 3",
    ),
    "relu6": (
        lambda: (mlp(4, act=nn.ReLU6), mlp(4, 4, act=nn.ReLU6)),
        (7, 3),
        "2 3",
    ),
    "hardtanh": (
        lambda: (mlp(4, act=nn.Hardtanh), mlp(4, 4, act=nn.Hardtanh)),
        (7, 3),
        "2 3",
    ),
    "named": (lambda: (named("b"), named("b", "c")), (7, 3), "c c_act"),
    "named, in front": (
        lambda: (named("b"), named("a", "b")),
        (7, 3),
        "a a_act",
    ),
    "named and wider": (
        lambda: (named("b"), named("a", "b", width=6)),
        (7, 3),
        "a a_act",
    ),
    "conv1d": (lambda: (conv(0), conv(1)), (2, 3, 9), "4 5"),
    "conv1d, wider": (lambda: (conv(0), conv(1, width=7)), (2, 3, 9), "4 5"),
    "conv2d of kernel 5": (
        lambda: (conv(0, nn.Conv2d, 4, 5), conv(1, nn.Conv2d, 4, 5)),
        (2, 3, 9, 9),
        "4 5",
    ),
    "speechbrain's conv1d": (
        lambda: (wrapped(False), wrapped(True)),
        (2, 9, 3),
        "more more_act",
    ),
    "speechbrain's conv2d": (
        lambda: (wrapped(False, CNN.Conv2d), wrapped(True, CNN.Conv2d)),
        (2, 9, 6, 3),
        "more more_act",
    ),
    "vanilla": (
        lambda: (vanilla(1), vanilla(2)),
        (2, 4, 3),
        "body.linear_0 body.act_0",
    ),
}

# what: options of the old model, of the new one
CRDNNS = {
    "a cnn block": ({}, extra(cnn=1)),
    "an rnn layer": ({}, extra(rnn=1)),
    "a dnn block": ({}, extra(dnn=1)),
    "all": ({}, extra(2, 3, 1)),
    "one more of each": (extra(1, 1, 1), extra(2, 2, 2)),
    "wider": (
        extra(1, 1, 1),
        {"channels": (4, 6), "rnn": 7, "dnn": 8, **extra(1, 1, 1)},
    ),
    "wider and deeper": (
        extra(1, 0, 1),
        {"channels": (4, 6), "rnn": 7, "dnn": 8, **extra(2, 2, 2)},
    ),
    "only the rnn wider": (extra(1, 2, 1), {"rnn": 7, **extra(1, 2, 1)}),
    "widths of their own": (
        {"rnn": [3, 4], "dnn": [5, 4], **extra(rnn=1)},
        {"rnn": [5, 9], "dnn": [5, 6], **extra(1, 2, 1)},
    ),
}
# what: options of both models, applied to "wider and deeper"
KINDS = {
    "one direction": {"rnn_bidirectional": False},
    "sligru": {"rnn_class": RNN.SLiGRU},
    "gru": {"rnn_class": RNN.GRU},
    "lstm": {"rnn_class": RNN.LSTM},
    "vanilla rnn": {"rnn_class": RNN.RNN},
    "use_rnnp": {"use_rnnp": True},
    "projection": {"projection_dim": 6},
    "2d pooling": {"using_2d_pooling": True},
    "time pooling": {"time_pooling": True},
    "one rnn layer": {"rnn_layers": 1},
    "relu": {"activation": nn.ReLU},
}


class Unknown(nn.Module):
    """There is no rule for how it begins"""

    def forward(self, x):
        return x


class Flipped(nn.Linear):
    """A linear layer that does something else"""

    def forward(self, x):
        return super().forward(x).flip(-1)


def between(layer, first=nn.ReLU):
    """A layer with a name, between two others"""
    layers = [("a", nn.Linear(3, 4)), ("act", first())]
    layers += [("new", layer)] if layer else []
    return nn.Sequential(OrderedDict([*layers, ("b", nn.Linear(4, 2))]))


# what: the layer that would be born, how, the error, what its message says
REFUSED = {
    "unknown": (
        Unknown,
        None,
        NoRuleError,
        "new: Unknown does not return its input when",
    ),
    "a forward of its own": (
        lambda: Flipped(4, 4),
        None,
        NoRuleError,
        "new: Flipped does not return its input when",
    ),
    "leaky relu": (
        nn.LeakyReLU,
        None,
        GrowthError,
        "LeakyReLU is not idempotent.* use ReLU",
    ),
    "tanh": (
        nn.Tanh,
        None,
        GrowthError,
        "Tanh is not idempotent.*birth: copy",
    ),
    "relu after something else": (
        nn.ReLU6,
        None,
        GrowthError,
        "only after another ReLU6, but ReLU stands before it",
    ),
    "layernorm": (
        lambda: nn.LayerNorm(4),
        None,
        GrowthError,
        "normalises its input",
    ),
    "lstm": (lambda: nn.LSTM(4, 4), None, GrowthError, "extra_rnn_layers"),
    "li-gru": (
        lambda: RNN.LiGRU(4, (1, 5, 4)),
        None,
        GrowthError,
        "LiGRU cannot be an identity.*extra_rnn_layers",
    ),
    "a softmax inside": (
        lambda: nn.Sequential(nn.Linear(4, 4), nn.Softmax(-1)),
        None,
        GrowthError,
        "Softmax is not idempotent",
    ),
    "max_norm": (
        lambda: linear.Linear(4, input_size=4, max_norm=1.0),
        None,
        GrowthError,
        "max_norm rescales",
    ),
    "batch norm without statistics": (
        lambda: nn.BatchNorm1d(4, track_running_stats=False),
        None,
        GrowthError,
        "give it weights and running statistics",
    ),
    "a gate where there is none": (
        lambda: nn.Linear(4, 4),
        "gate",
        GrowthError,
        "Linear has no gate; use birth: identity or copy",
    ),
    "no identity of a gate": (
        lambda: Gated(nn.Linear(4, 4)),
        "identity",
        GrowthError,
        "a gated block cannot begin as an identity; use birth: gate or copy",
    ),
    "nothing to copy": (
        lambda: nn.Conv1d(4, 4, 1),
        "copy",
        GrowthError,
        "there is no Conv1d before it to copy",
    ),
    "another shape to copy": (
        lambda: nn.Linear(4, 4),
        "copy",
        GrowthError,
        r"a copy of a: weight needs shape \(4, 4\), but there is \(4, 3\)",
    ),
}
# what: old, new, what the error says
UNCLEAR = {
    "two hidden layers of one width": (
        lambda: (mlp(4, 4), mlp(4, 4, 4)),
        "the layers 4, 5 or 2, 3 could be the new ones",
    ),
    "a layer that goes": (
        lambda: (mlp(4, 4), mlp(4)),
        "the layers 3, 4 stand in one model only",
    ),
    "a name that goes": (
        lambda: (named("b"), named("c")),
        "the layers b, b_act, c, c_act stand in one model only",
    ),
    "another order": (
        lambda: (named("a", "b"), named("b", "a", "c")),
        "the layers c, c_act stand in one model only",
    ),
    "no identity": (
        lambda: (mlp(4), mlp(4, 5)),
        "stand in one model only; 2: 4 inputs and 5 outputs are no identity",
    ),
    "after the last layer": (
        lambda: (nn.Sequential(nn.Linear(3, 4)), mlp(4, outputs=4)),
        "1: it changes nothing only after another ReLU, but Linear stands",
    ),
    "before the first": (
        lambda: (
            nn.Sequential(nn.Conv1d(3, 4, 1)),
            nn.Sequential(nn.ReLU(), nn.Conv1d(3, 4, 1)),
        ),
        "0: .*only after another ReLU, but nothing is before it",
    ),
    "too many ways": (
        lambda: [mlp(*[4] * n) for n in (8, 16)],
        "in too many ways; name the new ones",
    ),
    "a wide kernel without padding": (
        lambda: (between(None), between(nn.Conv1d(4, 4, 3))),
        "this convolution cannot be an identity; use as many outputs as inputs",
    ),
}


def trained(model):
    """Weights, statistics and gates as after some training"""
    torch.manual_seed(1)
    for parameter in model.parameters():
        # biases are lifted, so that not every ReLU is shut
        shift = torch.rand_like if parameter.ndim < 2 else torch.randn_like
        parameter.data += 0.3 * shift(parameter)
    for name, buffer in model.named_buffers():
        if "running" in name:
            middle = 0.0 if name.endswith("mean") else 1.0
            buffer.copy_(torch.rand_like(buffer) - 0.5 + middle)
    return model


def drift(old, new, inputs, width=None):
    """Largest relative difference"""
    before, after = (run(model, inputs) for model in (old, new))
    if width is not None:
        before = before[..., width.source]
    assert before.any()
    return ((before - after).abs().max() / before.abs().max()).item()


def run(model, inputs):
    """The outputs of a model, or of modules one after the other"""
    layers = model.values() if type(model) is nn.ModuleDict else [model]
    for layer in layers:
        inputs = layer(inputs)
    return inputs


def of(build, seed=0):
    """Two models in float64, the old one trained"""
    torch.manual_seed(seed)
    old, new = build()
    return trained(old.double()), new.double()


# Net2DeeperNet


@pytest.mark.parametrize("what", MLPS)
def test_an_mlp_computes_what_it_did(what):
    build, shape, names = MLPS[what]
    old, new = of(build)
    plan = carry(old, new)
    assert plan.born == dict.fromkeys(names.split(), "exact")
    inputs = torch.randn(shape, dtype=torch.float64)
    for mode in (True, False):
        assert drift(old.train(mode), new.train(mode), inputs) < EXACT


def test_the_new_layer_is_the_identity_of_the_new_width():
    old, new = of(lambda: (mlp(4), mlp(6, 6)))
    plan = carry(old, new)
    assert torch.equal(new[2].weight, torch.eye(6, dtype=torch.float64))
    assert not new[2].bias.any()
    assert torch.equal(new[0].weight[:4], old[0].weight)
    assert plan.moved == {"4": "2"} and plan.before("4.bias") == "2.bias"
    assert str(plan).splitlines()[-3:] == [
        "2: born, exact",
        "3: born, exact",
        "4: was 2",
    ]


def test_layers_that_move_inside_containers_that_move():
    def build(deeper):
        inner = mlp(4, 4, outputs=3) if deeper else mlp(4, outputs=3)
        more = [nn.ReLU()] * deeper
        return nn.Sequential(nn.Linear(3, 3), nn.ReLU(), *more, inner)

    old, new = of(lambda: (build(False), build(True)))
    plan = carry(old, new)
    assert plan.moved == {"3": "2", "3.4": "2.2"}
    inputs = torch.randn(5, 3, dtype=torch.float64)
    assert drift(old, new, inputs) < EXACT


@pytest.mark.parametrize("names", ["2 3", "4 5"])
def test_names_tell_what_types_do_not(names):
    old, new = of(lambda: (mlp(4, 4), mlp(4, 4, 4)))
    plan = carry(old, new, birth=Birth(names=tuple(names.split())))
    assert set(plan.born) == set(names.split())
    inputs = torch.randn(5, 3, dtype=torch.float64)
    assert drift(old, new, inputs) < EXACT


def test_a_new_type_of_layer_can_be_taught():
    class Scale(Unknown):
        """One factor for each unit"""

        def __init__(self):
            super().__init__()
            self.factor = nn.Parameter(torch.rand(4))

        def forward(self, x):
            return x * self.factor

    @identity.register(Scale)
    def _scale(layer, place):
        return FirstState({"factor": torch.ones_like(layer.factor)})

    old, new = of(lambda: (between(None), between(Scale())))
    carry(old, new)
    inputs = torch.randn(5, 3, dtype=torch.float64)
    assert drift(old, new, inputs) < EXACT


# BatchNorm


def test_a_batch_norm_is_as_exact_as_it_says():
    def build():
        return [mlp(*w, norm=nn.BatchNorm1d) for w in ((6,), (6, 6))]

    torch.manual_seed(0)
    probe, other = torch.randn(2, 512, 3, dtype=torch.float64)
    measured = {}
    for calibrated in (True, False):
        old, new = of(build)
        for _ in range(100):  # running statistics are those of the data
            old(torch.randn(64, 3, dtype=torch.float64))
        birth = Birth(probe=probe if calibrated else None)
        plan = carry(old, new, birth=birth)
        assert plan.born == {"3": "exact", "4": IN_EVAL, "5": "exact"}
        assert plan.promise is Exact.IN_EVAL and new.training
        assert drift(old.eval(), new.eval(), other) < EXACT
        measured[calibrated] = drift(old.train(), new.train(), other)
    assert 1e-3 < measured[True] < 0.1 < measured[False]


def test_a_batch_norm_undoes_the_very_batch_that_calibrated_it():
    """Also in training, if nothing before it differs there"""
    old, new = of(lambda: (between(None), between(nn.BatchNorm1d(4, eps=0.1))))
    probe = torch.randn(9, 3, dtype=torch.float64)
    carry(old, new, birth=Birth(probe=probe))
    for mode in (False, True):
        assert drift(old.train(mode), new.train(mode), probe) < EXACT


def test_a_block_of_speechbrains_is_an_identity():
    def build():
        options = {"input_size": 8, "activation": nn.ReLU, "dropout": 0.0}
        return [
            CRDNN(cnn_channels=[2, 3], rnn_neurons=3, rnn_layers=1,
                  dnn_neurons=5, dnn_blocks=n, **options)
            for n in (1, 2)
        ]  # fmt: skip

    old, new = of(build, seed=2)
    inputs = torch.randn(2, 9, 8, dtype=torch.float64)
    plan = carry(old, new, birth=Birth(probe=inputs))
    assert plan.born == {"DNN.block_1": IN_EVAL}
    assert drift(old.eval(), new.eval(), inputs) < EXACT


# Refusals


def refused(build, error, message, birth):
    """Growing raises, and nothing has changed"""
    old, new = of(build)
    optimizer = torch.optim.Adam(old.parameters())
    held = list(optimizer.param_groups[0]["params"])
    before = {name: t.clone() for name, t in new.state_dict().items()}
    with pytest.raises(GrowthError, match=f"(?s){message}") as raised:
        carry(old, new, optimizer, birth=birth)
    assert type(raised.value) is error
    state = new.state_dict()
    assert all(torch.equal(before[name], state[name]) for name in state)
    assert all(
        a is b for a, b in zip(held, optimizer.param_groups[0]["params"])
    )


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_born_is_refused(what):
    layer, way, error, message = REFUSED[what]
    refused(
        lambda: (between(None), between(layer())), error, message, Birth(way)
    )


@pytest.mark.parametrize("what", UNCLEAR)
def test_what_is_not_clear_is_refused(what):
    build, message = UNCLEAR[what]
    refused(build, GrowthError, message, Birth())


# Copies


@pytest.mark.parametrize("width", [4, 6])
def test_a_copy_is_a_copy_and_is_not_exact(width):
    old, new = of(
        lambda: (
            mlp(4, 4, act=nn.Tanh),
            mlp(width, width, width, act=nn.Tanh),
        )
    )
    birth = Birth("copy", names=("4", "5"))
    plan = carry(old, new, birth=birth)
    words = {"4": "not exact: a copy of 2", "5": "not exact: one more Tanh"}
    assert plan.born == words and plan.promise is Exact.NO
    assert torch.equal(new[4].weight, new[2].weight)
    assert torch.equal(new[4].bias, new[2].bias)
    inputs = torch.randn(5, 3, dtype=torch.float64)
    assert drift(old, new, inputs) > 1e-2


@pytest.mark.parametrize("options", [{}, {"rnn": [4, 4], "dnn": [5, 5]}])
def test_a_gated_block_becomes_a_copy_of_the_plain_one(options):
    old, new = of(
        lambda: (crdnn(**options), crdnn(**options, **extra(0, 2, 1)))
    )
    plan = carry(old, new, birth=Birth("copy"))
    last = "RNN.layer_1.rnn.0" if options else "RNN.rnn.1"
    assert plan.born == {
        "RNN_extra_0": f"not exact: a copy of {last}",
        "RNN_extra_1": "not exact: a copy of RNN_extra_0",
        "DNN.extra_0": "not exact: a copy of DNN.block_1",
    }
    state = new.state_dict()
    weights = [state[f"RNN_extra_{n}.inner.rnn.0.w.weight"] for n in (0, 1)]
    assert torch.equal(*weights)
    assert torch.equal(weights[0], state[f"{last}.w.weight"])
    assert state["RNN_extra_1.gate"] == state["DNN.extra_0.gate"] == 1
    inputs = torch.randn(2, 9, 8, dtype=torch.float64)
    assert drift(old.eval(), new.eval(), inputs) > 1e-2


def test_a_copy_that_does_not_fit_says_why():
    message = r"CNN.extra_0: it cannot be a copy of CNN.block_1: conv_1"
    with pytest.raises(GrowthError, match=message):
        carry(crdnn(), crdnn(**extra(cnn=1)), birth=Birth("copy"))


# ScalableCRDNN


@pytest.mark.parametrize("kind", ["as it is", *KINDS])
def test_with_nothing_inserted_it_is_the_stock_model(kind):
    options = {"input_size": 8, "cnn_channels": [2, 3], "rnn_neurons": 4}
    options.update(KINDS.get(kind, {}), dnn_neurons=5)
    models = []
    for build in (CRDNN, ScalableCRDNN):
        torch.manual_seed(0)
        models.append(build(**options))
    stock, ours = models
    for one, other in ((stock, ours), (ours, stock)):
        assert list(one.state_dict()) == list(other.state_dict())
        for a, b in zip(one.state_dict().values(), other.state_dict().values()):
            assert torch.equal(a, b)
        one.load_state_dict(other.state_dict(), strict=True)
    inputs = torch.randn(2, 9, 8)
    expected, found = stock.eval()(inputs), ours.eval()(inputs)
    torch.testing.assert_close(found, expected)
    assert as_stock(ours)  # the code of its layers, too
    assert torch.equal(ours(inputs), expected)


def deepened(old, new):
    """Grows one CRDNN into the other, and compares them"""
    plan = carry(old, new)
    assert set(plan.born.values()) <= {"exact"}
    born = {name for name in plan.first_states if name}
    gates = {
        name[:-5]
        for name in new.state_dict()
        if name.endswith(".gate") and name not in old.state_dict()
    }
    assert born == gates
    inputs = torch.randn(3, 9, 8, dtype=torch.float64)
    for mode in (True, False):
        width = plan.output
        assert drift(old.train(mode), new.train(mode), inputs, width) < EXACT


@pytest.mark.parametrize("what", CRDNNS)
def test_a_crdnn_computes_what_it_did(what):
    small, large = CRDNNS[what]
    deepened(*of(lambda: (crdnn(**small), crdnn(**large))))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_crdnn_computes_what_it_did(kind):
    small, large = (
        {**options, **KINDS[kind]} for options in CRDNNS["wider and deeper"]
    )
    if kind == "sligru":  # its layer norm takes whole multiples only
        large["rnn"] = 8
    deepened(*of(lambda: (crdnn(**small), crdnn(**large))))


@pytest.mark.parametrize("kind", ["gru", "lstm", "vanilla rnn", "sligru"])
def test_both_directions_of_a_gated_layer_grow(kind):
    options = {**extra(rnn=1), **KINDS[kind]}
    deepened(*of(lambda: (crdnn(**options), crdnn(rnn=8, **options))))


def test_widths_of_their_own_that_are_equal_are_the_stock_model():
    torch.manual_seed(0)
    stock = crdnn(rnn=4, dnn=5).double()
    ours = crdnn(rnn=[4, 4], dnn=[5, 5]).double()
    state = {
        name.replace("RNN.rnn.0", "RNN.layer_0.rnn.0").replace(
            "RNN.rnn.1", "RNN.layer_1.rnn.0"
        ): tensor
        for name, tensor in trained(stock).state_dict().items()
    }
    ours.load_state_dict(state, strict=True)
    inputs = torch.randn(2, 9, 8, dtype=torch.float64)
    for mode in (True, False):
        assert drift(stock.train(mode), ours.train(mode), inputs) < EXACT


@pytest.mark.parametrize(
    "options, message",
    [
        (
            {"extra_rnn_layers": -1},
            "extra_rnn_layers is -1; it must be a whole",
        ),
        ({"extra_dnn_blocks": True}, "extra_dnn_blocks is True"),
        (
            {"extra_cnn_blocks": 1, "cnn_blocks": 0},
            "extra_cnn_blocks is 1, but cnn_blocks is 0; use at least one",
        ),
        ({"rnn": [3, 4, 5]}, r"\[3, 4, 5\], but rnn_layers is 2"),
        ({"dnn": [3]}, r"dnn_neurons is \[3\], but dnn_blocks is 2"),
        (
            {"rnn": [3, 4], "use_rnnp": True},
            "rnn_neurons is a list, but use_rnnp is set",
        ),
    ],
)
def test_what_cannot_be_built_is_refused(options, message):
    with pytest.raises(GrowthError, match=message):
        crdnn(**options)


def test_the_gate_opens_first_and_the_rest_learns_next():
    old, new = of(lambda: (crdnn(), crdnn(**extra(1, 1, 1))))
    optimizer = torch.optim.SGD(old.parameters(), lr=0.1)
    plan = carry(old, new, optimizer)
    born = {n: p for n, p in new.named_parameters() if plan.birthplace(n)}
    inputs = torch.randn(4, 9, 8, dtype=torch.float64)
    moved = []
    for _ in range(2):
        before = {name: p.detach().clone() for name, p in born.items()}
        optimizer.zero_grad()
        new(inputs).square().mean().backward()
        optimizer.step()
        moved.append({n for n, p in born.items() if (p != before[n]).any()})
    assert moved[0] == {n for n in born if n.endswith(".gate")}
    # a bias that a batch norm takes away again has no gradient but noise
    assert moved[1] | {"DNN.extra_0.inner.linear.w.bias"} == set(born)


# The optimizer


def positions(model, groups):
    """Names of the parameters of each group"""
    names = {id(p): name for name, p in model.named_parameters()}
    return [[names[id(p)] for p in group["params"]] for group in groups]


def stepped(optimizer):
    """After one step there is a state for every parameter"""
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    return optimizer


# what: names of the old parameters in each group, and of the new ones
GROUPS = {
    "one group": (
        [["0.weight", "0.bias", "2.weight", "2.bias"]],
        [[f"{n}.{k}" for n in (0, 2, 4) for k in ("weight", "bias")]],
    ),
    "one for each layer": (
        [["0.weight", "0.bias"], ["2.weight", "2.bias"]],
        [
            ["0.weight", "0.bias", "2.weight", "2.bias"],
            ["4.weight", "4.bias"],
        ],
    ),
    "weights and biases": (
        [["0.weight", "2.weight"], ["0.bias", "2.bias"]],
        [[f"{n}.weight" for n in (0, 2, 4)], [f"{n}.bias" for n in (0, 2, 4)]],
    ),
}


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam])
@pytest.mark.parametrize("what", GROUPS)
def test_born_parameters_join_those_that_are_like_them(what, kind):
    before, after = GROUPS[what]
    old, new = of(lambda: (mlp(4), mlp(6, 6)))
    parameters = dict(old.named_parameters())
    groups = [{"params": [parameters[n] for n in names]} for names in before]
    optimizer = stepped(kind(groups, lr=0.1))
    optimizer.param_groups[-1]["lr"] = 0.7
    carry(old, new, optimizer)
    assert positions(new, optimizer.param_groups) == after
    assert optimizer.param_groups[-1]["lr"] == 0.7
    names = {id(p): name for name, p in new.named_parameters()}
    with_state = {names[id(p)] for p in optimizer.state if optimizer.state[p]}
    assert not {"2.weight", "2.bias"} & with_state
    stepped(optimizer)


def test_the_state_of_adam_moves_along_and_is_empty_for_the_born():
    old, new = of(lambda: (mlp(4), mlp(4, 4)))
    optimizer = stepped(torch.optim.Adam(old.parameters()))
    moments = optimizer.state[old[2].weight]["exp_avg"].clone()
    carry(old, new, optimizer)
    assert torch.equal(optimizer.state[new[4].weight]["exp_avg"], moments)
    assert new[2].weight not in optimizer.state
    stepped(optimizer)
    steps = [optimizer.state[new[n].weight]["step"] for n in (0, 2, 4)]
    assert steps == [2, 1, 2]


def test_frozen_layers_stay_frozen_and_born_ones_are_not():
    old, new = of(lambda: (mlp(4), mlp(4, 4)))
    old[0].requires_grad_(False)
    carry(old, new)
    assert [p.requires_grad for p in new.parameters()] == [False] * 2 + [
        True
    ] * 4


# The schedule


@pytest.mark.parametrize("way", ["gate", "identity", "copy"])
def test_a_growth_says_how_layers_are_born(way):
    entry = {"after_epoch": 1, "extra_rnn_layers": 1}
    assert parse([entry])[0].birth is None
    assert parse([{**entry, "birth": way}])[0].birth == way
    growth = parse([{**entry, "birth": way}])[0]
    assert growth.amount.sizes == {"extra_rnn_layers": 1}


@pytest.mark.parametrize("way", ["zero", 0, True, None, ["copy"]])
def test_another_birth_is_refused(way):
    entry = {"after_epoch": 1, "extra_rnn_layers": 1, "birth": way}
    with pytest.raises(
        GrowthError, match="must be one of gate, identity, copy"
    ):
        parse([entry])


def test_activations_of_speechbrain_have_no_birth_yet():
    new = between(activations.Swish())
    with pytest.raises(NoRuleError, match="new: Swish has no rule to begin"):
        trace(between(None), new)


class OwnKernel(nn.Conv1d):
    """A subclass that changes a method below ``forward``"""

    def _conv_forward(self, inputs, weight, bias):
        """Adds one"""
        return super()._conv_forward(inputs, weight, bias) + 1


def test_a_subclass_that_computes_otherwise_is_no_identity():
    def build(deeper):
        layers = [nn.Conv1d(2, 2, 3, padding=1)]
        if deeper:
            layers.append(OwnKernel(2, 2, 3, padding=1))
        return nn.Sequential(*layers)

    with pytest.raises(
        NoRuleError, match="OwnKernel does not return its input"
    ):
        carry(build(False), build(True))
