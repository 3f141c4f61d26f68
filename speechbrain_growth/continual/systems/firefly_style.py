"""Firefly-style: a search finds what each task unlocks, splits and adds.

After Firefly (Wu et al. 2020, https://arxiv.org/abs/2102.08574), of whose
continual variant we could read neither text nor code.

Authors
 * The speechbrain_growth authors 2026
"""

import math
from typing import Any, Dict, List, Optional, Sequence, Union

import torch

from speechbrain.utils.logger import get_logger
from speechbrain_growth.continual.weights.masking import Masking
from speechbrain_growth.continual.weights.searching import Places, find_units
from speechbrain_growth.continual.weights.unlocking import replace_held
from speechbrain_growth.engine.search.records import Search
from speechbrain_growth.engine.unwrap import state_of
from speechbrain_growth.errors import GrowthError

logger = get_logger(__name__)
POINTS = 3  # of the path on which candidates are scored


class FireflyStyle(Masking):
    """Gives each task the units that lower its loss most, within a budget.

    The first task trains the network as it is. A later one finds all units of
    earlier tasks held. It begins with those that the last task read, and learns
    which of them to read: a mask. After ``every`` epochs the mask stays as it
    is, and candidates of all layers are tried together on batches of the task:

    * ``unlocked``: a copy of a held unit moves, and stands in its place. The
      task leaves the held unit out;
    * ``split``: a unit of the task's own becomes two, which part. There are such
      units from the second search of a task on;
    * ``new``: a unit that nobody had.

    Those with the lowest scores are kept, as many as the budget allows. From
    then on, the task trains what enters and leaves its own units, and its head.
    Earlier tasks read none of that, so they compute the same bits.

    The growths are asked for by the strategy, so the list of growths stays
    empty. The best epoch of a task is one after its last search.

    Arguments
    ---------
    budget : float
        How many parameters a search may add.
    own : list of str
        The head, of which each task has its own: the output layer. If there
        are norms, they are, too: ``norms``.
    size : str or list of str
        The keys of the YAML that are the numbers of units of hidden layers.
    every : int
        After how many epochs of a task the search comes, and the next one.
    rounds : int
        How many searches a task has.
    new : int
        Number of new units that are tried in each layer.
    batches : int
        From how many batches candidates are trained and scored.
    step : float
        How far a candidate may change what a unit computes.
    pick_lr : float
        Learning rate of the mask; 0: it stays as the last task left it.

    Raises
    ------
    GrowthError
        Naming every argument that has a value that it cannot have.

    Example
    -------
    >>> FireflyStyle(budget=2000).has_heads
    True
    """

    def __init__(
        self,
        budget: Optional[float] = None,
        own: Sequence[str] = ("model.output",),
        size: Union[str, Sequence[str]] = "hidden",
        every: int = 4,
        rounds: int = 1,
        new: int = 8,
        batches: int = 8,
        step: float = 0.01,
        pick_lr: float = 5e-4,
    ) -> None:
        super().__init__(own, size, pick_lr)
        self.budget, self.new, self.step = budget, new, step
        self.every, self.rounds, self.batches = every, rounds, batches
        counts = {"every": every, "rounds": rounds, "batches": batches}
        problems = [
            f"{name} is {value!r}; it must be a whole number, at least 1"
            for name, value in counts.items()
            if type(value) is not int or value < 1
        ]
        if type(pick_lr) not in (int, float) or not pick_lr >= 0:
            problems.append(f"pick_lr is {pick_lr!r}; it must be at least 0")
        if not size or not all(isinstance(key, str) for key in self.keys):
            problems.append(
                f"size is {size!r}; name the sizes that may grow, such as hidden"
            )
        try:
            Search(budget, None, new, step).check()
        except GrowthError as error:
            problems += error.problems
        if problems:
            raise GrowthError([f"strategy: {one}" for one in problems])
        self.tensors.update(searches=[], done=0)

    def search(self, seed: int) -> Search:
        """Returns how candidates are searched.

        Arguments
        ---------
        seed : int
            Of the directions.

        Returns
        -------
        Search
        """
        args = self.budget, self.keys, self.new, self.step, POINTS
        return Search(*args, seed, layers=False)

    def check(self, brain: Any) -> List[str]:
        """Returns what is wrong: model, head, sizes, budget and epochs."""
        problems, each = super().check(brain), brain.hparams.epochs_per_task
        if self.every * self.rounds >= each:
            problems.append(
                f"strategy: {self.rounds} searches, one every {self.every} "
                f"epochs, leave none of the {each} epochs of a task to train "
                "what was found; use fewer, or give a task more epochs"
            )
        if brain.distributed_launch:
            problems.append(
                "strategy: masks are learnt in one process; start one"
            )
        if not problems:
            try:
                places = Places(brain, self.search(0))
                places.batches(places.tried(), self.batches)
            except GrowthError as error:
                problems += [f"strategy: {one}" for one in error.problems]
        return problems

    @property
    def learns_mask(self) -> bool:
        """Whether the task learns what it reads: until its first search."""
        return not self.tensors["done"]

    def begin(self, brain: Any, task: int) -> None:
        """Begins as ``Masking`` does; no search was made yet."""
        super().begin(brain, task)
        self.tensors["done"] = 0

    def asks(
        self, brain: Any, epoch: int, stats: Dict[str, float]
    ) -> Dict[str, Any]:
        """Searches, and returns the sizes with the units that were found."""
        task, done = brain.task_of(epoch), self.tensors["done"] + 1
        number, now = brain.epoch_of_task(epoch), brain.schedule.sizes
        if task == 1 or done > self.rounds or number != done * self.every:
            return {}
        self.tensors["done"] = done
        held = {
            label: torch.arange(len(self.numbered(brain).layers[label])) < width
            for label, width in self.tensors["widths"].items()
        }
        seed = 1000 * int(getattr(brain.hparams, "seed", 0)) + epoch
        args = self.search(seed), held, self.batches, epoch + 1
        found, entry = find_units(brain, *args)
        entry = {"task": task, "epoch": epoch, "budget": self.budget, **entry}
        self.tensors["searches"] = [*self.tensors["searches"], entry]
        if not entry["units"]:
            why = entry.get("why", "no candidate lowers the loss")
            logger.warning(
                f"Task {task} adds no unit after epoch {epoch}: {why}"
            )
            return {}
        parents = {"units": found.units, "tensors": found.tensors}
        self.tensors["found"] = parents
        return {k: v for k, v in found.sizes.items() if v != now[k]}

    def grown(self, brain: Any, plan: Any) -> None:
        """Writes what was found; held units that move leave their copies."""
        found, units = self.tensors.pop("found"), self.numbered(brain)
        held, copies = {}, {}
        for label, parents in found["units"].items():
            numbers, width = units.layers[label], self.tensors["widths"][label]
            first = numbers.stop - len(parents)
            moved = [
                (one, first + place)
                for place, one in enumerate(parents)
                if one is not None and one < width
            ]
            rows = torch.tensor(moved, dtype=torch.long).view(-1, 2)
            was, copies[label] = rows.to(brain.device).unbind(1)
            held[label] = numbers.start + was
            self.reads_instead(label, was, len(parents))
        state, masks = state_of(brain.raw_modules), self.between_old(brain)
        values = {
            name: tensor.to(brain.device).view_as(state[name])
            for name, tensor in found["tensors"].items()
        }
        replace_held(units, values, held, copies)
        with torch.no_grad():
            for name, value in values.items():
                if name in masks:
                    value = torch.where(masks[name], state[name], value)
                state[name].copy_(value)
        self.hold(brain, masks)

    def score(self, brain: Any, error: float) -> float:
        """Returns the error; infinite before the last search of a task."""
        waits = self.tensors["widths"] and self.tensors["done"] < self.rounds
        return math.inf if waits else error

    @property
    def report(self) -> Dict[str, Any]:
        """Every search, and the units that it found."""
        return {"searches": self.tensors["searches"]}
