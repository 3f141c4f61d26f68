"""Baselines that need no more than a choice of data or of layers.

Fine-tuning, which forgets, is ``Strategy`` itself.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any, List, Sequence, Tuple

from speechbrain_growth.continual.strategy import Strategy


class Independent(Strategy):
    """A network of its own for each task, trained as if there were no other.

    Its results are the ``single`` of forward transfer. At the width of one
    growth it has as many units as a network that grows by that for each task.

    Arguments
    ---------
    own : list of str
        The layers of each network: all that learn.

    Example
    -------
    >>> Independent().keeps
    True
    """

    keeps = True

    def __init__(self, own: Sequence[str] = ("model",)) -> None:
        super().__init__(own)


class Joint(Strategy):
    """One network that is trained on all tasks at once, from the beginning.

    Its results are the ``joint`` of intransigence.

    Example
    -------
    >>> Joint().trained_on(task=1, tasks=3)
    (1, 2, 3)
    """

    takes_best = False  # of the validation of one task

    def check(self, brain: Any) -> List[str]:
        """Returns what is wrong: items of all tasks need their outputs."""
        return self.one_head()

    def trained_on(self, task: int, tasks: int) -> Tuple[int, ...]:
        """Returns all tasks."""
        return tuple(range(1, tasks + 1))
