"""Holds weights: whatever the optimizer does, they stay as they are.

A gradient of zero is not enough. Weight decay, momentum and the averages of
Adam also move a weight without a gradient. So held weights are put back after
each step of the optimizer, to the bit.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
from typing import NamedTuple

import torch

from speechbrain.utils.checkpoints import (
    mark_as_loader,
    mark_as_saver,
    register_checkpoint_hooks,
)
from speechbrain_growth.resume.loading import loading

HELD = "held_weights"  # its name among the recoverables
BITS = {2: torch.int16, 4: torch.int32, 8: torch.int64}  # by bytes


@register_checkpoint_hooks
class Held:
    """Knows which weights are held, one by one, and puts them back.

    A parameter that is held as a whole needs no gradient, so that optimizers
    leave it out. Of one that is held in part, a copy is kept.

    Arguments
    ---------
    modules : callable
        Returns the modules in training, as a ``torch.nn.Module``.

    Attributes
    ----------
    masks : dict
        For each name of a parameter, which of its weights are held: boolean,
        of the parameter's shape.

    Example
    -------
    >>> net = torch.nn.Linear(2, 1, bias=False)
    >>> held = Held(lambda: net)
    >>> held.hold({"weight": torch.tensor([[True, False]])}, net)
    >>> before = net.weight.detach().clone()
    >>> optimizer = torch.optim.AdamW(net.parameters())
    >>> net(torch.ones(2)).backward()
    >>> with held.step():
    ...     optimizer.step()
    >>> net.weight == before
    tensor([[ True, False]])
    """

    def __init__(self, modules):
        self.modules = modules
        self.masks, self._parts = {}, None

    def hold(self, masks, modules):
        """Holds weights, beside those that are held already.

        Arguments
        ---------
        masks : dict
            As ``self.masks``.
        modules : torch.nn.Module
            Has these parameters.
        """
        for name, mask in masks.items():
            known = self.masks.get(name)
            self.masks[name] = mask if known is None else mask | known
        self.apply(modules)

    def release(self, names, modules):
        """Lets an optimizer change all weights of some parameters again.

        Arguments
        ---------
        names : iterable of str
            Parameters; one that is not held is left as it is.
        modules : torch.nn.Module
            Has these parameters.
        """
        gone = set(names) & set(self.masks)
        self.masks = {n: m for n, m in self.masks.items() if n not in gone}
        for name, parameter in modules.named_parameters():
            if name in gone:
                parameter.requires_grad_(True)
        self._parts = None

    def grown(self, plan, modules):
        """Follows a growth: what entered a held unit is still held.

        Arguments
        ---------
        plan : Plan
            Of the growth.
        modules : torch.nn.Module
            The larger model.
        """
        names = {plan.before(name): name for name in plan.tensors}
        shapes = {n: p.shape for n, p in modules.named_parameters()}
        grown = {
            names[was]: _wider(mask, plan.tensors[names[was]])
            for was, mask in self.masks.items()
        }
        self.masks = {n: mask.view(shapes[n]) for n, mask in grown.items()}
        self.apply(modules)

    def apply(self, modules):
        """Lets optimizers leave out parameters that are held as a whole.

        Arguments
        ---------
        modules : torch.nn.Module
            Has the parameters.
        """
        self._parts = None
        for name, parameter in modules.named_parameters():
            if name in self.masks:
                mask = self.masks[name].to(parameter.device)
                self.masks[name] = mask
                parameter.requires_grad_(not bool(mask.all()))

    @contextlib.contextmanager
    def step(self, clips=True):
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
                _part_of(parameter, self.masks[name])
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

    def read(self, path, modules):
        """Reads what a checkpoint holds of it, before its weights are loaded.

        Arguments
        ---------
        path : str
            Its file in the checkpoint.
        modules : torch.nn.Module
            Of the same sizes as in the checkpoint.
        """
        parameters = dict(modules.named_parameters())
        with loading(path):
            masks = torch.load(path, map_location="cpu", weights_only=True)
            for name, mask in masks.items():
                if mask.shape != parameters[name].shape:
                    raise ValueError(
                        f"{name} has shape {tuple(parameters[name].shape)}, "
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


class Rows(NamedTuple):
    """Whole rows that are held of a parameter, and what they are."""

    parameter: torch.nn.Parameter
    rows: torch.Tensor
    kept: torch.Tensor

    def zero_gradient(self):
        """Sets their gradients to zero."""
        if self.parameter.grad is not None:
            self.parameter.grad.index_fill_(0, self.rows, 0)

    def put_back(self):
        """Sets them to what they are."""
        self.parameter.index_copy_(0, self.rows, self.kept)


class FirstRows(NamedTuple):
    """The same of the first rows, which lie side by side in memory."""

    parameter: torch.nn.Parameter
    rows: int
    kept: torch.Tensor

    def zero_gradient(self):
        """Sets their gradients to zero."""
        if self.parameter.grad is not None:
            self.parameter.grad[: self.rows].zero_()

    def put_back(self):
        """Sets them to what they are."""
        self.parameter[: self.rows].copy_(self.kept)


class Single(NamedTuple):
    """The same of weights anywhere, by their bits: ``torch.where`` is slow."""

    parameter: torch.nn.Parameter
    free: torch.Tensor  # all bits where a weight is free, none where it is held
    kept: torch.Tensor  # bits of held weights, none where a weight is free

    def zero_gradient(self):
        """Sets their gradients to zero."""
        if self.parameter.grad is not None:
            _bits(self.parameter.grad).bitwise_and_(self.free)

    def put_back(self):
        """Sets them to what they are."""
        _bits(self.parameter).bitwise_and_(self.free).bitwise_or_(self.kept)


def _bits(tensor):
    """The same memory, each number read as a whole one of as many bits."""
    return tensor.detach().view(BITS[tensor.element_size()])


def _part_of(parameter, mask):
    """What is held of a parameter, in the form that is put back soonest."""
    rows = mask.flatten(1).all(1) if mask.ndim > 1 else mask
    shape = [-1] + [1] * (mask.ndim - 1)
    value = parameter.detach()
    if not torch.equal(mask, rows.view(shape).expand_as(mask)):
        free = torch.full_like(_bits(value), -1).masked_fill_(mask, 0)
        return Single(parameter, free, _bits(value) & ~free)
    count = int(rows.sum())
    if rows[:count].all():
        return FirstRows(parameter, count, value[:count].clone())
    rows = rows.nonzero()[:, 0]
    return Rows(parameter, rows, value[rows].clone())


def entering_old_units(plan, modules):
    """Finds the weights that enter units from before a growth.

    The outputs of the model are such units, too. What they read of new units is
    left out, since nothing could be learnt otherwise.

    Arguments
    ---------
    plan : Plan
        Of the growth.
    modules : torch.nn.Module
        The larger model.

    Returns
    -------
    dict
        As ``Held.masks``; layers that only the larger model has are not in it.

    Example
    -------
    >>> from speechbrain_growth import trace
    >>> old, new = torch.nn.Linear(2, 1), torch.nn.Linear(2, 3)
    >>> entering_old_units(trace(old, new), new)["bias"]
    tensor([ True, False, False])
    """
    found = {}
    for name, parameter in modules.named_parameters():
        axes = plan.tensors.get(name)
        if axes is None or plan.before(name) is None:
            continue
        roles = ("out", "in") if _gives_outputs(axes, plan) else ("out",)
        mask = torch.ones_like(parameter, dtype=torch.bool)
        found[name] = _wider(mask, axes, True, roles).view_as(parameter)
    return found


def _gives_outputs(axes, plan):
    """Whether a tensor's own units are the outputs of the model."""
    return plan.output is not None and any(
        axis and axis.role == "out" and axis.width.label == plan.output.label
        for axis in axes
    )


def _wider(mask, axes, is_wide=False, roles=("out",)):
    """A mask after a growth: a weight is held if it enters a held unit.

    With ``is_wide`` it has the shape of the larger tensor already. New units are
    free on the axes of the given roles.
    """
    if len(axes) == 1:  # of the flattened tensor
        mask = mask.flatten()
    for dim, axis in enumerate(axes):
        if axis is None or axis.width.is_identity:
            continue
        new, shape = axis.width.is_new, [1] * mask.ndim
        shape[dim] = len(new)
        if not is_wide:
            whole = mask.all(dim, keepdim=True)
            mask = mask.index_select(dim, axis.width.source)
            mask = torch.where(new.view(shape), whole, mask)
        if axis.role in roles:
            mask = mask & ~new.view(shape)
    return mask
