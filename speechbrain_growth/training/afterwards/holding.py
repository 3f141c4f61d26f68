"""Keeps in checkpoints which weights are held.

Authors
 * The speechbrain_growth authors 2026
"""

import torch

from speechbrain.utils.checkpoints import (
    mark_as_loader,
    mark_as_saver,
    register_checkpoint_hooks,
)
from speechbrain_growth.engine.holding.held import Held
from speechbrain_growth.resume.loading import loading

HELD = "held_weights"  # its name among the recoverables


@register_checkpoint_hooks
class SavedHeld(Held):
    """Held weights of which a checkpoint says which they are.

    Arguments
    ---------
    modules : callable
        Returns the modules in training, as a ``torch.nn.Module``.

    Example
    -------
    >>> path = getfixture("tmpdir") / "held"
    >>> net = torch.nn.Linear(1, 1)
    >>> held = SavedHeld(lambda: net)
    >>> held.hold({"bias": torch.tensor([True])}, net)
    >>> held._save(path)
    >>> again = SavedHeld(lambda: net)
    >>> again.read(path, net)
    >>> again.masks
    {'bias': tensor([True])}
    """

    def read(self, path, modules):
        """Reads what a checkpoint holds of it, before its weights are loaded.

        Arguments
        ---------
        path : str
            Its file in the checkpoint.
        modules : torch.nn.Module
            Of the same sizes as in the checkpoint.
        """
        tensors = dict([*modules.named_parameters(), *modules.named_buffers()])
        with loading(path):
            masks = torch.load(path, map_location="cpu", weights_only=True)
            for name, mask in masks.items():
                if mask.shape != tensors[name].shape:
                    raise ValueError(
                        f"{name} has shape {tuple(tensors[name].shape)}, "
                        f"and what is held of it {tuple(mask.shape)}"
                    )
        self.release(list(self.masks), modules)
        self.masks = masks
        self.apply(modules)

    @mark_as_saver
    def _save(self, path):
        """Writes the masks."""
        torch.save(self.masks, path)

    @mark_as_loader
    def _load(self, path, end_of_epoch=True):
        """Reads the masks."""
        del end_of_epoch
        self.read(path, self.modules())
