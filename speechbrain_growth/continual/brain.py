"""A Brain that trains one task after another.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any, Dict, List, Optional

from torch.utils.data import DataLoader

from speechbrain.utils.checkpoints import Checkpoint
from speechbrain.utils.logger import get_logger
from speechbrain_growth.continual.beginning import BeginningBrain
from speechbrain_growth.continual.checks import problems_of
from speechbrain_growth.continual.sampling import batches_of
from speechbrain_growth.continual.tested import END_OF_TASK
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.launch.init_from import load_modules

logger = get_logger(__name__)
ROUNDOFF = 1e-5  # of another number of threads, or another machine


class ContinualBrain(BeginningBrain):
    """Runs the tasks of a stream; growths come between epochs, or tasks.

    A recipe is written as for ``GrowingBrain``, with loaders from
    ``task_loader``, and saves a checkpoint after each validation with
    ``self.save_epoch(epoch, error)``. At the end of a task its best epoch is
    loaded, the task is finished, a checkpoint of it is kept, the optimizer and
    the learning rate begin anew, and the growth that was due is done. All of
    that follows from the last checkpoint, so a run that is killed anywhere
    resumes with the same bits.

    Arguments
    ---------
    stream : Stream
        The tasks; ``hparams`` has the ``epochs_per_task``.
    strategy : Strategy
        What the system does beside growing.
    **kwargs : dict
        As for ``GrowingBrain``.
    """

    def __init__(self, stream: Any, strategy: Any, **kwargs: Any) -> None:
        super().__init__(strategy=strategy, facts=stream.facts, **kwargs)
        self.stream = stream
        self._remembered = 0  # the task whose memory the loader has

    @property
    def epochs_annealed(self) -> int:
        """How many epochs a scheduler lasts for: those of one task."""
        return self.hparams.epochs_per_task

    def task_of(self, epoch: int) -> int:
        """Returns the task that an epoch trains.

        Arguments
        ---------
        epoch : int
            From 1 on.

        Returns
        -------
        int
        """
        each = self.hparams.epochs_per_task
        return min(max(epoch - 1, 0) // each + 1, self.stream.tasks)

    def epoch_of_task(self, epoch: int) -> int:
        """Returns which epoch of its task an epoch is.

        Arguments
        ---------
        epoch : int
            From 1 on.

        Returns
        -------
        int
            From 1 on.
        """
        return (epoch - 1) % self.hparams.epochs_per_task + 1

    def fit(
        self,
        epoch_counter: Any,
        train_set: DataLoader,
        valid_set: Optional[DataLoader] = None,
        **kwargs: Any,
    ) -> None:
        """Trains all tasks.

        Arguments
        ---------
        epoch_counter : iterable
            Gives the epochs of all tasks.
        train_set : DataLoader
            From ``task_loader``.
        valid_set : DataLoader
            The same.
        **kwargs : dict
            As for ``GrowingBrain.fit``.

        Raises
        ------
        GrowthError
            Naming everything that would fail at a later task.
        """
        self.train_loader = train_set
        if not self.test_only:
            problems = problems_of(self, epoch_counter, train_set, valid_set)
            if problems:
                raise GrowthError(problems)
            batches_of(train_set).spread = True
        super().fit(epoch_counter, train_set, valid_set, **kwargs)

    def on_fit_start(self) -> None:
        """Resumes; finished tasks must still compute what they did."""
        super().on_fit_start()
        if self.strategy.keeps:
            self.check_kept(ROUNDOFF)
            tasks = range(1, len(self.finished) + 1)
            self.finished.probes = [self.logits_of(task) for task in tasks]

    def after_epochs(self) -> None:
        """Finishes the last task."""
        super().after_epochs()
        if len(self.finished) < self.stream.tasks:
            if self.strategy.grows_last and self.schedule.pending:
                self.grow(self.hparams.epoch_counter.current + 1)
            self._finish_task(self.stream.tasks, end_of_epoch=True)

    def begin_epoch(self, epoch: int) -> None:
        """Ends one task and begins the next, between two epochs.

        Arguments
        ---------
        epoch : int
            About to begin.
        """
        task = self.task_of(epoch)
        if epoch == 1 and not self.finished.begun:
            self._save_task(0, end_of_epoch=False)
        if task - 1 > len(self.finished):
            self._finish_task(task - 1, end_of_epoch=False)
        self._choose(task)
        if task > self.finished.begun:
            self.strategy.prepare(self, task, epoch)
        super().begin_epoch(epoch)
        if task > self.finished.begun:
            self.begin_task(task)
            self.check_kept()
        self.strategy.begin_epoch(self, task, self.epoch_of_task(epoch))

    def same_data(self) -> bool:
        """Whether the same task goes on; a new one has learnt nothing yet.

        Returns
        -------
        bool
        """
        return len(self.finished) < self.finished.begun

    def decide_growth(self, epoch: int, stats: Dict[str, float]) -> None:
        """Decides on the next growth; a strategy may have asked for one.

        Arguments
        ---------
        epoch : int
            The epoch that is over.
        stats : dict
            Its metrics, from ``valid_stats``.
        """
        sizes = self.strategy.asks(self, epoch, stats)
        if sizes:
            self.insert_growth(epoch, sizes)
        super().decide_growth(epoch, stats)

    def _finish_task(self, task, end_of_epoch):
        """Loads a task's best epoch, and notes that the task is over."""
        if self.schedule.last.get("epoch") is None:
            raise GrowthError(
                f"{type(self).__name__}.on_stage_end did not call "
                "decide_growth; add there, before the checkpoint is saved: "
                "self.decide_growth(epoch, stats)"
            )
        if self.strategy.takes_best:
            self._load_best(task)
        self.strategy.end(self, task)
        self.finished.close(
            self._modules(),
            self.schedule.sizes,
            self.schedule.settings,
            self.own_tensors(self._modules()),
        )
        if self.strategy.keeps:
            self.finished.probes.append(self.logits_of(task))
        if task == self.stream.tasks:
            self.check_kept()
        self._save_task(task, end_of_epoch)
        logger.info(f"Task {task} is finished.")

    def save_epoch(self, epoch: int, error: float) -> None:
        """Saves a checkpoint after a validation; keeps the task's best.

        Arguments
        ---------
        epoch : int
            The epoch that is over.
        error : float
            A metric of which less is better.
        """
        key = _score(self.task_of(epoch), self.schedule.sizes)
        self.checkpointer.save_and_keep_only(
            meta={key: float(self.strategy.score(self, error))},
            min_keys=[key],
            ckpt_predicate=lambda c: END_OF_TASK not in c.meta,
        )

    def best_checkpoint(self, known: List[Checkpoint]) -> Optional[Checkpoint]:
        """Returns the newest: the best of an easy task would stay for ever.

        Arguments
        ---------
        known : list of speechbrain.utils.checkpoints.Checkpoint
            All there are.

        Returns
        -------
        speechbrain.utils.checkpoints.Checkpoint
        """
        return self.checkpointer.find_checkpoint()

    def _save_task(self, task, end_of_epoch):
        """Saves the checkpoint that stays for good at the end of a task."""
        if self.checkpointer is not None:
            self.checkpointer.save_checkpoint(
                {END_OF_TASK: task}, end_of_epoch=end_of_epoch
            )

    def _load_best(self, task):
        """Loads the weights of the task's best epoch at the present sizes."""
        key = _score(task, self.schedule.sizes)
        best = self.checkpointer and self.checkpointer.find_checkpoint(
            min_key=key, ckpt_predicate=lambda c: key in c.meta
        )
        if best:
            parts = [*self.raw_modules.values(), self.strategy, self.held]
            load_modules(best, self.checkpointer.recoverables, parts)

    def _choose(self, task):
        """Lets the loaders give the data of a task."""
        valid, train = map(batches_of, (self.valid_loader, self.train_loader))
        valid.chosen = (task,)
        train.chosen = self.strategy.trained_on(task, self.stream.tasks)
        if self._remembered != task:  # to draw it takes long
            earlier = {t: train.tasks[t - 1] for t in range(1, task)}
            train.memory = self.strategy.memory(task, earlier)
            self._remembered = task


def _score(task, sizes):
    """The name of the score of a task in the metadata of a checkpoint.

    It has the sizes, as a better epoch from before a growth must not replace
    those from after it.
    """
    words = ", ".join(f"{key} {size}" for key, size in sizes.items())
    return f"score_{task} at {words}"
