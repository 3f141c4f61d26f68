"""A sum of subnetworks, and two candidates for the next one.

AdaNet (Cortes et al. 2017, https://arxiv.org/abs/1607.01097).

Authors
 * The speechbrain_growth authors 2026
"""

from collections import defaultdict
from typing import Callable, List, Sequence, Tuple

import torch
from torch import nn

from speechbrain_growth.continual.ensemble.subnetwork import Subnetwork
from speechbrain_growth.engine.births.layers import FirstState
from speechbrain_growth.engine.maps.plan import Exact
from speechbrain_growth.engine.rules.registry import rule
from speechbrain_growth.engine.unwrap import state_of
from speechbrain_growth.errors import GrowthError


class Subnetworks(nn.Module):
    """The sum of the subnetworks that were added, and two candidates.

    In eval mode it returns the sum of those that were added; as long as there
    are none, the scores of the shallow candidate. In training it returns the
    sum with the shallow candidate, and keeps that with the deep one in
    ``deeper``. What was added is a constant.

    Arguments
    ---------
    depths : list of int
        A size. First the depth of the first shallow candidate, then that of
        each subnetwork that was added. As the shallow candidate is as deep as
        the newest subnetwork, and the deep one deeper by 1, the last number
        says how deep both are.
    inputs : int
        Number of inputs.
    units : int
        Units of each layer.
    outputs : int
        Number of scores.
    activation : torch.nn.Module class
        Follows each layer that another one reads. It must turn 0 into 0 and
        have slopes of at most 1, as ReLU.

    Attributes
    ----------
    deeper : list of torch.Tensor
        The scores of the last training batch with the deep candidate added;
        whoever reads them takes them out.

    Raises
    ------
    GrowthError
        If no two candidates could have led to these depths.

    Example
    -------
    >>> net = Subnetworks([1, 1], inputs=3, units=4, outputs=2)
    >>> net(torch.ones(5, 3)).shape
    torch.Size([5, 2])
    >>> {name: len(one.layers) for name, one in net.candidates.items()}
    {'shallow': 1, 'deep': 2}
    """

    planned_whole = True  # its growth rule needs none for what is inside

    def __init__(
        self,
        depths: Sequence[int],
        inputs: int,
        units: int,
        outputs: int,
        activation: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        super().__init__()
        _check_depths(depths)
        self.depths, self.outputs, self.deeper = list(depths), outputs, []

        def build(depth, earlier):
            """Builds one subnetwork."""
            return Subnetwork(
                inputs, units, outputs, depth, earlier, activation
            )

        self.added = nn.ModuleDict(
            {
                str(number): build(depth, depths[1:number])
                for number, depth in enumerate(depths)
                if number
            }
        )
        self.added.requires_grad_(False)
        self.candidates = nn.ModuleDict(
            {
                "shallow": build(depths[-1], depths[1:]),
                "deep": build(depths[-1] + 1, depths[1:]),
            }
        )

    @property
    def unseen(self) -> List[Subnetwork]:
        """The candidates that no score depends on in eval mode."""
        return list(self.candidates.values())[0 if self.added else 1 :]

    def parts(
        self, inputs: torch.Tensor
    ) -> Tuple[torch.Tensor, List[torch.Tensor]]:
        """Computes what was added, and the units that each output reads.

        Arguments
        ---------
        inputs : torch.Tensor
            Shape (items, inputs).

        Returns
        -------
        torch.Tensor
            The sum of what was added; shape (items, outputs).
        list of torch.Tensor
            The last units of each candidate; shape (items, units).
        """
        total, given = self._sum(inputs)
        candidates = self.candidates.values()
        return total, [one(inputs, given)[0] for one in candidates]

    def _sum(self, inputs):
        """The sum of what was added, and what its layers give."""
        total = inputs.new_zeros(*inputs.shape[:-1], self.outputs)
        given = defaultdict(list)
        for one in self.added.values():
            units, layers = one(inputs, given)
            total = total + one.output(units)
            for number, layer in enumerate(layers):
                given[number].append(layer)
        return total, given

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Computes scores.

        Arguments
        ---------
        inputs : torch.Tensor
            Shape (items, inputs).

        Returns
        -------
        torch.Tensor
            Shape (items, outputs).
        """
        if not self.training:
            total, given = self._sum(inputs)
            if self.added:
                return total
            first = self.candidates["shallow"]
            return first.output(first(inputs, given)[0])
        total, units = self.parts(inputs)
        ways = zip(self.candidates.values(), units)
        shallow, deep = (total + one.output(last) for one, last in ways)
        self.deeper = [deep]
        return shallow


def _check_depths(depths):
    """Raises if no candidates could have had these depths."""
    wrong = [
        f"{later} follows {depth}, but candidates then have {depth} and "
        f"{depth + 1}; use one of these"
        for depth, later in zip(depths, depths[1:])
        if later - depth not in (0, 1)
    ]
    if not depths or depths[0] < 1:
        wrong = ["the first must be at least 1; use [1]"]
    if wrong:
        raise GrowthError([f"depths are {list(depths)}: {w}" for w in wrong])


@rule.register(Subnetworks)
def _subnetworks(old, new, signal, trace):
    """What was added stays; a candidate is added, and two are built anew."""
    trace.made_up = ("depths",)
    known, more = len(old.depths), new.depths[len(old.depths) :]
    if new.depths[:known] != old.depths or len(more) > 1:
        trace.problem(
            f"its depths {old.depths} would become {new.depths}; add one "
            "subnetwork, behind the others"
        )
        return signal
    planned = {f"added.{name}": one for name, one in old.added.items()}
    if not more:
        for name, one in old.candidates.items():
            planned[f"candidates.{name}"] = one
    for name, one in planned.items():
        for key, tensor in state_of(one).items():
            trace.tensor(f"{name}.{key}", *[None] * tensor.ndim)
    for depth in more:
        name = "deep" if depth > old.depths[-1] else "shallow"
        chosen = state_of(old.candidates[name])
        state = {key: tensor.clone() for key, tensor in chosen.items()}
        begin = trace.first_states
        begin[".".join([*trace.path, "added", str(known)])] = FirstState(
            state, Exact.NO, f"the {name} candidate, which lowers the objective"
        )
        for name in new.candidates:
            begin[".".join([*trace.path, "candidates", name])] = FirstState(
                {}, Exact.NO, "a candidate that is not added yet"
            )
    return signal
