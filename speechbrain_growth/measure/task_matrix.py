"""The task matrix R, and what the literature reads from it.

``R[i, j]`` is the metric on task j after task i was trained; row 0 is the
network before any training. The metrics are those of GEM (Lopez-Paz & Ranzato
2017, https://arxiv.org/abs/1706.08840) and of Chaudhry et al. 2018
(https://arxiv.org/abs/1801.10112), in points, larger is better but for
forgetting and intransigence.

Authors
 * The speechbrain_growth authors 2026
"""

import math
from typing import List, NamedTuple, Sequence

from speechbrain_growth.errors import GrowthError

REPORT = "tasks.json"  # in the output folder of a run over several tasks


class TaskMatrix(NamedTuple):
    """The metric of each task after each task.

    Arguments
    ---------
    rows : list of list of float
        Row i is after task i, so row 0 is before training; column 0 is task 1.
        NaN for what was not measured.
    better : str
        ``higher``, as for an accuracy, or ``lower``, as for an error rate.

    Example
    -------
    >>> matrix = TaskMatrix([[50, 50], [90, 55], [80, 95]])
    >>> matrix.acc, matrix.bwt, matrix.forgetting
    (87.5, -10.0, 10.0)
    >>> matrix.fwt(single=[90, 93])
    1.0
    """

    rows: Sequence[Sequence[float]]
    better: str = "higher"

    @property
    def tasks(self) -> int:
        """How many tasks there are."""
        return len(self.rows) - 1

    @property
    def sign(self) -> int:
        """What turns the metric into one of which more is better."""
        return 1 if self.better == "higher" else -1

    @property
    def diagonal(self) -> List[float]:
        """Each task right after it was trained."""
        return [self.rows[task + 1][task] for task in range(self.tasks)]

    @property
    def last(self) -> List[float]:
        """Each task after all of them."""
        return list(self.rows[-1])

    @property
    def acc(self) -> float:
        """The mean of all tasks at the end, in the metric's own direction."""
        return mean(self.last)

    @property
    def bwt(self) -> float:
        """Backward transfer: what later tasks did to earlier ones."""
        pairs = list(zip(self.last, self.diagonal))[:-1]
        # Adding 0 turns -0.0 into 0.0
        return self.sign * mean([end - then for end, then in pairs]) + 0.0

    @property
    def forgetting(self) -> float:
        """How much worse earlier tasks are at the end than they ever were."""
        found = []
        for task in range(self.tasks - 1):
            # From the task's own row on: before it, it was never trained
            seen = [row[task] for row in self.rows[task + 1 : -1]]
            best = max(self.sign * one for one in seen)
            found.append(best - self.sign * self.rows[-1][task])
        return mean(found)

    def fwt(self, single: Sequence[float]) -> float:
        """Forward transfer: what earlier tasks did to later ones.

        Arguments
        ---------
        single : list of float
            The same network trained on each task alone.

        Returns
        -------
        float
        """
        self._check(single)
        gains = [own - alone for own, alone in zip(self.diagonal, single)]
        return self.sign * mean(gains)

    def intransigence(self, joint: Sequence[float]) -> float:
        """How much worse a task is learnt than if all data were there.

        Arguments
        ---------
        joint : list of float
            The same network trained on all tasks at once.

        Returns
        -------
        float
        """
        return -self.fwt(joint)

    def in_words(self, metric: str) -> str:
        """Returns the matrix and what is read from it as text.

        Arguments
        ---------
        metric : str
            What the numbers are.

        Returns
        -------
        str

        Example
        -------
        >>> print(TaskMatrix([[50, 50], [90, 55], [80, 95]]).in_words("acc"))
        acc on task      1      2
        after task 1  90.00  55.00
        after task 2  80.00  95.00
        acc of all tasks at the end: 87.50; BWT -10.00, forgetting 10.00
        """
        numbers = range(1, self.tasks + 1)
        places = "".join(f"{number:7}" for number in numbers)
        last = f"after task {self.tasks}"
        head = f"{metric} on task".ljust(len(last) - 1) + places
        rows = [
            f"after task {number}".ljust(len(last))
            + "".join("      -" if v != v else f"{v:7.2f}" for v in row)
            for number, row in zip(numbers, self.rows[1:])
        ]
        end = (
            f"{metric} of all tasks at the end: {self.acc:.2f}; BWT "
            f"{self.bwt:.2f}, forgetting {self.forgetting:.2f}"
        )
        return "\n".join([head, *rows, end])

    def _check(self, others):
        """Raises if there is not one number for each task."""
        if len(others) != self.tasks:
            raise GrowthError(
                f"found {len(others)} numbers for {self.tasks} tasks; give one "
                "for each task"
            )


def mean(values: Sequence[float]) -> float:
    """Returns the mean; NaN of no values.

    Arguments
    ---------
    values : list of float
        Any number of them.

    Returns
    -------
    float
    """
    return math.fsum(values) / len(values) if values else math.nan
