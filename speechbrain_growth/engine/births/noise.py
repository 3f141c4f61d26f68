"""Noise that tells copies apart.

Authors
 * The speechbrain_growth authors 2026
"""

import torch


def add_noise(tensor, axes, symmetry, generator=None):
    """Returns a grown tensor with the noise that a way to break symmetry adds.

    Arguments
    ---------
    tensor : torch.Tensor
        Already grown.
    axes : tuple
        Its axes in the plan, which say what rows and columns are copies.
    symmetry : Symmetry
        ``noise`` or ``zero_sum``; others add none.
    generator : torch.Generator
        Source of randomness, on the CPU.

    Returns
    -------
    torch.Tensor
    """
    add = {"noise": _on_copies, "zero_sum": _zero_sum}.get(symmetry.way)
    if add is None or tensor.ndim < 2:
        return tensor
    return add(tensor, axes, symmetry.level, generator)


def _on_copies(weight, axes, level, generator):
    """Net2Net: Gaussian noise on the incoming weights of further copies."""
    for dim, axis in enumerate(axes):
        if axis is None or axis.role != "out" or not axis.width.further.any():
            continue
        copies = axis.width.further.nonzero()[:, 0].to(weight.device)
        noise = _gaussian(weight, level, generator).index_select(dim, copies)
        weight = weight.index_add(dim, copies, noise)
    return weight


def _zero_sum(weight, axes, level, generator):
    """Noise on what is read of copies; they are alike, so it adds nothing."""
    for dim, axis in enumerate(axes):
        if axis is None or axis.role != "in" or not axis.width.further.any():
            continue
        noise = _gaussian(weight, level, generator)
        source = axis.width.source.to(weight.device)
        counts = axis.width.counts.to(noise)
        shape = [-1 if d == dim else 1 for d in range(weight.ndim)]
        units = list(weight.shape)
        units[dim] = axis.width.old
        mean = noise.new_zeros(units).index_add(dim, source, noise)
        mean = mean / counts.view(shape)
        weight = weight + noise - mean.index_select(dim, source)
    return weight


def _gaussian(weight, level, generator):
    """Noise of a weight's shape, relative to its deviation."""
    noise = torch.randn(weight.shape, generator=generator, dtype=torch.float64)
    return noise.to(weight) * level * weight.std()
