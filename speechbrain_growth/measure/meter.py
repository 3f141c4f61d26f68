"""Counts what training costs: MACs, and CPU, GPU and wall seconds.

Authors
 * The speechbrain_growth authors 2026
"""

import time
from collections import Counter

import torch
import yaml

from speechbrain.utils.checkpoints import (
    mark_as_loader,
    mark_as_saver,
    register_checkpoint_hooks,
)
from speechbrain_growth.errors import GrowthError, shown
from speechbrain_growth.measure.cost import ForwardCost
from speechbrain_growth.measure.lines import is_number

TRAINING = 3  # a backward pass costs as much as two forward passes
METER = "meter"  # its name among the recoverables
SUMMED = ("macs", "cpu_seconds", "gpu_seconds")  # over all processes


@register_checkpoint_hooks
class Meter:
    """Adds up what a run costs; every checkpoint holds the totals.

    At each step, only the shape of the input is counted. The MACs of a shape
    are computed once for each architecture. A resumed run continues from the
    totals of its checkpoint: steps that are repeated after a kill are counted
    once.

    Arguments
    ---------
    build : callable
        Takes a dict of sizes and returns the modules, in signal order.
    schedule : GrowthSchedule
        Its ``sizes`` are those of the present model.
    device : str
        Device that the run computes on.

    Example
    -------
    >>> from speechbrain_growth.schedule.schedule import GrowthSchedule
    >>> schedule = GrowthSchedule()
    >>> schedule.start({"width": 2})
    >>> def build(sizes):
    ...     net = torch.nn.Linear(3, sizes["width"])
    ...     return torch.nn.ModuleDict({"net": net})
    >>> meter = Meter(build, schedule)
    >>> meter.start()
    >>> meter.count(torch.ones(5, 3))
    >>> with torch.no_grad():
    ...     meter.count(torch.ones(5, 3))
    >>> stats = meter.stats()
    >>> stats["macs"], stats["parameters"]
    (90, 8)
    """

    def __init__(self, build, schedule, device="cpu"):
        self.build, self.schedule, self.device = build, schedule, str(device)
        self.shapes = Counter()
        self.costs = {}
        self.total, self.since = self._nothing(), self._nothing()
        self.clocks = None
        self.looks = 0  # how much a pass without gradients counts

    def start(self):
        """Starts the clocks."""
        self.clocks = _clocks()

    def count(self, inputs):
        """Counts a forward pass of training.

        A pass without gradients, such as a validation, is not counted, but
        where a growth is decided by it; there, ``looks`` is 1.

        Arguments
        ---------
        inputs : torch.Tensor
            The input of the first module, after augmentation.
        """
        passes = TRAINING if torch.is_grad_enabled() else self.looks
        if passes:
            self.shapes[inputs.shape] += passes

    def count_macs(self, macs):
        """Counts MACs that were spent beside the modules.

        Arguments
        ---------
        macs : int
            Multiply-accumulates.
        """
        self.since["macs"] += macs

    def count_at(self, sizes, shapes):
        """Counts passes of a model of other sizes, such as one on trial.

        Arguments
        ---------
        sizes : dict
            All sizes of that model.
        shapes : collections.Counter
            How many forward passes of which shape of input; a step of training
            is as many as ``TRAINING``.
        """
        for shape, passes in shapes.items():
            self.since["macs"] += passes * self._cost(sizes)(shape)

    def add_up(self):
        """Brings the totals up to date, and returns the MACs among them.

        Every process of a distributed run must call it.

        Returns
        -------
        int
            0 if ``count`` was never called in training.
        """
        self.fold()
        _sum_over_processes(self.since, self.device)
        for key, amount in self.since.items():
            self.total[key] += amount
        self.since = self._nothing()
        return self.total["macs"]

    def stats(self):
        """Returns the totals since the run began, for a logger's ``stats_meta``.

        Every process of a distributed run must call it.

        Returns
        -------
        dict
            ``macs``, ``cpu_seconds``, ``wall_seconds``, on a GPU
            ``gpu_seconds``, and the ``parameters`` of the present model.

        Raises
        ------
        GrowthError
            If ``count`` was never called in training.
        """
        if not self.add_up():
            raise GrowthError(
                "meter: nothing was counted in training; compute_forward must "
                "call self.meter.count with what the first module gets"
            )
        return {**self.total, "parameters": self.parameters}

    @property
    def parameters(self):
        """Parameters of the present model, frozen ones too."""
        return self._cost(self.schedule.sizes).parameters

    def macs(self, shape):
        """Returns the MACs of a forward pass of the present model.

        Arguments
        ---------
        shape : tuple of int
            Shape of the input of the first module; its first axis is the batch.

        Returns
        -------
        int
        """
        return self._cost(self.schedule.sizes)(shape)

    def spent(self, unit):
        """Returns what the run has cost so far, in one unit.

        Every process of a distributed run must call it.

        Arguments
        ---------
        unit : str
            One of the totals that ``stats`` returns.

        Returns
        -------
        float
        """
        self.fold()
        since = {unit: self.since[unit]}
        _sum_over_processes(since, self.device)
        return self.total[unit] + since[unit]

    def fold(self):
        """Adds the cost of the counted shapes, at the sizes of the present model."""
        if self.clocks is not None:
            for key, now in _clocks().items():
                if key in self.since:
                    self.since[key] += now - self.clocks[key]
        self.count_at(self.schedule.sizes, self.shapes)
        self.shapes.clear()
        if self.clocks is not None:
            self.clocks = _clocks()  # leaves out the time that counting took

    def _cost(self, sizes):
        """The cost of an architecture."""
        key = repr(sorted(sizes.items()))
        if key not in self.costs:
            self.costs[key] = ForwardCost(self.build(sizes))
        return self.costs[key]

    def _nothing(self):
        """All totals at zero."""
        on_gpu = self.device.startswith("cuda")
        gpu = {"gpu_seconds": 0.0} if on_gpu else {}
        return {"macs": 0, "cpu_seconds": 0.0, "wall_seconds": 0.0, **gpu}

    @mark_as_saver
    def _save(self, path):
        """Writes the totals as text."""
        self.fold()
        with open(path, "w", encoding="utf-8") as fout:
            state = {"total": self.total, "since": self.since}
            yaml.safe_dump(state, fout, sort_keys=False)

    @mark_as_loader
    def _load(self, path, end_of_epoch=True):
        """Reads the totals, in place of what was counted before."""
        state = read_totals(path)
        self.total = {**self._nothing(), **state["total"]}
        self.since = self._nothing()
        for key, amount in state["since"].items():
            # A run that resumes on another device may not count every key
            place = self.since if key in self.since else self.total
            place[key] += amount
        self.shapes.clear()
        self.start()


def read_totals(path):
    """Reads what a run had cost when it saved a checkpoint.

    Arguments
    ---------
    path : str
        The meter's file in the checkpoint.

    Returns
    -------
    dict
        ``total`` until the last epoch ended, and what came ``since``; each has
        ``macs`` and seconds.

    Raises
    ------
    GrowthError
        If the file holds something else.
    """
    with open(path, encoding="utf-8") as fin:
        state = yaml.safe_load(fin)
    if not _is_state(state):
        raise GrowthError(
            f"{path}: found {shown(state)}; it must hold total and since, "
            "each with macs and seconds"
        )
    return state


def _is_state(state):
    """Whether a file of a checkpoint holds what a meter writes."""
    if not isinstance(state, dict) or set(state) != {"total", "since"}:
        return False
    known = {"wall_seconds", *SUMMED}
    return all(
        isinstance(amounts, dict)
        and {"macs"} <= set(amounts) <= known
        and type(amounts["macs"]) is int
        and all(is_number(one) and one >= 0 for one in amounts.values())
        for amounts in state.values()
    )


def _clocks():
    """What the clocks show; a run occupies its GPU all the time."""
    wall = time.monotonic()
    return {
        "cpu_seconds": time.process_time(),
        "wall_seconds": wall,
        "gpu_seconds": wall,
    }


def _sum_over_processes(amounts, device):
    """Adds up the amounts of all processes of a distributed run."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        keys = [key for key in SUMMED if key in amounts]
        sums = torch.tensor([amounts[k] for k in keys], dtype=torch.float64)
        sums = sums.to(device)
        torch.distributed.all_reduce(sums)
        for key, value in zip(keys, sums.tolist()):
            amounts[key] = int(value) if key == "macs" else value
