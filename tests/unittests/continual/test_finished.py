"""Tests that the network of a finished task is taken out as it was

Authors
 * The speechbrain_growth authors 2026
"""

import copy

import pytest
import torch
from hypothesis import (
    given,
    settings,
    strategies as st,
)
from torch import nn

from speechbrain.lobes.models.CRDNN import CRDNN
from speechbrain_growth import MLP, carry
from speechbrain_growth.continual.finished import FinishedTasks
from speechbrain_growth.engine.holding.held import Held
from speechbrain_growth.engine.holding.masks import entering_old_units
from speechbrain_growth.engine.unwrap import state_of


def crdnn(neurons, units, _):
    """A small CRDNN with a bidirectional Li-GRU, and a linear output

    Its channels stay: behind them is a LayerNorm, which averages over all.
    """
    return nn.Sequential(
        CRDNN(
            8,
            cnn_blocks=1,
            cnn_channels=(2,),
            rnn_layers=1,
            rnn_neurons=neurons,
            rnn_bidirectional=True,
            dnn_blocks=1,
            dnn_neurons=units,
            dropout=0.0,
        ),
        nn.Linear(units, 3),
    )


def taken(tasks, task, model, empty):
    """The network of a task, as a model that was built at its sizes."""
    tensors, state = tasks.tensors(task, model), state_of(empty)
    with torch.no_grad():
        for name, tensor in tensors.items():
            state[name].copy_(tensor)
    return empty.eval()


def trained(model, inputs, optimizer, held):
    """Two steps that move every weight that is not held."""
    for _ in range(2):
        optimizer.zero_grad()
        out = model.train()(inputs)
        (out[0] if isinstance(out, tuple) else out).square().mean().backward()
        with held.step():
            optimizer.step()
    return model.eval()


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=6, max_size=6), st.booleans())
def test_logits_are_the_same_bits_after_growths_and_training(more, speech):
    if speech:
        sizes = [(3, 4, 0)]
        build, inputs = crdnn, torch.randn(3, 11, 8)
    else:
        sizes = [(4, 5, 2)]
        inputs = torch.randn(7, 6)

        def build(first, second, third):
            """Three hidden layers with batch norms"""
            return MLP(6, [first, second, third], 3, batch_norm=True)

    for step in (more[:3], more[3:]):
        sizes.append(tuple(a + b for a, b in zip(sizes[-1], step)))
    models = [build(*one) for one in sizes]
    tasks, held = FinishedTasks(), Held(lambda: models[0])
    optimizer = torch.optim.AdamW(models[0].parameters(), lr=0.1)
    trained(models[0], inputs, optimizer, held)
    expected = []
    for number, model in enumerate(models):
        own = [n for n in state_of(model) if "norm" in n or n in HEADS]
        tasks.close(model, {"sizes": sizes[number]}, {}, own)
        with torch.no_grad():
            expected.append(model(inputs))
        if model is models[-1]:
            break
        new = models[number + 1]
        plan = carry(model, new, optimizer, "fresh")
        masks = entering_old_units(plan, new)
        held.modules = lambda new=new: new
        held.grown(plan, new)
        held.hold({n: m for n, m in masks.items() if n not in own}, new)
        tasks.grow(plan, new, {}, {})
        trained(new, inputs, optimizer, held)
    for number, size in enumerate(sizes, start=1):
        network = taken(tasks, number, models[-1], build(*size))
        with torch.no_grad():
            assert torch.equal(network(inputs), expected[number - 1])


HEADS = ("output.weight", "output.bias", "1.weight", "1.bias")


def test_it_follows_layers_that_are_born_and_moved():
    old = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    new = nn.Sequential(
        nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 5), nn.ReLU(), nn.Linear(5, 2)
    )
    tasks = FinishedTasks()
    tasks.close(old, {}, {}, own=[])
    expected = {name: t.clone() for name, t in state_of(old).items()}
    tasks.grow(carry(old, new, symmetry="fresh"), new, {}, {})
    found = tasks.tensors(1, new)
    assert all(torch.equal(found[name], t) for name, t in expected.items())


def test_what_is_not_held_is_read_from_the_present_network():
    """Fine-tuning: only the task's own tensors are as they were."""
    old, new = MLP(3, [4], 2), MLP(3, [6], 2)
    tasks = FinishedTasks(stamps=False)
    tasks.close(old, {"hidden": [4]}, {}, ["output.weight", "output.bias"])
    head = copy.deepcopy(old.output)
    inputs = torch.randn(5, 3)
    expected = old(inputs)
    tasks.grow(carry(old, new), new, {"hidden": [6]}, {})
    assert tasks[1].sizes == {"hidden": [6]}
    torch.testing.assert_close(
        taken(tasks, 1, new, MLP(3, [6], 2))(inputs), expected
    )
    with torch.no_grad():
        new.output.weight.zero_()
    torch.testing.assert_close(
        taken(tasks, 1, new, MLP(3, [6], 2))(inputs), expected
    )
    assert tasks[1].own["output.weight"].shape == (2, 6)
    assert head.weight.shape == (2, 4)


def test_it_is_saved(tmp_path):
    net = MLP(3, [4], 2)
    tasks = FinishedTasks(facts={"stream.seed": 1})
    tasks.close(net, {"hidden": [4]}, {"dropout": 0.1}, ["output.bias"])
    tasks.probes, tasks.begun = [[torch.ones(2)]], 2
    tasks._save(tmp_path / "tasks")
    again = FinishedTasks(facts={"stream.seed": 1})
    again._load(tmp_path / "tasks")
    assert again.begun == 2 and again[1].settings == {"dropout": 0.1}
    assert torch.equal(again.probes[0][0], torch.ones(2))
    assert again[1].places == tasks[1].places and again.stored == 2
    other = FinishedTasks(facts={"stream.seed": 2})
    with pytest.raises(ValueError, match="stream.seed 1, but this run has 2"):
        other._load(tmp_path / "tasks")
