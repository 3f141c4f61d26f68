"""Replay: some items of earlier tasks are trained on again.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any, Dict, List, Sequence

import torch

from speechbrain_growth.continual.sampling import reservoir
from speechbrain_growth.continual.strategy import Strategy
from speechbrain_growth.errors import GrowthError


class Replay(Strategy):
    """Half of each batch comes from a reservoir of what was seen before.

    From experience replay (Chaudhry et al. 2019,
    https://arxiv.org/abs/1902.10486).

    Arguments
    ---------
    size : int
        How many items the reservoir holds.
    seed : int
        Of what is drawn into it.
    own : list of str
        As for ``Strategy``.

    Raises
    ------
    GrowthError
        If ``size`` is no whole number above 0.

    Example
    -------
    >>> import torch
    >>> len(Replay(size=3).memory(2, {1: torch.arange(10)}))
    3
    """

    def __init__(
        self, size: int = 500, seed: int = 0, own: Sequence[str] = ()
    ) -> None:
        super().__init__(own)
        if type(size) is not int or size < 1:
            raise GrowthError(
                f"strategy: size is {size!r}; it must be a whole number above 0"
            )
        self.size, self.seed = size, seed

    def check(self, brain: Any) -> List[str]:
        """Returns what is wrong: items of earlier tasks need their outputs."""
        return self.one_head()

    def memory(
        self, task: int, indices: Dict[int, torch.Tensor]
    ) -> torch.Tensor:
        """Returns the reservoir after the earlier tasks."""
        return reservoir(indices, self.size, self.seed)
