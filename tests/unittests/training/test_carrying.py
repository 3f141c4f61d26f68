"""Tests what a Brain carries: nothing that a resumed run would lose

Authors
 * The speechbrain_growth authors 2026
"""

import warnings

import pytest
import torch
from torch import nn

from speechbrain.processing.features import InputNormalization
from speechbrain_growth import GrowthError, MidFoldWarning
from speechbrain_growth.schedule.growth import parse
from speechbrain_growth.training.afterwards.transition import Transition
from speechbrain_growth.training.carrying import carry_modules

torch.set_num_threads(1)


def modules(n, table=None):
    """A model that may hold a table"""
    model = nn.Sequential(nn.Linear(3, n), nn.LayerNorm(n), nn.Linear(n, 2))
    if table is not None:
        model.register_buffer("table", table, persistent=False)
    return nn.ModuleDict({"model": model})


def grown(old, new, shape=(2, 3)):
    """Carries them as a growth of a schedule does"""
    (growth,) = parse([{"after_epoch": 1, "units": 6, "fold": 3}])

    def run(both):
        """What a Brain does with a batch"""
        return both["model"](torch.ones(shape))

    return carry_modules(old, new, growth, 0, run)


def test_a_tensor_that_no_checkpoint_has_is_named():
    old, new = modules(4, torch.ones(5)), modules(6, torch.zeros(5))
    with pytest.raises(GrowthError, match=r"^model\.table: .*; register it"):
        grown(old, new)


def test_statistics_that_no_checkpoint_has_are_named():
    old, new = modules(4), modules(6)
    for model in (old["model"], new["model"]):
        model.append(InputNormalization())
    old["model"][3](torch.randn(4, 5, 2))
    old.eval()
    with pytest.raises(GrowthError) as error:
        grown(old, new, (2, 5, 3))
    assert [text.split(":")[0] for text in error.value.problems] == [
        "model.3.glob_mean",
        "model.3.glob_std",
    ]


def test_a_table_that_is_built_again_is_carried():
    old, new = modules(4, torch.ones(5)), modules(6, torch.ones(5))
    grown(old, new)
    assert torch.equal(new["model"].table, torch.ones(5))


def test_a_checkpoint_amid_folding_needs_no_warning():
    new = modules(6)
    grown(modules(4), new)
    with pytest.warns(MidFoldWarning):
        new.state_dict()
    Transition(lambda: new)  # which is saved beside the state dict
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        new.state_dict()
