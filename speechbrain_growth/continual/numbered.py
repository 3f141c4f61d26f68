"""A strategy that knows the units of its network by number.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any, Dict, List, Sequence, Union

import torch

from speechbrain_growth.continual.strategy import GROUPS, Strategy
from speechbrain_growth.continual.weights.fitting import problems_of
from speechbrain_growth.continual.weights.units import Tensors, Units
from speechbrain_growth.engine.tracing import trace
from speechbrain_growth.engine.unwrap import state_of
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.launch.models import growable


class Numbered(Strategy):
    """Numbers the units of the layers that some sizes widen: hidden units.

    Norms begin a task as the last one left them. It also knows which units
    there were when a task began.

    Arguments
    ---------
    own : list of str
        As for ``Strategy``.
    size : str or list of str
        Keys of the YAML: the number of units of a layer, or a list of them.

    Example
    -------
    >>> Numbered(["model.output"], "hidden").keys
    ['hidden']
    """

    stamps = True
    _numbers, _sizes = None, None

    def __init__(
        self, own: Sequence[str], size: Union[str, Sequence[str]]
    ) -> None:
        super().__init__(own)
        self.size = size

    def check(self, brain: Any) -> List[str]:
        """Returns what is wrong: sizes, model, head, and growths of a list."""
        sizes = brain.schedule.sizes
        problems = [
            f"size is {key}, but the model has the sizes {', '.join(sizes)}; "
            "name one of them"
            for key in self.keys
            if key not in sizes
        ]
        if not problems:
            try:
                problems += problems_of(self, brain)
            except GrowthError as error:
                problems += error.problems
        if brain.schedule.growths:
            problems.append(
                f"{type(self).__name__} asks for its growths; write growth: []"
            )
        return [f"strategy: {problem}" for problem in problems]

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
        >>> one = Numbered([], ["rnn", "dnn"])
        >>> one.widened({"rnn": [4, 4], "dnn": 8}, [0, 2, 0])
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
            pair = growable(brain.raw_modules), growable(modules)
            # Its own, so that numbering draws nothing from the run's
            generator = torch.Generator().manual_seed(0)
            plan = trace(*pair, generator=generator)
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
        """Norms begin as the last task left them; notes which units there are."""
        self.tensors["widths"] = {}
        if task == 1:
            return
        own = set(brain.own_tensors(brain.raw_modules))
        heads = tuple(f"{one}." for one in self.own if one not in GROUPS)
        last = brain.finished[task - 1].own
        with torch.no_grad():
            for name, tensor in state_of(brain.raw_modules).items():
                if name in own and not name.startswith(heads):
                    tensor.copy_(last[name])
        units = self.numbered(brain)
        self.tensors["widths"] = {
            label: len(units.layers[label]) for label in units.hidden_layers
        }

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
