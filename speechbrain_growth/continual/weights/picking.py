"""Picks: a task learns what of earlier tasks it reads.

As in CPG (Hung et al. 2019, https://arxiv.org/abs/1910.06562).

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Dict

import torch

PICK, THRESHOLD = 0.01, 0.005  # what begins at a pick is read


def is_picked(pick: torch.Tensor) -> torch.Tensor:
    """Returns which numbers are above the threshold.

    Arguments
    ---------
    pick : torch.Tensor
        Any shape.

    Returns
    -------
    torch.Tensor
        Boolean.

    Example
    -------
    >>> is_picked(torch.tensor([PICK, 0.0]))
    tensor([ True, False])
    """
    return pick > THRESHOLD


def picked(pick: torch.Tensor) -> torch.Tensor:
    """Returns 1 for what is picked and 0 for the rest, with a gradient of 1.

    The step has no gradient; that of its input stands for it.

    Arguments
    ---------
    pick : torch.Tensor
        Any shape.

    Returns
    -------
    torch.Tensor

    Example
    -------
    >>> pick = torch.tensor([0.2, -0.1], requires_grad=True)
    >>> picked(pick).sum().backward()
    >>> picked(pick).detach(), pick.grad
    (tensor([1., 0.]), tensor([1., 1.]))
    """
    return is_picked(pick) + (pick - pick.detach())


class Picking:
    """Trains the ``picks`` among a strategy's tensors, by Adam at ``pick_lr``.

    The state of Adam is among the tensors, too.
    """

    _adam = None  # the optimizer; None before the first step

    def begin_picks(self, picks: Dict[str, torch.Tensor]) -> None:
        """Begins with these picks, and with nothing known of their gradients.

        Arguments
        ---------
        picks : dict
            By name.
        """
        self.tensors["picks"] = picks
        self.tensors.pop("adam", None)

    def step_picks(self):
        """Trains the picks: one step of Adam, with what a step left behind."""
        picks = [p for p in self.tensors["picks"].values() if p.requires_grad]
        if not picks:
            return
        known = self._adam.param_groups[0]["params"] if self._adam else []
        if list(map(id, known)) != list(map(id, picks)):  # begun or loaded
            self._adam = torch.optim.Adam(picks, lr=self.pick_lr)
            if "adam" in self.tensors:
                self._adam.load_state_dict(self.tensors["adam"])
        self._adam.step()
        self._adam.zero_grad()
        self.tensors["adam"] = self._adam.state_dict()
