"""Units from before a growth that are frozen stay as they are, to the bit.

Authors
 * The speechbrain_growth authors 2026
"""

import pytest
import torch
from growing_run import YAML, Killed, at, toy, train, weights

from speechbrain_growth import GrowthError

GROWTH = [{"after_epoch": 2, "rnn_neurons": 9, "dnn_neurons": 13}]
FROZEN = [{**GROWTH[0], "old": "frozen"}]


def noted(brain):
    """Notes the weights right before the growth."""
    grow, found = brain.grow, {}

    def growing(epoch):
        """Grows, after that."""
        found.update({k: v.clone() for k, v in weights(brain).items()})
        grow(epoch)

    brain.grow = growing
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nobody interrupts, and its weights before the growth."""
    brain = toy(tmp_path_factory.mktemp("whole"), growth=FROZEN)
    before = noted(brain)
    return train(brain), before


def test_what_enters_old_units_stays_and_the_rest_learns(whole, tmp_path):
    brain, before = whole
    masks = brain.held.masks
    trained = toy(tmp_path, growth=[{**GROWTH[0], "symmetry": "fresh"}])
    train(trained)
    moved = 0
    for name, now in weights(brain).items():
        if name not in masks:
            continue
        held = now[masks[name]]
        was = before[name]
        if masks[name].all():
            assert torch.equal(now, was)
            moved += not torch.equal(weights(trained)[name], was)
        # Held weights of a wider tensor: the old ones, and zeros beside them
        assert torch.equal(held[held != 0].sort()[0], was[was != 0].sort()[0])
    assert moved > 3  # without being frozen they learn


def test_new_units_learn_and_the_outputs_read_them(whole):
    brain, _ = whole
    now, masks = weights(brain), brain.held.masks
    head = masks["output.w.weight"]
    assert head[:, :8].all() and not head[:, 8:].any()
    assert now["output.w.weight"][:, 8:].abs().min() > 0
    for layer in ("RNN.rnn.1.norm", "DNN.block_1.norm.norm"):
        name = f"model.{layer}.weight"
        assert (now[name][~masks[name]] != 1).any()  # they began as 1


@pytest.mark.parametrize(
    "moment", ["epoch 2 saved", "epoch 3 step 2", "epoch 3 saved"]
)
def test_a_killed_run_ends_with_the_same_bits(moment, whole, tmp_path):
    brain = toy(tmp_path, growth=FROZEN, kill=at(moment))
    try:
        train(brain)
    except Killed:
        pass
    brain = train(toy(tmp_path, growth=FROZEN))
    expected = weights(whole[0])
    assert all(torch.equal(expected[k], v) for k, v in weights(brain).items())
    assert brain.held.masks.keys() == whole[0].held.masks.keys()


# Layers with all norms there are: LayerNorm (CNN), BatchNorm (RNN, DNN)
LAYERS = ["model.CNN", "model.RNN", "*.block_0.norm"]
BY_NAME = [
    {"after_epoch": 1, "freeze": LAYERS},
    {"after_epoch": 2, "dnn_neurons": 13, "symmetry": "fresh"},
    {"after_epoch": 3, "freeze": "none"},
]
OPTIMIZERS = {
    "Adam": "!name:torch.optim.AdamW\n    weight_decay: 0.1",
    "SGD": "!name:torch.optim.SGD\n    momentum: 0.9\n    weight_decay: 0.01",
}


def by_name(folder, optimizer="Adam", **kwargs):
    """A run that freezes layers, widens another, and releases them."""
    text = YAML.replace("!name:torch.optim.Adadelta", OPTIMIZERS[optimizer])
    return toy(folder, growth=BY_NAME, text=text, lr=0.05, **kwargs)


def each_growth(brain):
    """Notes the weights right before each growth."""
    grow, found = brain.grow, []

    def growing(epoch):
        """Grows, after that."""
        found.append({k: v.clone() for k, v in weights(brain).items()})
        grow(epoch)

    brain.grow = growing
    return found


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    """A run that nobody interrupts, and its weights before each growth."""
    brain = by_name(tmp_path_factory.mktemp("named"))
    before = each_growth(brain)
    return train(brain), before


def is_in(name, layers=("model.CNN.", "model.RNN.")):
    """Whether a tensor is one that training might move, in frozen layers."""
    state = ("h_init", "drop_mask")
    return name.startswith(layers) and not any(s in name for s in state)


def moved(before, after, names):
    """Which of some tensors are not the same bits."""
    return [n for n in names if not torch.equal(before[n], after[n])]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_named_layers_stay_until_they_are_released(optimizer, named, tmp_path):
    brain, before = named
    if optimizer != "Adam":
        brain = by_name(tmp_path, optimizer)
        before = each_growth(brain)
        train(brain)
    first, second, third = before
    names = list(filter(is_in, first))
    assert any("running_var" in name for name in names) and len(names) > 12
    assert moved(first, second, names) == moved(second, third, names) == []
    norm = [n for n in first if "DNN.block_0.norm" in n and first[n].ndim]
    assert len(norm) == 4
    for name in norm:  # the units that the second growth added are free
        assert torch.equal(third[name][:8], first[name])
        assert not torch.equal(third[name][8:], torch.ones(5))
    last = weights(brain)
    weighted = [n for n in names if "weight" in n]
    assert moved(third, last, weighted) == weighted  # all learn again
    assert (
        not brain.held.masks
        and brain.held.trained
        == brain.growth_log.cost(brain.raw_modules)["parameters"]
    )


def test_the_log_has_what_is_frozen_and_how_much_is_trained(named):
    first, second, third = named[0].growth_log.read()
    assert first["freezing"] == [f"freezes {', '.join(LAYERS)}"]
    assert second["freezing"] == []
    assert third["freezing"] == ["trains all again"]
    model = named[1][0]
    parts = ("weight", "bias")
    frozen = sum(
        tensor.numel()
        for name, tensor in model.items()
        if name.endswith(parts) and (is_in(name) or "block_0.norm" in name)
    )
    assert first["trained"] == first["parameters_after"] - frozen
    assert second["trained"] == second["parameters_after"] - frozen
    assert third["trained"] == third["parameters_after"]
    words = named[0].growth_log.in_words()
    assert f"{first['trained']:,} parameters are trained" in words


@pytest.mark.parametrize(
    "moment",
    ["epoch 1 saved", "epoch 2 step 2", "epoch 3 saved", "epoch 4 step 1"],
)
def test_a_killed_run_holds_and_releases_the_same(moment, named, tmp_path):
    train(by_name(tmp_path, kill=at(moment)))
    brain = train(by_name(tmp_path))
    expected, found = weights(named[0]), weights(brain)
    assert moved(expected, found, expected) == []
    assert brain.schedule.frozen == ["none"] and not brain.held.masks


def test_a_run_that_starts_from_it_holds_the_same(tmp_path):
    growth = BY_NAME[:1]
    train(toy(tmp_path / "one", growth=growth, number_of_epochs=2))
    later = toy(
        tmp_path / "two",
        init_from=str(tmp_path / "one"),
        growth=[{"after_epoch": 2, "freeze": "none"}],
        number_of_epochs=3,
    )
    before = each_growth(later)
    first = {}
    begin = later.begin_epoch

    def beginning(epoch):
        """Notes what it starts from."""
        first.update(weights(later) if epoch == 1 else {})
        first.update({name: one.clone() for name, one in first.items()})
        begin(epoch)

    later.begin_epoch = beginning
    train(later)
    names = list(filter(is_in, first))
    assert moved(first, before[0], names) == []
    assert not later.held.masks


def test_a_growth_that_would_change_them_is_refused(tmp_path):
    brain = toy(
        tmp_path,
        growth=[BY_NAME[0], {"after_epoch": 2, "cnn_channels": [4, 4]}],
    )
    with pytest.raises(GrowthError) as error:
        train(brain)
    assert "growth[1] (after_epoch 2): model.CNN" in str(error.value)
    assert brain.schedule.sizes["cnn_channels"] == [2, 4]
