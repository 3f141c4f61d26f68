"""Tests for maps that layers share: what a map is made of, and what is tied

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

from speechbrain_growth.engine.births.symmetry import Symmetry
from speechbrain_growth.engine.maps.ties import Maps
from speechbrain_growth.engine.maps.undoing import block_of
from speechbrain_growth.engine.maps.widths import (
    concat,
    identity,
    repeat_each,
    replicate,
    same,
)

MANY = settings(max_examples=60, deadline=None, derandomize=True)


@pytest.fixture
def maps():
    """Maps of random copies"""
    return Maps(Symmetry(), torch.Generator().manual_seed(0))


def both(maps, name, old=4, new=6):
    """Both directions of a bidirectional layer, each with a map of its own"""
    ways = [maps.draw(f"{name} {way}", old, new) for way in ("there", "back")]
    return concat(*ways, label=f"both of {name}")


def test_a_map_is_drawn_once(maps):
    one, other = (maps.draw("units", 4, 6) for _ in range(2))
    assert one is other and not maps.changed
    assert not same(one, maps.draw("more units", 4, 6))


def test_two_layers_are_tied(maps):
    first, second = maps.draw("first", 4, 6), maps.draw("second", 4, 6)
    assert same(maps.tie(first, second), first) and maps.changed
    assert same(maps.draw("second", 4, 6), first)
    maps.changed = False
    assert same(maps.tie(first, maps.draw("second", 4, 6)), first)
    assert not maps.changed


def test_two_layers_are_tied_part_by_part(maps):
    one, other = both(maps, "one"), both(maps, "other")
    assert same(maps.tie(one, other), one) and maps.changed
    assert same(both(maps, "other"), one)
    there, back = (maps.draw(f"other {w}", 4, 6) for w in ("there", "back"))
    assert not same(there, back)


def test_a_layer_is_tied_to_what_two_others_draw(maps):
    one, linear = both(maps, "one"), maps.draw("linear", 8, 12)
    assert same(maps.tie(linear, one), one)
    assert same(maps.draw("linear", 8, 12), one)
    # and follows when one of the two is tied in its turn
    third = maps.draw("third", 4, 6)
    maps.tie(third, maps.draw("one back", 4, 6))
    found = maps.draw("linear", 8, 12)
    assert same(found, concat(maps.draw("one there", 4, 6), third))


def test_a_layer_is_tied_to_inputs(maps):
    inputs, own = identity(4, "inputs"), maps.draw("own", 4, 4)
    assert maps.tie(inputs, own) is inputs  # both are the identity
    swapped = inputs._replace(source=torch.tensor([1, 0, 2, 3]))
    assert same(maps.tie(swapped, own), swapped)
    assert same(maps.draw("own", 4, 4), swapped)


def test_blocks_of_two_tied_layers_are_kept(maps):
    first, second = maps.draw("first", 4, 8), maps.draw("second", 4, 8, 2)
    assert block_of(second, 2, 1) is not None
    tied = maps.tie(first, second)
    assert block_of(tied, 2, 1) is not None
    assert same(maps.draw("first", 4, 8, 2), maps.draw("second", 4, 8, 2))


def test_other_layouts_are_split_until_they_fit(maps):
    halves = replicate(both(maps, "two", 2, 3), 2)
    tied = maps.tie(both(maps, "one"), halves)
    assert same(tied, both(maps, "one")) and maps.changed
    assert same(tied, replicate(both(maps, "two", 2, 3), 2))


def test_layouts_that_cannot_fit_are_not_tied(maps):
    odd = concat(maps.draw("many", 3, 7), maps.draw("few", 5, 5))
    assert maps.tie(both(maps, "one"), odd) is None


def test_parts_are_cut_and_tied_one_by_one(maps):
    """As queries, keys and values of one layer, with fewer keys"""
    sizes = [(4, 8), (2, 4), (2, 4)]
    queries, keys, values = maps.cut(maps.draw("all", 8, 16), sizes)
    heads = [maps.formed(w, 1, 2) for w in (queries, keys, values)]
    assert maps.tie(repeat_each(heads[1], 2), heads[0]) is not None
    assert maps.tie(heads[1], heads[2]) is not None
    queries, keys, values = maps.cut(maps.draw("all", 8, 16), sizes)
    assert same(keys, values) and same(
        repeat_each(block_of(keys, 1, 2), 2), block_of(queries, 1, 2)
    )
    assert maps.cut(maps.draw("all", 8, 16), [(5, 3), (3, 13)]) is None


@MANY
@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))
def test_what_a_map_is_made_of_survives(times, blocks, each):
    maps = Maps(Symmetry(), torch.Generator().manual_seed(0))
    width = repeat_each(both(maps, "one"), times)
    parts = width.drawn_by
    assert [number for _, number in parts] == [times, times]
    larger = replicate(repeat_each(width, each), blocks)
    found = block_of(larger, blocks, each)
    assert found.drawn_by == parts and same(found, width)


def test_a_map_of_no_layer_is_made_of_nothing(maps):
    drawn, inputs = maps.draw("units", 4, 6), identity(3)
    assert concat(drawn, inputs).drawn_by is None
    assert replicate(inputs, 2).drawn_by is None
