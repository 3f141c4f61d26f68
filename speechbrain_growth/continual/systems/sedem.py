"""SEDEM: experts for a stream that nobody cuts into tasks, and a memory.

Ye & Bors 2023, "Self-Evolved Dynamic Expansion Model for Task-Free Continual
Learning" (ICCV), as its released code does it. The experts are ``Experts``, a
layer of the YAML; when one is added stands in its list of growths.

Authors
 * The speechbrain_growth authors 2026
"""

import math
from collections import Counter
from typing import Any, Dict, List

import torch

from speechbrain_growth.continual.experts.experts import Experts
from speechbrain_growth.continual.experts.memory import (
    agreement,
    novelty,
    remembered,
)
from speechbrain_growth.continual.experts.routing import routing_of
from speechbrain_growth.continual.sampling import all_of, batches_of, in_order
from speechbrain_growth.continual.strategy import Strategy
from speechbrain_growth.continual.streams.stream import StreamDataset
from speechbrain_growth.continual.streams.windows import Windows
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.training.measures.bars import progress

AGREEMENT = "agreement"  # its name among the metrics


class SEDEM(Strategy):
    """The newest expert learns what a memory holds; old ones are constants.

    An epoch is a window of the stream. Its items enter the memory, and the
    newest expert and its gate are trained on all that is there. A full memory
    drops the oldest items, or, once there are old experts, those that they know
    best. After each window the metric ``agreement`` is the share of the memory
    on which an old expert predicts as the newest does, the largest of all old
    experts. It is NaN while the memory is not full or there is no old expert.
    A growth empties the memory. No boundary and no validation is looked at.

    Arguments
    ---------
    size : str
        The key of the YAML that is the number of experts.
    items : int
        How many items the memory holds.
    passes : int
        Of a window over the memory.
    batch_size : int
        Items of a training batch.

    Raises
    ------
    GrowthError
        If a number is not a whole one above 0.

    Example
    -------
    >>> SEDEM(items=200).tensors["memory"].tolist()
    []
    """

    takes_best = False  # the last state of one pass, whatever a validation says

    def __init__(
        self,
        size: str = "experts",
        items: int = 1000,
        passes: int = 5,
        batch_size: int = 64,
    ) -> None:
        super().__init__()
        self.size, self.items = size, items
        self.passes, self.batch_size = passes, batch_size
        wrong = [
            f"strategy: {name} is {value!r}; it must be a whole number above 0"
            for name, value in vars(self).items()
            if name in ("items", "passes", "batch_size")
            and (type(value) is not int or value < 1)
        ]
        if wrong:
            raise GrowthError(wrong)
        self.tensors = {
            "window": 0,  # whose items entered the memory last
            "memory": torch.zeros(0, dtype=torch.long),
            "agreement": math.nan,
            "tasks": [],  # for the report: of the last memory of each old expert
        }

    def check(self, brain: Any) -> List[str]:
        """Returns what is wrong with stream, model and growths."""
        sizes, problems = brain.schedule.sizes, []
        if self.size not in sizes or _experts(brain) is None:
            problems.append(
                f"strategy: SEDEM adds to {self.size}, but the model has the "
                f"sizes {', '.join(sizes)}; use speechbrain_growth.Experts "
                f"with number: !ref <{self.size}>"
            )
        if not isinstance(brain.stream, Windows):
            problems.append(
                f"strategy: SEDEM is told no tasks, but the stream is a "
                f"{type(brain.stream).__name__}; use speechbrain_growth."
                "Windows, with that as its stream"
            )
        elif len(batches_of(brain.train_loader).items(1)) > self.items:
            problems.append(
                f"strategy: the memory holds {self.items} items, but a window "
                "has more; use smaller windows, or more items"
            )
        data = brain.train_loader.dataset
        if not isinstance(data, StreamDataset):
            problems.append(
                "strategy: an item of SEDEM is one tensor, but the data are a "
                f"{type(data).__name__}; use a stream of images"
            )
        if brain.distributed_launch:
            problems.append("strategy: SEDEM has one memory; use one process")
        problems += [
            f"{growth.place}: SEDEM adds frozen experts one by one; write "
            f"adds: {{{self.size}: 1}} and old: frozen"
            for growth in brain.schedule.growths
            if growth.time == 1
            and (growth.amount.adds != {self.size: 1} or not growth.old)
        ]
        return problems

    def begin_epoch(self, brain: Any, task: int, epoch: int) -> None:
        """Puts a window into the memory, which the epoch trains on."""
        batches = batches_of(brain.train_loader)
        if self.tensors["window"] < epoch:  # else the epoch resumes
            self.tensors.update(
                window=epoch,
                agreement=math.nan,
                memory=remembered(
                    self.tensors["memory"],
                    batches.items(epoch),
                    self.items,
                    lambda memory: self._known(brain, memory),
                ),
            )
        seed = 1000 * int(getattr(brain.hparams, "seed", 0)) + epoch
        generator, memory = torch.Generator(), self.tensors["memory"]
        generator.manual_seed(seed)
        orders = [
            torch.randperm(len(memory), generator=generator)
            for _ in range(self.passes)
        ]
        batches.given = [
            batch
            for order in orders
            for batch in memory[order].split(self.batch_size)
        ]

    def _known(self, brain, memory):
        """A number for each item, lower the better old experts know it."""
        if not _experts(brain).old:
            return torch.zeros(len(memory))
        scores, labels = self._scores(brain, memory)
        return novelty(scores[:-1], labels)

    @torch.no_grad()
    def _scores(self, brain, memory):
        """The scores of all experts, and the labels; counts what that costs."""
        experts = _experts(brain)
        was = experts.training
        experts.eval()
        found = []
        brain.meter.looks += 1
        batches = in_order(brain.train_loader, memory, self.items)
        for batch in progress(brain, "scoring the memory", batches):
            inputs = batch[0].to(brain.device)
            brain.meter.count(inputs)
            found.append((experts.scores(inputs), batch[1].to(brain.device)))
        brain.meter.looks -= 1
        experts.train(was)
        return found[0]

    def penalty(self, brain: Any, predictions: Any, batch: Any) -> Any:
        """Returns the loss of the newest gate."""
        return _experts(brain).newest_loss(batch[0].to(brain.device))

    def measured(self, brain: Any, stats: Dict[str, float]) -> Dict[str, float]:
        """Returns the agreement, which is measured once after a window."""
        memory = self.tensors["memory"]
        ready = len(memory) == self.items and _experts(brain).old
        if ready and math.isnan(self.tensors["agreement"]):
            scores, _ = self._scores(brain, memory)
            self.tensors["agreement"] = agreement(scores)
        return {AGREEMENT: self.tensors["agreement"]}

    def grown(self, brain: Any, plan: Any) -> None:
        """Empties the memory."""
        self.tensors.update(
            memory=torch.zeros(0, dtype=torch.long),
            agreement=math.nan,
            tasks=[*self.tensors["tasks"], self._tasks_of(brain)],
        )

    def _tasks_of(self, brain):
        """The tasks that the memory has items of, most items first."""
        tasks = brain.train_loader.dataset.task[self.tensors["memory"]]
        return [task for task, _ in Counter(tasks.tolist()).most_common()]

    def tested(self, brain: Any, loader: Any) -> Dict[str, Any]:
        """Returns how often an item is routed to an expert that saw its task."""
        saw = [*self.tensors["tasks"], self._tasks_of(brain)]
        return routing_of(_experts(brain), all_of(loader, 1), saw)


def _experts(brain):
    """The experts among the modules of a Brain; None if there are none."""
    found = brain.raw_modules.modules()
    return next((one for one in found if isinstance(one, Experts)), None)
