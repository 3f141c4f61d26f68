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
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.measure.cost import ForwardCost

TRAINING = 3  # a step: forward once, backward twice as much
METER = "meter"  # its name among the recoverables
SUMMED = ("macs", "cpu_seconds", "gpu_seconds")  # over processes


@register_checkpoint_hooks
class Meter:
    """Adds up what a run costs; its totals are part of every checkpoint.

    A step costs one addition: how often each input shape was trained on. What
    a shape costs is counted once for each architecture. A resumed run goes on
    from the totals of its checkpoint, so nothing is counted twice, and what a
    kill has lost is not counted.

    Arguments
    ---------
    build : callable
        Gives the modules for a dict of sizes, in signal order.
    schedule : GrowthSchedule
        Knows the present sizes.
    device : str
        Where the run computes.

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

    def start(self):
        """Starts the clocks."""
        self.clocks = _clocks()

    def count(self, inputs):
        """Notes a forward pass that is trained on.

        A pass without gradients, such as a validation, is not counted.

        Arguments
        ---------
        inputs : torch.Tensor
            What the first module gets, augmentation included.
        """
        if torch.is_grad_enabled():
            self.shapes[inputs.shape] += 1

    def stats(self):
        """Totals since the run began, for ``stats_meta`` of a train logger.

        Every process of a distributed run must call it.

        Returns
        -------
        dict
            ``macs``, ``cpu_seconds``, ``wall_seconds``, on a GPU
            ``gpu_seconds``, and the ``parameters`` of the present model.

        Raises
        ------
        GrowthError
            If nothing was ever counted.
        """
        self.fold()
        _sum_over_processes(self.since, self.device)
        for key, amount in self.since.items():
            self.total[key] += amount
        self.since = self._nothing()
        if not self.total["macs"]:
            raise GrowthError(
                "meter: nothing was counted in training; compute_forward must "
                "call self.meter.count with what the first module gets"
            )
        return {**self.total, "parameters": self._cost().parameters}

    def fold(self):
        """Prices what was counted, at the sizes that the model has now."""
        if self.clocks is not None:
            for key, now in _clocks().items():
                if key in self.since:
                    self.since[key] += now - self.clocks[key]
        for shape, times in self.shapes.items():
            self.since["macs"] += TRAINING * times * self._cost()(shape)
        self.shapes.clear()
        if self.clocks is not None:
            self.clocks = _clocks()  # what counting took is not in it

    def _cost(self):
        """What the present architecture costs."""
        sizes = self.schedule.sizes
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
    def save(self, path):
        """Writes the totals as text.

        Arguments
        ---------
        path : str
            Where to.
        """
        self.fold()
        with open(path, "w", encoding="utf-8") as fout:
            state = {"total": self.total, "since": self.since}
            yaml.safe_dump(state, fout, sort_keys=False)

    @mark_as_loader
    def load(self, path, end_of_epoch=True):
        """Reads the totals; what was counted before is forgotten.

        Arguments
        ---------
        path : str
            Where from.
        end_of_epoch : bool
            Not used.
        """
        del end_of_epoch
        with open(path, encoding="utf-8") as fin:
            state = yaml.safe_load(fin)
        self.total = {**self._nothing(), **state["total"]}
        self.since = self._nothing()
        for key, amount in state["since"].items():
            # a run that goes on elsewhere may count less than it did before
            place = self.since if key in self.since else self.total
            place[key] += amount
        self.shapes.clear()
        self.start()


def _clocks():
    """What the clocks show; the GPU is held for as long as the run lasts."""
    wall = time.monotonic()
    return {
        "cpu_seconds": time.process_time(),
        "wall_seconds": wall,
        "gpu_seconds": wall,
    }


def _sum_over_processes(amounts, device):
    """Adds up what each process of a distributed run has."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        keys = [key for key in SUMMED if key in amounts]
        sums = torch.tensor([amounts[k] for k in keys], dtype=torch.float64)
        sums = sums.to(device)
        torch.distributed.all_reduce(sums)
        for key, value in zip(keys, sums.tolist()):
            amounts[key] = int(value) if key == "macs" else value
