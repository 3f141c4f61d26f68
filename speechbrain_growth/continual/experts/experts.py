"""Experts that read the features of all earlier ones, and a gate for each.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Callable, List

import torch
from torch import nn

from speechbrain_growth.continual.columns.whole import add_whole
from speechbrain_growth.engine.rules.registry import rule
from speechbrain_growth.errors import GrowthError

SPACES = ("input", "features")


class Expert(nn.Module):
    """Features of its own, a classifier, and a gate.

    Arguments
    ---------
    features : torch.nn.Module
        Takes the input.
    classifier : torch.nn.Module
        Takes the weighted sum of features.
    gate : torch.nn.Module
        Returns a loss for each item.
    number : int
        How many features are summed: its own, the last, and all earlier ones.
    """

    def __init__(self, features, classifier, gate, number):
        super().__init__()
        self.features, self.classifier = features, classifier
        self.gate = gate
        # As the released code draws them; their softmax weighs the features
        self.mixture = nn.Parameter(torch.randn(number))

    def forward(self, features):
        """Scores of the classes, from the features of all experts."""
        shares = self.mixture.softmax(0)[:, None, None]
        return self.classifier((shares * features[: len(shares)]).sum(0))


class Experts(nn.Module):
    """Trains the newest expert; at test each item gets the one that knows it.

    The classifier of an expert reads ``sum_j softmax(a)_j f_j``, with the
    features ``f_j`` of its own and of all earlier experts. Those are constants:
    they run in eval mode, and need no gradients. An item gets the scores of the
    expert whose gate has the lowest loss on it, one by one.

    Arguments
    ---------
    number : int
        How many experts there are: a size, which grows by 1.
    inputs : int
        Numbers of an item.
    width : int
        Features of an expert.
    outputs : int
        Number of classes.
    features : callable
        Builds the features of an expert, from ``inputs`` and ``outputs``.
    gate : callable
        Builds a gate, from ``inputs``.
    gate_on : str
        What a gate sees: the ``features`` of its expert, as in the released
        code, or the ``input``, so that the losses of all gates compare.

    Raises
    ------
    GrowthError
        If ``gate_on`` is unknown.

    Example
    -------
    >>> from functools import partial
    >>> from speechbrain_growth import MLP, VAE
    >>> net = Experts(2, 4, 3, 5, partial(MLP, hidden=[6]), VAE)
    >>> net.scores(torch.ones(7, 4)).shape, net.losses(torch.ones(7, 4)).shape
    (torch.Size([2, 7, 5]), torch.Size([7, 2]))
    >>> net.eval()(torch.ones(7, 4)).shape
    torch.Size([7, 5])
    """

    planned_whole = True  # its growth rule needs none for what is in an expert

    def __init__(
        self,
        number: int,
        inputs: int,
        width: int,
        outputs: int,
        features: Callable[..., nn.Module],
        gate: Callable[..., nn.Module],
        gate_on: str = "features",
    ) -> None:
        super().__init__()
        if gate_on not in SPACES:
            raise GrowthError(
                f"gate_on is {gate_on!r}; use {' or '.join(SPACES)}"
            )
        self.gate_on = gate_on
        self.experts = nn.ModuleDict(
            {
                str(place): Expert(
                    features(inputs=inputs, outputs=width),
                    nn.Linear(width, outputs),
                    gate(inputs=inputs if gate_on == "input" else width),
                    place + 1,
                )
                for place in range(number)
            }
        )
        for expert in self.old:
            expert.requires_grad_(False)

    @property
    def old(self) -> List[Expert]:
        """All experts but the newest."""
        return list(self.experts.values())[:-1]

    @property
    def newest(self) -> nn.Module:
        """The expert that is trained."""
        return self.experts[str(len(self.experts) - 1)]

    def train(self, mode: bool = True) -> nn.Module:
        """Sets the mode of the newest expert; old ones stay in eval mode.

        Arguments
        ---------
        mode : bool
            Whether the newest is trained.

        Returns
        -------
        torch.nn.Module
        """
        super().train(mode)
        for expert in self.old:
            expert.eval()
        return self

    def features(self, inputs: torch.Tensor) -> torch.Tensor:
        """Returns the features of all experts.

        Arguments
        ---------
        inputs : torch.Tensor
            Shape (items, inputs).

        Returns
        -------
        torch.Tensor
            Shape (experts, items, width).
        """
        with torch.no_grad():
            found = [expert.features(inputs) for expert in self.old]
        return torch.stack([*found, self.newest.features(inputs)])

    def scores(self, inputs: torch.Tensor) -> torch.Tensor:
        """Returns the scores of all experts.

        Arguments
        ---------
        inputs : torch.Tensor
            Shape (items, inputs).

        Returns
        -------
        torch.Tensor
            Shape (experts, items, outputs).
        """
        return self._scores(self.features(inputs))

    def _scores(self, features):
        """The scores of all experts, from their features."""
        experts = self.experts.values()
        return torch.stack([expert(features) for expert in experts])

    def losses(self, inputs: torch.Tensor) -> torch.Tensor:
        """Returns the losses of all gates; an expert learns nothing by them.

        Arguments
        ---------
        inputs : torch.Tensor
            Shape (items, inputs).

        Returns
        -------
        torch.Tensor
            Shape (items, experts).
        """
        return self._losses(inputs, self.features(inputs))

    def _losses(self, inputs, features):
        """The losses of all gates, from what they see."""
        seen = features.detach()
        if self.gate_on == "input":
            seen = [inputs] * len(self.experts)
        pairs = zip(self.experts.values(), seen)
        return torch.stack([expert.gate(one) for expert, one in pairs], 1)

    def newest_loss(self, inputs: torch.Tensor) -> torch.Tensor:
        """Returns the loss that the gate of the newest expert is trained by.

        Arguments
        ---------
        inputs : torch.Tensor
            Shape (items, inputs).

        Returns
        -------
        torch.Tensor
            One number, the mean over the items.
        """
        seen = inputs
        if self.gate_on == "features":
            with torch.no_grad():
                seen = self.newest.features(inputs)
        return self.newest.gate(seen).mean()

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Returns scores: of the newest expert in training, else of the best.

        Arguments
        ---------
        inputs : torch.Tensor
            Shape (items, inputs).

        Returns
        -------
        torch.Tensor
            Shape (items, outputs).
        """
        features = self.features(inputs)
        if self.training:
            return self.newest(features)
        scores = self._scores(features)
        chosen = self._losses(inputs, features).argmin(1)
        # By gather, as MACs are counted without values
        chosen = chosen[None, :, None].expand(1, *scores.shape[1:])
        return scores.gather(0, chosen)[0]


@rule.register(Experts)
def _experts(old, new, signal, trace):
    """Old experts stay as they are; a new one computes something of its own."""
    add_whole("experts", old.experts, new.experts, trace)
    return signal
