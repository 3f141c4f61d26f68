"""Tests for plans, and for what is refused before anything changes

Authors
 * The speechbrain_growth authors 2026
"""

import copy
import functools

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from speechbrain.lobes.models.CRDNN import CRDNN
from speechbrain.nnet import CNN, RNN, linear, normalization, pooling
from speechbrain.nnet.activations import Softmax
from speechbrain_growth import GrowthError, NoRuleError, carry, rule, trace

torch.set_num_threads(1)


class OwnForward(nn.Linear):
    """A linear layer that does something else"""

    def forward(self, x):
        return super().forward(x).flip(-1)


class OwnKernel(nn.Conv1d):
    """A convolution whose weights are centred, below ``forward``"""

    def _conv_forward(self, x, weight, bias):
        centred = weight - weight.mean((1, 2), keepdim=True)
        return super()._conv_forward(x, centred, bias)


class Renamed(nn.Linear):
    """A linear layer under another name"""


class NormedByHand(nn.Linear):
    """Weight norm in the forward"""

    def __init__(self, width):
        super().__init__(3, width)

    def forward(self, x):
        norms = torch.ones(self.out_features, 1)
        return nn.functional.linear(x, torch._weight_norm(self.weight, norms))


class Net(nn.Module):
    """A model that runs its layers as its values are"""

    def __init__(self, width):
        super().__init__()
        self.layer = nn.Linear(3, width)

    def forward(self, x):
        return self.layer(x) if x.sum() > 0 else self.layer(-x)


class Other(Net):
    """Another such model"""


class Scale(nn.Module):
    """One factor for each unit"""

    def __init__(self, units):
        super().__init__()
        self.factor = nn.Parameter(torch.rand(units))

    def forward(self, x):
        return x * self.factor


@rule.register(Scale)
def _scale(old, new, signal, trace):
    trace.tensor("factor", trace.out(signal.width))
    return signal


class Forgetful(Scale):
    """Its rule forgets the factor"""


@rule.register(Forgetful)
def _forgetful(old, new, signal, trace):
    return signal


def mlp(width, *between, inputs=3, outputs=2, last=None):
    """Two linear layers and what stands between"""
    layers = [layer(width) for layer in between]
    last = last or nn.Linear(width, outputs)
    return nn.Sequential(nn.Linear(inputs, width), *layers, last)


def tied(units, width, tie=True):
    """A language model whose last layer has the weights of the first"""
    first, last = nn.Embedding(5, units), nn.Linear(units, 5, bias=False)
    if tie:
        last.weight = first.weight
    hidden = nn.Linear(units, width), nn.Linear(width, units)
    return nn.Sequential(first, *hidden, last)


def alike_twice(units, by_data=False):
    """Builders of two layers with the same tensors, or parameters over them"""
    one, other = nn.Linear(units, units), nn.Linear(units, units)
    if by_data:
        other.weight.data = one.weight.data
    else:
        other.weight, other.bias = one.weight, one.bias
    return (lambda n: one), (lambda n: other)


def hooked(width):
    """A net that does more than its layers"""
    net = mlp(width, lambda n: nn.Tanh())
    net[1].register_forward_hook(lambda layer, given, out: out.flip(-1))
    return net


def conv(width, groups=1):
    """Two convolutions"""
    last = nn.Conv1d(width, 2, 3, groups=groups)
    return nn.Sequential(nn.Conv1d(4, width, 3), last)


def unknown(width):
    """Layers without a rule, at several depths"""
    return nn.ModuleDict(
        {
            "body": mlp(width, lambda n: Other(n), lambda n: Net(n)),
            "odd": OwnForward(2, width),
            "nets": nn.ModuleList([nn.ReLU(), Net(2)]),
        }
    )


def crdnn(channels, rnn, dnn, **options):
    """A CRDNN of two convolutional blocks"""
    return CRDNN(
        input_shape=(1, 8, 8),
        cnn_channels=channels,
        rnn_neurons=rnn,
        dnn_neurons=dnn,
        rnn_layers=2,
        **options,
    )


def ligru(width, **options):
    """One recurrent layer"""
    return RNN.LiGRU(width, (1, 5, 3), **options)


# what: old, new, error, what its message says
REFUSED = {
    "unknown layers": (
        lambda: (unknown(4), unknown(6)),
        NoRuleError,
        r"^Other has no growth rule, so its forward is read by running it, but "
        r"no input could be made up .*; give one: example=batch",
    ),
    "an unknown model": (
        lambda: (Net(4), Net(6)),
        GrowthError,
        r"^model: test_tracing.py:\d+ bool makes a number of data, on which the ",
    ),
    "a forward of its own": (
        lambda: (mlp(4, last=OwnForward(4, 4)), mlp(6, last=OwnForward(6, 6))),
        GrowthError,
        r"^1: test_tracing.py:\d+ flip works along the axis of 1.weight\[0\] units 4 -> 6",
    ),
    "shrinking units": (
        lambda: (mlp(6), mlp(4)),
        GrowthError,
        r"^0: 6 units cannot shrink to 4; growth only adds units$",
    ),
    "shrinking channels": (
        lambda: (conv(6), conv(4)),
        GrowthError,
        r"^0: 6 channels cannot shrink to 4; growth only adds channels$",
    ),
    "shrinking here, growing there": (
        lambda: (
            nn.Sequential(*mlp(6), *mlp(4, inputs=2)),
            nn.Sequential(*mlp(4), *mlp(9, inputs=2)),
        ),
        GrowthError,
        r"^0: 6 units cannot shrink to 4",
    ),
    "two layers that shrink": (
        lambda: (ligru(4, num_layers=2), ligru(3, num_layers=2)),
        GrowthError,
        r"2 problems:\n.*rnn\.0: 4 units.*\n.*rnn\.1: 4 units",
    ),
    "fewer tokens": (
        lambda: (nn.Embedding(6, 3), nn.Embedding(4, 3)),
        GrowthError,
        "6 tokens cannot shrink to 4",
    ),
    "layernorm of no whole multiple": (
        lambda: (mlp(4, nn.LayerNorm), mlp(6, nn.LayerNorm)),
        GrowthError,
        r"^1: LayerNorm averages .*; 4 cannot become 6; use 4 or 8, or fold",
    ),
    "layernorm of no whole multiple, further up": (
        lambda: (mlp(4, nn.LayerNorm), mlp(11, nn.LayerNorm)),
        GrowthError,
        r"4 cannot become 11; use 8 or 12",
    ),
    "all layernorms of a crdnn": (
        lambda: (crdnn([2, 4], 4, 4), crdnn([3, 6], 4, 4)),
        GrowthError,
        r"(?s)4 problems:\n.*CNN\.block_0\.norm_1\.norm: LayerNorm.*2 cannot "
        r"become 3; use 2 or 4.*CNN\.block_1\.norm_2\.norm.*use 4 or 8",
    ),
    "sligru of no whole multiple": (
        lambda: (
            RNN.SLiGRU(4, (1, 5, 3)),
            RNN.SLiGRU(6, (1, 5, 3)),
        ),
        GrowthError,
        r"^rnn\.0\.layer_norm: LayerNorm averages",
    ),
    "convolution that becomes grouped": (
        lambda: (conv(4), conv(6, groups=2)),
        GrowthError,
        r"^1: .* groups",
    ),
    "convolution that was grouped": (
        lambda: (conv(4, groups=2), conv(6)),
        GrowthError,
        r"^1: 2 groups",
    ),
    "another type": (
        lambda: (mlp(4, lambda n: nn.ReLU()), mlp(6, lambda n: nn.Tanh())),
        GrowthError,
        r"^1: was ReLU and would become Tanh; keep the type",
    ),
    "a layer of the new model only": (
        lambda: (mlp(4, nn.BatchNorm1d), mlp(6, nn.BatchNorm1d, nn.LayerNorm)),
        GrowthError,
        r"^model: the layers 3 stand in one model only",
    ),
    "a layer of the old model only": (
        lambda: (ligru(4, num_layers=3), ligru(6, num_layers=1)),
        GrowthError,
        r"^rnn: the layers 1, 2 stand in one model only",
    ),
    "inputs that grow": (
        lambda: (mlp(4), mlp(4, inputs=6)),
        GrowthError,
        r"^0: takes 3 inputs, then 6, but 3 units, then 3, arrive",
    ),
    "inputs that do not follow": (
        lambda: (mlp(4, last=nn.Linear(6, 2)), mlp(8, last=nn.Linear(8, 2))),
        GrowthError,
        r"^1: takes 6 inputs, then 8, but 4 units, then 8, arrive",
    ),
    "inputs that stay behind": (
        lambda: (mlp(4), mlp(8, last=nn.Linear(4, 2))),
        GrowthError,
        r"^1: takes 4 inputs, then 4, but 4 units, then 8, arrive",
    ),
    "a larger kernel": (
        lambda: (nn.Conv1d(2, 4, 3), nn.Conv1d(2, 4, 5)),
        GrowthError,
        r"^model: its kernel_size \(3,\) would become \(5,\); keep it$",
    ),
    "another slope": (
        lambda: [
            mlp(n, lambda n, slope=slope: nn.LeakyReLU(slope))
            for n, slope in ((4, 0.1), (6, 0.2))
        ],
        GrowthError,
        r"^1: its negative_slope 0\.1 would become 0\.2; keep it$",
    ),
    "another stride and padding": (
        lambda: (nn.Conv1d(2, 4, 3), nn.Conv1d(2, 6, 3, 2, 1)),
        GrowthError,
        r"2 problems:\n.*its stride \(1,\).*\n.*its padding \(0,\)",
    ),
    "another nonlinearity": (
        lambda: (nn.RNN(3, 4), nn.RNN(3, 6, nonlinearity="relu")),
        GrowthError,
        r"its nonlinearity 'tanh' would become 'relu'",
    ),
    "another function between two layers": (
        lambda: [
            nn.TransformerEncoderLayer(8, 2, n, activation=name)
            for n, name in ((16, "relu"), (24, "gelu"))
        ],
        GrowthError,
        r"its activation relu would become gelu",
    ),
    "more frequencies in a layernorm": (
        lambda: (
            normalization.LayerNorm(input_shape=(1, 2, 8, 4)),
            normalization.LayerNorm(input_shape=(1, 2, 9, 4)),
        ),
        GrowthError,
        r"2 problems:\n.*bias: \(8, 4\) would become \(9, 4\).*\n.*weight",
    ),
    "a bias of the old model only": (
        lambda: (nn.Linear(3, 4), nn.Linear(3, 4, bias=False)),
        GrowthError,
        r"^bias: stands in one of the two models only; give both",
    ),
    "a tensor without a plan": (
        lambda: (mlp(4, Forgetful), mlp(6, Forgetful)),
        GrowthError,
        r"^1\.factor: no rule plans this tensor; add it to the rule",
    ),
    "shared layers": (
        lambda: [
            nn.Sequential(nn.Linear(2, n), shared, nn.ReLU(), shared)
            for n in (4, 6)
            for shared in [nn.Linear(n, n)]
        ],
        GrowthError,
        r"3\.weight: no rule plans this tensor",
    ),
    "tied weights that grow": (
        lambda: [tied(n, n) for n in (4, 6)],
        GrowthError,
        r"^3\.weight: is the same tensor as 0\.weight, but would grow",
    ),
    "tied layers in a row": (
        lambda: [mlp(n, *alike_twice(n)) for n in (4, 6)],
        GrowthError,
        r"2 problems:\n.*2\.weight: is the same tensor as 1\.weight.*2\.bias",
    ),
    "weights tied in the old model only": (
        lambda: (tied(3, 4), tied(3, 4, False)),
        GrowthError,
        r"2 problems:\n.*0\.weight: shares its tensor in one model only",
    ),
    "weights tied in the new model only": (
        lambda: (tied(3, 4, False), tied(3, 4)),
        GrowthError,
        r"2 problems:\n.*0\.weight: shares its tensor in one model only",
    ),
    "another dtype": (
        lambda: (mlp(4).double(), mlp(6)),
        GrowthError,
        r"^0\.weight and 3 others: are of torch\.float64 and .*float32; "
        r"use new\.to",
    ),
    "no values": (
        lambda: (mlp(4), mlp(6).to("meta")),
        GrowthError,
        r"^0\.weight and 3 others: are without values, on the meta device",
    ),
    "weight norm by hand": (
        lambda: [nn.Sequential(NormedByHand(n)) for n in (4, 6)],
        GrowthError,
        r"^0: test_tracing.py:\d+ weight_norm computes a layer's weights from "
        "others; remove it",
    ),
    "a hook": (
        lambda: (hooked(4), mlp(6, lambda n: nn.Tanh())),
        GrowthError,
        r"^model: its forward takes other steps in the larger model: flip",
    ),
    "a parametrization": (
        lambda: [
            mlp(n, lambda n: parametrizations.spectral_norm(nn.Linear(n, n)))
            for n in (4, 6)
        ],
        NoRuleError,
        r"^1\.par.*: .* vdot has no growth rule",
    ),
    "tied weights of two parameters": (
        lambda: [mlp(n, *alike_twice(n, by_data=True)) for n in (4, 6)],
        GrowthError,
        r"2\.weight: is the same tensor as 1\.weight",
    ),
}


def snapshot(model, optimizer=None):
    """Everything that a refusal must leave alone"""
    tensors = model.state_dict().values()
    tensors = [v.clone() for v in tensors if not v.is_meta]
    trainable = [p.requires_grad for p in model.parameters()]
    if optimizer is None:
        return tensors, trainable, []
    held = [id(p) for g in optimizer.param_groups for p in g["params"]]
    for state in optimizer.state.values():
        tensors += [v.clone() for v in state.values() if torch.is_tensor(v)]
    return tensors, trainable, held


def unchanged(one, other):
    """Whether two snapshots agree bit for bit"""
    return one[1:] == other[1:] and all(map(torch.equal, one[0], other[0]))


def trained(model, kind=torch.optim.Adam):
    """An optimizer with a state for every parameter"""
    optimizer = kind(model.parameters())
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    return optimizer


def refuse(old, new, optimizer, error, message):
    """Growing raises, and nothing has changed"""
    before = snapshot(old, optimizer), snapshot(new)
    with pytest.raises(error, match=message) as raised:
        carry(old, new, optimizer)
    assert (error is NoRuleError) == isinstance(raised.value, NoRuleError)
    assert unchanged(before[0], snapshot(old, optimizer))
    assert unchanged(before[1], snapshot(new))


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("what", REFUSED)
def test_refused_and_nothing_changed(what):
    build, error, message = REFUSED[what]
    old, new = build()
    refuse(old, new, trained(old), error, rf"(?s){message}")


@pytest.mark.parametrize("lazy", ["old", "new"])
def test_shapes_must_be_known(lazy):
    models = {"old": mlp(4), "new": mlp(6)}
    models[lazy][0] = nn.LazyLinear(models[lazy][0].out_features)
    with pytest.raises(GrowthError, match=f"0.weight: has no .* {lazy} model"):
        carry(*models.values())


@pytest.mark.parametrize("scripted", [0, 1])
def test_scripted_models_are_refused(scripted):
    models = [mlp(4), mlp(6)]
    models[scripted] = torch.jit.script(models[scripted])
    with pytest.raises(
        GrowthError, match="give the modules before torch.jit.script"
    ):
        carry(*models)
    with pytest.raises(GrowthError, match="int: is no module"):
        carry(mlp(4), 6)


@pytest.mark.parametrize(
    "wrap",
    [
        nn.DataParallel,
        functools.partial(torch.compile, backend="eager"),
        copy.deepcopy,
        list,
        tuple,
        lambda model: nn.ModuleList(model),
        lambda model: nn.ModuleDict(model.named_children()),
        lambda model: dict(model.named_children()),
    ],
)
def test_a_model_may_be_wrapped_or_a_list_in_signal_order(wrap):
    old, new, inputs = mlp(4), mlp(6), torch.randn(5, 3)
    wrapped = wrap(old), wrap(new)
    if wrap is copy.deepcopy:
        old, new = wrapped
    optimizer = trained(old)
    plan = carry(*wrapped, optimizer)
    assert list(plan.tensors) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    torch.testing.assert_close(new(inputs), old(inputs))
    assert optimizer.param_groups[0]["params"][0] is new[0].weight


def test_tied_weights_may_stay_as_they_are():
    old, new, words = tied(3, 4), tied(3, 6), torch.arange(5)
    optimizer = trained(old)
    carry(old, new, optimizer)
    torch.testing.assert_close(new(words), old(words))
    held = [id(p) for p in optimizer.param_groups[0]["params"]]
    assert held == [id(p) for p in new.parameters()] and len(held) == 5


def test_every_kind_of_mistake_is_a_value_error():
    assert issubclass(GrowthError, ValueError)
    assert issubclass(NoRuleError, GrowthError)
    assert issubclass(NoRuleError, NotImplementedError)


# Optimizers


def test_an_unknown_optimizer_is_named():
    old, new = mlp(4), mlp(6)
    message = r"^Rprop: no rule .*SGD, Adam, .*Adadelta.*optimizer: reset"
    refuse(old, new, trained(old, torch.optim.Rprop), NoRuleError, message)


def test_unknown_entries_of_the_state_are_all_named():
    old, new = mlp(4), mlp(6)
    optimizer = trained(old)
    optimizer.state[old[1].weight]["ema"] = torch.zeros(2, 4)
    optimizer.state[old[0].bias]["age"] = 3
    message = r"2 problems:\n.*Adam: .*'age'.*known are step.*\n.*Adam: .*'ema'"
    refuse(old, new, optimizer, NoRuleError, message)


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam])
def test_parameters_of_something_else_are_refused(kind):
    old, new = mlp(4), mlp(6)
    optimizer = trained(nn.ModuleList([old, nn.Linear(7, 5)]), kind)
    message = r"holds parameters of shapes \(5, 7\), \(5,\) that the model"
    refuse(old, new, optimizer, GrowthError, message)


# What a plan says


@pytest.mark.parametrize("rnn_class", [RNN.LiGRU, RNN.SLiGRU])
def test_every_tensor_is_planned_or_fresh(rnn_class):
    old = crdnn([2, 3], 4, 5, rnn_class=rnn_class)
    new = crdnn([4, 9], 8, 7, rnn_class=rnn_class)
    plan = trace(old, new)
    names = set(old.state_dict())
    # SLiGRU's drop_masks are named although they are not in its state
    fresh = set(plan.fresh) & names
    assert set(plan.tensors) | fresh == names
    assert not set(plan.tensors) & fresh
    ends = ("h_init", "drop_masks", "drop_mask_te")
    assert fresh == {n for n in names if n.endswith(ends)}
    changed = {
        name
        for name, tensor in old.state_dict().items()
        if tensor.shape != new.state_dict()[name].shape
    }
    assert set(plan.changes) == changed - fresh


def test_a_model_that_stays_changes_nothing():
    plan = trace(crdnn([2, 3], 4, 5), crdnn([2, 3], 4, 5))
    assert plan.changes == []
    assert plan.output.is_identity


def test_the_output_map_says_whether_the_model_grew_outside():
    assert trace(mlp(4), mlp(6)).output.is_identity
    output = trace(mlp(4), mlp(6, outputs=5)).output
    assert (output.old, output.new) == (2, 5)


def test_a_plan_reads_aloud():
    text = str(trace(mlp(4, nn.BatchNorm1d), mlp(6, nn.BatchNorm1d)))
    assert text.splitlines() == [
        "0.weight: out 0 units 4 -> 6, in inputs 3",
        "0.bias: out 0 units 4 -> 6",
        "1.weight: out 0 units 4 -> 6",
        "1.bias: out 0 units 4 -> 6",
        "1.running_mean: out 0 units 4 -> 6",
        "1.running_var: out 0 units 4 -> 6",
        "1.num_batches_tracked: copied",
        "2.weight: out 2 units 2, in 0 units 4 -> 6",
        "2.bias: out 2 units 2",
    ]
    assert "rnn.0.h_init: as the new model has it" in str(
        trace(ligru(2), ligru(3))
    )


def test_gates_and_directions_are_blocks_of_one_map():
    plan = trace(ligru(3, bidirectional=True), ligru(5, bidirectional=True))
    own = plan.tensors["rnn.0.u.weight"][1].width
    gates = plan.tensors["rnn.0.w.weight"][0].width
    blocks = torch.cat([own.source, own.source + 3])
    for width in (gates, plan.tensors["rnn.0.norm.weight"][0].width):
        assert torch.equal(width.source, blocks)
    assert torch.equal(plan.output.source, blocks)


def test_the_same_seed_gives_the_same_plan():
    states = []
    for seed in (3, 3, 4):
        torch.manual_seed(0)
        old, new = mlp(4), mlp(9)
        torch.manual_seed(seed)
        carry(old, new, seed=seed)
        states.append(new[1].weight.detach())
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


def test_the_callers_random_numbers_are_left_alone():
    old, new = mlp(4), mlp(9)
    before = torch.get_rng_state()
    carry(old, new, symmetry={"noise": 0.1})
    assert torch.equal(torch.get_rng_state(), before)


def test_a_subclass_without_a_forward_of_its_own_has_the_rule():
    old, new = (mlp(n, last=Renamed(n, 2)) for n in (4, 6))
    carry(old, new)
    inputs = torch.randn(5, 3)
    torch.testing.assert_close(new(inputs), old(inputs))


def test_a_new_type_of_layer_can_be_taught():
    old, new = mlp(4, Scale), mlp(6, Scale)
    carry(old, new)
    inputs = torch.randn(5, 3)
    torch.testing.assert_close(new(inputs), old(inputs))


def test_frozen_parameters_stay_frozen():
    old, new = mlp(4), mlp(6)
    old[0].weight.requires_grad_(False)
    carry(old, new)
    frozen = [p.requires_grad for p in new.parameters()]
    assert frozen == [False, True, True, True]


# Once mistakes: what is not exact must be refused, never guessed


def skip_transpose(width):
    """Channels first, then torch's flatten"""
    first = CNN.Conv1d(
        width, 3, in_channels=3, skip_transpose=True, padding="valid"
    )
    return nn.Sequential(first, nn.Flatten(), nn.Linear(4 * width, 2))


def norm_after_flatten(width):
    """torch's flatten, then a norm of SpeechBrain's"""
    return nn.Sequential(
        nn.Conv1d(3, width, 3),
        nn.Flatten(),
        normalization.BatchNorm1d(input_size=4 * width),
        nn.Linear(4 * width, 2),
    )


def hidden_softmax(width):
    """A softmax over units that grow"""
    return mlp(width, lambda n: Softmax(apply_log=False))


def pooled_units(width):
    """Pooling over units that grow"""
    pool = pooling.Pooling1d("avg", 3, pool_axis=2, stride=1, padding=1)
    return mlp(width, lambda n: pool)


def grouped(width):
    """A convolution in two groups, then one in as many as there are units"""
    return nn.Sequential(
        nn.Conv1d(2, width, 1),
        nn.Conv1d(width, width, 2, groups=2),
        nn.Conv1d(width, width, 2, groups=width),
        nn.Conv1d(width, 2, 2),
    )


def max_norm(width):
    """Weights whose norm is bounded at the next forward"""
    last = linear.Linear(2, input_size=width, max_norm=0.1)
    return mlp(width, last=last)


def own_kernel(width):
    """A subclass that changes a method below ``forward``"""
    return nn.Sequential(nn.Conv1d(3, width, 1), OwnKernel(width, 2, 3))


DOUBTFUL = {
    "skip_transpose": (skip_transpose, (4, 3, 6)),
    "norm after flatten": (norm_after_flatten, (4, 3, 6)),
    "hidden softmax": (hidden_softmax, (4, 5, 3)),
    "pooling over units": (pooled_units, (4, 5, 3)),
    "max_norm": (max_norm, (4, 5, 3)),
    "grouped convolutions": (grouped, (4, 2, 6)),
    "own method below forward": (own_kernel, (4, 3, 6)),
}


@pytest.mark.parametrize("what", DOUBTFUL)
def test_exact_or_refused(what):
    build, shape = DOUBTFUL[what]
    torch.manual_seed(0)
    old, new, inputs = build(4), build(6), torch.randn(shape)
    try:
        carry(old, new)
    except GrowthError:
        return
    before, after = old.eval()(inputs), new.eval()(inputs)
    torch.testing.assert_close(after, before)


def test_layers_in_another_order_are_named():
    old = nn.ModuleDict({"a": nn.ReLU(), "b": nn.Tanh()})
    new = nn.ModuleDict({"b": nn.Tanh(), "a": nn.ReLU()})
    with pytest.raises(GrowthError, match=r"\ba\b.*\bb\b"):
        trace(old, new)


def test_shrinking_is_the_only_problem_of_a_layernorm():
    with pytest.raises(GrowthError) as raised:
        trace(mlp(6, nn.LayerNorm), mlp(4, nn.LayerNorm))
    assert len(raised.value.problems) == 1


def test_a_recurrent_layernorm_names_sizes_of_the_yaml():
    old, new = (ligru(n, normalization="layernorm") for n in (4, 6))
    with pytest.raises(GrowthError, match=r"use 4 or 8, or fold"):
        trace(old, new)


# Constants that are given as whole numbers


CONSTANTS = {
    "negative_slope 0 would become 1": [nn.LeakyReLU(n) for n in (0, 1)],
    "max_val 1 would become 6": [nn.Hardtanh(0, n) for n in (1, 6)],
    "threshold 1 would become 2": [nn.Threshold(n, 0) for n in (1, 2)],
    "beta 1 would become 3": [nn.Softplus(n) for n in (1, 3)],
    "alpha 1 would become 2.0": [nn.ELU(n) for n in (1, 2.0)],
    "value 1 would become 3": [nn.ConstantPad1d(0, n) for n in (1, 3)],
}


def between(layer, n):
    """A layer between two linear ones"""
    if isinstance(layer, nn.ConstantPad1d):
        return nn.Sequential(nn.Conv1d(3, n, 1), layer, nn.Conv1d(n, 2, 1))
    return nn.Sequential(nn.Linear(3, n), layer, nn.Linear(n, 2))


@pytest.mark.parametrize("what", CONSTANTS)
def test_a_constant_is_compared_although_it_is_a_whole_number(what):
    one, other = CONSTANTS[what]
    with pytest.raises(GrowthError, match=f"^1: its {what}; keep it"):
        carry(between(one, 4), between(other, 6))
    carry(between(one, 4), between(type(one)(*_float(one)), 6))


def _float(layer):
    """The constants of a layer as floating-point numbers"""
    if isinstance(layer, nn.ConstantPad1d):
        return 0, float(layer.value)
    return [float(value) for value in layer.__dict__.values() if _number(value)]


def _number(value):
    """Whether a value is a number, and no switch"""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


@pytest.mark.parametrize("heads", [(2, 3), (3, 4)])
def test_an_odd_number_of_heads_may_become_even_and_back(heads):
    def encoder(n):
        layer = nn.TransformerEncoderLayer(4 * n, n, 8, 0.0, batch_first=True)
        whole = nn.TransformerEncoder(layer, 1)
        return nn.Sequential(nn.Linear(3, 4 * n), whole, nn.Linear(4 * n, 2))

    old, new = (encoder(n).double() for n in heads)
    carry(old, new, fold=5)
    inputs = torch.randn(2, 5, 3).double()
    for training in (True, False):
        old.train(training), new.train(training)
        with torch.no_grad():
            torch.testing.assert_close(new(inputs), old(inputs))
