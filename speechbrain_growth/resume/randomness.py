"""Keeps the state of the random-number generators in the checkpoint.

SpeechBrain's checkpoints do not hold it. Without it, a resumed run draws other
dropout masks than a run that was not interrupted, and ends with other weights.

Authors
 * The speechbrain_growth authors 2026
"""

import functools
import random

import numpy as np
import torch

from speechbrain.utils.checkpoints import (
    mark_as_loader,
    mark_as_saver,
    register_checkpoint_hooks,
)
from speechbrain.utils.distributed import if_main_process
from speechbrain.utils.logger import get_logger
from speechbrain_growth.resume import dropout_masks, noise_lists
from speechbrain_growth.resume.loading import are_counts, loading

logger = get_logger(__name__)

NUMBERS = 624  # in the state of NumPy's generator


def snapshot(generators=()):
    """Reads the state of all random-number generators of this process.

    Arguments
    ---------
    generators : iterable of torch.Generator
        Generators other than the global ones.

    Returns
    -------
    dict
        ``python``, ``numpy``, ``torch``, ``cuda`` (one for each device in use)
        and ``others``; numbers, lists and tensors only.

    Example
    -------
    >>> before = snapshot()
    >>> first = random.random(), np.random.rand(), torch.rand(1).item()
    >>> restore(before)
    >>> first == (random.random(), np.random.rand(), torch.rand(1).item())
    True
    """
    name, keys, *rest = np.random.get_state()
    version, numbers, gauss = random.getstate()
    # Reading the state of an idle device would initialize it
    used = torch.cuda.is_available() and torch.cuda.is_initialized()
    return {
        "python": [version, list(numbers), gauss],
        "numpy": [name, keys.tolist(), *rest],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if used else [],
        "others": [generator.get_state() for generator in generators],
    }


def restore(state, generators=()):
    """Puts all random-number generators of this process into an earlier state.

    Arguments
    ---------
    state : dict
        From ``snapshot``. A device that was not in use keeps its state.
    generators : iterable of torch.Generator
        The same as for ``snapshot``, in the same order.
    """
    version, numbers, gauss = state["python"]
    random.setstate((version, tuple(numbers), gauss))
    name, keys, *rest = state["numpy"]
    np.random.set_state((name, np.array(keys, dtype=np.uint32), *rest))
    torch.set_rng_state(state["torch"])
    for number, device in enumerate(state["cuda"]):
        if number < torch.cuda.device_count():
            torch.cuda.set_rng_state(device, number)
    for generator, other in zip(generators, state["others"]):
        generator.set_state(other)


# Each process has its own state, so each process must call the saver
@functools.partial(register_checkpoint_hooks, save_on_main_only=False)
class Randomness:
    """Lets a resumed run draw the numbers that it would have drawn.

    Loading restores nothing, since a checkpoint is also loaded to evaluate it.
    Call ``resume`` to restore.

    Arguments
    ---------
    modules : torch.nn.Module
        The modules in training: some draw dropout masks in advance.

    Example
    -------
    >>> from speechbrain.utils.checkpoints import Checkpointer
    >>> randomness = Randomness(torch.nn.ModuleDict())
    >>> parts = {"randomness": randomness}
    >>> checkpointer = Checkpointer(getfixture("tmpdir"), parts)
    >>> _ = checkpointer.save_checkpoint()
    >>> drawn = torch.rand(1)
    >>> _ = checkpointer.recover_if_possible()
    >>> randomness.resume()
    >>> torch.equal(torch.rand(1), drawn)
    True
    """

    def __init__(self, modules):
        self.modules = modules
        self.generators = []  # of the training data
        self.mixers = []  # augmentations that read recordings
        self._epoch_start = None  # state before the first batch of this epoch
        self._inside = None  # state inside the epoch in which to resume
        self._read = None  # from the checkpoint, until resume
        self._path = None  # where that was read

    @mark_as_saver
    def _save(self, path):
        """Writes the state of every process into one file."""
        now = snapshot(self.generators)
        own = {
            "now": now,
            "epoch_start": self._epoch_start,
            "masks": dropout_masks.places(self.modules),
            "mixing": noise_lists.places(self.mixers),
            "threads": torch.get_num_threads(),
            "code": _code_of(self.modules),
        }
        states = [own]
        if torch.distributed.is_initialized():
            states = [None] * torch.distributed.get_world_size()
            torch.distributed.all_gather_object(states, own)
        if if_main_process():
            torch.save(states, path)

    @mark_as_loader
    def _load(self, path, end_of_epoch=True):
        """Reads the state of this process, and restores nothing yet."""
        self._path = path
        with loading(path):
            states = torch.load(path, map_location="cpu", weights_only=True)
            _check(states)
        spread = torch.distributed.is_initialized()
        rank = torch.distributed.get_rank() if spread else 0
        self._read = None
        if rank < len(states):
            start = None if end_of_epoch else states[rank]["epoch_start"]
            self._read = {**states[rank], "epoch_start": start}
        else:
            logger.warning(
                f"{path} holds the random-number state of {len(states)} "
                f"processes; process {rank} draws numbers of its own"
            )

    def resume(self):
        """Restores the state that was loaded last, once."""
        state, self._read = self._read, None
        self._epoch_start = self._inside = None
        if state is None:
            return
        _compare_threads(state.get("threads"))
        _compare_code(state.get("code"), _code_of(self.modules))
        with loading(self._path):
            dropout_masks.go_to(self.modules, state["masks"])
            noise_lists.go_to(self.mixers, state.get("mixing", []))
            restore(state["epoch_start"] or state["now"], self.generators)
        self._inside = state["now"] if state["epoch_start"] else None

    def epoch_begins(self):
        """Keeps the state from which the epoch's order is drawn."""
        self._epoch_start = snapshot(self.generators)

    def epoch_continues(self):
        """Restores the state inside the epoch, if the run resumes there."""
        if self._inside is not None:
            with loading(self._path):
                restore(self._inside, self.generators)
            self._inside = None

    def epoch_ends(self):
        """Forgets how the epoch began."""
        self._epoch_start = None


def _check(states):
    """Raises if a file does not hold what ``Randomness`` writes."""
    if not isinstance(states, list) or not states:
        raise ValueError("it must be a list with a state for each process")
    for state in states:
        places = [*state["masks"], *state.get("mixing", [])]
        for place in filter(None, places):
            first, second = place
            if not are_counts(first, second):
                raise ValueError(f"a place is {place}; it must be two numbers")
        for one in filter(None, (state["now"], state["epoch_start"])):
            # NumPy would read behind the end of its numbers
            if not (are_counts(one["numpy"][2]) and one["numpy"][2] <= NUMBERS):
                raise ValueError("NumPy's generator has no such position")


def _compare_threads(before):
    """Warns if another number of threads will change sums a little."""
    now = torch.get_num_threads()
    if before not in (None, now):
        logger.warning(
            f"The checkpoint was made with {before} CPU threads, this run has "
            f"{now}; its results will differ in their last digits. Set "
            f"OMP_NUM_THREADS={before} to get those of a run without a stop"
        )


def _code_of(modules):
    """Names the code of the layers that may compute in one or another."""
    names = {
        layer.computed_in()
        for layer in modules.modules()
        if hasattr(layer, "computed_in")
    }
    return ", ".join(sorted(names - {""}))


def _compare_code(before, now):
    """Warns if other code of a layer will change sums a little."""
    if before and now and before != now:
        logger.warning(
            f"The checkpoint was computed with the Li-GRU in {before}, this "
            f"run has it in {now}; its results will differ in their last digits"
        )
