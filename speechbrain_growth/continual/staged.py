"""A strategy whose tasks have stages, each of which trains some units.

Authors
 * The speechbrain_growth authors 2026
"""

import math
from typing import Any, Dict, List, Sequence, Union

import torch

from speechbrain_growth.continual.stages import FIRST, LAST, Stages, held_in
from speechbrain_growth.continual.strategy import GROUPS, Strategy
from speechbrain_growth.continual.weights.selection import silent
from speechbrain_growth.continual.weights.splitting import silence
from speechbrain_growth.continual.weights.units import Tensors, Units
from speechbrain_growth.engine.tracing import trace
from speechbrain_growth.engine.unwrap import state_of


class Staged(Strategy):
    """Holds what a stage does not train; knows what the last task left.

    Its hidden units are those of the layers that some sizes widen. The best
    epoch of a task is one of its last stage. Norms begin a task as the last
    one left them.

    Arguments
    ---------
    own : list of str
        As for ``Strategy``.
    epochs : dict
        As for ``Stages``.
    size : str or list of str
        Keys of the YAML: the number of units of a layer, or a list of them.

    Example
    -------
    >>> epochs = {"head": 1, "selected": 2, "expanded": 2, "whole": 2}
    >>> Staged(["model.output"], epochs, "hidden").stages.end("whole")
    7
    """

    stamps = True
    _numbers, _sizes = None, None

    def __init__(
        self,
        own: Sequence[str],
        epochs: Dict[str, int],
        size: Union[str, Sequence[str]],
    ) -> None:
        super().__init__(own)
        self.stages, self.epochs = Stages(epochs), dict(epochs)
        self.size = size

    @property
    def keys(self) -> List[str]:
        """The keys of the sizes, as a list."""
        return [self.size] if isinstance(self.size, str) else list(self.size)

    def widened(self, sizes: Dict[str, Any], more: List[int]) -> Dict[str, Any]:
        """Returns those of the sizes that have more units.

        Arguments
        ---------
        sizes : dict
            The present ones.
        more : list of int
            How many units are added to each number of ``keys``, in order.

        Returns
        -------
        dict
            Empty if none is added.

        Example
        -------
        >>> epochs = {"head": 1, "selected": 2, "expanded": 2, "whole": 2}
        >>> staged = Staged([], epochs, ["rnn", "dnn"])
        >>> staged.widened({"rnn": [4, 4], "dnn": 8}, [0, 2, 0])
        {'rnn': [4, 6]}
        """
        found, left = {}, list(more)
        for key in self.keys:
            now = sizes[key]
            if isinstance(now, (list, tuple)):
                wider = [one + left.pop(0) for one in now]
            else:
                wider = now + left.pop(0)
            if wider != now:
                found[key] = wider
        return found

    def numbered(self, brain: Any) -> Units:
        """Numbers the units of the present network.

        Each number among the sizes is widened by another number of units, so
        that these tell which layers it widens.

        Arguments
        ---------
        brain : ContinualBrain
            Has the modules.

        Returns
        -------
        Units
        """
        sizes = dict(brain.schedule.sizes)
        if self._numbers is None or self._sizes != str(sizes):
            numbers = range(1, 1 + len(self.places(sizes)))
            wider = self.widened(sizes, list(numbers))
            modules = brain.blueprint.modules(
                {**sizes, **brain.in_force, **wider}
            ).to(brain.device)
            # Its own, so that numbering draws nothing from the run's
            generator = torch.Generator().manual_seed(0)
            plan = trace(brain.raw_modules, modules, generator=generator)
            self._numbers = Units(plan, brain.device)
            self._sizes = str(sizes)
        return self._numbers

    def places(self, sizes: Dict[str, Any]) -> List[int]:
        """Returns the number of units that each of the sizes stands for.

        Arguments
        ---------
        sizes : dict
            The present ones.

        Returns
        -------
        list of int
        """
        found = []
        for key in self.keys:
            now = sizes[key]
            found += now if isinstance(now, (list, tuple)) else [now]
        return found

    def begin(self, brain: Any, task: int) -> None:
        """Keeps the weights of the last task; norms begin as it left them."""
        self.tensors.update(stage="", expanded=False, before={}, widths={})
        if task == 1:
            return
        units, own = (
            self.numbered(brain),
            set(brain.own_tensors(brain.raw_modules)),
        )
        heads = tuple(f"{one}." for one in self.own if one not in GROUPS)
        last = brain.finished[task - 1].own
        with torch.no_grad():
            for name, tensor in state_of(brain.raw_modules).items():
                if name in own and not name.startswith(heads):
                    tensor.copy_(last[name])
        self.tensors["widths"] = {
            label: len(units.layers[label]) for label in units.hidden_layers
        }
        parameters = named(brain)
        self.tensors["before"] = {
            name: tensor.detach().clone()
            for name, tensor, axis in units.along("out", parameters)
            if name not in own and units.hidden[axis.units].all()
        }

    def before(self, brain: Any) -> Tensors:
        """Returns what entered hidden units when the last task ended.

        Arguments
        ---------
        brain : ContinualBrain
            Has the device.

        Returns
        -------
        dict
            By name; empty in the first task.
        """
        kept = self.tensors["before"]
        return {name: one.to(brain.device) for name, one in kept.items()}

    def old(self, brain: Any) -> torch.Tensor:
        """Returns which units there were when the task began.

        Arguments
        ---------
        brain : ContinualBrain
            Has the modules.

        Returns
        -------
        torch.Tensor
            Boolean, shape (units,).
        """
        units, widths = self.numbered(brain), self.tensors["widths"]
        found = torch.ones_like(units.hidden)
        for label, width in widths.items():
            numbers = units.layers[label]
            found[numbers.start + width : numbers.stop] = False
        return found

    def begin_epoch(self, brain: Any, task: int, epoch: int) -> None:
        """Where a stage begins, holds what it does not train."""
        stage = self.stages.at(task, epoch, self.tensors["expanded"])
        if stage == self.tensors["stage"]:
            return
        self.tensors["stage"] = stage
        units, parameters = self.numbered(brain), named(brain)
        silence(units, parameters, silent(units, parameters))
        own = set(brain.own_tensors(brain.raw_modules))
        held = held_in(stage, units, parameters, self.old(brain), own)
        brain.held.release(list(held), brain.raw_modules)
        brain.held.hold(held, brain.raw_modules)
        brain.reset_optimizers()

    def score(self, brain: Any, error: float) -> float:
        """Returns the error; infinite before the last stage of a task."""
        done = self.tensors["stage"] in (FIRST, LAST)
        return error if done else math.inf


def named(brain: Any) -> Tensors:
    """Lists the parameters of a Brain's network.

    Arguments
    ---------
    brain : ContinualBrain
        Has the modules.

    Returns
    -------
    dict
        By dotted name.
    """
    return dict(brain.raw_modules.named_parameters())
