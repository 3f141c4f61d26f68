"""Holds weights: whatever the optimizer does, they stay as they are.

A gradient of zero is not enough. Weight decay, momentum and the averages of
Adam also move a weight without a gradient. So held weights are put back after
each step of the optimizer, to the bit.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib

import torch

from speechbrain.utils.checkpoints import (
    mark_as_loader,
    mark_as_saver,
    register_checkpoint_hooks,
)
from speechbrain_growth.resume.loading import loading

HELD = "held_weights"  # its name among the recoverables


@register_checkpoint_hooks
class Held:
    """Knows which weights are held, one by one, and puts them back.

    A parameter that is held as a whole needs no gradient, so that optimizers
    leave it out. Of one that is held in part, one copy is kept.

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
        self.masks, self._kept = {}, {}

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
        gone = {
            name for name in names if self.masks.pop(name, None) is not None
        }
        for name, parameter in modules.named_parameters():
            if name in gone:
                parameter.requires_grad_(True)
        self._kept = {}

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
        self._kept = {}
        for name, parameter in modules.named_parameters():
            if name in self.masks:
                mask = self.masks[name].to(parameter.device)
                self.masks[name] = mask
                parameter.requires_grad_(not bool(mask.all()))

    @contextlib.contextmanager
    def step(self):
        """Surrounds one step of the optimizer.

        Yields
        ------
        None
        """
        if not self.masks:
            yield
            return
        held = [
            (name, parameter, self.masks[name])
            for name, parameter in self.modules().named_parameters()
            if name in self.masks and parameter.requires_grad
        ]
        with torch.no_grad():
            for name, parameter, mask in held:
                if name not in self._kept:
                    self._kept[name] = parameter.clone()
                # So that clipping measures only gradients that are followed
                if parameter.grad is not None:
                    parameter.grad.masked_fill_(mask, 0)
        yield
        with torch.no_grad():
            for name, parameter, mask in held:
                parameter.copy_(torch.where(mask, self._kept[name], parameter))

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


def entering_old_units(plan, modules):
    """Finds the weights that enter units from before a growth.

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
    return {
        name: _wider(
            torch.ones_like(parameter, dtype=torch.bool), axes, True
        ).view_as(parameter)
        for name, parameter in modules.named_parameters()
        for axes in [plan.tensors.get(name)]
        if axes is not None and plan.before(name) is not None
    }


def _wider(mask, axes, is_wide=False):
    """A mask after a growth: a weight is held if it enters a held unit.

    With ``is_wide`` it has the shape of the larger tensor already.
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
        if axis.role == "out":
            mask = mask & ~new.view(shape)
    return mask
