"""Tests that features among the modules change nothing for a system

Authors
 * The speechbrain_growth authors 2026
"""

import pytest
import small
import torch

MODEL = """!new:speechbrain_growth.MLP
    inputs: 9
    hidden: !ref <hidden>
    outputs: 3
    activation: !name:torch.nn.Tanh"""
# How each asks for growths, at the end of which epochs of a task
DEN = """!new:speechbrain_growth.DEN
    own: [model.output]
    epochs: {head: 1, selected: 1, expanded: 1, whole: 1}
    units: 2
    tau: 0.0
    sigma: 0.1
    pull: 0.05"""
FIREFLY = """!new:speechbrain_growth.FireflyStyle
    own: [model.output]
    budget: 45
    every: 2
    rounds: 2
    new: 1
    batches: 3
    pick_lr: 0.002"""
KEY = "modules: {"
FEATURES = f"{KEY}features: !new:speechbrain.lobes.features.Fbank {{}}, "


@pytest.mark.parametrize("strategy", [DEN, FIREFLY], ids=["DEN", "firefly"])
def test_a_system_ends_as_without_them(strategy, tmp_path, monkeypatch):
    system = MODEL, strategy, "[]"
    changes = {"epochs_per_task": 6, "tasks": 2}
    expected = small.train(small.small(tmp_path / "a", system, changes))
    assert expected.schedule.sizes["hidden"] != [5, 4]
    monkeypatch.setattr(small, "YAML", small.YAML.replace(KEY, FEATURES))
    brain = small.train(small.small(tmp_path / "b", system, changes))
    assert "features" in brain.modules
    weights = brain.raw_modules.model.state_dict()
    others = expected.raw_modules.model.state_dict()
    assert weights.keys() == others.keys()
    assert all(torch.equal(weights[key], others[key]) for key in others)
