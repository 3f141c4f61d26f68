"""A multi-layer perceptron whose widths are one list.

Authors
 * The speechbrain_growth authors 2026
"""

from collections import OrderedDict
from typing import Callable, Sequence

from torch import nn


class MLP(nn.Sequential):
    """Hidden layers and a linear output, all of them stock layers of torch.

    Larger numbers in ``hidden`` make it wider, and one more number makes it
    deeper. The new layer stands after the others, before the output, and must
    begin as wide as the layer before it.

    Arguments
    ---------
    inputs : int
        Number of inputs.
    hidden : list of int
        Units of each hidden layer.
    outputs : int
        Number of outputs.
    activation : torch.nn.Module class
        Follows each hidden layer. If it is idempotent, as ReLU is, a new layer
        can begin as an identity.
    batch_norm : bool
        Whether a batch norm stands before each activation.

    Example
    -------
    >>> import torch
    >>> small = MLP(3, [4], 2)
    >>> small
    MLP(
      (hidden_0): Sequential(
        (linear): Linear(in_features=3, out_features=4, bias=True)
        (activation): ReLU()
      )
      (output): Linear(in_features=4, out_features=2, bias=True)
    )
    >>> from speechbrain_growth import carry
    >>> deeper = MLP(3, [6, 6], 2)
    >>> carry(small, deeper).born
    {'hidden_1': 'exact'}
    >>> images = torch.ones(5, 3)
    >>> torch.allclose(small(images), deeper(images), atol=1e-6)
    True
    """

    def __init__(
        self,
        inputs: int,
        hidden: Sequence[int],
        outputs: int,
        activation: Callable[[], nn.Module] = nn.ReLU,
        batch_norm: bool = False,
    ) -> None:
        layers, arriving = OrderedDict(), inputs
        for number, units in enumerate(hidden):
            block = OrderedDict(linear=nn.Linear(arriving, units))
            if batch_norm:
                block["norm"] = nn.BatchNorm1d(units)
            block["activation"] = activation()
            layers[f"hidden_{number}"] = nn.Sequential(block)
            arriving = units
        layers["output"] = nn.Linear(arriving, outputs)
        super().__init__(layers)
