"""A controller that learns which actions to draw, by REINFORCE.

Williams 1992, https://doi.org/10.1007/BF00992696.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Callable, List, NamedTuple, Optional, Tuple

import torch

DECAY = 0.8  # of the moving averages of the reward and of its distance


class Controller(NamedTuple):
    """A table of logits: a few trials are too few for a larger model.

    Arguments
    ---------
    logits : torch.Tensor
        Of the actions, shape (places, actions).
    baseline : float
        Moving average of the rewards; None before the first one.
    spread : float
        Moving average of how far rewards were from it.
    """

    logits: torch.Tensor
    baseline: Optional[float] = None
    spread: float = 0.0


class Drawn(NamedTuple):
    """One trial.

    Arguments
    ---------
    actions : tuple of int
        The action at each place.
    probability : float
        With which they were drawn.
    reward : float
        What they gave.
    """

    actions: Tuple[int, ...]
    probability: float
    reward: float


def started(places: int, actions: int) -> Controller:
    """Returns a controller that draws all actions alike.

    Arguments
    ---------
    places : int
        How many actions are drawn at once.
    actions : int
        How many there are to choose from.

    Returns
    -------
    Controller
    """
    return Controller(torch.zeros(places, actions, dtype=torch.float64))


def learnt(
    controller: Controller, actions: Tuple[int, ...], reward: float, lr: float
) -> Controller:
    """Returns a controller that has seen one more reward.

    The logits move by ``lr`` times the gradient of the log-probability of the
    actions, times by how much the reward is above its moving average. That is
    divided by the average distance, so that ``lr`` is right for any unit.

    Arguments
    ---------
    controller : Controller
        As it was.
    actions : tuple of int
        What it drew.
    reward : float
        What that gave.
    lr : float
        Learning rate; 0 for a controller that stays random.

    Returns
    -------
    Controller

    Example
    -------
    >>> one = started(places=1, actions=2)
    >>> one = learnt(one, (0,), reward=5.0, lr=1.0)
    >>> learnt(one, (1,), reward=7.0, lr=1.0).logits
    tensor([[-0.5000,  0.5000]], dtype=torch.float64)
    """
    logits, baseline, spread = controller
    if baseline is None:
        return Controller(logits, reward, spread)
    above = reward - baseline
    spread = DECAY * spread + (1 - DECAY) * abs(above) if spread else abs(above)
    if spread:
        drawn = torch.zeros_like(logits)
        drawn[range(len(actions)), list(actions)] = 1
        step = drawn - logits.softmax(1)
        logits = logits + lr * above / spread * step
    return Controller(logits, baseline + (1 - DECAY) * above, spread)


def searched(
    reward_of: Callable[[Tuple[int, ...]], float],
    controller: Controller,
    trials: int,
    lr: float,
    generator: torch.Generator,
) -> Tuple[Controller, List[Drawn]]:
    """Draws actions, and learns from what they give.

    Arguments
    ---------
    reward_of : callable
        Takes the actions, a tuple of indices, and returns their reward.
    controller : Controller
        To begin with.
    trials : int
        How many.
    lr : float
        As for ``learnt``.
    generator : torch.Generator
        Draws the actions.

    Returns
    -------
    Controller
        What it has learnt.
    list of Drawn
        The trials.

    Example
    -------
    >>> best = lambda actions: float(actions == (2, 0))
    >>> generator = torch.Generator().manual_seed(0)
    >>> one, trials = searched(best, started(2, 3), 200, 0.3, generator)
    >>> one.logits.argmax(1), trials[-1].actions
    (tensor([2, 0]), (2, 0))
    """
    trials_so_far = []
    for _ in range(trials):
        chances = controller.logits.softmax(1)
        drawn = torch.multinomial(chances, 1, generator=generator)
        actions = tuple(drawn[:, 0].tolist())
        probability = float(chances.gather(1, drawn).prod())
        reward = reward_of(actions)
        controller = learnt(controller, actions, reward, lr)
        trials_so_far.append(Drawn(actions, probability, reward))
    return controller, trials_so_far
