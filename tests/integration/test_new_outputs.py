"""The outputs of a network grow in a schedule: they split, or are as built.

Authors
 * The speechbrain_growth authors 2026
"""

import copy

import pytest
import torch
from growing_run import YAML, at, data, toy, train, weights

from speechbrain_growth import GrowthError
from speechbrain_growth.launch.planning import plan_run

TEXT = YAML.replace("n_neurons: 5", "n_neurons: !ref <classes>").replace(
    "rnn_layers: 2", "classes: 5\nrnn_layers: 2"
)
PARENTS = [2, 2, None, 0]
WIDER = {"after_epoch": 2, "rnn_neurons": 9, "dnn_neurons": 13, "classes": 9}
GROWTHS = {
    "split": {**WIDER, "outputs": {"output.w": PARENTS}},
    "fresh": {**WIDER, "outputs": "fresh"},
    "fresh, old ones frozen": {**WIDER, "outputs": "fresh", "old": "frozen"},
    "outputs alone": {
        "after_epoch": 2,
        "classes": 9,
        "outputs": {"output.w": PARENTS},
    },
}


def brain_of(folder, name, **options):
    """A run in which the outputs grow"""
    return toy(folder, text=TEXT, growth=[GROWTHS[name]], **options)


def noted(brain):
    """Notes the raw modules right before and right after the growth."""
    grow, found = brain.grow, []

    def growing(epoch):
        """Grows, and keeps copies."""
        found.append(copy.deepcopy(dict(brain.raw_modules)))
        grow(epoch)
        found.append(copy.deepcopy(dict(brain.raw_modules)))

    brain.grow = growing
    return found


@pytest.fixture(scope="module", params=GROWTHS)
def whole(request, tmp_path_factory):
    """A run that nobody interrupts, and its modules at the growth."""
    brain = brain_of(tmp_path_factory.mktemp("whole"), request.param)
    found = noted(brain)
    return request.param, train(brain), found


def logits(modules):
    """What modules say of some frames, in double precision."""
    inputs = data(1, seed=5)[:][0].double()
    for module in modules.values():
        module.double().eval()
    with torch.no_grad():
        return modules["output"](modules["model"](inputs))


def test_old_outputs_say_what_they_did(whole):
    name, brain, modules = whole
    before, after = map(logits, modules)
    assert before.shape[-1] == 5 and after.shape[-1] == 9
    if "fresh" in name:
        torch.testing.assert_close(after[..., :5], before, rtol=0, atol=1e-5)
        # As built: of a spread like that of the old ones, and no copies
        assert after[..., 5:].std() > 0.01
        assert not torch.allclose(after[..., 5:7], before[..., [2, 2]])
        return
    posteriors = after.softmax(-1)
    summed = posteriors[..., :5].clone()
    for child, parent in enumerate(PARENTS, start=5):
        if parent is not None:
            summed[..., parent] += posteriors[..., child]
    # Weights of float32 are rounded once more where hidden units are copied
    torch.testing.assert_close(summed, before.softmax(-1), rtol=0, atol=1e-6)
    assert posteriors[..., 7].max() < 1e-7


def test_rows_and_biases_that_do_not_split_keep_all_bits(whole):
    name, _, modules = whole
    layers = [dict(one["output"].w.named_parameters()) for one in modules]
    same = [1, 3, 4] if "fresh" not in name else [0, 1, 2, 3, 4]
    assert torch.equal(*(one["bias"][same] for one in layers))
    if name == "outputs alone":
        assert torch.equal(*(one["weight"][same] for one in layers))


def test_the_probe_and_the_log_know_of_it(whole):
    name, brain, _ = whole
    (entry,) = brain.growth_log.read()
    assert entry["grown"] and 0 <= entry["drift"] < 1e-5
    assert entry["outputs"] == GROWTHS[name]["outputs"]
    assert entry["sizes_after"]["classes"] == 9
    rows = plan_run(brain.blueprint)
    assert ("fresh" in rows[1]["exact"]) == ("fresh" in name)


@pytest.mark.parametrize("moment", ["epoch 2 saved", "epoch 3 step 2", "grown"])
def test_a_killed_run_ends_with_the_same_bits(moment, whole, tmp_path):
    name, expected, _ = whole
    train(brain_of(tmp_path, name, kill=at(moment)))
    brain = train(brain_of(tmp_path, name))
    expected = weights(expected)
    assert expected.keys() == weights(brain).keys()
    assert all(torch.equal(expected[k], v) for k, v in weights(brain).items())


def test_a_probe_that_drifts_takes_the_growth_back(tmp_path):
    brain = brain_of(tmp_path, "split")
    compute = brain.compute_forward

    def wrong(batch, stage):
        """Probabilities, of which no logarithms can be compared."""
        return compute(batch, stage).exp()

    brain.compute_forward = wrong
    with pytest.raises(GrowthError, match="the probe batch drifted"):
        train(brain)


def test_a_run_starts_from_one_whose_outputs_grew(whole, tmp_path):
    name, earlier, _ = whole
    brain = toy(
        tmp_path,
        text=TEXT,
        growth=[],
        number_of_epochs=1,
        init_from=earlier.hparams.output_folder,
    )
    sizes = brain.schedule.sizes["classes"]
    assert sizes in (5, 9)
    assert brain.modules["output"].w.bias.shape == (sizes,)
    train(brain)
