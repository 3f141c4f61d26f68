"""A run in which Firefly finds a new layer: logged, planned, and as resumed.

Authors
 * The speechbrain_growth authors 2026
"""

import pytest
import torch
from growing_run import at, data, entry_of, toy, train, weights
from test_growing_deeper import DEEPER, held, ids

from speechbrain_growth import Exact
from speechbrain_growth.launch.plan_table import as_table
from speechbrain_growth.launch.planning import plan_run
from speechbrain_growth.nnet.scalable_crdnn import ScalableCRDNN

FIREFLY = {
    "budget": 900,
    "sizes": ["extra_rnn_layers", "extra_dnn_blocks", "dnn_neurons"],
    "new": 2,
    "batches": 4,
}
GROWTH = {"after_epoch": 1, "firefly": FIREFLY}
EXAMPLES = 160


def searched_run(folder, growth=GROWTH, epochs=2, **options):
    """A run with this one growth"""
    options.update(text=DEEPER, growth=[growth], number_of_epochs=epochs)
    return train(toy(folder, **options), data(EXAMPLES // 4))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nobody interrupts"""
    return searched_run(tmp_path_factory.mktemp("whole"))


def layers_of(entry):
    """The layers that were kept"""
    scores = entry["firefly"]["scores"]
    return [name for one in scores for name in one.get("layers", ())]


def test_the_log_names_the_layer_and_what_it_promised(whole):
    entry = entry_of(whole)
    found, layers = entry["firefly"], layers_of(entry)
    assert layers and set(entry["born"]) == set(layers)
    assert set(entry["born"].values()) == {"exact"}
    now, then = (entry[f"sizes_{key}"] for key in ("before", "after"))
    one, two = (whole.schedule.cost(sizes)[0] for sizes in (now, then))
    assert 0 < two - one == found["spent"] <= 900
    assert two == sum(p.numel() for p in whole.raw_modules.parameters())
    extra = sum(then[key] - now[key] for key in FIREFLY["sizes"][:2])
    assert extra == len(layers)
    assert entry["drift"] < 1e-5 < entry["drift_after"] < 0.1
    words = whole.growth_log.in_words()
    assert f"new layers: {', '.join(layers)}" in words
    # There are units among what is kept, too
    assert any("layers" not in one for one in found["scores"])


def test_the_layer_is_in_the_model_and_its_gate_has_opened(whole):
    sizes = whole.schedule.sizes
    built = whole.blueprint.modules(sizes)
    built.load_state_dict(whole.modules.state_dict(), strict=True)
    assert isinstance(built["model"], ScalableCRDNN)
    for name in layers_of(entry_of(whole)):
        assert whole.modules.get_submodule(name).gate.abs() > 0
    assert ids(held(whole)) == ids(whole.modules.parameters())


@pytest.mark.parametrize("moment", ["before growing", "grown"])
def test_killed_equals_uninterrupted(moment, whole, tmp_path):
    searched_run(tmp_path, kill=at(moment))
    resumed = searched_run(tmp_path)
    expected, found = weights(whole), weights(resumed)
    assert list(expected) == list(found)
    for name, tensor in expected.items():
        assert torch.equal(tensor, found[name]), name
    assert entry_of(whole)["firefly"] == entry_of(resumed)["firefly"]
    assert whole.meter.stats()["macs"] == resumed.meter.stats()["macs"]


def test_an_identity_is_calibrated_and_then_moved(tmp_path):
    asked = {"budget": 200, "sizes": ["dnn_blocks"], "batches": 4}
    brain = searched_run(tmp_path, {"after_epoch": 1, "firefly": asked})
    entry = entry_of(brain)
    assert layers_of(entry) == ["model.DNN.block_2"]
    assert entry["born"] == {"model.DNN.block_2": str(Exact.IN_EVAL)}
    assert entry["drift"] < 1e-5 < entry["drift_after"] < 0.1
    before, after = (
        entry[f"valid_{key}"]["loss"] for key in ("before", "after")
    )
    assert after == pytest.approx(before, rel=0.05)


def test_each_growth_may_add_one_more_layer(tmp_path):
    asked = {"budget": 200, "sizes": ["extra_dnn_blocks"], "batches": 4}
    growth = {"every_epochs": 1, "firefly": asked, "max_times": 2}
    brain = searched_run(tmp_path, growth, epochs=3)
    entries = brain.growth_log.read()
    assert [layers_of(entry) for entry in entries] == [
        ["model.DNN.extra_0"],
        ["model.DNN.extra_1"],
    ]
    assert brain.schedule.sizes["extra_dnn_blocks"] == 2
    # Of two batches of four: a step each, and three points of the path
    at_each = [brain.schedule.cost(e["sizes_after"])[1] for e in entries]
    now = brain.schedule.cost(entries[0]["sizes_before"])[1]
    trained = 3 * EXAMPLES * sum([now, *at_each])
    searched = 3 * 4 * 4 * (1 + 3) * sum(at_each)
    assert brain.meter.stats()["macs"] == trained + searched


def test_the_plan_names_the_layers(tmp_path):
    growth = [{"after_epoch": 1, "firefly": {**FIREFLY, "sizes": []}}]
    growth[0]["firefly"].pop("sizes")
    brain = toy(tmp_path, text=DEEPER, growth=growth, number_of_epochs=2)
    rows = plan_run(brain.blueprint)
    search = rows[1]["search"]
    assert search["layers"] == {
        "extra_rnn_layers": ["model.RNN_extra_0"],
        "dnn_blocks": ["model.DNN.block_2"],
        "extra_cnn_blocks": ["model.CNN.extra_0"],
        "extra_dnn_blocks": ["model.DNN.extra_0"],
    }
    text = as_table(rows)
    assert (
        "dnn_neurons; and the layers model.DNN.block_2 (dnn_blocks), " in text
    )
    assert "model.DNN.extra_0 (extra_dnn_blocks); 900 more" in text
    assert "firefly leaves rnn_layers alone: " in text
    assert "LiGRULayer cannot be an identity" in text
    growth[0]["firefly"]["layers"] = False
    brain = toy(tmp_path, text=DEEPER, growth=growth, number_of_epochs=2)
    rows = plan_run(brain.blueprint)
    assert not rows[1]["search"]["layers"]
    assert "firefly leaves extra_dnn_blocks alone: adds layers" in as_table(
        rows
    )
