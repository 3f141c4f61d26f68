"""How sensitive the last column is to each column that it reads.

The two measures of progressive networks (Rusu et al. 2016,
https://arxiv.org/abs/1606.04671, section 3). Both are shares: over all columns
they sum to 1.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
from typing import Callable, Dict

import torch

from speechbrain_growth.continual.columns.columns import Columns
from speechbrain_growth.engine.probe import in_eval
from speechbrain_growth.errors import GrowthError

OCTAVES, LOOKS = 20.0, 14  # of the variances that are tried, and how often


def perturbation_sensitivity(
    columns: Columns, layer: str, score: Callable[[], float], seed: int = 0
) -> Dict[str, float]:
    """Measures the average perturbation sensitivity (APS) of each column.

    Gaussian noise is added to what arrives at a layer of one column. Its
    variance, relative to that of the activations, is raised until the score is
    half of what it is without. A column's sensitivity is 1 over this variance;
    0 if a millionfold variance does not halve the score.

    Arguments
    ---------
    columns : Columns
        Of a trained model.
    layer : str
        One that laterals enter.
    score : callable
        Returns the score of the model on data that are always the same, more is
        better; for a Brain, ``lambda: brain.measure(0)["accuracy"]``.
    seed : int
        Of the noise, which is the same for each variance.

    Returns
    -------
    dict
        For the name of each column its share.

    Raises
    ------
    GrowthError
        If no lateral enters the layer, or the score is not above 0.

    Example
    -------
    >>> from functools import partial
    >>> column = partial(torch.nn.Sequential, torch.nn.Linear(1, 1))
    >>> net = Columns(2, column, "linear", into=["0"])
    >>> for parameter in net.parameters():
    ...     _ = torch.nn.init.ones_(parameter)
    >>> inputs = torch.tensor([[-1.0], [1.0]])
    >>> clean = net(inputs).detach()
    >>> def score():
    ...     return float(1 / (1 + (net(inputs) - clean).square().mean()))
    >>> perturbation_sensitivity(net, "0", score)
    {'0': 0.5, '1': 0.5}
    """
    half = score() / 2
    if not half > 0:
        raise GrowthError(
            f"the score is {2 * half:g}; give one that is above 0, of which "
            "more is better"
        )

    def holds(name, octave):
        """Whether the score is above half of it with noise in a column."""
        generator = torch.Generator().manual_seed(seed)

        def noisy(inputs):
            """Adds the noise."""
            noise = torch.randn(inputs.shape, generator=generator).to(inputs)
            return inputs + 2 ** (octave / 2) * inputs.std() * noise

        with _changed(columns, layer, {name: noisy}):
            return score() > half

    found = {}
    for name in columns.columns:
        low, high = -OCTAVES, OCTAVES
        if holds(name, high):
            found[name] = 0.0
            continue
        for _ in range(LOOKS):
            middle = (low + high) / 2
            low, high = (middle, high) if holds(name, middle) else (low, middle)
        found[name] = 2**-high
    return _shares(found)


def fisher_sensitivity(
    columns: Columns, layer: str, run: Callable[[], torch.Tensor]
) -> Dict[str, float]:
    """Measures the average Fisher sensitivity (AFS) of each column.

    It is the diagonal of the Fisher information of the output with respect to
    what arrives at a layer of a column, each unit in terms of its deviation,
    summed over the units.

    Arguments
    ---------
    columns : Columns
        Of a trained model.
    layer : str
        One that laterals enter.
    run : callable
        Returns the scores of classes, shape (items, classes); for a Brain,
        ``lambda: brain.compute_forward(batch, sb.Stage.VALID)``.

    Returns
    -------
    dict
        For the name of each column its share.

    Raises
    ------
    GrowthError
        If no lateral enters the layer.

    Example
    -------
    >>> from functools import partial
    >>> from speechbrain_growth import MLP
    >>> _ = torch.manual_seed(0)
    >>> column = partial(MLP, inputs=3, hidden=[4], outputs=2)
    >>> net = Columns(2, column, "linear", into=["output"])
    >>> _ = torch.nn.init.zeros_(net.laterals["1"].output.from_column[0].weight)
    >>> fisher_sensitivity(net, "output", lambda: net(torch.rand(5, 3)))
    {'0': 0.0, '1': 1.0}
    """
    arrived = {}

    def leaf(name):
        """Puts a tensor with a gradient in the place of what arrives."""

        def keep(inputs):
            """Keeps it."""
            arrived[name] = inputs.detach().requires_grad_()
            return arrived[name]

        return keep

    change = {name: leaf(name) for name in columns.columns}
    # Recurrent layers of cuDNN have no gradients in eval mode
    with torch.backends.cudnn.flags(enabled=False), in_eval(columns):
        with torch.enable_grad(), _changed(columns, layer, change):
            logs = run().log_softmax(-1)
        squares = dict.fromkeys(arrived, 0.0)
        for scores in logs.unbind(-1):
            gradients = torch.autograd.grad(
                scores.sum(),
                list(arrived.values()),
                retain_graph=True,
                allow_unused=True,
            )
            for name, one in zip(arrived, gradients):
                if one is not None:
                    each = one.square().flatten(1)
                    squares[name] += scores.detach().exp() @ each
    return _shares(
        {
            name: float((square * arrived[name].flatten(1).var(0)).sum())
            for name, square in squares.items()
        }
    )


@contextlib.contextmanager
def _changed(columns, layer, change):
    """Inside this context, functions change what arrives at a layer."""
    if layer not in columns.into:
        raise GrowthError(
            f"no lateral enters {layer}; use one of {', '.join(columns.into)}"
            if columns.into
            else "these columns have no laterals, so that none reads another"
        )
    handles = [
        columns.columns[name]
        .get_submodule(layer)
        .register_forward_pre_hook(
            lambda _, args, one=one: (one(args[0]), *args[1:])
        )
        for name, one in change.items()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _shares(found):
    """Numbers as shares of their sum; all 0 if that is 0."""
    total = sum(found.values()) or 1.0
    return {name: one / total for name, one in found.items()}
