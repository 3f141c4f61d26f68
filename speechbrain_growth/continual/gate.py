"""Gates: small autoencoders, each of which knows the inputs of one task.

Aljundi et al. 2017, https://arxiv.org/abs/1611.06194, section 3.1.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any, Callable, Iterable, NamedTuple

import torch
from torch import nn
from torch.nn.functional import (
    binary_cross_entropy_with_logits as cross_entropy,
    linear,
)

BATCH, RATE = 64, 0.001  # of the training; the rate falls to 0 in equal steps


class Scale(NamedTuple):
    """How all gates see what they get.

    One number stands for all features: a pixel that is always black in the
    first task has no deviation of its own.

    Arguments
    ---------
    mean : float
        Of the features of the first task.
    deviation : float
        The same.
    """

    mean: float
    deviation: float

    def __call__(self, features: torch.Tensor) -> torch.Tensor:
        """Returns standardised features, squashed to between 0 and 1.

        Arguments
        ---------
        features : torch.Tensor
            Of any shape.

        Returns
        -------
        torch.Tensor

        Example
        -------
        >>> Scale(mean=3.0, deviation=2.0)(torch.tensor([3.0]))
        tensor([0.5000])
        """
        return ((features - self.mean) / self.deviation).sigmoid()


class Gate(NamedTuple):
    """An autoencoder with one layer, the code.

    Arguments
    ---------
    weight : torch.Tensor
        Shape (code, features).
    bias : torch.Tensor
        Shape (code,).
    weight_back : torch.Tensor
        Shape (features, code).
    bias_back : torch.Tensor
        Shape (features,).
    """

    weight: torch.Tensor
    bias: torch.Tensor
    weight_back: torch.Tensor
    bias_back: torch.Tensor

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        """Returns the inputs as the gate knows them, before the sigmoid.

        Arguments
        ---------
        inputs : torch.Tensor
            From a ``Scale``, shape (items, features).

        Returns
        -------
        torch.Tensor
            The same shape.
        """
        code = linear(inputs, self.weight, self.bias).relu()
        return linear(code, self.weight_back, self.bias_back)

    def errors(self, inputs: torch.Tensor) -> torch.Tensor:
        """Measures how far the gate is from each input.

        Arguments
        ---------
        inputs : torch.Tensor
            From a ``Scale``, shape (items, features).

        Returns
        -------
        torch.Tensor
            Euclidean distances, shape (items,).

        Example
        -------
        >>> zero = torch.zeros(2, 3), torch.zeros(2)
        >>> gate = Gate(*zero, torch.zeros(3, 2), torch.zeros(3))
        >>> gate.errors(torch.tensor([[0.5, 0.5, 0.5], [0.5, 0.1, 0.2]]))
        tensor([0.0000, 0.5000])
        """
        return (self(inputs).sigmoid() - inputs).norm(dim=1)


def trained_gate(
    inputs: torch.Tensor,
    code: int,
    steps: int,
    seed: int,
    watch: Callable[[Iterable[int]], Any] = iter,
) -> Gate:
    """Trains a gate by the cross-entropy to its own inputs.

    Gates that begin with the same weights and draw the same places of a batch
    have errors that compare; otherwise some are better at all inputs. The random
    numbers of everything else stay as they are.

    Arguments
    ---------
    inputs : torch.Tensor
        All of a task, from a ``Scale``, shape (items, features).
    code : int
        Units of the code.
    steps : int
        Of Adam, each on a batch that is drawn.
    seed : int
        Of the first weights and of the batches; the same for all gates.
    watch : callable
        Gets the numbers of the steps and gives them back, as a progress bar
        does.

    Returns
    -------
    Gate

    Example
    -------
    >>> inputs = torch.eye(4)
    >>> after = trained_gate(inputs, code=3, steps=200, seed=0)
    >>> before = trained_gate(inputs, code=3, steps=0, seed=0)
    >>> bool(after.errors(inputs).mean() < before.errors(inputs).mean())
    True
    """
    features = inputs.shape[1]
    with torch.random.fork_rng(), torch.enable_grad():
        torch.manual_seed(seed)
        layers = [nn.Linear(features, code), nn.Linear(code, features)]
        layers = nn.ModuleList(layers).to(inputs.device)
        gate = Gate(*layers.parameters())
        optimizer = torch.optim.Adam(gate, lr=RATE)
        for step in watch(range(steps)):
            optimizer.param_groups[0]["lr"] = RATE * (1 - step / steps)
            batch = inputs[torch.randint(len(inputs), (BATCH,))]
            optimizer.zero_grad()
            cross_entropy(gate(batch), batch).backward()
            optimizer.step()
    return Gate(*(tensor.detach() for tensor in gate))


def relatedness(errors: torch.Tensor, own: torch.Tensor) -> float:
    """Measures how well the gate of another task knows the inputs of a task.

    Arguments
    ---------
    errors : torch.Tensor
        Of the other gate, on validation data of the task.
    own : torch.Tensor
        Of the task's own gate, on the same.

    Returns
    -------
    float
        1 if it is as near as the own gate, less if it is further.

    Example
    -------
    >>> relatedness(torch.tensor([3.0, 3.0]), own=torch.tensor([1.0, 3.0]))
    0.5
    """
    own = own.double().mean()
    return float(1 - (errors.double().mean() - own) / own)


def distillation(
    outputs: torch.Tensor, taught: torch.Tensor, temperature: float = 2.0
) -> torch.Tensor:
    """Computes the distillation loss of learning without forgetting (LwF).

    Li & Hoiem 2016, https://arxiv.org/abs/1606.09282.

    Arguments
    ---------
    outputs : torch.Tensor
        Scores of classes, of the network in training.
    taught : torch.Tensor
        Scores of the teacher. A class of -inf cannot be chosen.
    temperature : float
        The larger, the more the teacher's small probabilities count.

    Returns
    -------
    torch.Tensor
        A cross-entropy, the mean over all items.

    Example
    -------
    >>> scores = torch.tensor([[0.0, 0.0, -torch.inf]])
    >>> distillation(scores, taught=scores)
    tensor(0.6931)
    """
    shares = (taught / temperature).softmax(-1)
    logs = (outputs / temperature).log_softmax(-1)
    return -(shares * logs.masked_fill(shares == 0, 0.0)).sum(-1).mean()
