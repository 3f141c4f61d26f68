"""Units from before a growth that are frozen stay as they are, to the bit.

Authors
 * The speechbrain_growth authors 2026
"""

import pytest
import torch
from growing_run import Killed, at, toy, train, weights

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
