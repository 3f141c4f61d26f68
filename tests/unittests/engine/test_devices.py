"""Growths on a device: as on the CPU, exact, and nothing is left behind.

On the CPU, on a pretended device (tests/unittests/test_pretended_card.py), and
on a GPU (`pytest -m cuda`). The reference is the same growth on the CPU.

Authors
 * The speechbrain_growth authors 2026
"""

import copy

import pytest
import torch

from speechbrain_growth import MLP, Birth, Held, carry, fold, quicken
from speechbrain_growth.engine.probe import all_bits, drift
from speechbrain_growth.engine.search.firefly import Search, firefly
from speechbrain_growth.nnet.scalable_crdnn import ScalableCRDNN


def mlp(large, extra=0):
    """A perceptron."""
    hidden = [9, 13] if large else [6, 8]
    return MLP(12, hidden + [13] * extra, 5, torch.nn.Tanh)


def crdnn(large, extra=0):
    """Convolutions with layer norms, a Li-GRU in both directions, and more."""
    layers = ScalableCRDNN(
        input_size=12,
        cnn_channels=[4, 7] if large else [2, 4],
        rnn_layers=1,
        rnn_neurons=9 if large else 6,
        rnn_bidirectional=True,
        dnn_neurons=13 if large else 8,
        dropout=0.0,
        extra_rnn_layers=extra,
        extra_dnn_blocks=extra,
    )
    output = torch.nn.Linear(13 if large else 8, 5)
    return quicken(torch.nn.Sequential(layers, output))


WAYS = [
    *("shares", "fresh", "pairs", "equal"),
    *({"dirichlet": 0.5}, {"zero_sum": 0.1}, {"noise": 0.1}),
]
FROM_GRADIENTS = [{"gradmax": 0.5}, {"tiny": 0.5}]
CASES = [
    *(pytest.param(crdnn, w, id=f"CRDNN, {w}") for w in WAYS[:2]),
    *(pytest.param(mlp, w, id=f"MLP, {w}") for w in WAYS + FROM_GRADIENTS),
]
OPTIMIZERS = {
    "Adadelta": (torch.optim.Adadelta, {}),
    "Adam": (torch.optim.Adam, {}),
    "AdamW, foreach": (torch.optim.AdamW, {"foreach": True}),
    "Adam, fused": (torch.optim.Adam, {"fused": True}),
    "SGD, fused": (torch.optim.SGD, {"fused": True, "momentum": 0.9}),
    "Adam, capturable": (torch.optim.Adam, {"capturable": True}),
    "Adadelta, capturable": (torch.optim.Adadelta, {"capturable": True}),
}


@pytest.fixture(autouse=True)
def precise():
    """Products of float32 are not rounded on a GPU."""
    with all_bits():
        yield


def inputs_like(model, shape=(4, 10, 12)):
    """The same batch on any device."""
    first = next(model.parameters())
    numbers = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    return numbers.to(first.device, first.dtype)


def loss_of(model, shape=(4, 10, 12)):
    """A loss of one batch."""
    return model(inputs_like(model, shape)).sin().square().mean()


def step(model, optimizer):
    """One step of training."""
    optimizer.zero_grad()
    loss_of(model).backward()
    optimizer.step()
    fold(model)


def grown(device, build, optimizer=(torch.optim.Adam, {}), **options):
    """Both models and the optimizer, after a step and the growth."""
    dtype, extra = options.pop("dtype", torch.float64), options.pop("extra", 0)
    torch.manual_seed(0)  # so the numbers are the same anywhere
    old, new = (
        one.to(device, dtype) for one in (build(False), build(True, extra))
    )
    kind, settings = optimizer
    one = kind(old.parameters(), lr=0.01, **settings)
    step(old, one)
    if build is crdnn:
        options["fold"] = 20
    carry(old, new, one, **options)
    return old, new, one


def tensors_of(model, optimizer):
    """All tensors of a model and its optimizer, by name."""
    found = {f"model {n}": t for n, t in model.state_dict().items()}
    for name, p in model.named_parameters():
        for key, value in optimizer.state[p].items():
            if torch.is_tensor(value):
                found[f"{key} {name}"] = value
    return found


def same_as_on_the_cpu(found, expected, device, far=1e-9):
    """Whether tensors are on the device, and have the numbers of the CPU."""
    assert list(found) == list(expected)
    for name, tensor in expected.items():
        place = device
        if name.startswith("step "):  # which most optimizers keep on the CPU
            place = found[name].device.type
        assert found[name].device.type == place, name
        torch.testing.assert_close(
            found[name].cpu(), tensor, rtol=1e-6, atol=far
        )


def outputs_of(model):
    """Its outputs in eval mode."""
    with torch.no_grad():
        return copy.deepcopy(model).eval()(inputs_like(model))


@pytest.mark.parametrize("build, way", CASES)
def test_a_growth_is_that_of_the_cpu(build, way, device):
    options = {"symmetry": way}
    if way in FROM_GRADIENTS:
        options["batch"] = loss_of
    found, expected = (
        tensors_of(*grown(place, build, **options)[1:])
        for place in (device, "cpu")
    )
    same_as_on_the_cpu(found, expected, device)


@pytest.mark.parametrize(
    "build, dtype",
    [(mlp, torch.float32), (mlp, torch.float64), (crdnn, torch.float64)],
)
def test_it_is_exact_and_all_of_it_learns(build, dtype, device):
    deeper = {"extra": 1, "birth": Birth("gate")} if build is crdnn else {}
    old, new, optimizer = grown(device, build, dtype=dtype, **deeper)
    far = 1e-12 if dtype is torch.float64 else 1e-5
    assert drift(outputs_of(old), outputs_of(new)) < far
    before = copy.deepcopy(new.state_dict())
    for _ in range(2):  # what is behind a gate learns from the second on
        step(new, optimizer)
    for name, p in new.named_parameters():
        assert p.device.type == device
        assert not torch.equal(p, before[name]), name


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_step_after_the_growth_is_that_of_a_plain_optimizer(name, device):
    """The state is carried whatever computes with it."""
    kind, settings = OPTIMIZERS[name]
    if "capturable" in settings and device == "cpu":
        pytest.skip("a CPU records no graphs")
    plain = {k: v for k, v in settings.items() if k == "momentum"}
    found, expected = (
        grown(place, mlp, (kind, given))[1:]
        for place, given in ((device, settings), ("cpu", plain))
    )
    fresh = kind(found[0].parameters(), lr=0.01, **settings)
    carried = places_of(found[1])
    for pair in (found, expected):
        step(*pair)
    # Torch has a capturable Adam count its steps in single precision
    far = 1e-6 if "capturable" in settings else 1e-9
    pair = tensors_of(*found), tensors_of(*expected)
    same_as_on_the_cpu(*pair, device, far)
    step(found[0], fresh)  # which chooses a place for each entry
    assert carried == places_of(fresh)


def places_of(optimizer):
    """The device of each entry of the state, in the order of parameters."""
    return [
        {key: value.device.type for key, value in optimizer.state[p].items()}
        for group in optimizer.param_groups
        for p in group["params"]
    ]


def test_a_search_finds_what_it_finds_on_the_cpu(device):
    found = []
    for place in (device, "cpu"):
        torch.manual_seed(0)
        old = mlp(False).double().to(place)

        def build(sizes, place=place):
            found = MLP(12, sizes["hidden"], 5, torch.nn.Tanh)
            return found.double().to(place)

        wish = Search(budget=150, sizes=["hidden"], new=2, seed=3)
        found.append(
            firefly(old, build, {"hidden": [6, 8]}, [loss_of] * 4, wish)
        )
    assert found[0].sizes == found[1].sizes != {"hidden": [6, 8]}


def test_what_is_held_stays_so_after_two_growths(device):
    found = []
    for place in (device, "cpu"):
        torch.manual_seed(0)
        one, two, three = (
            MLP(12, [n], 5, batch_norm=True).double().to(place)
            for n in (4, 6, 9)
        )
        optimizer = torch.optim.SGD(one.parameters(), lr=0.1)
        plan = carry(one, two, optimizer, symmetry="fresh", freeze="old")
        before = {n: p.detach().clone() for n, p in two.named_parameters()}
        with plan.held.step():
            loss_of(two, (40, 12)).backward()
            optimizer.step()
        for name, p in two.named_parameters():
            held = plan.held.masks[name]
            assert held.any() and torch.equal(p[held], before[name][held])
        assert any(
            not torch.equal(p, before[n]) for n, p in two.named_parameters()
        )
        plan = carry(two, three, optimizer, symmetry="fresh", freeze=plan.held)
        found.append({**three.state_dict(), **plan.held.masks})
    same_as_on_the_cpu(*found, device)


def test_what_a_checkpoint_holds_joins_what_is_held_on_a_device(device):
    """A checkpoint has its masks on the CPU, those of statistics too."""
    model = torch.nn.BatchNorm1d(2).to(device)
    names = ["weight", "running_mean"]
    first, second = torch.tensor([[True, False], [False, True]])
    held = Held(model)
    held.hold({name: first.cpu() for name in names}, model)
    held.hold({name: second.to(device) for name in names}, model)
    for name in names:
        assert held.masks[name].device.type == device
        assert held.masks[name].all()


def test_memory_of_a_growth_is_that_of_both_models_and_their_state(device):
    """On the way, one more tensor is held, and nothing as large as a model."""
    if device == "cpu":
        pytest.skip("torch does not count the memory of a CPU")
    old, new = (MLP(12, [n] * 5, 5).to(device) for n in (300, 600))
    optimizer = torch.optim.Adam(old.parameters())
    step(old, optimizer)
    optimizer.zero_grad()
    before, most = memory_of(device)
    carry(old, new, optimizer, tolerance=float("inf"))
    state = 2 * 4 * sum(p.numel() for p in new.parameters())
    assert before + state / 2 < most() < 1.1 * (before + state)


def memory_of(device):
    """Bytes that are taken now, and a function that tells the most since."""
    if device == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated(), torch.cuda.max_memory_allocated
    import pretended_card

    pretended_card.reset_peak()
    memory = pretended_card.memory
    return memory["now"], lambda: memory["peak"]
