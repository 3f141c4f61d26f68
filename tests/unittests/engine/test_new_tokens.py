"""Tests that tokens are added to an embedding, tied with the last layer or not

The references are rows of torch's own embedding, and its softmax.

Authors
 * The speechbrain_growth authors 2026
"""

import copy
import math

import pytest
import torch
from torch import nn

from speechbrain.nnet import embedding as speechbrain_embedding
from speechbrain_growth import GrowthError, carry

torch.set_num_threads(1)
OLD, NEW, PARENTS = 5, 8, [1, 1, None]
spoken = torch.arange(10).view(2, 5) % OLD  # of the old tokens


class Net(nn.Module):
    """Reads tokens and says the next"""

    def __init__(self, tokens, units=4, bias=True, tied=False, **options):
        super().__init__()
        self.embed = nn.Embedding(tokens, units, **options)
        self.norm = nn.LayerNorm(units)
        self.hidden = nn.GRU(units, 4, batch_first=True)
        self.back = nn.Linear(4, units)
        self.last_norm = nn.LayerNorm(units)
        self.last = nn.Linear(units, tokens, bias)
        if tied:
            self.last.weight = self.embed.weight
        self.double()

    def forward(self, tokens):
        read = self.hidden(self.norm(self.embed(tokens)))[0]
        return self.last(self.last_norm(self.back(read)))


class Function(Net):
    """The same with a function in the place of the last layer"""

    def forward(self, tokens):
        read = self.hidden(self.norm(self.embed(tokens)))[0]
        read = self.last_norm(self.back(read))
        return nn.functional.linear(read, self.embed.weight, self.last.bias)


def pair(kind=Net, units=4, **options):
    """A trained net of few tokens, one of more, and the weights as built"""
    torch.manual_seed(0)
    old = kind(OLD, **options)
    larger = {"units": units} if units != 4 else {}
    new = kind(NEW, **larger, **options)
    optimizer = torch.optim.Adam(old.parameters(), lr=0.01)
    for _ in range(2):
        optimizer.zero_grad()
        logits = old(spoken).flatten(0, 1)
        nn.functional.cross_entropy(logits, spoken.flatten()).backward()
        optimizer.step()
    return old, new, copy.deepcopy(new.state_dict()), optimizer


def sums(old, new):
    """What each old token became says as often as it did, of old tokens"""
    before, after = old(spoken).softmax(-1), new(spoken).softmax(-1)
    families = after[..., :OLD].clone()
    for child, parent in enumerate(PARENTS, start=OLD):
        if parent is not None:
            families[..., parent] += after[..., child]
    torch.testing.assert_close(families, before, rtol=0, atol=1e-8)
    assert after[..., -1].max() < 1e-7


@pytest.mark.parametrize("units", [4, 6])
@pytest.mark.parametrize(
    "symmetry, said, tied",
    [
        ("shares", "fresh", False),
        ("fresh", "fresh", False),
        ("fresh", None, False),
        ("shares", "fresh", True),
        ("fresh", "fresh", True),
        ("shares", None, True),
        ("fresh", None, True),
    ],
)
def test_new_tokens_are_as_built(symmetry, said, tied, units):
    old, new, built, optimizer = pair(units=units, tied=tied)
    way = {"outputs": said, "fold": 5, "example": spoken}
    carry(old, new, optimizer, symmetry, **way)
    rows = new.embed.weight
    assert torch.equal(rows[:OLD, :4], old.embed.weight)
    assert torch.equal(rows[OLD:, :4], built["embed.weight"][OLD:, :4])
    assert (new.last.weight is rows) == tied
    # LayerNorms that weigh their units are exact until they fold
    before, after = (model(spoken)[..., :OLD] for model in (old, new))
    torch.testing.assert_close(after, before, rtol=0, atol=1e-12)
    state = optimizer.state[rows]
    assert state["exp_avg"].shape == rows.shape
    assert not state["exp_avg"][OLD:].any()
    assert (state["exp_avg_sq"][OLD:, :4] > 0).any()


def test_without_more_units_old_rows_keep_their_state():
    old, new, _, optimizer = pair()
    before = copy.deepcopy(optimizer.state[old.embed.weight])
    carry(old, new, optimizer, outputs="fresh", example=spoken)
    state = optimizer.state[new.embed.weight]
    for entry in ("exp_avg", "exp_avg_sq"):
        assert torch.equal(state[entry][:OLD], before[entry])
        mean = before[entry].mean(0) * (entry == "exp_avg_sq")
        torch.testing.assert_close(state[entry][OLD:], mean.expand(3, -1))


@pytest.mark.parametrize("units", [4, 6])
def test_a_token_that_splits_is_read_as_its_parent(units):
    old, new, built, optimizer = pair(units=units)
    before = optimizer.state[old.embed.weight]["exp_avg"].clone()
    outputs = {"embed": PARENTS, "last": PARENTS}
    way = {"outputs": outputs, "fold": 5, "example": spoken}
    carry(old, new, optimizer, **way)
    rows = new.embed.weight
    assert torch.equal(rows[5:7, :4], old.embed.weight[[1, 1]])
    assert torch.equal(rows[7, :4], built["embed.weight"][7, :4])
    sums(old, new)
    # A child that is heard in the place of its parent says the same next
    heard = torch.where(spoken == 1, 6, spoken)
    torch.testing.assert_close(new(heard), new(spoken), rtol=0, atol=1e-12)
    if units == 4:
        state = optimizer.state[rows]["exp_avg"]
        thirds = before[1].expand(3, -1) / 3
        torch.testing.assert_close(state[[1, 5, 6]], thirds)


@pytest.mark.parametrize("units", [4, 6])
def test_tied_tokens_split_as_outputs_do(units):
    old, new, _, optimizer = pair(units=units, tied=True)
    way = {"outputs": {"last": PARENTS}, "fold": 5, "example": spoken}
    carry(old, new, optimizer, **way)
    assert new.last.weight is new.embed.weight
    assert torch.equal(new.last.weight[5:7, :4], old.last.weight[[1, 1]])
    assert not new.last.weight[7].any() and new.last.bias[7] == -20
    lower = old.last.bias[1] - math.log(3)
    assert torch.equal(new.last.bias[[1, 5, 6]], lower.expand(3))
    sums(old, new)


def rules(tokens, tied=True):
    """Layers in a row, so that no forward need be read"""
    net = nn.Sequential(nn.Embedding(tokens, 4), nn.Linear(4, tokens))
    net[1].weight = net[0].weight
    return net.double()


@pytest.mark.parametrize("said", [None, "fresh"])
@pytest.mark.parametrize(
    "kind, embed", [(Function, "embed"), (rules, "0")], ids=["read", "rules"]
)
def test_tied_rows_are_found_wherever_they_are_used(kind, embed, said):
    old, new, built, optimizer = pair(kind, tied=True)
    carry(old, new, optimizer, outputs=said, example=spoken)
    rows = new.get_submodule(embed).weight
    assert torch.equal(rows[OLD:], built[f"{embed}.weight"][OLD:])
    before, after = (model(spoken)[..., :OLD] for model in (old, new))
    torch.testing.assert_close(after, before, rtol=0, atol=1e-12)


def test_the_padding_stays_zero():
    old, new, _, optimizer = pair(padding_idx=0)
    carry(old, new, optimizer, outputs="fresh", example=spoken)
    assert not new.embed.weight[0].any()
    assert new.embed.padding_idx == 0


@pytest.mark.parametrize("kind", [nn.Embedding, nn.EmbeddingBag])
def test_an_embedding_that_is_only_read_gets_tokens(kind):
    torch.manual_seed(0)
    old = nn.Sequential(kind(OLD, 3), nn.Linear(3, 2)).double()
    new = nn.Sequential(kind(NEW, 3), nn.Linear(3, 2)).double()
    built = new[0].weight.detach().clone()
    carry(old, new, example=spoken)
    assert torch.equal(new[0].weight[:OLD], old[0].weight)
    assert torch.equal(new[0].weight[OLD:], built[OLD:])
    assert torch.equal(old(spoken), new(spoken))


def test_frozen_tokens_stay_and_new_ones_learn():
    old, new, _, optimizer = pair()
    way = {"freeze": ["embed"], "outputs": "fresh", "example": spoken}
    plan = carry(old, new, optimizer, "fresh", **way)
    before = new.embed.weight.detach().clone()
    logits = new(spoken + 3).flatten(0, 1)
    nn.functional.cross_entropy(logits, spoken.flatten()).backward()
    with plan.held.step():
        optimizer.step()
    assert torch.equal(new.embed.weight[:OLD], before[:OLD])
    assert (new.embed.weight[OLD:] != before[OLD:]).all()


def one_hot(tokens):
    """SpeechBrain's embedding that learns nothing"""
    embed = speechbrain_embedding.Embedding(tokens, consider_as_one_hot=True)
    return nn.Sequential(embed, nn.Linear(tokens - 1, 2))


REFUSED = {
    "fewer tokens": (
        lambda: (Net(NEW), Net(OLD)),
        None,
        "embed: 8 tokens cannot shrink to 5",
    ),
    "one-hot": (
        lambda: (one_hot(5), one_hot(8)),
        None,
        "0: is one-hot, so that its 4 numbers .*: False, or keep their number",
    ),
    "a tied layer, by its embedding": (
        lambda: (Net(OLD, tied=True), Net(NEW, tied=True)),
        {"embed": PARENTS},
        "embed: its rows are those of the model's outputs, too; name the layer",
    ),
    "nothing that could be split": (
        lambda: (Net(OLD, bias=False), Net(NEW, bias=False)),
        {"last": PARENTS},
        "last: has no bias, .* or use outputs: fresh",
    ),
    "different parents of one tensor": (
        lambda: (Net(OLD, tied=True), Net(NEW, tied=True)),
        {"last": PARENTS, "embed": [0, 0, 0]},
        "last.weight: is the same tensor as embed.weight, but would grow diff",
    ),
    "a padding that would move": (
        lambda: (Net(OLD, padding_idx=-1), Net(NEW, padding_idx=-1)),
        None,
        "embed: its padding_idx 4 would become 7; keep it",
    ),
    "too few parents": (
        lambda: (Net(OLD), Net(NEW)),
        {"embed": [1]},
        "embed: found 1 parents, but the layer gets 3 new outputs",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused_before_anything_changes(what):
    build, outputs, message = REFUSED[what]
    old, new = build()
    before = copy.deepcopy(new.state_dict())
    with pytest.raises(GrowthError, match=message):
        carry(old, new, symmetry="fresh", example=spoken, outputs=outputs)
    assert all(torch.equal(before[k], v) for k, v in new.state_dict().items())
