"""Random forwards grow exactly, or are refused with nothing changed.

Each program is built in two sizes, of first layers, random steps on the tensors
that leave them, perhaps a second branch, and last layers.

Authors
 * The speechbrain_growth authors 2026
"""

import copy
from collections import Counter

import pytest
import torch
from hypothesis import (
    given,
    settings,
    strategies as st,
)
from programs import program

from speechbrain_growth import GrowthError, carry

PROGRAMS = 520  # for each way; more than 2000 together
# How new units begin, and the least part of the programs that must be exact;
# fresh units are in no average
WAYS = [("shares", 1 / 3), ("fresh", 1 / 4), ("pairs", 1 / 4)]
WAYS += [({"zero_sum": 0.1}, 1 / 3)]
INFINITE = float("inf")
SMALL = 1e-3  # outputs are no smaller, or count as such


def outputs(model, inputs):
    """What a model returns in eval mode and in training, without a trace"""
    with torch.no_grad():
        return [copy.deepcopy(model).train(t)(inputs) for t in (False, True)]


def carried(old, new, inputs, way):
    """Carries one model into another; returns why not, or how far they are

    The proof that ``carry`` makes on its example is left out, as it would hide
    what the rules do not know.
    """
    expected = outputs(old, inputs)
    before = [copy.deepcopy(one.state_dict()) for one in (old, new)]
    try:
        carry(old, new, example=inputs, symmetry=way, tolerance=INFINITE)
    except GrowthError as error:
        changed, far = (old, new), str(error)
        assert len(far) > 20
    else:
        changed, far = (old,), 0.0
        for one, other in zip(expected, outputs(new, inputs)):
            scale = max(one.abs().max().item(), SMALL)
            far = max(far, (one - other).abs().max().item() / scale)
    for model, state in zip(changed, before):
        for name, tensor in model.state_dict().items():
            assert torch.equal(state[name], tensor), name
    return far


@pytest.mark.parametrize("number", range(len(WAYS)))
def test_a_random_program_is_exact_or_refused(number):
    found, (way, least) = Counter(), WAYS[number]

    @settings(max_examples=PROGRAMS, deadline=None, derandomize=True)
    @given(st.binary(min_size=20, max_size=50))
    def run(choices):
        """Grows one program"""
        made = program([one + 59 * number for one in choices])  # others each
        if made is None:
            return
        old, new, inputs, names = made
        far = carried(old, new, inputs, way)
        assert isinstance(far, str) or far < 1e-10, f"{names}: {far}"
        found[isinstance(far, str)] += 1

    run()
    assert found[False] > least * (found[False] + found[True]), found
