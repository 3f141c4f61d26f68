"""One of several subnetworks, which reads layers of earlier ones.

AdaNet (Cortes et al. 2017, https://arxiv.org/abs/1607.01097).

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Callable, Dict, List, Sequence, Tuple

import torch
from torch import nn


class Subnetwork(nn.Module):
    """Layers of as many units, and the weights with which an output reads them.

    Layer k reads layer k - 1 of this and of all earlier subnetworks. The output
    reads the units of the last layer before their activation, so that depth 1
    is linear.

    Arguments
    ---------
    inputs : int
        Number of inputs.
    units : int
        Of each layer.
    outputs : int
        Number of scores.
    depth : int
        Number of layers, at least 1.
    earlier : list of int
        The depths of earlier subnetworks.
    activation : torch.nn.Module class
        Follows each layer that another one reads.

    Attributes
    ----------
    reads : list of int
        How many units a unit of each layer reads, the constant input included.

    Example
    -------
    >>> net = Subnetwork(3, 4, 2, depth=2, earlier=[1], activation=nn.ReLU)
    >>> net.reads
    [4, 8]
    >>> units, _ = net(torch.ones(5, 3), {0: [torch.ones(5, 4)]})
    >>> net.output(units).shape
    torch.Size([5, 2])
    """

    def __init__(
        self,
        inputs: int,
        units: int,
        outputs: int,
        depth: int,
        earlier: Sequence[int],
        activation: Callable[[], nn.Module],
    ) -> None:
        super().__init__()
        layers = [nn.Linear(inputs, units)]  # its bias reads a constant input
        for below in range(1, depth):
            read = 1 + sum(one >= below for one in earlier)
            layers.append(nn.Linear(read * units, units, bias=False))
        self.layers = nn.ModuleList(layers)
        self.activation = activation()
        self.output = nn.Linear(units, outputs, bias=False)
        later = [layer.in_features for layer in layers[1:]]
        self.reads = [inputs + 1, *later]

    def forward(
        self, inputs: torch.Tensor, earlier: Dict[int, List[torch.Tensor]]
    ) -> Tuple[torch.Tensor, List[torch.Tensor]]:
        """Computes the units.

        Arguments
        ---------
        inputs : torch.Tensor
            Shape (items, inputs).
        earlier : dict
            By number, from 0 on, what that layer of each earlier subnetwork
            gives, each of shape (items, units).

        Returns
        -------
        torch.Tensor
            The last layer, which the output reads; shape (items, units).
        list of torch.Tensor
            What each layer gives to later subnetworks.
        """
        units, given = self.layers[0](inputs), []
        for number, layer in enumerate(self.layers[1:]):
            given.append(self.activation(units))
            read = [given[-1], *earlier.get(number, ())]
            units = layer(torch.cat(read, dim=-1))
        return units, [*given, self.activation(units)]

    def project(self, bound: float) -> None:
        """Shortens the weights that enter a unit, with its bias, to a norm.

        Arguments
        ---------
        bound : float
            The largest Euclidean norm that they may have.
        """
        with torch.no_grad():
            for layer in self.layers:
                squares = layer.weight.square().sum(1)
                if layer.bias is not None:
                    squares = squares + layer.bias.square()
                share = (bound / squares.sqrt()).clamp(max=1.0)
                for tensor in layer.parameters():
                    tensor.mul_(share.view(-1, *[1] * (tensor.ndim - 1)))
