"""What all streams of tasks have in common.

A stream says how many tasks there are, and turns data in memory into them. The
splits are made before the first task is trained, and are a function of the
seed.

Authors
 * The speechbrain_growth authors 2026
"""

import math
from typing import Any, Dict, List, Tuple

import torch
from torch.utils.data import Dataset

from speechbrain_growth.errors import GrowthError

Part = Tuple[torch.Tensor, torch.Tensor]  # images, (n, pixels), and labels


class Stream:
    """One task after another; those below say how they differ.

    Arguments
    ---------
    tasks : int
        How many.
    samples : int
        Items of each task in each part of the data; 0 for all there are.
    seed : int
        Of all that is drawn.

    Attributes
    ----------
    same_outputs : bool
        Whether an output means the same in every task.
    """

    same_outputs = True

    def __init__(self, tasks: int = 5, samples: int = 0, seed: int = 0) -> None:
        wrong = [
            f"{name} is {value!r}; it must be a whole number, at least {least}"
            for name, value, least in (
                ("tasks", tasks, 1),
                ("samples", samples, 0),
                ("seed", seed, 0),
            )
            if type(value) is not int or value < least
        ]
        if wrong:
            raise GrowthError([f"stream: {one}" for one in wrong])
        self.tasks, self.samples, self.seed = tasks, samples, seed

    @property
    def facts(self) -> Dict[str, Any]:
        """What a run that resumes compares."""
        return {"name": type(self).__name__, **vars(self)}

    def seen(self, images: torch.Tensor, task: int) -> torch.Tensor:
        """Returns images as a task shows them.

        Arguments
        ---------
        images : torch.Tensor
            Shape (n, pixels).
        task : int
            From 1 on.

        Returns
        -------
        torch.Tensor
            Shape (n, pixels).
        """
        return images

    def classes(self, task: int) -> List[int]:
        """Returns the labels that a task has; empty for all.

        Arguments
        ---------
        task : int
            From 1 on.

        Returns
        -------
        list of int
        """
        return []

    def only(self, scores: torch.Tensor, tasks: torch.Tensor) -> torch.Tensor:
        """Returns scores in which classes of other tasks cannot be chosen.

        This is a head for each task on one output layer, for streams whose
        tasks have classes of their own.

        Arguments
        ---------
        scores : torch.Tensor
            Shape (n, classes).
        tasks : torch.Tensor
            The task of each item, shape (n,).

        Returns
        -------
        torch.Tensor
            Scores of other classes are -inf.
        """
        if not self.classes(1):
            return scores
        own = torch.zeros(self.tasks + 1, scores.shape[1], dtype=torch.bool)
        for task in range(1, self.tasks + 1):
            own[task, self.classes(task)] = True
        return scores.masked_fill(~own.to(scores.device)[tasks], -math.inf)

    def source(self, task: int) -> int:
        """Returns which of several data sets a task is made from.

        Arguments
        ---------
        task : int
            From 1 on.

        Returns
        -------
        int
            From 0 on.
        """
        return 0

    def of(self, *data: Dict[str, Part]) -> Dict[str, "StreamDataset"]:
        """Splits data into tasks.

        Arguments
        ---------
        *data : dict
            For each data set: images and labels of each part, such as
            ``train``.

        Returns
        -------
        dict
            A ``StreamDataset`` for each part.

        Raises
        ------
        GrowthError
            If a task has fewer items for training than ``samples``.
        """
        found = {}
        for part in data[0]:
            images, labels = zip(*(one[part] for one in data))
            rows = [
                self._rows(labels, task, part)
                for task in range(1, self.tasks + 1)
            ]
            found[part] = StreamDataset(
                torch.cat(images), torch.cat(labels), rows, self
            )
        return found

    def _rows(self, labels, task, part):
        """The rows of a task's items among those of all data sets."""
        source, own = self.source(task), self.classes(task)
        first = sum(map(len, labels[:source]))
        rows = torch.arange(len(labels[source]))
        if own:
            rows = rows[torch.isin(labels[source], torch.tensor(own))]
        if part == "train" and len(rows) < self.samples:
            raise GrowthError(
                f"stream: task {task} has {len(rows)} items to train on, but "
                f"samples is {self.samples}; use a smaller number"
            )
        generator = torch.Generator().manual_seed(self.seed + task)
        drawn = torch.randperm(len(rows), generator=generator)
        return first + rows[drawn[: self.samples or None]]


class StreamDataset(Dataset):
    """The items of all tasks of one part of the data.

    Arguments
    ---------
    images : torch.Tensor
        Shape (n, pixels).
    labels : torch.Tensor
        Shape (n,).
    rows : list of torch.Tensor
        The rows of each task's items.
    stream : Stream
        Shows them as the task does.

    Attributes
    ----------
    tasks : list of torch.Tensor
        The indices of each task's items, for ``task_loader``.
    """

    batched = True  # takes all indices of a batch at once

    def __init__(self, images, labels, rows, stream):
        self.images, self.labels, self.stream = images, labels, stream
        self.rows = torch.cat(rows)
        sizes = [len(one) for one in rows]
        self.tasks = list(torch.arange(len(self.rows)).split(sizes))
        self.task = torch.repeat_interleave(
            torch.arange(1, len(rows) + 1), torch.tensor(sizes)
        )

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, indices):
        """Images, labels and tasks of one item, or of a tensor of indices."""
        indices = torch.as_tensor(indices)
        rows, tasks = self.rows[indices], self.task[indices]
        images = self.images[rows]
        if tasks.ndim:
            images = images.clone()
            for task in tasks.unique().tolist():
                own = tasks == task
                images[own] = self.stream.seen(images[own], task)
        else:
            images = self.stream.seen(images[None], int(tasks))[0]
        return images, self.labels[rows], tasks
