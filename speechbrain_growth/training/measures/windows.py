"""Keeps what the last module got and returned around the end of an epoch.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib

import torch
from torch.nn.modules.module import register_module_forward_hook

from speechbrain.utils.checkpoints import (
    mark_as_loader,
    mark_as_saver,
    register_checkpoint_hooks,
)
from speechbrain_growth.engine.probe import tensors_in
from speechbrain_growth.resume.loading import loading

WINDOWS = "growth_windows"  # its name among the recoverables
SHIFTS = ("feature_shift", "prediction_shift")
STEPS, ROWS = 16, 8  # of an epoch, and examples of each step
SIDES = ("earlier", "first", "last")


@register_checkpoint_hooks
class Windows:
    """Features and predictions of the last and the first steps of epochs.

    ``of`` has for each of ``SHIFTS`` three lists, with a tensor for each step:
    ``earlier`` are the last steps of the epoch before, ``first`` the first
    ones of this epoch, and ``last`` its last ones so far.

    Example
    -------
    >>> windows, layer = Windows(), torch.nn.Linear(3, 2)
    >>> for epoch in (1, 2):
    ...     windows.begin()
    ...     with windows.watching(layer, steps=1):
    ...         out = layer(torch.ones(5, 3))
    >>> [len(windows.of["feature_shift"][side]) for side in SIDES]
    [1, 1, 1]
    """

    def __init__(self):
        self.of = {name: {side: [] for side in SIDES} for name in SHIFTS}

    def begin(self):
        """Takes note that an epoch begins."""
        for window in self.of.values():
            window.update(earlier=window["last"], first=[], last=[])

    @contextlib.contextmanager
    def watching(self, module, steps=None, done=0):
        """Inside this context, the window sees what a module does in training.

        Arguments
        ---------
        module : torch.nn.Module
            The last one.
        steps : int
            How many steps the epoch has; None if it is not known.
        done : int
            How many of them were taken before.

        Yields
        ------
        None
        """

        def note(called, inputs, output):
            """Keeps one step, if it is among the first or the last."""
            nonlocal done
            if called is not module or not torch.is_grad_enabled():
                return
            late = steps is None or done >= steps - STEPS
            if done < STEPS or late:
                self._add(zip(SHIFTS, (inputs, output)), done, late)
            done += 1

        scripted = isinstance(module, torch.jit.ScriptModule)  # takes no hook
        handle = (
            register_module_forward_hook(note)
            if scripted
            else module.register_forward_hook(note)
        )
        try:
            yield
        finally:
            handle.remove()

    def _add(self, seen, done, late):
        """Keeps a few examples of one step."""
        for name, value in seen:
            rows, window = _rows(value), self.of[name]
            if done < STEPS:
                window["first"].append(rows)
            if late:
                window["last"] = [*window["last"], rows][-STEPS:]

    @mark_as_saver
    def _save(self, path):
        """Writes the tensors."""
        torch.save(self.of, path)

    @mark_as_loader
    def _load(self, path, end_of_epoch=True):
        """Reads them."""
        del end_of_epoch
        with loading(path):
            of = torch.load(path, map_location="cpu", weights_only=True)
            if {n: set(w) for n, w in of.items()} != dict.fromkeys(
                SHIFTS, set(SIDES)
            ):
                raise ValueError("it does not hold the windows of a run")
        self.of = of


def _rows(value):
    """The first examples of a tensor, averaged over all but the features."""
    tensor = tensors_in(value)[0].detach()[:ROWS]
    rows = tensor.reshape(len(tensor), -1, tensor.shape[-1]).mean(1)
    return rows.clone().cpu()  # a resumed run has those before it there, too
