"""What a Brain measures for a condition: right, without a trace, and counted.

Authors
 * The speechbrain_growth authors 2026
"""

import math

import growing_run
import numpy as np
import pytest
import torch
from growing_run import data, toy, train, train_log, weights
from scipy.stats import energy_distance as of_one_feature

from speechbrain_growth import GrowthError
from speechbrain_growth.measure.cost import ForwardCost
from speechbrain_growth.measure.events import read_events
from speechbrain_growth.schedule.conditions.measured import (
    MEASURES,
    measurement,
)
from speechbrain_growth.training.measures.gradients import (
    BATCHES,
    natural_gradient,
    promise,
)
from speechbrain_growth.training.measures.shifts import energy_distance
from speechbrain_growth.training.measures.windows import Windows

NEVER = float("inf")
PLAIN = """model: !new:torch.nn.Sequential
    - !new:torch.nn.Linear
        in_features: 12
        out_features: !ref <dnn_neurons>
    - !new:torch.nn.Tanh
"""


def asking(folder, metric, **options):
    """A toy whose growth asks for a measurement, and never comes"""
    growth = [
        {
            "on_change": {"metric": metric, "above": NEVER},
            "dnn_neurons": 13,
        }
    ]
    return toy(folder, growth=growth, **options)


def plain_toy(folder, monkeypatch, metric, **options):
    """A toy whose model is a layer and a tanh, in double precision"""
    start, end = growing_run.YAML.split("model: !new")
    text = start + PLAIN + "output: !new" + end.split("output: !new")[1]
    unused = ("rnn_layers", "cnn_channels", "rnn_neurons", "dropout")
    lines = [s for s in text.split("\n") if not s.startswith(unused)]
    text = "\n".join(lines).replace("      cnn_channels: [4, 8]\n", "")
    monkeypatch.setattr(growing_run, "YAML", text)
    return asking(folder, metric, **options)


@pytest.mark.parametrize("metric", MEASURES)
def test_measuring_leaves_no_trace(metric, tmp_path):
    without = train(toy(tmp_path / "without", growth=[]))
    asked = train(asking(tmp_path / "asked", metric))
    expected, found = weights(without), weights(asked)
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert asked.history == without.history
    seen = [past[metric] for past in asked.schedule.seen]
    assert len(seen) == 4 and math.isfinite(seen[-1])
    # Passes without a gradient of their own cost nothing
    same = train_log(asked) == train_log(without)
    assert same == (metric not in ("natural_gradient", "gradmax_gain"))


@pytest.mark.slow
def test_a_scripted_model_is_measured_as_any_other(tmp_path):
    both = {}
    for jit in (False, True):
        growth = [
            {
                "any_of": [
                    {"on_change": {"metric": metric, "above": NEVER}}
                    for metric in MEASURES
                ],
                "dnn_neurons": 13,
            }
        ]
        folder = tmp_path / str(jit)
        brain = train(toy(folder, growth=growth, run_opts={"jit": jit}))
        seen = brain.schedule.seen[-1]
        both[jit] = [seen[metric] for metric in MEASURES]
    assert both[True] == pytest.approx(both[False], rel=0.05)


def test_nothing_is_measured_that_the_next_condition_does_not_name(tmp_path):
    growth = [
        {"after_epoch": 2, "dnn_neurons": 13},
        {"on_gradient": NEVER, "dnn_neurons": 16},
    ]
    brain = train(toy(tmp_path, growth=growth))
    assert ["natural_gradient" in past for past in brain.schedule.seen] == [
        True,
        True,
    ]
    log = train_log(brain)
    # steps of the small model: what it would cost without the second growth
    alone = train(toy(tmp_path / "alone", growth=growth[:1]))
    assert log.split("\n")[:3] == train_log(alone).split("\n")[:3]


def test_passes_of_a_measurement_are_counted_at_the_larger_size(tmp_path):
    without = train(toy(tmp_path / "without", growth=[]))
    asked = train(asking(tmp_path / "asked", "natural_gradient"))
    larger = {**asked.schedule.sizes, "dnn_neurons": 13}
    batch = ForwardCost(asked.blueprint.modules(larger))((4, 20, 12))
    passes = min(BATCHES, 3) * 4  # the toy has three batches, and four epochs
    more = asked.meter.stats()["macs"] - without.meter.stats()["macs"]
    assert more == 3 * passes * batch


def test_a_natural_gradient_is_that_of_the_grown_network(tmp_path, monkeypatch):
    brain = plain_toy(tmp_path, monkeypatch, "natural_gradient")
    train(brain)
    for module in brain.raw_modules.values():
        module.double()
    frames = [
        [data(5)[n : n + 4][0].double(), data(5)[n : n + 4][1]]
        for n in (0, 4, 8, 12)
    ]
    build = brain._build
    brain._build = lambda *args: build(*args).double()
    probe = data(1)[:4]
    brain.valid_loader = [[probe[0].double(), probe[1]]]
    brain.train_loader = torch.utils.data.DataLoader(frames, batch_size=None)
    brain.compute_forward = lambda batch, stage: brain.modules.output(
        brain.modules.model(batch[0])
    ).log_softmax(-1)
    brain.compute_objectives = lambda out, batch, stage: (
        torch.nn.functional.nll_loss(out.flatten(0, 1), batch[1].flatten())
    )
    found = natural_gradient(brain)
    # The same by hand: new units as they are built, whose outgoing weights are
    # zero, so that only these have a gradient
    larger = {**brain.schedule.sizes, "dnn_neurons": 13}
    torch.manual_seed(0)
    built = build(larger, {}, 7).double()
    first, second = brain.raw_modules["model"][0], brain.raw_modules["output"]
    second = second.w
    present, new = [], []
    for inputs, targets in frames:
        inputs, targets = inputs.flatten(0, 1), targets.flatten()
        hidden = torch.tanh(inputs @ first.weight.T + first.bias)
        more = torch.tanh(
            inputs @ built["model"][0].weight[8:].T + built["model"][0].bias[8:]
        )
        scores = hidden @ second.weight.T + second.bias
        loss = torch.nn.functional.cross_entropy(scores, targets)
        parts = torch.autograd.grad(
            loss,
            [scores, first.weight, first.bias, second.weight, second.bias],
        )
        new.append((parts[0].T @ more).detach().flatten().numpy())
        present.append(np.concatenate([p.flatten().numpy() for p in parts[1:]]))
    gains = []
    for each in (np.stack(new), np.stack(present)):
        halves = (each[0] + each[2]) * (each[1] + each[3]) / 4
        gains.append((halves / (each**2).mean(0)).sum())
    assert gains[0] > 0 and gains[1] > 0
    assert found == pytest.approx(gains[0] / gains[1], rel=1e-9)


def gradients(*rows):
    """Gradients of one tensor with a present and a new weight"""
    return [{"w": torch.tensor(row, dtype=torch.float64)} for row in rows]


NEW = {"w": torch.tensor([False, True])}


@pytest.mark.parametrize(
    "rows, found",
    [
        # both agree in all batches
        ([(1, 3), (1, 3)], 1.0),
        # the new one agrees in size and not in sign: noise
        ([(1, 3), (1, -3)], 0.0),
        ([(1, 0), (1, 0)], 0.0),
        # the present one promises nothing any more
        ([(0, 3), (0, 3)], NEVER),
        ([(1, 3), (-1, 3)], NEVER),
        ([(0, 0), (0, 0)], 0.0),
        # g g' / F: 1 * 3 / 5 of the new one
        ([(2, 1), (2, 3)], 0.6),
        # two halves of two: (1 + 3) / 2 and (2 + 2) / 2 over 18 / 4
        ([(1, 1), (1, 2), (1, 3), (1, 2)], 2 * 2 / 4.5),
    ],
)
def test_noise_promises_nothing(rows, found):
    assert promise(gradients(*rows), NEW) == pytest.approx(found, rel=1e-12)


@pytest.mark.parametrize("shift", [0.0, 0.5, 4.0])
def test_an_energy_distance_is_that_of_scipy(shift):
    generator = np.random.default_rng(0)
    one = generator.normal(size=60)
    other = generator.normal(size=50) + shift
    found = energy_distance(
        torch.tensor(one)[:, None], torch.tensor(other)[:, None]
    )
    # SciPy has the root of twice the integral of the squared difference of the
    # distribution functions, which equals the sum of mean distances
    between = 2 * np.abs(one[:, None] - other).mean()
    expected = of_one_feature(one, other) ** 2 / between
    assert found == pytest.approx(expected, rel=1e-9)
    assert 0 <= found <= 1


def moved(inputs, start):
    """Data whose frames are changed from an epoch on"""

    class Moved(torch.utils.data.Dataset):
        """The toy's frames"""

        def __len__(self):
            return len(inputs)

        def __getitem__(self, index):
            frames, targets = inputs[index]
            return frames + 3 * (self.counter.current >= start), targets

    return Moved()


@pytest.mark.parametrize("metric", ["feature_shift", "prediction_shift"])
def test_a_shift_is_seen_after_the_epoch_in_which_the_data_change(
    metric, tmp_path, monkeypatch
):
    brain = plain_toy(tmp_path, monkeypatch, metric, lr=0.01)
    frames = moved(data(8), start=3)
    frames.counter = brain.hparams.epoch_counter
    train(brain, frames)
    first, before, then, after = [p[metric] for p in brain.schedule.seen]
    assert math.isnan(first)
    assert then > 3 * max(before, after)


def test_windows_keep_the_ends_of_epochs():
    windows, layer = Windows(), torch.nn.Identity()
    for epoch in (0, 100):
        windows.begin()
        with windows.watching(layer, steps=40):
            for step in range(40):
                layer(torch.full((3, 5, 2), float(epoch + step)))
                with torch.no_grad():
                    layer(torch.full((3, 5, 2), -1.0))  # a validation
    for window in windows.of.values():
        sides = {
            side: [float(t[0, 0]) for t in window[side]] for side in window
        }
        assert sides["earlier"] == list(range(24, 40))
        assert sides["first"] == list(range(100, 116))
        assert sides["last"] == list(range(124, 140))
        assert window["first"][0].shape == (3, 2)
    assert not layer._forward_hooks


def test_windows_resume_within_the_first_steps_of_an_epoch():
    windows, layer = Windows(), torch.nn.Identity()
    windows.begin()
    for done in (0, 5):
        with windows.watching(layer, steps=20, done=done):
            for step in range(done, done + 5):
                layer(torch.full((1, 2), float(step)))
    window = windows.of["feature_shift"]
    assert [float(t[0, 0]) for t in window["first"]] == list(range(10))
    assert [float(t[0, 0]) for t in window["last"]] == list(range(4, 10))


@pytest.mark.parametrize("held", [{}, {"feature_shift": {}}, [1], "text"])
def test_windows_that_are_damaged_are_refused(held, tmp_path):
    path = tmp_path / "windows"
    torch.save(held, path)
    before = Windows()
    with pytest.raises(GrowthError, match=str(path)):
        before._load(path)
    assert before.of == Windows().of


def events(brain):
    """The events of a run log"""
    return read_events(brain.hparams.train_logger.run_file)


@pytest.fixture
def epochs_so_far():
    """Registers a measurement of the test, and forgets it"""

    @measurement
    def epochs_so_far(brain):
        """How many validations there were"""
        return len(brain.history)

    yield
    del MEASURES["epochs_so_far"]


def test_a_measurement_of_ones_own(epochs_so_far, tmp_path):
    growth = [
        {
            "on_change": {"metric": "epochs_so_far", "above": 2},
            "dnn_neurons": 13,
        }
    ]
    brain = train(toy(tmp_path, growth=growth))
    assert brain.schedule.sizes["dnn_neurons"] == 13
    assert len(brain.schedule.seen) == 1  # it grew after the third epoch
    # It is no metric, which a growth would measure before and after
    grown = next(e for e in events(brain) if e["event"] == "growth")
    assert set(grown["valid_before"]) == set(grown["valid_after"])
