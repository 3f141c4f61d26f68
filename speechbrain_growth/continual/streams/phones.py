"""A stream of phone sets, each finer than the one before.

All tasks have the same utterances. What differs is the transcription, and so
the outputs of a network: a phone of one set becomes several of the next.

Authors
 * The speechbrain_growth authors 2026
"""

import math
from typing import Any, Dict, List, Optional, Sequence

import torch
from torch.nn.functional import pad

from speechbrain_growth.continual.streams.utterances import Utterances
from speechbrain_growth.errors import GrowthError


class PhoneSets(Utterances):
    """Each task has all utterances, transcribed in a finer phone set.

    Outputs are numbered once. The blank is 0, and then come the phones of the
    first set. A phone that splits leaves its index to the child of the same
    name, or to its first one; its other children, and phones that no phone
    stood for, are appended.

    Annotations have the phones of the last set.

    Arguments
    ---------
    sets : list
        The phones of each set: a list for the first; for each other one a
        mapping, with the phone of the set before that each counts as. That is
        None for a phone which the set before leaves out.
    joined : list of str
        Phones of which several in a row are transcribed as one.
    **kwargs : dict
        As for ``Stream``, but for ``tasks``.

    Attributes
    ----------
    labels : list of str
        The phones of the last set, in the order of their outputs, from 1 on.
    outputs : list of int
        How many outputs each task has, the blank included.

    Raises
    ------
    GrowthError
        Naming each set that is no refinement of the one before.

    Example
    -------
    >>> finer = {"ah": "ah", "ax": "ah", "sil": "sil", "pau": "sil", "q": None}
    >>> stream = PhoneSets([["ah", "sil"], finer], joined=["sil"])
    >>> stream.labels, stream.outputs, stream.parents(2)
    (['ah', 'sil', 'ax', 'pau', 'q'], [3, 6], [1, 2, None])
    >>> stream.written(torch.tensor([2, 5, 4, 3]), 1)  # sil q pau ax
    tensor([2, 1])
    """

    def __init__(
        self, sets: Sequence[Any], joined: Sequence[str] = (), **kwargs: Any
    ) -> None:
        problems = _wrong(sets)
        if problems:
            raise GrowthError([f"stream: {one}" for one in problems])
        super().__init__(tasks=len(sets), **kwargs)
        self.sets = [dict.fromkeys(sets[0]), *map(dict, sets[1:])]
        self.joined = list(joined)
        self._places = numbered(self.sets)
        last = self._places[-1]
        self.labels = sorted(last, key=last.get)
        self.outputs = [len(places) + 1 for places in self._places]

    @property
    def facts(self) -> Dict[str, Any]:
        """What a run that resumes compares."""
        drawn = {"samples": self.samples, "seed": self.seed}
        phones = {"sets": self.sets, "joined": self.joined}
        return {"name": "PhoneSets", "tasks": self.tasks, **drawn, **phones}

    def parents(self, task: int) -> List[Optional[int]]:
        """Returns what the outputs split from that a task adds.

        Arguments
        ---------
        task : int
            From 2 on.

        Returns
        -------
        list of int
            The index of an output of the task before, or None, for each.
        """
        return phone_parents(self.sets, task)

    def check_outputs(self, size: str, first: int, growths: Any) -> None:
        """Raises if the network does not get the outputs that its tasks need.

        It may have those of a later task already.

        Arguments
        ---------
        size : str
            The key of the YAML that is the number of outputs.
        first : int
            Its value as the run begins.
        growths : list of Growth
            Those of the schedule.

        Raises
        ------
        GrowthError
            If there are too few, or they split from others.
        """
        found, problems = [first], []
        for task in range(2, self.tasks + 1):
            found.append(found[-1])
            for growth in growths:
                when = growth.condition
                if when.name != "on_task" or when.values["task"] != task:
                    continue
                found[-1] = growth.amount.sizes.get(size, found[-1])
                given = growth.outputs
                for name in given if isinstance(given, dict) else ():
                    if given[name] != self.parents(task):
                        problems.append(
                            f"{growth.place}: outputs: {name} has other "
                            "parents than the phones of the task; give "
                            f"{self.parents(task)}"
                        )
        fits = [
            n in self.outputs and n >= m for n, m in zip(found, self.outputs)
        ]
        if not all(fits):
            problems.append(
                f"{size} is {', '.join(map(str, found))} in the tasks, but with "
                f"the blank they have {', '.join(map(str, self.outputs))} "
                "outputs; use these, by growths with on_task: 2 and so on"
            )
        if problems:
            raise GrowthError(problems)

    def shown(self, item: Dict[str, Any], task: int) -> Dict[str, Any]:
        """Returns an utterance with the transcription of a task."""
        return {**item, "phn_encoded": self.written(item["phn_encoded"], task)}

    def written(self, phones: torch.Tensor, task: int) -> torch.Tensor:
        """Returns a transcription in the phone set of a task.

        Arguments
        ---------
        phones : torch.Tensor
            Outputs of the last task, shape (phones,).
        task : int
            From 1 on.

        Returns
        -------
        torch.Tensor
            Outputs of this task; no longer, as some phones are left out.
        """
        found = self._counted(self.tasks, task)[phones]
        found, places = found[found > 0], self._places[task - 1]
        joined = torch.tensor([places[n] for n in self.joined if n in places])
        again = torch.zeros(len(found), dtype=torch.bool)
        again[1:] = (found[1:] == found[:-1]) & torch.isin(found[1:], joined)
        return found[~again]

    def only(self, scores: torch.Tensor, tasks: torch.Tensor) -> torch.Tensor:
        """Returns logarithms of posteriors of the phones that a task has.

        Of a network with finer phones, the posteriors of all that count as one
        phone are summed. A phone that a task leaves out counts as the blank, as
        nothing is transcribed there. An output of a network with coarser phones
        counts as the phone that took its index over; others have none.

        Arguments
        ---------
        scores : torch.Tensor
            Logarithms of posteriors, shape (items, frames, outputs).
        tasks : torch.Tensor
            The task of each item, shape (items,).

        Returns
        -------
        torch.Tensor
            With as many outputs as the network or a task has, whatever is more;
            of those that a task does not have, -inf.
        """
        if scores.shape[-1] not in self.outputs:
            raise GrowthError(
                f"the network has {scores.shape[-1]} outputs, but the tasks of "
                f"the stream have {', '.join(map(str, self.outputs))}"
            )
        have, numbers = self.outputs.index(scores.shape[-1]) + 1, tasks.tolist()
        if all(task == have for task in numbers):
            return scores
        most = max([have, *numbers])
        return torch.stack(
            [
                _widened(self._summed(one, have, task), self.outputs[most - 1])
                for one, task in zip(scores, numbers)
            ]
        )

    def _summed(self, scores, have, task):
        """Scores of one item, in the phones of a task that is no finer."""
        if task >= have:
            return scores
        counted = self._counted(have, task)
        families = [
            (counted == place).nonzero()[:, 0]
            for place in range(self.outputs[task - 1])
        ]
        # Of one size, by an output with a posterior of zero
        members = torch.nn.utils.rnn.pad_sequence(
            families, batch_first=True, padding_value=scores.shape[-1]
        ).to(scores.device)
        return _widened(scores, scores.shape[-1] + 1)[..., members].logsumexp(
            -1
        )

    def _counted(self, have, task):
        """For each output of a set, that of a coarser one that it counts as."""
        found = torch.arange(self.outputs[have - 1])
        for number in range(have, task, -1):
            parents = [parent or 0 for parent in self.parents(number)]
            found = torch.tensor([*range(self.outputs[number - 2]), *parents])[
                found
            ]
        return found


def phone_parents(sets: Sequence[Any], task: int) -> List[Optional[int]]:
    """Returns what the outputs split from that a finer set adds.

    Arguments
    ---------
    sets : list
        As for ``PhoneSets``.
    task : int
        Whose set it is, from 2 on.

    Returns
    -------
    list of int
        The parent of each, as ``outputs`` of a growth takes it.

    Example
    -------
    >>> finer = {"ah": "ah", "ax": "ah", "h#": "sil", "q": None}
    >>> phone_parents([["ah", "sil"], finer], task=2)
    [1, None]
    """
    before, now = numbered(sets[:task])[-2:]
    added = sorted(now, key=now.get)[len(before) :]
    return [before.get(sets[task - 1][phone]) for phone in added]


def numbered(sets):
    """Numbers the outputs of each set, so that none gets another index.

    Arguments
    ---------
    sets : list
        As for ``PhoneSets``.

    Returns
    -------
    list of dict
        For each set, the index of each phone, from 1 on.

    Example
    -------
    >>> numbered([["ah", "sil"], {"h#": "sil", "ah": "ah", "pau": "sil"}])[1]
    {'h#': 2, 'ah': 1, 'pau': 3}
    """
    found = [{phone: n for n, phone in enumerate(sets[0], start=1)}]
    for phones in sets[1:]:
        before, heirs = found[-1], {}
        for phone, parent in phones.items():
            if phone == parent or parent not in heirs:
                heirs[parent] = phone
        taken = {heirs[parent]: n for parent, n in before.items()}
        added = [phone for phone in phones if phone not in taken]
        taken.update(zip(added, range(len(before) + 1, len(phones) + 1)))
        found.append({phone: taken[phone] for phone in phones})
    return found


def _widened(scores, outputs):
    """Scores with further outputs, whose posterior is zero."""
    return pad(scores, (0, outputs - scores.shape[-1]), value=-math.inf)


def _wrong(sets):
    """What is wrong with phone sets."""
    kinds = [(list, tuple), *[dict] * (len(sets) - 1)] if sets else [list]
    if not sets or not all(map(isinstance, sets, kinds)):
        return [
            "sets must be the phones of the first set, and for each other one "
            "a mapping of its phones, such as [[ah], {ah: ah, ax: ah}]"
        ]
    found = []
    for number, (before, now) in enumerate(zip(sets, sets[1:]), start=2):
        strange = {p for p in now.values() if p is not None} - set(before)
        gone = [phone for phone in before if phone not in now.values()]
        found += [
            f"set {number}: {phone} is no phone of the set before; use one"
            for phone in sorted(strange)
        ]
        found += [
            f"set {number}: has nothing of {phone}, which the set before has; "
            "name at least one phone that counts as it"
            for phone in gone
        ]
        if len(now) <= len(before):
            found.append(f"set {number}: must have more phones than the last")
    return found
