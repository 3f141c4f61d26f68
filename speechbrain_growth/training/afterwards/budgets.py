"""A learning rate that follows what is spent of the run's budget.

Authors
 * The speechbrain_growth authors 2026
"""

import math

from torch.optim import Optimizer

from speechbrain_growth.errors import GrowthError

SHAPES = {  # what is left of the way down, after a share of it
    "linear": lambda share: 1.0 - share,
    "cosine": lambda share: (1.0 + math.cos(math.pi * share)) / 2.0,
    "sqrt": lambda share: 1.0 - math.sqrt(share),
}


class BudgetScheduler:
    """Warm-up, a stable rate, and a decay, by the spent share of the budget.

    A ``GrowingBrain`` sets the rate before each step, whatever a recipe calls.
    The budget is that of the ``GrowthSchedule``; if it has none, the run's
    epochs are the budget. It grows no longer and no shorter when the model
    does, so that the last step always has the final value.

    Arguments
    ---------
    initial_value : float
        The stable rate.
    final_value : float
        The rate of the last step.
    warmup : float
        Share of the budget over which the rate rises from 0.
    decay : float
        Share of the budget, its last part, over which the rate falls. With
        ``decay: 1`` there is no stable part: a linear or cosine schedule.
    shape : str
        How it falls: ``linear``, ``cosine``, or ``sqrt`` (1 minus the root,
        https://arxiv.org/abs/2405.18392).

    Raises
    ------
    GrowthError
        Naming everything that is no rate, no share or no shape.

    Example
    -------
    >>> scheduler = BudgetScheduler(1.0, warmup=0.1, decay=0.4)
    >>> [round(scheduler.rate(s), 2) for s in (0.05, 0.1, 0.6, 0.8, 1.0)]
    [0.5, 1.0, 1.0, 0.5, 0.0]
    """

    def __init__(
        self,
        initial_value: float,
        final_value: float = 0.0,
        warmup: float = 0.0,
        decay: float = 0.3,
        shape: str = "linear",
    ) -> None:
        numbers = {
            "initial_value": initial_value,
            "final_value": final_value,
            "warmup": warmup,
            "decay": decay,
        }
        problems = [
            f"{key} is {value!r}; it must be "
            + ("a rate, at least 0" if "value" in key else "a share, 0 to 1")
            for key, value in numbers.items()
            if not _within(value, math.inf if "value" in key else 1.0)
        ]
        if shape not in SHAPES:
            problems.append(
                f"shape is {shape!r}; it must be {', '.join(SHAPES)}"
            )
        if not problems and warmup + decay > 1.0 + 1e-9:
            problems.append(
                f"warmup {warmup} and decay {decay} are more than the whole "
                "budget; their sum must be 1 at most"
            )
        if problems:
            raise GrowthError([f"BudgetScheduler: {p}" for p in problems])
        self.initial_value, self.final_value = initial_value, final_value
        self.warmup, self.decay, self.shape = warmup, decay, shape

    def rate(self, share: float) -> float:
        """Returns the learning rate of one step.

        Arguments
        ---------
        share : float
            Of the budget, spent once the step is done; from 0 to 1.

        Returns
        -------
        float
        """
        if share < self.warmup:
            return self.initial_value * share / self.warmup
        begin = 1.0 - self.decay
        if share <= begin or not self.decay:
            return self.initial_value
        left = SHAPES[self.shape](min((share - begin) / self.decay, 1.0))
        return self.final_value + left * (self.initial_value - self.final_value)

    def after_step(self, optimizer: Optimizer) -> None:
        """Does nothing: the Brain sets the rate before a step."""

    def after_epoch(self, optimizer: Optimizer, metric: float) -> None:
        """Does nothing."""


def _within(value, most):
    """Whether a value is a number from 0 to another."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and 0 <= value <= most and value < math.inf
