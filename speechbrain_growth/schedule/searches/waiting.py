"""A growth that was decided, and whose sizes are still to be found.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Dict

from speechbrain_growth.schedule.amounts import candidate_sizes
from speechbrain_growth.schedule.state import Sizes


class Waiting:
    """The part of a schedule that waits for a choice, or for a search."""

    @property
    def choices(self) -> Dict[str, Sizes]:
        """The sizes to choose from by name, if a choice is to be made."""
        if not self._waits:
            return {}
        return candidate_sizes(self.current.amount, self.sizes, self.cost)

    @property
    def searching(self) -> bool:
        """Whether a search is to find the sizes of the present growth."""
        return self._waits and self.current.amount.firefly is not None

    @property
    def _waits(self):
        """Whether the present growth has no sizes yet."""
        made = not self.targets or self.targets[-1] is not None
        return not made and self.decided - 1 not in self.refused

    def choose(self, name: str) -> None:
        """Takes note of the candidate that was chosen for the present growth.

        Arguments
        ---------
        name : str
            One of ``choices``.
        """
        self.targets[-1] = self.choices[name]

    def set_sizes(self, sizes: Sizes) -> None:
        """Takes note of the sizes that a search found for the present growth.

        Arguments
        ---------
        sizes : dict
            Those that change; empty if it found nothing.
        """
        self.targets[-1] = dict(sizes)
