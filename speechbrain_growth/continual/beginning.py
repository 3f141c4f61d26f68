"""A Brain that begins a task, and tries out how it could begin.

Authors
 * The speechbrain_growth authors 2026
"""

import copy
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

import torch

from speechbrain_growth.continual.tested import TestedBrain
from speechbrain_growth.engine.unwrap import state_of
from speechbrain_growth.resume.batches import epoch_sampler, generators_of
from speechbrain_growth.resume.randomness import restore, snapshot
from speechbrain_growth.training.copies import on_copies
from speechbrain_growth.training.trial import Diverged


class Beginning(NamedTuple):
    """What came of a way to begin a task.

    Arguments
    ---------
    values : list of float
        A metric of the validation of each task so far; None if the growth did
        not pass the probe, or a loss was not finite.
    macs : int
        Of training and validations, by this process.
    """

    values: Optional[List[float]]
    macs: int


class BeginningBrain(TestedBrain):
    """Begins tasks; can try a beginning, of which only the costs are left.

    Arguments
    ---------
    **kwargs : dict
        As for ``TestedBrain``.
    """

    def begin_task(self, task: int) -> None:
        """Begins a task: its own tensors as built, optimizer and rate anew.

        Arguments
        ---------
        task : int
            From 1 on.
        """
        if task > 1:
            modules = self._modules()
            state, own = state_of(modules), self.own_tensors(modules)
            built = self.as_built(task) if own else {}
            with torch.no_grad():
                for name in own:
                    state[name].copy_(built[name])
            self.reset_optimizers()
            self.restart_rates()
        self.strategy.begin(self, task)
        self.finished.begun = task

    def as_built(self, task: int) -> Dict[str, torch.Tensor]:
        """Returns new weights at the present sizes, others for each task.

        Arguments
        ---------
        task : int
            From 1 on.

        Returns
        -------
        dict
            By name, on the device.
        """
        seed = 1000 * int(getattr(self.hparams, "seed", 0)) + task
        modules = self.blueprint.modules(
            {**self.schedule.sizes, **self.in_force}, seed
        )
        return state_of(modules.to(self.device))

    def reset_optimizers(self) -> None:
        """Empties the state of all optimizers: it belongs to another loss."""
        for optimizer in self._optimizers():
            optimizer.state.clear()

    def insert_growth(self, epoch: int, sizes: Dict[str, Any]) -> None:
        """Puts a growth that a strategy asks for before those that are left.

        Arguments
        ---------
        epoch : int
            The one that is over.
        sizes : dict
            Those that the growth sets.
        """
        entry = {"symmetry": "fresh", "optimizer": "reset", **sizes}
        self.schedule.insert({"after_epoch": epoch, **entry})

    def grow_before(self, epoch: int, sizes: Dict[str, Any]) -> None:
        """Decides on a growth after all that follows a validation.

        Arguments
        ---------
        epoch : int
            About to begin.
        sizes : dict
            Those that the growth sets; empty for none.
        """
        if sizes:
            self.insert_growth(epoch - 1, sizes)
            last = dict(self.schedule.last)
            self.schedule.decide(last.pop("epoch"), last)

    def values_of(self, metric: str, tasks: Sequence[int]) -> List[float]:
        """Measures tasks on their validation data.

        Arguments
        ---------
        metric : str
            One that ``valid_stats`` returns.
        tasks : list of int
            Finished ones, and the one in training.

        Returns
        -------
        list of float
        """
        found = []
        for task in tasks:
            with self.on_task(task), self.as_of(task):
                found.append(self.measure(0)[metric])
        return found

    def try_beginning(
        self, task: int, epoch: int, sizes: Dict[str, Any], epochs: int
    ) -> Beginning:
        """Begins a task on copies of all that the Brain holds, and trains it.

        Random numbers and batches are those that the task itself would see.

        Arguments
        ---------
        task : int
            About to begin; the strategy's ``begin`` is called.
        epoch : int
            The first one of the task.
        sizes : dict
            As for ``grow_before``.
        epochs : int
            How many are trained.

        Returns
        -------
        Beginning
            With the metric of the strategy.
        """
        generators = generators_of(self.train_loader)
        before = snapshot(generators)
        with on_copies(self):
            self.meter.looks, start, values = 1, self._macs(), None
            try:
                if self._grows(epoch, sizes):
                    self._train_beginning(task, epoch, epochs)
                    tasks = range(1, task + 1)
                    values = self.values_of(self.strategy.metric, tasks)
            except Diverged:
                pass
            macs = self._macs() - start
        restore(before, generators)
        self.meter.since["macs"] += macs
        return Beginning(values, macs)

    def _grows(self, epoch, sizes):
        """Whether the growth, if there is one, passes the probe; then grows."""
        self.grow_before(epoch, sizes)
        if not self.schedule.pending:
            return True
        old, new, plan, entry = self.larger(epoch)
        if entry["grown"]:
            self.put(old, new, plan)
        return entry["grown"]

    def _train_beginning(self, task, epoch, epochs):
        """Trains the first epochs of a task."""
        self.begin_task(task)
        loader = copy.copy(self.train_loader)
        loader._iterator = None  # that of workers that persist
        for number in range(epoch, epoch + epochs):
            sampler = epoch_sampler(loader)
            if sampler is not None:
                sampler.set_epoch(number)
            self.strategy.begin_epoch(self, task, number - epoch + 1)
            self._train_on(number, loader)
