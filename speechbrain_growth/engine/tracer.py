"""The notebook that the rules write into while two models are walked.

Authors
 * The speechbrain_growth authors 2026
"""

import torch

from speechbrain_growth.engine.births.layers import Birth
from speechbrain_growth.engine.checks import alike
from speechbrain_growth.engine.dispatch import kind_of, rule_for
from speechbrain_growth.engine.maps import widths
from speechbrain_growth.engine.maps.normed import norms_of, planned
from speechbrain_growth.engine.maps.plan import Axis
from speechbrain_growth.engine.rules.attributes import differences, unlike
from speechbrain_growth.engine.rules.registry import rule


class Trace:
    """Collects the plan, and everything that does not fit, during one walk.

    Arguments
    ---------
    maps : Maps
        Draws which units are copied, and their shares.
    birth : Birth
        How layers begin that only the new model has.
    fold : bool
        Whether a LayerNorm may weigh its units for a while.

    Attributes
    ----------
    tensors : dict
        The axes of each tensor, by its dotted name; becomes the plan's.
    fresh : list of str
        Buffers that the new model keeps as it was built.
    weights : dict
        Weights of the units of some LayerNorms; see ``Plan``.
    scales : dict
        By what some tensors are multiplied; see ``Plan``.
    made_up : tuple of str
        Attributes of a layer for whose difference its rule makes up.
    norms : dict
        A ``Normed`` for each weight under weight norm, by its dotted name.
    positions : WidthMap
        The map of the relative positions that the layer gets.
    first_states, moved : dict
        As in ``Plan``.
    states : dict
        For each recurrent layer, the maps of its last states.
    problems : list of str
        What does not fit.
    unknown : dict
        Layers without a growth rule, and why their forward cannot be read.
    unborn : list of str
        New layers that no rule can begin, and functions without a rule.
    """

    def __init__(self, maps, birth=None, fold=False):
        self.maps = maps
        self.birth = birth or Birth()
        self.fold, self.weights, self.scales = fold, {}, {}
        self.first_states, self.moved = {}, {}
        self.tensors, self.fresh, self.norms = {}, [], {}
        self.problems, self.unknown, self.unborn = [], {}, []
        self.states, self.path, self.made_up, self.positions = {}, [], (), None

    @property
    def name(self):
        """Dotted name of the layer that is being planned."""
        return ".".join(self.path) or "model"

    def problem(self, text):
        """Notes what does not fit at this layer."""
        self.problems.append(f"{self.name}: {text}")

    def no_rule(self, layer, why=""):
        """Notes that a layer is unknown, and why it could not be read."""
        text = f"{self.name}: {type(layer).__name__} has no growth rule"
        self.unknown.setdefault(text, {})[why] = True

    def _full(self, name):
        """Dotted name of a tensor of the layer that is being planned."""
        return ".".join([*self.path, name])

    def tensor(self, name, *axes):
        """Plans one tensor of this layer."""
        for full, one in planned(self.norms, self._full(name), axes):
            if not self._tied(self.tensors.get(full, one), one):
                self.problem(
                    f"{name} is used at two places that grow differently; give "
                    "each place a tensor of its own"
                )
            self.tensors[full] = one

    def _tied(self, known, axes):
        """Whether a tensor's axes are those of an earlier use, or can be."""
        if alike(known, axes):
            return True
        pairs = [pair for pair in zip(known, axes) if all(pair)]
        return len(known) == len(axes) and all(
            one.role == other.role and self._meet(one.width, other.width)
            for one, other in pairs
        )

    def _meet(self, one, other):
        """Whether two maps can be one."""
        sizes = (one.old, one.new) == (other.old, other.new)
        return sizes and self.maps.tie(one, other) is not None

    def scale(self, name, factor):
        """Notes that a tensor of this layer is multiplied by a number."""
        full = self._full(name)
        full = self.norms[full].norm if full in self.norms else full
        self.scales[full] = factor

    def keep_fresh(self, *names):
        """Notes buffers that the new model keeps as it was built."""
        self.fresh += map(self._full, names)

    @staticmethod
    def out(width):
        """Axis of the layer's own units (fan-out)."""
        return Axis(width, "out")

    @staticmethod
    def into(width):
        """Axis of the units of the layer before (fan-in)."""
        return Axis(width, "in")

    def child(self, name, old, new, signal):
        """Plans a layer inside this one; returns what leaves it."""
        self.path.append(name)
        signal = self.layer(old, new, signal)
        self.path.pop()
        return signal

    def layer(self, old, new, signal):
        """Plans a layer by the rule of its type; returns what leaves it."""
        problem = unlike(old, new)
        if problem:
            self.problem(problem)
            return signal
        norms = norms_of(new).items()
        self.norms.update(
            {self._full(name): one.named(self._full) for name, one in norms}
        )
        known = len(self.problems)
        self.made_up = ()
        leaves = rule_for(rule, kind_of(old))(old, new, signal, self)
        if len(self.problems) == known:  # else the rule has a better message
            for difference in differences(old, new, self.made_up):
                self.problem(difference)
        self.made_up = ()
        return leaves

    def widen(self, old, new, what="units", blocks=1):
        """Draws the map of a layer's own units, in equal blocks if asked."""
        if new < old:
            self.problem(
                f"{old} {what} cannot shrink to {new}; growth only adds {what}"
            )
            return widths.identity(old)._replace(
                source=torch.arange(new), share=torch.ones(new).double()
            )
        width = self.maps.draw(f"{self.name} {what}", old, new, blocks)
        if width is None:
            self.problem(
                f"its {old} {what}, then {new}, must grow in {blocks} equal "
                "blocks, but another layer needs them in another layout; use "
                f"multiples of {blocks}"
            )
            return widths.identity(old)
        return width

    def append(self, old, new, what):
        """The map of rows that are read one by one; new ones are as built."""
        if new < old:
            return self.widen(old, new, what)
        return self.maps.append(f"{self.name} {what}", old, new)

    def formed(self, width, blocks=1, each=1):
        """The map inside each of some blocks, of groups of some units.

        The layer that draws the map is asked to draw it in such blocks.
        """
        found = self.maps.formed(width, blocks, each)
        if found is None:
            shape = f"{blocks} equal blocks" if blocks > 1 else ""
            shape += " of " if blocks > 1 and each > 1 else ""
            shape += f"groups of {each} that stay together" if each > 1 else ""
            self.problem(
                f"needs its units in {shape}, but {width} cannot be laid out "
                "so; add a linear layer or a convolution before it"
            )
            return widths.identity(width.old // blocks // each)
        return found

    def tie(self, one, other):
        """The signal that leaves where two meet unit by unit, as in a sum.

        Both get the same map: the layers that draw them are asked to.
        """
        if one.width is None and other.width is None:
            return one
        width, second = (
            signal.width or widths.identity(old.width.old, "inputs")
            for signal, old in ((one, other), (other, one))
        )
        if (width.old, width.new) != (second.old, second.new):
            self.problem(
                f"{width} meet {second}, unit by unit; let both grow to the "
                "same size"
            )
            return one
        tied = self.maps.tie(width, second)
        if tied is None:
            self.problem(
                f"{width} meet {second}, unit by unit, but are laid out "
                "differently; add a linear layer before one of them"
            )
        return one._replace(width=tied or width)

    def arriving(self, signal, old, new):
        """The signal's map as the layer's inputs have it, flattened or not."""
        width = signal.width or widths.identity(old, "inputs")
        times = old // width.old if width.old else new // width.new
        if times * width.old != old or times * width.new != new:
            self.problem(
                f"takes {old} inputs, then {new}, but {width.old} units, then "
                f"{width.new}, arrive; use the same multiple of them in both "
                "models"
            )
            return widths.identity(old, "inputs")
        if times == 1:
            return width
        flatten = (
            widths.replicate if signal.channels_last else widths.repeat_each
        )
        return flatten(width, times, f"{times} x {width.label}")
