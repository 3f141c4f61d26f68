"""Two classes of a data set.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any, Dict, Sequence

from speechbrain_growth.continual.streams.stream import (
    Part,
    Stream,
    StreamDataset,
)
from speechbrain_growth.errors import GrowthError


class Pair(Stream):
    """One task: to tell two classes apart, which get the labels 0 and 1.

    Arguments
    ---------
    of_classes : list of int
        The labels that they have in the data.
    **kwargs : dict
        As for ``Stream``, but for ``tasks``.

    Raises
    ------
    GrowthError
        If these are not two whole numbers, or a part of the data lacks one.

    Example
    -------
    >>> import torch
    >>> data = torch.rand(4, 9), torch.tensor([3, 5, 8, 3])
    >>> Pair([3, 8]).of({"train": data})["train"].labels
    tensor([0, 1, 0])
    """

    def __init__(self, of_classes: Sequence[int], **kwargs: Any) -> None:
        super().__init__(tasks=1, **kwargs)
        given = list(of_classes)
        if len(set(given)) != 2 or {type(one) for one in given} != {int}:
            raise GrowthError(
                f"stream: of_classes is {of_classes!r}; give two labels, such "
                "as [3, 8]"
            )
        self.of_classes = given

    def of(self, *data: Dict[str, Part]) -> Dict[str, StreamDataset]:
        """Keeps the items of both classes."""
        first, second = self.of_classes
        parts = {}
        for part, (images, labels) in data[0].items():
            missing = [n for n in (first, second) if not (labels == n).any()]
            if missing:
                raise GrowthError(
                    f"stream: of_classes names {missing[0]}, but {part} has no "
                    "item with that label; name another class"
                )
            kept = (labels == first) | (labels == second)
            parts[part] = images[kept], (labels[kept] == second).long()
        return super().of(parts)
