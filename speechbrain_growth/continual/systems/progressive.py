"""Progressive networks: a column for each task, which nobody changes later.

Rusu et al. 2016, https://arxiv.org/abs/1606.04671. The columns and laterals are
in ``Columns``, a stock layer of the YAML; when a column is added stands in its
list of growths.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any, List

from speechbrain_growth.continual.strategy import Strategy
from speechbrain_growth.continual.systems.columns import Columns


class Progressive(Strategy):
    """Each task trains the last column; earlier ones are constants.

    Arguments
    ---------
    size : str
        The key of the YAML that is the number of columns.

    Example
    -------
    >>> Progressive().has_heads
    True
    """

    keeps = True

    def __init__(self, size: str = "columns") -> None:
        super().__init__()
        self.size = size

    @property
    def has_heads(self) -> bool:
        """Each column has outputs of its own."""
        return True

    def check(self, brain: Any) -> List[str]:
        """Returns what is wrong: each task must add a column."""
        sizes, tasks = brain.schedule.sizes, brain.stream.tasks
        if self.size not in sizes:
            return [
                f"strategy: Progressive adds to {self.size}, but the model has "
                f"the sizes {', '.join(sizes)}; use speechbrain_growth.Columns"
            ]
        growths = [
            growth
            for growth in brain.schedule.growths
            if growth.amount.adds.get(self.size) == 1
            and growth.condition.name == "on_task"
        ]
        if sizes[self.size] + len(growths) != tasks:
            return [
                f"strategy: {tasks} tasks need a column each, but growth makes "
                f"{sizes[self.size] + len(growths)} of them; write {{on_task: "
                f"each, adds: {{{self.size}: 1}}, max_times: {tasks - 1}, old: "
                "frozen}"
            ]
        return []


def columns_of(brain) -> Columns:
    """Finds the columns among the modules of a Brain.

    Arguments
    ---------
    brain : ContinualBrain
        Of a progressive network.

    Returns
    -------
    Columns
    """
    found = brain.raw_modules.modules()
    return next(one for one in found if isinstance(one, Columns))
