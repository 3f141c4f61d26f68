"""Streams of images: permuted, rotated, split by classes, and data sets in turn.

Authors
 * The speechbrain_growth authors 2026
"""

import math
from typing import (
    Any,
    List,
    Sequence as Names,
)

import torch
from torch.nn.functional import affine_grid, grid_sample

from speechbrain_growth.continual.streams.stream import Stream
from speechbrain_growth.errors import GrowthError


class Permuted(Stream):
    """The pixels of each task are in another order; task 1 is as it is.

    Example
    -------
    >>> stream = Permuted(tasks=2, seed=1)
    >>> images = torch.arange(4.0)[None]
    >>> stream.seen(images, 1).tolist(), stream.seen(images, 2).tolist()
    ([[0.0, 1.0, 2.0, 3.0]], [[3.0, 2.0, 0.0, 1.0]])
    """

    def seen(self, images: torch.Tensor, task: int) -> torch.Tensor:
        """Returns images in the task's order of pixels."""
        if task == 1:
            return images
        generator = torch.Generator().manual_seed(1000 * self.seed + task)
        order = torch.randperm(images.shape[1], generator=generator)
        return images[:, order]


class Rotated(Stream):
    """Square images, turned by equal steps from 0 to ``degrees``.

    Arguments
    ---------
    degrees : float
        Of the last task.
    **kwargs : dict
        As for ``Stream``.
    """

    def __init__(self, degrees: float = 90.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.degrees = float(degrees)

    def seen(self, images: torch.Tensor, task: int) -> torch.Tensor:
        """Returns turned images."""
        if task == 1:
            return images
        share = (task - 1) / (self.tasks - 1)
        turn = math.radians(self.degrees * share)
        matrix = torch.tensor(
            [
                [math.cos(turn), -math.sin(turn), 0.0],
                [math.sin(turn), math.cos(turn), 0.0],
            ]
        )
        side = math.isqrt(images.shape[1])
        squares = images.view(-1, 1, side, side)
        grid = affine_grid(
            matrix.expand(len(images), 2, 3),
            list(squares.shape),
            align_corners=False,
        )
        turned = grid_sample(squares, grid, align_corners=False)
        return turned.reshape(images.shape)


class Split(Stream):
    """Each task has classes of its own, equally many.

    Arguments
    ---------
    number_of_classes : int
        Of all tasks together.
    heads : bool
        Whether it is known to which task an item belongs, so that only its
        classes are chosen from (task-incremental). Otherwise all classes are
        (class-incremental).
    **kwargs : dict
        As for ``Stream``.

    Example
    -------
    >>> Split(tasks=5).classes(2)
    [2, 3]
    """

    def __init__(
        self, number_of_classes: int = 10, heads: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if number_of_classes % self.tasks:
            raise GrowthError(
                f"stream: {number_of_classes} classes are not {self.tasks} "
                "equal tasks; use a divisor"
            )
        self.number_of_classes, self.heads = number_of_classes, heads

    def classes(self, task: int) -> List[int]:
        """Returns the task's own labels."""
        each = self.number_of_classes // self.tasks
        return list(range(each * (task - 1), each * task))

    def only(self, scores: torch.Tensor, tasks: torch.Tensor) -> torch.Tensor:
        """Returns masked scores, if the task of an item is known."""
        return super().only(scores, tasks) if self.heads else scores


class Sequence(Stream):
    """One data set after another; what an output means differs.

    Arguments
    ---------
    datasets : list of str
        The name of each task's data set; one may come back.
    **kwargs : dict
        As for ``Stream``, but for ``tasks``.

    Example
    -------
    >>> stream = Sequence(["mnist", "fashion_mnist", "mnist"])
    >>> stream.names, [stream.source(task) for task in (1, 2, 3)]
    (['mnist', 'fashion_mnist'], [0, 1, 0])
    """

    same_outputs = False

    def __init__(self, datasets: Names[str], **kwargs: Any) -> None:
        super().__init__(tasks=len(datasets), **kwargs)
        self.datasets = list(datasets)

    @property
    def names(self) -> List[str]:
        """The data sets that are to be loaded, in the order of ``source``."""
        return list(dict.fromkeys(self.datasets))

    def source(self, task: int) -> int:
        """Returns the place of the task's data set in ``names``."""
        return self.names.index(self.datasets[task - 1])
