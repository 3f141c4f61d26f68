"""Tests for width maps: shares, copies, and the algebra of flattened layouts

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

from speechbrain.nnet.linear import Linear
from speechbrain_growth.engine.maps import widths
from speechbrain_growth.engine.maps.widths import (
    WidthMap,
    concat,
    identity,
    repeat_each,
    replicate,
    widen,
)

PAIRS = [(1, 1), (1, 5), (3, 3), (4, 6), (4, 8), (5, 9), (5, 14), (7, 21)]
MANY = settings(max_examples=100, deadline=None, derandomize=True)
UNITS = st.integers(1, 9)
EXTRA = st.integers(0, 30)


@st.composite
def maps(draw):
    """A random map"""
    old = draw(UNITS)
    return seeded(old, old + draw(EXTRA), seed=draw(st.integers(0, 99)))


def seeded(old, new, equal=False, seed=0):
    """A map whose randomness is fixed"""
    shares = widths.equal if equal else widths.drawn_between_1_and_2
    return widen(old, new, torch.Generator().manual_seed(seed), shares)


def copies(width):
    """Shares of each old unit's copies, as plain numbers"""
    groups = [[] for _ in range(width.old)]
    for unit, share in zip(width.source.tolist(), width.share.tolist()):
        groups[unit].append(share)
    return groups


def same(one, other):
    """Whether two maps are equal, bit for bit"""
    return (
        torch.equal(one.source, other.source)
        and torch.equal(one.share, other.share)
        and one.old == other.old
    )


def grown(tensor, width, dim):
    """A tensor whose axis was copied and shared, by torch alone"""
    shape = [1] * tensor.ndim
    shape[dim] = -1
    return tensor.index_select(dim, width.source) * width.share.view(shape)


@pytest.mark.parametrize("equal", [False, True])
@pytest.mark.parametrize("old, new", PAIRS)
def test_shares_of_one_unit_sum_to_one(old, new, equal):
    width = seeded(old, new, equal)
    assert (width.old, width.new, len(width.share)) == (old, new, new)
    assert all(abs(sum(group) - 1) < 1e-15 for group in copies(width))


@pytest.mark.parametrize("old, new", PAIRS)
def test_copies_differ_by_at_most_one(old, new):
    counts = [len(group) for group in copies(seeded(old, new))]
    assert sum(counts) == new
    assert max(counts) - min(counts) == (1 if new % old else 0)
    assert seeded(old, new).counts.tolist() == counts


@pytest.mark.parametrize("old, new", PAIRS)
def test_old_units_come_first_and_in_place(old, new):
    assert seeded(old, new).source[:old].tolist() == list(range(old))


@pytest.mark.parametrize("old, new", PAIRS)
def test_shares_are_unequal_within_a_factor_of_two(old, new):
    for group in copies(seeded(old, new)):
        assert len(set(group)) == len(group)
        assert max(group) <= 2 * min(group)


@pytest.mark.parametrize("old, new", PAIRS)
def test_equal_shares_are_equal(old, new):
    for group in copies(seeded(old, new, equal=True)):
        assert group == [1 / len(group)] * len(group)


@MANY
@given(UNITS, EXTRA, st.booleans(), st.integers(0, 99))
def test_every_random_map_keeps_the_laws(old, extra, equal, seed):
    width = seeded(old, old + extra, equal, seed)
    groups = copies(width)
    counts = [len(group) for group in groups]
    assert max(counts) - min(counts) <= 1
    assert all(abs(sum(group) - 1) < 1e-14 for group in groups)
    assert all(max(group) <= 2 * min(group) for group in groups)
    assert width.source[:old].tolist() == list(range(old))
    assert width.is_identity == (extra == 0)


def test_which_units_are_copied_is_random():
    drawn = {tuple(seeded(8, 11, seed=s).source.tolist()) for s in range(20)}
    assert len(drawn) > 10


def test_the_generator_alone_decides():
    torch.manual_seed(0)
    one = seeded(5, 12, seed=3)
    torch.manual_seed(1)
    assert same(one, seeded(5, 12, seed=3))
    assert not same(one, seeded(5, 12, seed=4))


def test_a_permutation_is_no_identity():
    swapped = WidthMap(torch.tensor([1, 0]), torch.ones(2).double(), 2)
    assert not swapped.is_identity
    assert identity(2).is_identity


def test_a_map_says_what_it_is():
    assert str(widen(4, 6, label="cells")) == "cells 4 -> 6"
    assert str(identity(4, "cells")) == "cells 4"
    assert str(identity(4)) == "4"


@MANY
@given(maps(), maps(), maps())
def test_concat_is_associative(a, b, c):
    joined = concat(concat(a, b), c)
    assert same(joined, concat(a, concat(b, c)))
    assert (joined.old, joined.new) == (
        a.old + b.old + c.old,
        a.new + b.new + c.new,
    )


@MANY
@given(maps())
def test_concat_has_an_identity(a):
    nothing = identity(0)
    assert same(concat(a, nothing), a) and same(concat(nothing, a), a)
    assert same(concat(a), a)


@pytest.mark.parametrize("repeat", [replicate, repeat_each])
@MANY
@given(maps(), st.integers(1, 4), st.integers(1, 4))
def test_repeating_is_associative(repeat, a, m, n):
    assert same(repeat(repeat(a, m), n), repeat(a, m * n))


@pytest.mark.parametrize("repeat", [replicate, repeat_each])
@MANY
@given(maps())
def test_repeating_has_an_identity(repeat, a):
    assert same(repeat(a, 1), a)


@MANY
@given(UNITS, UNITS)
def test_blocks_of_identities_are_identities(m, n):
    assert same(concat(identity(m), identity(n)), identity(m + n))
    assert same(replicate(identity(m), n), identity(m * n))
    assert same(repeat_each(identity(m), n), identity(m * n))


@MANY
@given(maps(), maps())
def test_concat_maps_each_block_by_itself(a, b):
    x, y = torch.randn(3, a.old).double(), torch.randn(3, b.old).double()
    together = grown(torch.cat([x, y], 1), concat(a, b), 1)
    assert torch.equal(together, torch.cat([grown(x, a, 1), grown(y, b, 1)], 1))


@MANY
@given(maps(), st.integers(1, 6))
def test_replicate_is_column_f_times_c_plus_c(width, times):
    block = replicate(width, times)
    columns = [
        f * width.old + c for f in range(times) for c in width.source.tolist()
    ]
    assert block.source.tolist() == columns
    assert block.share.tolist() == width.share.tolist() * times


@MANY
@given(maps(), st.integers(1, 6))
def test_replicate_is_how_speechbrain_flattens(width, times):
    signal = torch.randn(2, 3, times, width.old)
    larger = signal[..., width.source]
    flat = [flatten_of_speechbrain(x) for x in (signal, larger)]
    assert torch.equal(flat[0][..., replicate(width, times).source], flat[1])


@MANY
@given(maps(), st.integers(1, 6))
def test_repeat_each_is_how_torch_flattens(width, times):
    flatten = torch.nn.Flatten()
    signal = torch.randn(2, width.old, times).double()
    larger = grown(signal, width, 1)
    assert torch.equal(
        grown(flatten(signal), repeat_each(width, times), 1), flatten(larger)
    )


def flatten_of_speechbrain(signal):
    """What its linear layer makes of (batch, time, frequency, channel)"""
    units = signal.shape[2] * signal.shape[3]
    layer = Linear(units, signal.shape, bias=False, combine_dims=True)
    torch.nn.init.eye_(layer.w.weight)
    return layer(signal).detach()
