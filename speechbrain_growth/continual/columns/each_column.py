"""What systems with a column for each task have in common.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any, List

from speechbrain_growth.continual.columns.columns import Columns
from speechbrain_growth.continual.strategy import Strategy


class EachColumn(Strategy):
    """Each task trains the last column; earlier ones are constants.

    Arguments
    ---------
    size : str
        The key of the YAML that is the number of columns.
    """

    keeps = True

    def __init__(self, size: str) -> None:
        super().__init__()
        self.size = size

    @property
    def has_heads(self) -> bool:
        """Each column has outputs of its own."""
        return True

    def check(self, brain: Any) -> List[str]:
        """Returns what is wrong: each task must add a column.

        Arguments
        ---------
        brain : ContinualBrain
            Of the run.

        Returns
        -------
        list of str
        """
        sizes, tasks = brain.schedule.sizes, brain.stream.tasks
        if self.size not in sizes or not columns_in(brain):
            return [
                f"strategy: {type(self).__name__} adds to {self.size}, but the "
                f"model has the sizes {', '.join(sizes)}; use "
                f"speechbrain_growth.Columns with number: !ref <{self.size}>"
            ]
        growths = [
            growth
            for growth in brain.schedule.growths
            if growth.amount.adds.get(self.size) == 1
            and growth.condition.name == "on_task"
            and growth.old
        ]
        if len(growths) == tasks - 1:
            return []
        return [
            f"strategy: {tasks} tasks need a column each, but growth adds "
            f"{len(growths)} to the first task's; write {{on_task: each, adds: "
            f"{{{self.size}: 1}}, max_times: {tasks - 1}, old: frozen}}"
        ]


def columns_in(brain: Any) -> List[Columns]:
    """Finds the columns among the modules of a Brain.

    Arguments
    ---------
    brain : ContinualBrain
        Has the modules.

    Returns
    -------
    list of Columns
        One for each ``Columns`` of the YAML.
    """
    found = brain.raw_modules.modules()
    return [one for one in found if isinstance(one, Columns)]
