"""Holds weights: whatever the optimizer does, they stay as they are.

A gradient of zero is not enough. Weight decay, momentum and the averages of
Adam also move a weight without a gradient. So held weights are put back after
each step of the optimizer, to the bit. The running statistics of a norm move
without any optimizer; those that are held are put back, too.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
from typing import Any, Callable, Dict, Iterable, Iterator, Union

import torch
from torch import nn

from speechbrain_growth.engine.holding.masks import (
    entering_old_units,
    grown_masks,
    joined,
    tensors_named,
    trained,
)
from speechbrain_growth.engine.holding.parts import Statistic, part_of
from speechbrain_growth.errors import GrowthError

Masks = Dict[str, torch.Tensor]


class Held:
    """Knows which weights are held, one by one, and puts them back.

    A parameter that is held as a whole needs no gradient, so that optimizers
    leave it out. Of one that is held in part, a copy is kept.

    Arguments
    ---------
    modules : torch.nn.Module or callable
        The modules in training, or a function that returns them.

    Attributes
    ----------
    masks : dict
        For each name of a parameter or buffer, which of its numbers are held:
        boolean, of its shape.

    Example
    -------
    >>> net = torch.nn.Linear(2, 1, bias=False)
    >>> held = Held(net)
    >>> held.hold({"weight": torch.tensor([[True, False]])}, net)
    >>> before = net.weight.detach().clone()
    >>> optimizer = torch.optim.AdamW(net.parameters())
    >>> net(torch.ones(2)).backward()
    >>> with held.step():
    ...     optimizer.step()
    >>> net.weight == before
    tensor([[ True, False]])
    """

    def __init__(
        self, modules: Union[nn.Module, Callable[[], nn.Module]]
    ) -> None:
        is_module = isinstance(modules, nn.Module)
        self.modules = (lambda: modules) if is_module else modules
        self.masks, self._parts, self._statistics = {}, None, []

    @property
    def trained(self) -> int:
        """How many weights training changes."""
        return trained(self.masks, self.modules())

    def hold(self, masks: Masks, modules: nn.Module) -> None:
        """Holds weights, beside those that are held already.

        Arguments
        ---------
        masks : dict
            As ``self.masks``.
        modules : torch.nn.Module
            Has these parameters.
        """
        self.masks = joined(self.masks, masks)
        self.apply(modules)

    def release(self, names: Iterable[str], modules: nn.Module) -> None:
        """Lets an optimizer change all weights of some parameters again.

        Arguments
        ---------
        names : iterable of str
            Parameters and buffers; one that is not held is left as it is.
        modules : torch.nn.Module
            Has these.
        """
        gone = set(names) & set(self.masks)
        self.masks = {n: m for n, m in self.masks.items() if n not in gone}
        for name, parameter in modules.named_parameters():
            if name in gone:
                parameter.requires_grad_(True)
        self._parts = None
        self.note(modules)

    def grown(self, plan: Any, modules: nn.Module) -> None:
        """Follows a growth: what entered a held unit is still held.

        Arguments
        ---------
        plan : Plan
            Of the growth.
        modules : torch.nn.Module
            The larger model.
        """
        self.masks = grown_masks(self.masks, plan, modules)
        self.apply(modules)

    def apply(self, modules: nn.Module) -> None:
        """Lets optimizers leave out parameters that are held as a whole.

        Arguments
        ---------
        modules : torch.nn.Module
            Has the parameters.
        """
        self._parts = None
        for tensors in (modules.named_buffers(), modules.named_parameters()):
            for name, tensor in tensors:
                if name in self.masks:  # which a checkpoint has on the CPU
                    self.masks[name] = self.masks[name].to(tensor.device)
        for name, parameter in modules.named_parameters():
            if name in self.masks:
                parameter.requires_grad_(not bool(self.masks[name].all()))
        self.note(modules)

    def note(self, modules: nn.Module) -> None:
        """Notes the statistics that are held, before training changes them.

        Arguments
        ---------
        modules : torch.nn.Module
            Has them, with the values that are to stay.
        """
        self._statistics = [
            Statistic(
                buffer, self.masks[name].to(buffer.device), buffer.clone()
            )
            for name, buffer in modules.named_buffers()
            if name in self.masks
        ]

    def put_back_statistics(self) -> None:
        """Sets the statistics that are held to what was noted."""
        with torch.no_grad():
            for part in self._statistics:
                part.put_back()

    @contextlib.contextmanager
    def step(self, clips: bool = True) -> Iterator[None]:
        """Surrounds one step of the optimizer.

        Arguments
        ---------
        clips : bool
            Whether gradients are clipped by their norm, which must not count
            those that are not followed.

        Yields
        ------
        None
        """
        if self._parts is None:
            self._parts = [
                part_of(parameter, self.masks[name])
                for name, parameter in self.modules().named_parameters()
                if name in self.masks and parameter.requires_grad
            ]
        if clips:
            for part in self._parts:
                part.zero_gradient()
        yield
        with torch.no_grad():
            for part in self._parts:
                part.put_back()
        self.put_back_statistics()


def masks_of(
    freeze: Union[str, Iterable[str], Held, None],
    plan: Any,
    old: nn.Module,
    new: nn.Module,
) -> Masks:
    """Finds what a growth is to freeze.

    Arguments
    ---------
    freeze : str or list of str or Held
        As ``carry`` takes it.
    plan : Plan
        Of the growth.
    old : torch.nn.Module
        The model before it.
    new : torch.nn.Module
        The larger one.

    Returns
    -------
    dict
        As ``Held.masks``.

    Raises
    ------
    GrowthError
        If it is none of these, or names something that is not there.
    """
    if isinstance(freeze, Held):
        return grown_masks(freeze.masks, plan, new)
    if freeze is None or freeze == "old":
        return entering_old_units(plan, new) if freeze else {}
    listed = isinstance(freeze, (list, tuple))
    if not listed or not all(isinstance(name, str) for name in freeze):
        raise GrowthError(
            f"freeze is {freeze!r}; use 'old', a list of names such as "
            "['encoder'], or what an earlier growth holds"
        )
    return entering_old_units(plan, new, tensors_named(freeze, old))
