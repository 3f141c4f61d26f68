"""Batch normalisation over the batches of all processes, on a CPU.

Authors
 * The speechbrain_growth authors 2026
"""

import torch
from torch.distributed.nn.functional import all_reduce
from torch.nn.functional import batch_norm
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase

from speechbrain.utils.distributed import is_distributed_initialized


class SyncBatchNorm(_NormBase):
    """``torch.nn.SyncBatchNorm`` for the CPU.

    Torch's layer refuses tensors on a CPU, and ``DistributedDataParallel``
    refuses its subclasses there. So this is no subclass, but it has the same
    parameters, buffers and names.

    Arguments
    ---------
    *args : tuple
        As for torch's layer.
    **kwargs : dict
        As for torch's layer.

    Example
    -------
    >>> inputs = torch.randn(4, 3, 5)
    >>> ours, stock = SyncBatchNorm(3), torch.nn.BatchNorm1d(3)
    >>> torch.equal(ours(inputs), stock(inputs))
    True
    """

    stands_for = torch.nn.SyncBatchNorm

    def forward(self, input):
        """Returns the normalised input; units are its second axis."""
        tracks, momentum = self.running_mean is not None, self.momentum
        if self.training and tracks:
            self.num_batches_tracked.add_(1)
            if momentum is None:  # the average of all batches
                momentum = 1.0 / float(self.num_batches_tracked)
        if not self.training or not is_distributed_initialized():
            return batch_norm(
                input,
                self.running_mean,
                self.running_var,
                self.weight,
                self.bias,
                self.training or not tracks,
                momentum or 0.0,
                self.eps,
            )
        mean, var, count = statistics(input)
        if tracks:
            with torch.no_grad():
                unbiased = var * (count / (count - 1).clamp(min=1))
                self.running_mean.lerp_(mean.to(self.running_mean), momentum)
                self.running_var.lerp_(unbiased.to(self.running_var), momentum)
        scale = (var + self.eps).rsqrt()
        scale = scale if self.weight is None else scale * self.weight
        shift = -mean * scale
        shift = shift if self.bias is None else shift + self.bias
        across = [1, -1] + [1] * (input.dim() - 2)
        return (input * scale.view(across) + shift.view(across)).to(input.dtype)


def statistics(input):
    """Mean, variance and number of frames, over the batches of all processes.

    Arguments
    ---------
    input : torch.Tensor
        This process's batch, (batch, units, ...). All processes must call
        this.

    Returns
    -------
    mean : torch.Tensor
        One for each unit, differentiable.
    var : torch.Tensor
        The same, biased.
    count : torch.Tensor
        Number of frames.

    Example
    -------
    >>> mean, var, count = statistics(torch.tensor([[1.0], [3.0]]))
    >>> mean, var, count
    (tensor([2.]), tensor([1.]), tensor(2.))
    """
    wide = torch.promote_types(input.dtype, torch.float32)
    units = input.to(wide).transpose(0, 1).flatten(1)
    count = units.new_tensor([units.shape[1]])
    sums = _sum(torch.cat([units.sum(1), count]))
    mean, count = sums[:-1] / sums[-1], sums[-1].detach()
    # A second pass: the difference of two large sums would lose digits
    squares = (units - mean.unsqueeze(1)).square().sum(1)
    return mean, _sum(squares) / count, count


def _sum(tensor):
    """The sum over all processes, differentiable."""
    return all_reduce(tensor) if is_distributed_initialized() else tensor


def synchronise(module):
    """Makes every batch norm of a module see the batches of all processes.

    Arguments
    ---------
    module : torch.nn.Module
        Its layers are changed; no tensor is. On other devices than the CPU
        they become torch's own.

    Example
    -------
    >>> net = torch.nn.Sequential(torch.nn.BatchNorm1d(3))
    >>> synchronise(net)
    >>> type(net[0]) is SyncBatchNorm
    True
    """
    if all(p.device.type == "cpu" for p in module.parameters()):
        for layer in module.modules():
            if isinstance(layer, _BatchNorm):
                layer.__class__ = SyncBatchNorm
    else:
        torch.nn.SyncBatchNorm.convert_sync_batchnorm(module)
