"""Finds the blocks that only the larger model has, before both are run.

Authors
 * The speechbrain_growth authors 2026
"""

from torch import nn

from speechbrain_growth.engine.births.layers import FirstState, first_states
from speechbrain_growth.engine.births.matching import matches
from speechbrain_growth.engine.births.residual import residual
from speechbrain_growth.engine.maps.plan import earlier
from speechbrain_growth.engine.reading.closed import is_closed
from speechbrain_growth.errors import GrowthError

ROWS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


class Births:
    """The blocks that only the larger model has, and how they begin.

    Arguments
    ---------
    old : torch.nn.Module
        The model before the growth.
    new : torch.nn.Module
        The larger model.
    birth : Birth
        What the growth asks for.

    Attributes
    ----------
    states : dict
        A ``FirstState`` for each block; None until the model was run.
    moved : dict
        New name of each module whose name changed, and the old one.
    wrong : list of str
        Which blocks cannot begin, and why.
    """

    def __init__(self, old, new, birth):
        self.new, self.birth = new, birth
        self.states, self.moved, self.wrong = {}, {}, []
        self._find(old, new, "")

    def _find(self, old, new, path):
        """Looks into two modules side by side."""
        if is_closed(old) and is_closed(new):
            return  # the rules of layers know what to do
        before, after = (dict(m.named_children()) for m in (old, new))
        way = {name: name for name in after if name in before}
        if list(before) != list(after) and isinstance(new, ROWS):
            way = self._way(before, after, path)
            self._begin(after, way, path)
        for name, source in way.items():
            inner, was = (
                ".".join(filter(None, parts))
                for parts in ((path, name), (earlier(path, self.moved), source))
            )
            if name != source:
                self.moved[inner] = was
            self._find(before[source], after[name], inner)

    def _way(self, before, after, path):
        """Where the old modules stand; the first ones, if that is possible."""
        names = {name: ".".join(filter(None, (path, name))) for name in after}
        chosen = [name for name in after if names[name] in self.birth.names]
        try:
            found = matches(before, after, chosen)
        except GrowthError as error:
            self.wrong.append(f"{path}: {error}")
            return {}
        return found[0] if found else {}

    def _begin(self, after, way, path):
        """How the new modules of a row begin, as far as rules tell."""
        names = {name: ".".join(filter(None, (path, name))) for name in after}
        states, wrong = first_states(after, way, names, self.birth.way)
        for name in after:
            if name not in way:
                self.states[names[name]] = states.get(names[name])
        if self.birth.way in ("gate", "copy"):
            self.wrong += [f"{name}: {error}" for name, error in wrong]

    def run(self, calls):
        """Reads how the other blocks can begin, from what they get.

        Arguments
        ---------
        calls : dict
            The arguments of each block, by place and by name.
        """
        for name, state in self.states.items():
            if state is not None:
                continue
            if name not in calls:
                self.wrong.append(f"{name}: is new, but never called")
                continue
            try:
                block = self.new.get_submodule(name)
                self.states[name] = residual(block, *calls[name])
            except GrowthError as error:
                self.wrong.append(f"{name}: {error}")
                self.states[name] = FirstState({})
