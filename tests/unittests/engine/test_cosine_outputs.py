"""Tests that speakers are added to SpeechBrain's classifier of cosines

The references are torch's own cosine similarity and, for the loss, the formula of
the additive angular margin.

Authors
 * The speechbrain_growth authors 2026
"""

import copy
import math
import warnings

import pytest
import torch
from hypothesis import (
    given,
    settings,
    strategies as st,
)
from torch import nn
from torch.nn.functional import cosine_similarity, normalize

from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN, Classifier
from speechbrain.nnet.losses import AdditiveAngularMargin, LogSoftmaxWrapper
from speechbrain_growth import GrowthError, carry, drift
from speechbrain_growth.engine.carried.new_outputs import comparable

torch.set_num_threads(1)


def head(speakers, blocks=0, units=6):
    """The classifier alone"""
    return Classifier(
        units, lin_blocks=blocks, lin_neurons=units, out_neurons=speakers
    ).double()


def net(speakers, channels=8, units=6):
    """Behind an embedding of sounds"""
    ecapa = ECAPA_TDNN(
        5,
        channels=[channels] * 3 + [3 * channels],
        kernel_sizes=[3, 3, 3, 1],
        dilations=[1, 2, 3, 1],
        attention_channels=4,
        se_channels=4,
        res2net_scale=2,
        lin_neurons=units,
    )
    found = nn.ModuleDict(
        {"embedding": ecapa, "classifier": head(speakers, units=units)}
    )
    return found.double()


def cosines(model, inputs):
    """What a net returns for some sounds"""
    return model["classifier"](model["embedding"](inputs))[:, 0]


sounds = torch.randn(
    7, 20, 5, generator=torch.Generator().manual_seed(0)
).double()
embeddings = torch.randn(
    9, 1, 6, generator=torch.Generator().manual_seed(1)
).double()
families = st.integers(1, 5).flatmap(
    lambda old: st.tuples(
        st.just(old), st.lists(st.integers(0, old - 1), min_size=1, max_size=5)
    )
)


@pytest.mark.parametrize("blocks", [0, 1])
@pytest.mark.parametrize("symmetry", ["shares", "fresh", {"zero_sum": 0.1}])
@settings(max_examples=10, deadline=None, derandomize=True)
@given(old=st.integers(1, 5), more=st.integers(1, 5))
def test_fresh_speakers_leave_old_ones_alone(blocks, symmetry, old, more):
    torch.manual_seed(0)
    small, large = head(old, blocks), head(old + more, blocks)
    built = large.weight.detach().clone()
    carry(small, large, symmetry=symmetry, outputs="fresh")
    assert torch.equal(large.weight[:old], small.weight)
    assert torch.equal(large.weight[old:], built[old:])
    small.eval(), large.eval()
    before, after = small(embeddings), large(embeddings)
    assert after.shape == (9, 1, old + more)
    torch.testing.assert_close(after[..., :old], before, rtol=0, atol=1e-15)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(drawn=families)
def test_old_cosines_keep_all_bits_and_a_child_has_its_parents(drawn):
    old, parents = drawn
    torch.manual_seed(0)
    small, large = head(old), head(old + len(parents))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # said, so nobody is warned of copies
        carry(small, large, outputs={"": parents})
    vectors = embeddings[:, 0]
    for row, source in enumerate([*range(old), *parents]):
        expected = cosine_similarity(vectors, small.weight[source][None])
        found = large(embeddings)[:, 0, row]
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
        # Of one row, so that both multiply matrices of the same sizes
        alone = [
            nn.functional.linear(normalize(vectors), normalize(one[None]))
            for one in (small.weight[source], large.weight[row])
        ]
        assert torch.equal(*alone)


@pytest.mark.parametrize("channels", [8, 12, 16])
def test_channels_and_speakers_grow_together(channels):
    torch.manual_seed(0)
    small, large = net(3), net(5, channels)
    carry(small, large, example=lambda m: cosines(m, sounds), outputs="fresh")
    for mode in (True, False):
        small.train(mode), large.train(mode)
        found = cosines(large, sounds)[:, :3]
        expected = cosines(small, sounds)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_the_loss_is_the_old_one_and_what_new_speakers_take():
    torch.manual_seed(0)
    margin, scale = 0.2, 30
    small, large = head(3), head(5)
    carry(small, large, outputs="fresh")
    loss = LogSoftmaxWrapper(AdditiveAngularMargin(margin, scale))
    target = torch.arange(9) % 3
    found = loss(large(embeddings), target[:, None])
    vectors, rows = embeddings[:, 0], small.weight.detach()
    old = cosine_similarity(vectors[:, None], rows[None], dim=-1)
    new = cosine_similarity(vectors[:, None], large.weight[None, 3:], dim=-1)
    own = old.gather(1, target[:, None])
    angles = own.acos() + margin
    # Beyond pi the cosine would rise again, and the margin is subtracted
    bent = torch.where(
        own > math.cos(math.pi - margin),
        angles.cos(),
        own - margin * math.sin(math.pi - margin),
    )
    logits = torch.cat([old.scatter(1, target[:, None], bent), new], 1) * scale
    expected = nn.functional.cross_entropy(logits, target)
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-4)


OPTIMIZERS = {
    "Adam": (torch.optim.Adam, {"exp_avg": None, "exp_avg_sq": "mean"}),
    "SGD": (
        lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9),
        {"momentum_buffer": None},
    ),
    "Adadelta": (
        torch.optim.Adadelta,
        {"square_avg": "mean", "acc_delta": "mean"},
    ),
}


def trained(make):
    """A head of three speakers and its optimizer, after two steps"""
    torch.manual_seed(0)
    model = head(3)
    optimizer = make(model.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        logits = 30 * model(embeddings)[:, 0]
        nn.functional.cross_entropy(logits, torch.arange(9) % 3).backward()
        optimizer.step()
    return model, optimizer


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("outputs", ["fresh", {"": [1, 1]}], ids=str)
def test_the_optimizer_knows_old_rows_and_parents(name, outputs):
    make, entries = OPTIMIZERS[name]
    small, optimizer = trained(make)
    before = copy.deepcopy(optimizer.state[small.weight])
    grad = small.weight.grad.clone()
    large = head(5)
    carry(small, large, optimizer, outputs=outputs)
    state = optimizer.state[large.weight]
    for entry, fresh in entries.items():
        assert before[entry].any()
        expected = before[entry][[0, 1, 2, 1, 1]]
        if outputs == "fresh":
            mean = before[entry].mean(0) if fresh else 0
            expected[3:] = mean
        torch.testing.assert_close(state[entry], expected, rtol=1e-12, atol=0)
        assert torch.equal(state[entry][:3], before[entry])
    expected = grad[[0, 1, 2, 1, 1]]
    expected[3:] *= outputs != "fresh"
    assert torch.equal(large.weight.grad, expected)
    # Copies of a speaker part as soon as one has an example of its own
    optimizer.zero_grad()
    logits = 30 * large(embeddings)[:, 0]
    nn.functional.cross_entropy(logits, torch.arange(9) % 5).backward()
    optimizer.step()
    assert large.weight.isfinite().all()
    assert not torch.equal(large.weight[3], large.weight[4])


REFUSED = {
    "no parent": (
        lambda: (head(3), head(5)),
        {"": [1, None]},
        "model: gives cosines, and no cosine gives an output without a parent",
    ),
    "no parent, inside": (
        lambda: (net(3), net(5)),
        {"classifier": [None, None]},
        "classifier: gives cosines.* or use outputs: fresh",
    ),
    "too few": (
        lambda: (head(3), head(5)),
        {"": [1]},
        "found 1 parents, but the layer gets 2 new outputs",
    ),
    "no index": (
        lambda: (head(3), head(5)),
        {"": [3, 0]},
        "found the parents 3, which are no index of its 3 old outputs",
    ),
    "a larger embedding": (
        lambda: (net(3), net(5, units=8)),
        "fresh",
        "classifier: divides embedding.fc.conv channels 6 -> 8 by their norm.*"
        "; keep the size of the embedding",
    ),
    "wider blocks": (
        lambda: (head(3, 1), Classifier(6, "cpu", 1, 8, 5).double()),
        "fresh",
        "divides blocks.1.w units 6 -> 8 by their norm",
    ),
    "fewer speakers": (
        lambda: (head(5), head(3)),
        "fresh",
        "5 speakers cannot shrink to 3",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("symmetry", ["shares", "fresh"])
def test_refused_before_anything_changes(what, symmetry):
    build, outputs, message = REFUSED[what]
    old, new = build()
    optimizer = torch.optim.SGD(old.parameters(), lr=0.1)
    before = copy.deepcopy(new.state_dict())
    with pytest.raises(GrowthError, match=message):
        carry(old, new, optimizer, symmetry, outputs=outputs)
    assert all(torch.equal(before[k], v) for k, v in new.state_dict().items())
    held = optimizer.param_groups[0]["params"]
    assert [id(p) for p in held] == [id(p) for p in old.parameters()]


@pytest.mark.parametrize("outputs", ["fresh", {"": [1, 1]}], ids=str)
def test_the_probe_compares_old_columns(outputs):
    torch.manual_seed(0)
    small, large = head(3), head(5)
    plan = carry(small, large, outputs=outputs)
    before = small(embeddings)
    assert drift(*comparable(before, large(embeddings), plan)) < 1e-15
    with torch.no_grad():
        large.weight[2] += 0.1
    assert drift(*comparable(before, large(embeddings), plan)) > 1e-3
    if outputs == "fresh":  # what new ones say is no drift
        with torch.no_grad():
            large.weight[2] -= 0.1
            large.weight[3:] *= -1
        assert drift(*comparable(before, large(embeddings), plan)) < 1e-15
