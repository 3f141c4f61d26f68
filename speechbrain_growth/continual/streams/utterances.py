"""Streams of utterances: by accent, and by what the recordings went through.

Authors
 * The speechbrain_growth authors 2026
"""

import re
import zlib
from typing import (
    Any,
    Dict,
    List,
    Sequence as Names,
)

import torch
from torch.utils.data import Dataset

from speechbrain.dataio.dataset import DynamicItemDataset
from speechbrain_growth.continual.streams.stream import Stream
from speechbrain_growth.data.channels import CHANNELS
from speechbrain_growth.errors import GrowthError

REGION = re.compile(r"(?:^|[/\\])(DR\d)[/\\]", re.IGNORECASE)


class Utterances(Stream):
    """All utterances in each task; those below say how tasks differ.

    Attributes
    ----------
    labels : list of str
        What the outputs of a network stand for, in their order; empty for what
        the transcriptions have.
    """

    labels: List[str] = []

    def belongs(self, item: Dict[str, Any], task: int) -> bool:
        """Returns whether a task has an utterance.

        Arguments
        ---------
        item : dict
            The utterance, as the annotation has it.
        task : int
            From 1 on.

        Returns
        -------
        bool
        """
        return True

    def heard(self, wave: torch.Tensor, task: int, name: str) -> torch.Tensor:
        """Returns a waveform as a task has it.

        Arguments
        ---------
        wave : torch.Tensor
            Shape (samples,).
        task : int
            From 1 on.
        name : str
            Of the utterance.

        Returns
        -------
        torch.Tensor
        """
        return wave

    def shown(self, item: Dict[str, Any], task: int) -> Dict[str, Any]:
        """Returns an utterance as a task has it.

        Arguments
        ---------
        item : dict
            What the data give of it.
        task : int
            From 1 on.

        Returns
        -------
        dict
        """
        return {**item, "sig": self.heard(item["sig"], task, item["id"])}

    def check_outputs(self, size: str, first: int, growths: Any) -> None:
        """Raises if a network does not get the outputs that its tasks need.

        Arguments
        ---------
        size : str
            The key of the YAML that is the number of outputs.
        first : int
            Its value as the run begins.
        growths : list of Growth
            Those of the schedule.
        """

    def of(self, *data: Dict[str, DynamicItemDataset]) -> Dict[str, Dataset]:
        """Splits utterances into tasks, in the order of the data.

        Arguments
        ---------
        *data : dict
            One dictionary: the utterances of each part.

        Returns
        -------
        dict
            An ``UtteranceTasks`` for each part.

        Raises
        ------
        GrowthError
            If a task has no utterance, or fewer for training than ``samples``.
        """
        (parts,) = data
        return {
            part: UtteranceTasks(
                one,
                [self._utterances(one, task, part) for task in self._numbers],
                self,
            )
            for part, one in parts.items()
        }

    @property
    def _numbers(self):
        """The numbers of the tasks."""
        return range(1, self.tasks + 1)

    def _utterances(self, data, task, part):
        """The places of a task's utterances."""
        found = [
            place
            for place, name in enumerate(data.data_ids)
            if self.belongs(data.data[name], task)
        ]
        if part == "train" and len(found) < max(self.samples, 1):
            raise GrowthError(
                f"stream: task {task} has {len(found)} utterances to train on, "
                f"but samples is {self.samples}; use a smaller number, or other "
                "tasks"
            )
        generator = torch.Generator().manual_seed(self.seed + task)
        drawn = torch.randperm(len(found), generator=generator)
        kept = sorted(drawn[: self.samples or None].tolist())
        return torch.tensor([found[place] for place in kept], dtype=torch.long)


class Accents(Utterances):
    """Each task has the speakers of some dialect regions.

    Arguments
    ---------
    regions : list of list of str
        The regions of each task: names of folders, as TIMIT has them.
    **kwargs : dict
        As for ``Stream``, but for ``tasks``.

    Example
    -------
    >>> stream = Accents([["DR1", "DR2"], ["DR3"]])
    >>> item = {"wav": "{data_root}/TRAIN/DR2/FAEM0/SX42.WAV"}
    >>> [stream.belongs(item, task) for task in (1, 2)]
    [True, False]
    """

    def __init__(self, regions: Names[Names[str]], **kwargs: Any) -> None:
        if not regions or not all(
            isinstance(one, (list, tuple)) and one for one in regions
        ):
            raise GrowthError(
                f"stream: regions is {regions!r}; it must list the regions of "
                "each task, such as [[DR1, DR2], [DR3]]"
            )
        super().__init__(tasks=len(regions), **kwargs)
        self.regions = [[str(name).upper() for name in one] for one in regions]

    def belongs(self, item: Dict[str, Any], task: int) -> bool:
        """Returns whether the utterance's folder is that of a region."""
        found = REGION.search(item["wav"])
        if not found:
            raise GrowthError(
                f"{item['wav']}: is in no folder of a dialect region, such as "
                "DR1; use TIMIT's own folders, or another stream"
            )
        return found[1].upper() in self.regions[task - 1]


class Channels(Utterances):
    """Each task hears all utterances through another channel.

    Arguments
    ---------
    channels : list of str
        That of each task: ``clean``, ``noise``, ``telephone``, ``room``.
    sample_rate : int
        In Hz.
    **kwargs : dict
        As for ``Stream``, but for ``tasks``.

    Example
    -------
    >>> stream = Channels(["clean", "noise"])
    >>> torch.equal(stream.heard(torch.ones(9), 1, "SA1"), torch.ones(9))
    True
    """

    def __init__(
        self, channels: Names[str], sample_rate: int = 16000, **kwargs: Any
    ) -> None:
        unknown = [one for one in channels if one not in CHANNELS]
        if unknown or not channels:
            raise GrowthError(
                f"stream: channels is {list(channels)}; use some of "
                f"{', '.join(CHANNELS)}"
            )
        super().__init__(tasks=len(channels), **kwargs)
        self.channels, self.sample_rate = list(channels), sample_rate

    def heard(self, wave: torch.Tensor, task: int, name: str) -> torch.Tensor:
        """Returns what comes out of the channel."""
        channel = CHANNELS[self.channels[task - 1]]
        seed = self.seed + zlib.crc32(name.encode())
        return channel(wave, seed, self.sample_rate)


class UtteranceTasks(Dataset):
    """The utterances of all tasks of one part of the data.

    Arguments
    ---------
    data : DynamicItemDataset
        Gives ``id`` and ``sig``, among others.
    rows : list of torch.Tensor
        The places of each task's utterances.
    stream : Utterances
        Lets them be heard as the task has them.

    Attributes
    ----------
    tasks : list of torch.Tensor
        The indices of each task's items, for ``task_loader``.
    """

    def __init__(
        self,
        data: DynamicItemDataset,
        rows: List[torch.Tensor],
        stream: Utterances,
    ) -> None:
        self.data, self.stream = data, stream
        self.rows = torch.cat(rows).tolist()
        sizes = [len(one) for one in rows]
        self.tasks = list(torch.arange(len(self.rows)).split(sizes))
        self.task = [n for n, one in enumerate(rows, 1) for _ in one]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Dict[str, Any]:
        item, task = dict(self.data[self.rows[index]]), self.task[index]
        return {**self.stream.shown(item, task), "task": task}
