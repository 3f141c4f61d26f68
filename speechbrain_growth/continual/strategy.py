"""What a system does beside growing, from task to task.

``Strategy`` itself does nothing: it trains the network on one task after
another, which is fine-tuning, the baseline that forgets. A system of the
literature overrides some of its methods.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any, Dict, List, Optional, Sequence, Tuple

import torch

from speechbrain.utils.checkpoints import (
    mark_as_loader,
    mark_as_saver,
    register_checkpoint_hooks,
)
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.resume.loading import loading

STRATEGY = "strategy"  # its name among the recoverables
GROUPS = ("norms", "biases")  # what ``own`` may name beside layers


@register_checkpoint_hooks
class Strategy:
    """Fine-tuning: one network, one task after another.

    Arguments
    ---------
    own : list of str
        Layers of which each task has its own, by dotted name, such as
        ``model.output``: its head. They begin anew in each task. ``norms``
        stands for all norms, with their statistics, and ``biases`` for all
        parameters with fewer than two axes.

    Attributes
    ----------
    keeps : bool
        Whether the logits of finished tasks stay as they are, to the bit. A
        Brain checks it at the end of each task.
    routes : bool
        Whether ``route`` can tell the task of an item.
    takes_best : bool
        Whether the best epoch of a task is loaded at its end.
    grows_last : bool
        Whether a growth that was decided after the very last epoch is done.
    tensors : dict
        What a checkpoint holds of the strategy: tensors, numbers, and
        dictionaries and lists of them.

    Example
    -------
    >>> Strategy(own=["model.output"]).has_heads
    True
    """

    keeps = False
    routes = False
    takes_best = True
    grows_last = False

    def __init__(self, own: Sequence[str] = ()) -> None:
        if isinstance(own, str) or not all(isinstance(o, str) for o in own):
            raise GrowthError(
                f"strategy: own is {own!r}; it must be a list of layers, such "
                "as [model.output, norms]"
            )
        self.own = list(own)
        self.tensors = {}

    @property
    def stamps(self) -> bool:
        """Whether a finished task is read at the sizes that it had."""
        return self.keeps

    @property
    def has_heads(self) -> bool:
        """Whether each task has outputs of its own."""
        return any(name not in GROUPS for name in self.own)

    @property
    def facts(self) -> Dict[str, Any]:
        """What a run that resumes compares."""
        own = {k: v for k, v in vars(self).items() if k != "tensors"}
        plain = (bool, int, float, str, list, tuple, dict, type(None))
        own = {k: v for k, v in own.items() if isinstance(v, plain)}
        return {"name": type(self).__name__, **own}

    def check(self, brain: Any) -> Sequence[str]:
        """Returns what is wrong with a run, before it trains.

        Arguments
        ---------
        brain : ContinualBrain
            Of the run.

        Returns
        -------
        list of str
        """
        return []

    def one_head(self) -> List[str]:
        """Returns what is wrong with heads where batches mix tasks.

        Returns
        -------
        list of str
        """
        if not self.has_heads:
            return []
        return [
            f"strategy: {type(self).__name__} trains other tasks with the "
            "present head; leave own empty"
        ]

    def trained_on(self, task: int, tasks: int) -> Tuple[int, ...]:
        """Returns the tasks whose data are given while one is trained.

        Arguments
        ---------
        task : int
            The one that is trained.
        tasks : int
            How many there are.

        Returns
        -------
        tuple of int
        """
        return (task,)

    def memory(
        self, task: int, indices: Dict[int, torch.Tensor]
    ) -> torch.Tensor:
        """Returns which items of earlier tasks are trained on again.

        Arguments
        ---------
        task : int
            The one that is trained.
        indices : dict
            The indices of the items of each earlier task.

        Returns
        -------
        torch.Tensor
            Some of the indices; empty for none.
        """
        return torch.zeros(0, dtype=torch.long)

    def prepare(self, brain: Any, task: int, epoch: int) -> None:
        """Called before a task begins, and before any growth for it.

        Again in a run that was killed before the end of the task's first epoch.

        Arguments
        ---------
        brain : ContinualBrain
            Gives the data of the task.
        task : int
            From 1 on.
        epoch : int
            About to begin.
        """

    def begin(self, brain: Any, task: int) -> None:
        """Called before the first epoch of a task, after any growth for it.

        Arguments
        ---------
        brain : ContinualBrain
            Its modules may be changed in place.
        task : int
            From 1 on.
        """

    def begin_epoch(self, brain: Any, task: int, epoch: int) -> None:
        """Called before each epoch, also before one that resumes.

        Arguments
        ---------
        brain : ContinualBrain
            Its modules may be changed in place, unless the epoch resumes.
        task : int
            From 1 on.
        epoch : int
            Of this task, from 1 on.
        """

    def end(self, brain: Any, task: int) -> None:
        """Called after the last epoch of a task, before it is finished.

        Arguments
        ---------
        brain : ContinualBrain
            Its modules are those of the task's best epoch.
        task : int
            From 1 on.
        """

    def grown(self, brain: Any, plan: Any) -> None:
        """Called after a growth.

        Arguments
        ---------
        brain : ContinualBrain
            Has the larger modules.
        plan : Plan
            Of the growth.
        """

    def asks(
        self, brain: Any, epoch: int, stats: Dict[str, float]
    ) -> Dict[str, Any]:
        """Returns sizes that the network is to grow to before the next epoch.

        Such a growth is put into the list of growths, as ``symmetry: fresh``
        and with the state of the optimizer dropped.

        Arguments
        ---------
        brain : ContinualBrain
            After a validation.
        epoch : int
            The epoch that is over.
        stats : dict
            Metrics of the validation.

        Returns
        -------
        dict
            Empty for none.
        """
        return {}

    def weights(self, brain: Any) -> Dict[str, torch.Tensor]:
        """Returns what stands for some parameters in the forward.

        In training, and in validations of the network that is trained; the
        network of a finished task has what ``taken`` returns.

        Arguments
        ---------
        brain : ContinualBrain
            Has the modules.

        Returns
        -------
        dict
            By dotted name.
        """
        return {}

    def penalty(self, brain: Any, predictions: Any, batch: Any) -> Any:
        """Returns what is added to the loss of a training batch.

        Arguments
        ---------
        brain : ContinualBrain
            Has the modules.
        predictions : object
            Of ``compute_forward``.
        batch : object
            As ``compute_forward`` gets it.

        Returns
        -------
        torch.Tensor or float
        """
        return 0.0

    def after_step(self, brain: Any) -> None:
        """Called after each step of the optimizer.

        Arguments
        ---------
        brain : ContinualBrain
            Has the modules.
        """

    def measured(self, brain: Any, stats: Dict[str, float]) -> Dict[str, float]:
        """Returns further metrics of a validation, for conditions of growths.

        Arguments
        ---------
        brain : ContinualBrain
            Has the modules.
        stats : dict
            What the recipe's ``valid_stats`` returns.

        Returns
        -------
        dict
            By name.
        """
        return {}

    def score(self, brain: Any, error: float) -> float:
        """Returns by what the best epoch of a task is chosen; less is better.

        Arguments
        ---------
        brain : ContinualBrain
            After a validation.
        error : float
            The metric of the validation, turned so that less is better.

        Returns
        -------
        float
        """
        return error

    def taken(
        self, task: int, tensors: Dict[str, torch.Tensor]
    ) -> Dict[str, torch.Tensor]:
        """Returns the tensors of a finished task, such as masked weights.

        Arguments
        ---------
        task : int
            From 1 on.
        tensors : dict
            From ``FinishedTasks.tensors``.

        Returns
        -------
        dict
        """
        return tensors

    def route(self, brain: Any, batch: Any) -> Optional[torch.Tensor]:
        """Returns the task that each item of a batch seems to belong to.

        Arguments
        ---------
        brain : ContinualBrain
            Has the modules.
        batch : object
            As ``compute_forward`` gets it.

        Returns
        -------
        torch.Tensor
            Tasks from 1 on, shape (items,).
        """
        return None

    @property
    def is_over(self) -> bool:
        """Whether it needs no more epochs, although some are left."""
        return False

    @property
    def stored(self) -> float:
        """How many numbers of 32 bits it stores for finished tasks."""
        return 0.0

    @property
    def report(self) -> Dict[str, Any]:
        """What ``tasks.json`` says of it."""
        return {}

    def tested(self, brain: Any, loader: Any) -> Dict[str, Any]:
        """Returns what ``tasks.json`` says of the test data, after training.

        Arguments
        ---------
        brain : ContinualBrain
            Its modules are those after the last task.
        loader : DataLoader
            Of the test data, from ``task_loader``.

        Returns
        -------
        dict
        """
        return {}

    @mark_as_saver
    def _save(self, path):
        """Writes what it holds."""
        torch.save(self.tensors, path)

    @mark_as_loader
    def _load(self, path, end_of_epoch=True):
        """Reads it."""
        del end_of_epoch
        with loading(path):
            self.tensors = torch.load(
                path, map_location="cpu", weights_only=True
            )
