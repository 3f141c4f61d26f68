"""Columns: a network for each task, side by side, each reading those before it.

Progressive networks (Rusu et al. 2016, https://arxiv.org/abs/1606.04671).

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
from functools import partial
from typing import Any, Callable, Sequence

import torch
from torch import nn

from speechbrain_growth.continual.columns.laterals import (
    add_behind,
    add_in_front,
    keep,
    lateral_into,
    units_of,
)
from speechbrain_growth.continual.columns.whole import add_whole
from speechbrain_growth.engine.maps.widths import extend
from speechbrain_growth.engine.rules.registry import rule
from speechbrain_growth.errors import GrowthError

KINDS = ("none", "linear", "adapters")


class Columns(nn.Module):
    """The last of several columns, with laterals from those before it.

    A lateral enters a layer of a column. It reads what the same layer gets in
    each earlier column. Into a linear layer, the sum of all laterals is added
    to the layer's output, as in equation 2 of the paper; into any other, such
    as a recurrent one, to its input. Earlier columns are constants: they run in
    eval mode, and their parameters need no gradients.

    Arguments
    ---------
    number : int
        How many columns there are: a size, which grows by 1 for each task. If
        it begins with 2, the first column is a random constant: a control,
        which shows whether later ones use what others have learnt.
    column : callable
        Builds one column.
    laterals : str
        ``linear``: one linear layer from each earlier column. ``adapters``:
        those columns side by side, each times a number that is learnt, through
        a linear layer, a ReLU, and another one. ``none``: no laterals.
    into : list of str
        The layers of a column that laterals enter, by dotted name.
    adapter : int
        Units inside an adapter; 0 for as many as the layer has inputs.
    scale : float
        What the numbers of an adapter begin with; the paper draws 1, 0.1 or
        0.01 for each run.

    Raises
    ------
    GrowthError
        If a name of ``into`` or the kind of laterals is unknown.

    Example
    -------
    >>> from functools import partial
    >>> from speechbrain_growth import MLP
    >>> column = partial(MLP, inputs=3, hidden=[4, 4], outputs=2)
    >>> net = Columns(2, column, "linear", into=["hidden_1.linear", "output"])
    >>> net(torch.ones(5, 3)).shape
    torch.Size([5, 2])
    >>> sorted(net.laterals["1"])
    ['hidden_1-linear', 'output']
    """

    planned_whole = True  # its growth rule needs none for what is in a column

    def __init__(
        self,
        number: int,
        column: Callable[[], nn.Module],
        laterals: str = "none",
        into: Sequence[str] = (),
        adapter: int = 0,
        scale: float = 0.1,
    ) -> None:
        super().__init__()
        if laterals not in KINDS or (laterals == "none") != (not into):
            raise GrowthError(
                f"laterals is {laterals!r} and into {list(into)}; give one of "
                f"{', '.join(KINDS)}, and layers unless it is none"
            )
        names = map(str, range(number))
        self.columns = nn.ModuleDict({name: column() for name in names})
        self.into, self.laterals = tuple(into), nn.ModuleDict()
        for name in list(self.columns)[1:] if into else ():
            self.laterals[name] = nn.ModuleDict(
                {
                    _key(layer): lateral_into(
                        self._layer("0", layer),
                        int(name),
                        adapter,
                        scale if laterals == "adapters" else None,
                    )
                    for layer in into
                }
            )
        for part in (self.columns, self.laterals):
            for name in set(part) - {str(number - 1)}:
                part[name].requires_grad_(False)

    def _layer(self, column, name):
        """A layer of a column."""
        try:
            return self.columns[column].get_submodule(name)
        except AttributeError:
            known = [n for n, _ in self.columns[column].named_modules() if n]
            raise GrowthError(
                f"into: a column has no layer {name}; name some of "
                f"{', '.join(known)}"
            )

    def train(self, mode: bool = True) -> nn.Module:
        """Sets the mode of the last column; earlier ones stay in eval mode.

        Arguments
        ---------
        mode : bool
            Whether the last column is trained.

        Returns
        -------
        torch.nn.Module
        """
        super().train(mode)
        for name in list(self.columns)[:-1]:
            self.columns[name].eval()
            if name in self.laterals:
                self.laterals[name].eval()
        return self

    def forward(self, *inputs: Any) -> Any:
        """Runs all columns that the last one reads, and it.

        Arguments
        ---------
        *inputs : tuple
            As a column takes them.

        Returns
        -------
        object
            What the last column returns.
        """
        names, seen = list(self.columns), []
        for name in names if self.into else names[-1:]:
            # In training only the last learns; in eval mode all gradients are
            # there, for measures of how sensitive it is to the others
            flows = not self.training or name == names[-1]
            with torch.set_grad_enabled(torch.is_grad_enabled() and flows):
                with self._joined(name, seen):
                    found = self.columns[name](*inputs)
        return found

    @contextlib.contextmanager
    def _joined(self, name, seen):
        """Inside this context, laterals enter a column, and are fed by it."""
        arrived, handles = {}, []
        try:
            for layer in self.into:
                module = self._layer(name, layer)
                note = partial(keep, arrived, layer, units_of(module)[0])
                handles.append(module.register_forward_pre_hook(note))
                if not seen:
                    continue
                lateral = self.laterals[name][_key(layer)]
                read = partial(lateral, [earlier[layer] for earlier in seen])
                handles.append(
                    module.register_forward_hook(partial(add_behind, read))
                    if isinstance(module, nn.Linear)
                    else module.register_forward_pre_hook(
                        partial(add_in_front, read)
                    )
                )
            yield
        finally:
            for handle in handles:
                handle.remove()
        seen.append(arrived)


def _key(layer):
    """The name of a lateral; a module's name has no dots."""
    return layer.replace(".", "-")


@rule.register(Columns)
def _columns(old, new, signal, trace):
    """Old columns stay as they are; a new one computes something of its own.

    If the outputs become more, so do those of old columns.
    """
    grown, last = [], list(new.columns)[-1]

    def axes(place, before, after):
        """Of a tensor with more outputs, which only the last column gives."""
        width = _more(before, after, place, trace)
        if width is None:
            return None
        grown.append(width)
        # Nobody reads what a finished head gets: zeros, and held
        finished = place.split(".")[1] != last
        axis = trace.into(width) if finished else trace.out(width)
        return [axis, *[None] * (before.ndim - 1)]

    add_whole("columns", old.columns, new.columns, trace, axes)
    add_whole("laterals", old.laterals, new.laterals, trace, axes)
    sizes = sorted({(width.old, width.new) for width in grown})
    if len(sizes) > 1:
        trace.problem(
            f"its columns would get more units of {len(sizes)} kinds, "
            f"{sizes}; only outputs can grow, by one number"
        )
    return signal._replace(width=grown[0]) if grown else signal


def _more(old, new, place, trace):
    """The map of the outputs that a column has more of; None if of none.

    Units that no layer reads are outputs; so one axis grows, the first.
    """
    if old.shape == new.shape:
        return None
    if old.ndim != new.ndim or old.shape[1:] != new.shape[1:]:
        trace.problem(
            f"{place} would become {tuple(new.shape)}; columns that are there "
            "keep their units, and may only get more outputs"
        )
        return None
    return extend(len(old), len(new), label=f"{trace.name} outputs")
