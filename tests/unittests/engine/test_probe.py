"""Tests that drift is the largest relative difference of two outputs

Authors
 * The speechbrain_growth authors 2026
"""

import pytest
import torch

from speechbrain_growth.engine.probe import (
    all_bits,
    drift,
    repeatable,
    tensors_in,
)

NAN, INF = float("nan"), float("inf")
ONE = torch.tensor([1.0, -4.0])
# before, after, drift
DRIFTS = [
    (ONE, ONE.clone(), 0.0),
    (ONE, torch.tensor([1.0, -3.0]), 0.25),
    (ONE, torch.tensor([3.0, -4.0]), 0.5),
    (ONE, torch.tensor([1.0, 4.0]), 2.0),
    # each tensor is measured against its own largest value; the worst counts
    ([ONE, 10 * ONE], [ONE + 1, 10 * ONE + 1], 0.25),
    ((ONE, [ONE]), (ONE, [torch.tensor([1.0, 0.0])]), 1.0),
    ({"a": ONE, "b": ONE}, {"a": ONE, "b": ONE / 2}, 0.5),
    # an output of zeros has no scale of its own
    (torch.zeros(2), torch.tensor([0.0, 0.5]), 0.5),
    # lengths and other whole numbers are no outputs
    ((ONE, torch.tensor([1, 2])), (ONE, torch.tensor([3, 4])), 0.0),
    ((ONE, None, "text"), (ONE, 3, None), 0.0),
    # a class that cannot be chosen
    (torch.tensor([2.0, -INF]), torch.tensor([1.0, -INF]), 0.5),
    # what cannot be compared
    (torch.tensor([2.0, -INF]), torch.tensor([2.0, 0.0]), INF),
    (torch.tensor([2.0, 0.0]), torch.tensor([2.0, -INF]), INF),
    (ONE, torch.tensor([1.0, NAN]), INF),
    (ONE, torch.tensor([INF, -4.0]), INF),
    (ONE * NAN, ONE * NAN, INF),
    (ONE, ONE[:1], INF),
    (ONE, ONE[None], INF),
    ([ONE, ONE], [ONE], INF),
    (ONE, None, INF),
    (None, None, INF),
    (torch.tensor([1, 2]), torch.tensor([1, 2]), INF),
]
# Strict, so that whoever mends a mistake removes its mark here
MISTAKES = [
    (torch.tensor([1.0, NAN]), ONE),
    (torch.tensor([1.0, INF]), ONE),
    ([ONE], [ONE, ONE]),
]


@pytest.mark.parametrize("before, after, expected", DRIFTS)
def test_drift_is_the_largest_relative_difference(before, after, expected):
    assert drift(before, after) == expected


@pytest.mark.parametrize("before, after", MISTAKES)
def test_what_cannot_be_compared_is_infinitely_far(before, after):
    assert drift(before, after) == INF


def test_drift_in_half_precision():
    before, after = ONE.half(), torch.tensor([1.0, -3.0]).bfloat16()
    assert drift(before, after.half()) == 0.25


def test_all_floating_point_tensors_are_found():
    outputs = {"a": [ONE, (ONE, torch.tensor(3))], "b": {"c": ONE}, "d": 1.0}
    assert len(tensors_in(outputs)) == 3


@pytest.mark.parametrize("enabled", [False, True])
def test_repeatable_forwards_are_precise_and_use_cudnn_if_others_do(enabled):
    cudnn = torch.backends.cudnn
    with cudnn.flags(enabled=enabled, allow_tf32=True):
        with repeatable():
            assert cudnn.enabled is enabled and not cudnn.allow_tf32
        assert cudnn.enabled is enabled and cudnn.allow_tf32


def read():
    """All settings by which torch may round float32 on a GPU."""
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    found = {"deterministic": cudnn.deterministic}
    for name, place, attribute in (
        ("backends", torch.backends, "fp32_precision"),
        ("products", matmul, "fp32_precision"),
        ("convolutions", cudnn.conv, "fp32_precision"),
        ("recurrences", cudnn.rnn, "fp32_precision"),
        ("old products", matmul, "allow_tf32"),
        ("old cudnn", cudnn, "allow_tf32"),
    ):
        try:
            found[name] = getattr(place, attribute)
        except RuntimeError:  # once others were set, it cannot be read
            found[name] = "unknown"
    return found


# As a user may have set them, before or since torch 2.9; then as they are first
SETTINGS = [
    [("cuda.matmul", "allow_tf32", True), ("cudnn", "allow_tf32", True)],
    [("cuda.matmul", "fp32_precision", "tf32")],
    [("cudnn.conv", "fp32_precision", "tf32")],
    [("", "fp32_precision", "tf32"), ("cuda.matmul", "fp32_precision", "none")],
    [("cudnn", "deterministic", False)],
]


@pytest.mark.parametrize("settings", SETTINGS)
def test_all_bits_are_kept_however_torch_is_set(settings):
    with all_bits():  # restores what is set here
        first = torch.backends.fp32_precision
        try:
            for path, name, value in settings:
                place = torch.backends
                for part in filter(None, path.split(".")):
                    place = getattr(place, part)
                setattr(place, name, value)
            before = read()
            with all_bits():
                inside = read()
            assert read() == before
        finally:
            torch.backends.fp32_precision = first
    for name in ("products", "convolutions", "recurrences"):
        assert inside[name] == "ieee"
    assert inside["deterministic"] is True
    # and who asks in the old way gets an answer
    assert inside["old products"] is inside["old cudnn"] is False
