"""A variational autoencoder whose loss says how well it knows an item.

Kingma & Welling 2014, https://arxiv.org/abs/1312.6114, appendix C.2.

Authors
 * The speechbrain_growth authors 2026
"""

import torch
from torch import nn


class VAE(nn.Module):
    """Encodes items as a normal distribution, and decodes what is drawn of it.

    The decoder gives the mean of a normal distribution of variance 1. In
    training a code is drawn; in eval mode it is the mean, so that the loss of an
    item depends on that item alone.

    Arguments
    ---------
    inputs : int
        Numbers of an item.
    hidden : int
        Units of the hidden layer on either side.
    code : int
        Numbers of a code.

    Example
    -------
    >>> gate = VAE(inputs=4, hidden=3, code=2)
    >>> gate(torch.ones(5, 4)).shape
    torch.Size([5])
    """

    def __init__(self, inputs: int, hidden: int = 200, code: int = 20) -> None:
        super().__init__()
        self.encoder = nn.Linear(inputs, hidden)
        self.mean = nn.Linear(hidden, code)
        self.log_variance = nn.Linear(hidden, code)
        self.decoder = nn.Linear(code, hidden)
        self.output = nn.Linear(hidden, inputs)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Returns the loss of each item.

        It is the negative evidence lower bound without its constant: half the
        squared error, and the divergence of the code from a standard normal
        distribution, in nats.

        Arguments
        ---------
        inputs : torch.Tensor
            Shape (items, inputs).

        Returns
        -------
        torch.Tensor
            Shape (items,).
        """
        hidden = self.encoder(inputs).relu()
        mean, logs = self.mean(hidden), self.log_variance(hidden)
        code = mean
        if self.training:
            code = mean + (logs / 2).exp() * torch.randn_like(mean)
        found = self.output(self.decoder(code).relu())
        divergence = (mean.square() + logs.exp() - 1 - logs).sum(1) / 2
        return (found - inputs).square().sum(1) / 2 + divergence
