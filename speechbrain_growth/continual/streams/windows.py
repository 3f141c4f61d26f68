"""A stream without boundaries: nobody says where a task ends.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any, Dict

import torch

from speechbrain_growth.continual.streams.stream import (
    Part,
    Stream,
    StreamDataset,
)


class Windows(Stream):
    """One pass over another stream, as one task; an epoch is a window of it.

    Arguments
    ---------
    stream : Stream
        Its tasks come one after another, each item once.
    batches : int
        How many batches an epoch has. Waiting times, which conditions count in
        epochs, then count windows.

    Example
    -------
    >>> from speechbrain_growth.continual.streams.images import Permuted
    >>> data = torch.rand(6, 4), torch.arange(6)
    >>> stream = Windows(Permuted(tasks=2), batches=3)
    >>> dataset = stream.of({"train": data})["train"]
    >>> len(dataset.tasks), len(dataset), dataset.task.tolist()[5:7]
    (1, 12, [1, 2])
    """

    def __init__(self, stream: Stream, batches: int) -> None:
        super().__init__(1, stream.samples, stream.seed)
        self.stream, self.batches = stream, batches
        self.same_outputs = stream.same_outputs

    @property
    def facts(self) -> Dict[str, Any]:
        """What a run that resumes compares."""
        own = {"name": "Windows", "batches": self.batches}
        return {**own, "of": self.stream.facts}

    def of(self, *data: Dict[str, Part]) -> Dict[str, StreamDataset]:
        """Joins the tasks of the other stream; only training has windows."""
        found = self.stream.of(*data)
        for part, dataset in found.items():
            dataset.tasks = [torch.arange(len(dataset))]
            dataset.window = self.batches if part == "train" else 0
        return found
