"""Writes new units into a model, and knows where each of their weights is.

Authors
 * The speechbrain_growth authors 2026
"""

import torch
from torch import nn

from speechbrain_growth.engine.filling.directions import promised
from speechbrain_growth.engine.filling.groups import in_old_order


class Place:
    """Where the units of a group stand in a model.

    Arguments
    ---------
    model : torch.nn.Module
        The larger one.
    plan : Plan
        The growth.
    group : Group
        Of the plan.

    Attributes
    ----------
    kind : str
        What stands between, as ``directions`` takes it.
    """

    def __init__(self, model, plan, group):
        self.group = group
        self.maker = model.get_submodule(group.maker)
        self.reader = model.get_submodule(group.reader)
        self.norm = group.norm and model.get_submodule(group.norm)
        self.kind, self.dim = "", 0
        if self.norm is not None:
            layer = isinstance(self.norm, nn.LayerNorm)
            self.kind = "layer" if layer else "batch"
            self.dim = plan.weights[group.norm][1] if layer else 0
        made, read = self.maker.weight.shape[1], self.reader.weight.shape[0]
        self.columns = in_old_order(group.axes[1], made)
        self.rows = in_old_order(group.axes[2], read)

    @property
    def eps(self):
        """What a batch norm adds to variances; 0 without one."""
        return self.norm.eps if self.kind == "batch" else 0.0

    def tensors(self):
        """Each tensor in which the units stand, and their axis."""
        found = [(self.maker.weight, 0), (self.reader.weight, 1)]
        if self.maker.bias is not None:
            found.append((self.maker.bias, 0))
        if self.norm is not None:
            found += [(self.norm.weight, self.dim), (self.norm.bias, self.dim)]
        if self.kind == "batch":
            found += [(self.norm.running_mean, 0), (self.norm.running_var, 0)]
        return found

    def leaves(self):
        """The tensors whose gradient the formula predicts."""
        layer = self.norm or self.maker
        return [one for one in (layer.weight, layer.bias) if one is not None]

    def length(self):
        """Mean length of what leaves an old unit; 0 if there is none."""
        places = in_old_order(self.group.axes[0], 0)
        sent = self.reader.weight.detach().double()[self.rows][:, places]
        if not sent.numel():
            return 0.0
        return float(sent.transpose(0, 1).flatten(1).norm(dim=1).mean())

    def save(self):
        """Returns the values of the new units, for ``restore``."""
        units = self.group.units
        return [
            tensor.detach().index_select(dim, units.to(tensor.device)).clone()
            for tensor, dim in self.tensors()
        ]

    def restore(self, saved):
        """Gives the new units the values that they had."""
        units = self.group.units
        with torch.no_grad():
            for (tensor, dim), value in zip(self.tensors(), saved):
                tensor.index_copy_(dim, units.to(tensor.device), value)

    def write(self, found, inside, length, shift=0.0):
        """Gives as many new units as there are directions their values.

        Arguments
        ---------
        found : Directions
            Of these units.
        inside : float or torch.Tensor
            Size of what enters; before a norm, of its weight.
        length : float or torch.Tensor
            Length of what leaves.
        shift : float
            The bias of the activation; not 0 to see how steep it is there.
        """
        like = self.maker.weight
        units = self.group.units[: len(found.out)].to(like.device)
        inside, length = (
            torch.as_tensor(one).to(found.out).expand(len(units))
            for one in (inside, length)
        )
        into, last = found.into, torch.zeros_like(inside)
        if self.kind != "batch" and self.maker.bias is not None:
            into, last = into[:, :-1], into[:, -1]
        if self.norm is None:
            into, last = into * inside[:, None], last * inside + shift
        with torch.no_grad():
            rows = torch.zeros_like(like[units])
            shape = rows[:, self.columns].shape
            rows[:, self.columns] = into.reshape(shape).to(like)
            like[units] = rows
            if self.maker.bias is not None:
                self.maker.bias[units] = last.to(like)
            if self.norm is not None:
                self._write_norm(units, found, inside, shift)
            sent = found.out * length[:, None]
            columns = self.reader.weight[:, units]
            shape = columns[self.rows].transpose(0, 1).shape
            columns[self.rows] = sent.view(shape).transpose(0, 1).to(columns)
            self.reader.weight[:, units] = columns

    def _write_norm(self, units, found, inside, shift):
        """Gives the units their scale and shift, and their statistics."""
        for tensor, value in (
            (self.norm.weight, inside),
            (self.norm.bias, torch.full_like(inside, shift)),
        ):
            shape = [-1 if d == self.dim else 1 for d in range(tensor.ndim)]
            part = tensor.index_select(self.dim, units)
            value = value.view(shape).to(part).expand_as(part)
            tensor.index_copy_(self.dim, units, value)
        if self.kind == "batch":
            self.norm.running_mean[units] = found.mean.to(inside).to(
                self.norm.running_mean
            )
            self.norm.running_var[units] = 1.0

    def step(self, change, moments):
        """Takes a change from what the next layer reads of old units.

        Arguments
        ---------
        change : torch.Tensor
            Of weights and bias, shape (outputs, features).
        moments : Moments
            Of that layer.

        Returns
        -------
        float
            By how much the loss falls, to first order.
        """
        weight, bias = self.reader.weight, self.reader.bias
        old = in_old_order(self.group.axes[0], 0)
        with torch.no_grad():
            part = weight[self.rows][:, old]
            part -= change[:, :-1].reshape(part.shape).to(part)
            rows = weight[self.rows]
            rows[:, old] = part
            weight[self.rows] = rows
            if bias is not None:
                bias[self.rows] -= change[:, -1].to(bias)
        slope = moments.old_slope / moments.batches
        return float((change * slope.T).sum())

    def predicted(self, found, moments, length):
        """The gradient that an activation of slope 1 would let through.

        Arguments
        ---------
        found : Directions
            Of the units.
        moments : Moments
            Of the batch.
        length : float
            Of what leaves each unit.

        Returns
        -------
        torch.Tensor
            As ``measured`` gives it.
        """
        cross = moments.mean_cross
        if self.norm is None:
            size = len(cross) - (self.maker.bias is None)
            return length * found.out @ cross[:size].T
        scale = promised(moments, self.kind, found, self.eps)
        return length * torch.stack([scale, found.out @ cross[-1]], 1)

    def measured(self, gradients, found):
        """The gradient of what enters the units, or of the norm before them.

        Arguments
        ---------
        gradients : list of torch.Tensor
            Of ``leaves``.
        found : Directions
            Of the units.

        Returns
        -------
        torch.Tensor
            float64, shape (units, features); before a norm, those of scale and
            shift, each added up over the positions that the norm has.
        """
        units = self.group.units[: len(found.out)]
        parts = []
        for number, one in enumerate(gradients):
            dim = self.dim if self.norm is not None else 0
            one = one.double().index_select(dim, units.to(one.device))
            one = one.movedim(dim, 0)
            if self.norm is not None:
                parts.append(one.reshape(len(units), -1).sum(1, keepdim=True))
            else:
                one = one[:, self.columns] if not number else one
                parts.append(one.reshape(len(units), -1))
        return torch.cat(parts, 1)
