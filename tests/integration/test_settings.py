"""A growth sets other keys of the YAML, and the run really has them

The reference is a run that is stopped right before the growth, and goes on with
a YAML that has the new values from its first line on.

Authors
 * The speechbrain_growth authors 2026
"""

import pytest
import torch
from growing_run import YAML, ToyBrain, at, data, toy, train, weights

import speechbrain as sb
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.training.afterwards.rates import skip_one_comparison

SIZES = {"after_epoch": 2, "cnn_channels": [4, 8], "rnn_neurons": 9}
TEXT = (
    YAML.replace(
        "dropout: 0.2\n",
        "dropout: 0.2\nbatch_size: 4\nweight_decay: 0.0\nhop: 1\nstrength: 0.1\n"
        "threshold: 0.5\nsorting: random\ngain: 1.0\nslope: 0.1\n"
        "options: {batch_size: !ref <batch_size>, shuffle: True}\n"
        "features: !new:torch.nn.AvgPool1d\n    kernel_size: !ref <hop>\n"
        "noise: !new:torch.nn.Dropout\n    p: !ref <strength>\n"
        "augment: !new:torch.nn.Sequential\n    - !ref <noise>\n"
        "cost: !name:torch.nn.functional.nll_loss\n"
        "learned: !new:torch.nn.PReLU\n    init: !ref <slope>\n"
        "others: {sorting: !ref <sorting>}\n",
    )
    .replace("Adadelta\n", "Adadelta\n    weight_decay: !ref <weight_decay>\n")
    .replace(
        "initial_value: !ref <lr>\n",
        "initial_value: !ref <lr>\n"
        "    improvement_threshold: !ref <threshold>\n",
    )
)


class OwnBrain(ToyBrain):
    """Has features, an augmentation, and a number that it reads."""

    def compute_forward(self, batch, stage):
        """Pools frames; augments in training."""
        inputs = self.hparams.features(batch[0].transpose(1, 2))
        inputs = self.hparams.gain * inputs.transpose(1, 2)
        if stage == sb.Stage.TRAIN:
            inputs = self.hparams.augment(inputs)
        return super().compute_forward([inputs], stage)

    def compute_objectives(self, predictions, batch, stage):
        """Takes the targets of the frames that are left."""
        hop = batch[1].shape[1] // predictions.shape[1]
        return super().compute_objectives(
            predictions, [None, batch[1][:, ::hop]], stage
        )


def own(folder, sets=None, entry=SIZES, **settings):
    """A brain whose growth sets something"""
    growth = [{**entry, **({"sets": sets} if sets else {})}]
    growth = growth if growth != [ONLY] else []
    overrides = {"growth": growth, "kind": OwnBrain, "text": TEXT, **settings}
    return toy(folder, **overrides)


def fit(brain):
    """Trains with the options of the YAML"""
    return train(brain, **brain.hparams.options)


def steps(brain):
    """Optimizer steps of the four epochs"""
    assert len(brain.history) == 4
    return brain.optimizer_step


SETS = {
    "dropout": {"dropout": 0.4},
    "batch size": {"batch_size": 6},
    "weight decay": {"weight_decay": 0.1},
    "augmentation": {"strength": 0.5},
    "frame rate": {"hop": 2},
    "number": {"gain": 0.5},
    "all": {
        "dropout": 0.4,
        "batch_size": 6,
        "weight_decay": 0.1,
        "strength": 0.5,
        "hop": 2,
        "gain": 0.5,
    },
}
ONLY = {"after_epoch": 2}  # an entry without a size
EACH = [pytest.param(SIZES, sets, id=name) for name, sets in SETS.items()]
EACH += [
    pytest.param(ONLY, SETS[n], id=f"only {n}") for n in ("dropout", "all")
]


@pytest.fixture(scope="module")
def entry(request):
    """A growth, or one that only sets something"""
    return request.param


@pytest.fixture(scope="module")
def without(entry, tmp_path_factory):
    """A run whose growth sets nothing"""
    return fit(own(tmp_path_factory.mktemp("without"), entry=entry))


@pytest.mark.parametrize("entry, sets", EACH, indirect=["entry"])
def test_the_run_is_that_of_a_yaml_with_the_values(
    entry, sets, without, tmp_path
):
    found = fit(own(tmp_path / "found", sets, entry))
    fit(own(tmp_path / "other", entry=entry, kill=at("epoch 2 saved")))
    other = own(tmp_path / "other", entry=entry, **sets)
    put = ResumedOptions(other, sets)
    fit(other)
    assert put.called
    one, two = weights(found), weights(other)
    assert one.keys() == two.keys()
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert found.history == other.history or len(other.history) == 2
    assert any(
        not torch.equal(tensor, weights(without)[key])
        for key, tensor in one.items()
    )
    assert steps(found) == (10 if "batch_size" in sets else 12)
    (line,) = found.growth_log.read()
    assert line["sets"] == sets and line["grown"]
    exact = not {"hop", "strength", "gain"} & set(sets)
    assert line["sets_exact"] == exact
    for key, value in sets.items():
        assert f"{key} becomes {value}" in found.growth_log.in_words()


def draw_masks_anew(brain):
    """Gives Li-GRUs masks of the new dropout; checkpoints have the old"""
    built = brain.blueprint.modules(seed=7001)
    for name, layer in brain.modules.named_modules():
        if hasattr(layer, "drop_masks"):
            other = built.get_submodule(name)
            layer.drop_masks = other.drop_masks
            layer.drop_mask_cnt = other.drop_mask_cnt


class ResumedOptions:
    """Gives an optimizer the YAML's weight decay: checkpoints have the old"""

    def __init__(self, brain, sets):
        self.called, resume = False, brain.resume_from

        def resume_from(checkpoint):
            self.called = True
            for group in brain.optimizer.param_groups:
                group["weight_decay"] = sets.get("weight_decay", 0.0)
            if not brain.schedule.growths:  # as after any growth
                skip_one_comparison(brain.scheduler)
            resume(checkpoint)
            if not brain.schedule.growths and "dropout" in sets:
                draw_masks_anew(brain)

        brain.resume_from = resume_from


@pytest.mark.parametrize("moment", ["epoch 3 step 1", "epoch 3 saved"])
@pytest.mark.parametrize("entry", [SIZES, ONLY], indirect=True)
def test_a_killed_run_ends_as_one_that_was_not(moment, entry, tmp_path):
    options = {"entry": entry, "run_opts": {"ckpt_interval_steps": 1}}
    whole = fit(own(tmp_path / "whole", SETS["all"], **options))
    fit(own(tmp_path / "killed", SETS["all"], **options, kill=at(moment)))
    resumed = fit(own(tmp_path / "killed", SETS["all"], **options))
    one, other = weights(whole), weights(resumed)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)
    assert resumed.history == whole.history[-len(resumed.history) :]
    assert resumed.meter.total["macs"] == whole.meter.total["macs"]


def test_a_setting_that_breaks_the_training_is_taken_back(tmp_path):
    options = {"entry": ONLY, "run_opts": {"ckpt_interval_steps": 1}}
    small = fit(own(tmp_path / "small", **options))
    brain = own(tmp_path / "found", {"gain": 0.5}, **options)
    brain.schedule.on_drift = "continue"
    objectives, brain.breaks = brain.compute_objectives, []

    def compute_objectives(predictions, batch, stage):
        """A loss that is not finite at the third step with the new gain"""
        loss = objectives(predictions, batch, stage)
        if brain.hparams.gain != 1 and stage == sb.Stage.TRAIN:
            brain.breaks.append(loss)
        return loss / (len(brain.breaks) < 3 or brain.hparams.gain == 1)

    brain.compute_objectives = compute_objectives
    fit(brain)
    assert len(brain.breaks) == 3 and brain.hparams.gain == 1
    one, two = weights(brain), weights(small)
    assert all(torch.equal(one[key], two[key]) for key in one)
    (line,) = brain.growth_log.read()
    assert not line["grown"] and "step 3 of epoch 3" in line["diverged"]


def test_an_earlier_checkpoint_has_its_own_settings(tmp_path):
    brain = own(tmp_path, SETS["all"], keep=9)
    fit(brain)
    assert brain.hparams.hop == 2 and brain.hparams.dropout == 0.4
    found = brain.checkpointer.list_checkpoints()
    first = min(found, key=lambda one: one.meta["unixtime"])
    brain.restore_sizes(first)
    assert brain.hparams.hop == 1 and brain.hparams.features.kernel_size == (1,)
    assert brain.hparams.augment[0].p == 0.1
    assert brain.modules.model.CNN.block_0.drop.drop_rate == 0.2
    assert brain.hparams.options["batch_size"] == 4


COUNTED = TEXT.replace(
    "features: !new:torch.nn.AvgPool1d\n    kernel_size: !ref <hop>\n",
    "features: !new:torch.nn.Sequential\n"
    "    - !new:torch.nn.AvgPool1d\n      kernel_size: !ref <hop>\n"
    "    - !new:torch.nn.BatchNorm1d\n      num_features: 12\n"
    "      affine: False\n",
)


def test_features_that_checkpoints_hold_keep_what_they_counted(tmp_path):
    options = {"text": COUNTED, "run_opts": {"ckpt_interval_steps": 1}}
    whole = fit(own(tmp_path / "whole", {"hop": 2}, **options))
    assert whole.hparams.features[0].kernel_size == (2,)
    assert whole.checkpointer.recoverables["features"] is whole.hparams.features
    without = fit(own(tmp_path / "without", **options))
    one, other = (
        brain.hparams.features[1].state_dict() for brain in (whole, without)
    )
    count = one["num_batches_tracked"]
    assert count == other["num_batches_tracked"] > whole.optimizer_step
    assert not torch.equal(one["running_var"], other["running_var"])
    killed = {"kill": at("epoch 3 step 1"), **options}
    fit(own(tmp_path / "killed", {"hop": 2}, **killed))
    resumed = fit(own(tmp_path / "killed", {"hop": 2}, **options))
    again = resumed.hparams.features[1].state_dict()
    assert all(torch.equal(one[key], again[key]) for key in one)
    assert resumed.history == whole.history[-len(resumed.history) :]


# Keys that cannot change, and why
REFUSED = {
    "no key of the YAML": (
        {"dropuot": 0.1},
        "sets: the YAML has no key 'dropuot'; did you mean dropout?",
    ),
    "a size": (
        {"rnn_neurons": 12},
        "sets: rnn_neurons is a size that grows; give it beside the condition, "
        "not in sets",
    ),
    "another kind": (
        {"dropout": "high"},
        "sets: dropout is 'high', but the YAML has 0.2; give a number",
    ),
    "what nothing reads": (
        {"rate": 2},
        "sets: nothing that can change in a run depends on rate, and OwnBrain "
        "does not read self.hparams.rate; leave it out",
    ),
    "what counts": (
        {"threshold": 0.1},
        "sets: threshold would change lr_annealing, which is part of the "
        "checkpoints, and its state would be lost; leave it out",
    ),
    "what learns": (
        {"slope": 0.2},
        "sets: slope would change learned, which is part of the checkpoints",
    ),
    "a size of tensors": (
        {"rnn_layers": 1},
        "sets: rnn_layers would change modules.model, which would have other "
        "shapes: it is a size, to be given beside the condition",
    ),
    "what is read once": (
        {"sorting": "ascending"},
        "sets: sorting would change others.sorting, which is read once, when "
        "the run begins; leave it out",
    ),
}


def test_features_without_a_state_may_be_listed_for_checkpoints(tmp_path):
    listed = TEXT.replace(
        "        output: !ref <output>\n",
        "        output: !ref <output>\n        features: !ref <features>\n",
    )
    assert listed != TEXT
    brain = fit(own(tmp_path, {"hop": 2}, text=listed))
    features = brain.hparams.features
    assert features.kernel_size == (2,)
    assert brain.checkpointer.recoverables["features"] is features


def test_a_state_that_depends_on_the_setting_is_refused(tmp_path):
    text = COUNTED.replace(
        "      affine: False\n",
        "      affine: False\n    - !new:torch.nn.BatchNorm1d\n"
        "      num_features: !ref <hop>\n      affine: False\n",
    )
    brain = own(tmp_path, {"hop": 2}, text=text)
    with pytest.raises(GrowthError, match="features, which is part of the"):
        fit(brain)
    assert not brain.optimizer_step


@pytest.mark.parametrize("sets, message", REFUSED.values(), ids=REFUSED)
def test_what_cannot_change_is_refused_by_name(sets, message, tmp_path):
    text = TEXT.replace("seed: 7\n", "seed: 7\nrate: 1\n")
    brain = own(tmp_path, sets, text=text)
    with pytest.raises(GrowthError) as caught:
        fit(brain)
    assert f"growth[0] (after_epoch 2): {message}" in str(caught.value)
    assert not brain.optimizer_step


def test_a_loader_of_ones_own_keeps_its_batch_size(tmp_path):
    brain = own(tmp_path, {"batch_size": 6})
    loader = torch.utils.data.DataLoader(data(), batch_size=4)
    with pytest.raises(GrowthError, match="options.batch_size, which is read"):
        train(brain, loader)
