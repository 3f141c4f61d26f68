"""Walks an old and a new model side by side and writes the plan of a growth.

Every type of layer has one rule, found by ``singledispatch``. A rule reads the
widths that arrive, says what each axis of the layer's tensors copies, and
returns the widths that leave. Nothing is changed here; whatever does not fit
is collected and raised at once.

A new type of layer is taught in a few lines:

    @rule.register(MyScale)
    def _my_scale(old, new, signal, trace):
        trace.tensor("scale", trace.out(signal.width))
        return signal

Authors
 * The speechbrain_growth authors 2026
"""

import torch

import speechbrain_growth.engine.rules  # noqa: F401, they teach each layer
from speechbrain_growth.engine.attributes import added, differences
from speechbrain_growth.engine.births.layers import Birth, first_states
from speechbrain_growth.engine.births.matching import distinct, matches
from speechbrain_growth.engine.births.units import Symmetry
from speechbrain_growth.engine.checks import alike, check_shapes, check_sharing
from speechbrain_growth.engine.dispatch import spoken_for, stock
from speechbrain_growth.engine.maps import widths
from speechbrain_growth.engine.maps.plan import Axis, Plan, earlier
from speechbrain_growth.engine.maps.signals import Signal
from speechbrain_growth.engine.maps.ties import Maps
from speechbrain_growth.engine.rules.registry import rule
from speechbrain_growth.engine.unwrap import raw
from speechbrain_growth.engine.weighted_norm import weights_of
from speechbrain_growth.errors import GrowthError, NoRuleError

WALKS = 30  # two or three are enough, unless wishes contradict each other


class Trace:
    """Collects the plan, and everything that is wrong, during one walk.

    Arguments
    ---------
    maps : Maps
        Draws which units are copied, and their shares.
    birth : Birth
        How layers are born that only the new model has.
    fold : bool
        Whether a LayerNorm may weigh its units for a while.
    """

    def __init__(self, maps, birth=None, fold=False):
        self.maps = maps
        self.birth = birth or Birth()
        self.fold, self.weights = fold, {}
        self.first_states, self.moved = {}, {}
        self.tensors, self.fresh = {}, []
        self.problems, self.unknown, self.unborn = [], {}, []
        self.path = []

    @property
    def name(self):
        """Dotted name of the layer that is looked at."""
        return ".".join(self.path) or "model"

    def problem(self, text):
        """Notes what does not fit at this layer."""
        self.problems.append(f"{self.name}: {text}")

    def no_rule(self, layer, why=""):
        """Notes that a layer is unknown, and why it could not be read."""
        text = f"{self.name}: {type(layer).__name__} has no growth rule"
        self.unknown.setdefault(text, {})[why] = True

    def tensor(self, name, *axes):
        """Plans one tensor of this layer."""
        full = ".".join([*self.path, name])
        if not alike(self.tensors.get(full, axes), axes):
            self.problem(f"{name} is used twice, and would grow otherwise")
        self.tensors[full] = axes

    def keep_fresh(self, *names):
        """Notes buffers that the new model keeps as it was built."""
        self.fresh += [".".join([*self.path, name]) for name in names]

    @staticmethod
    def out(width):
        """Axis of the layer's own units."""
        return Axis(width, "out")

    @staticmethod
    def into(width):
        """Axis of the units of the layer before."""
        return Axis(width, "in")

    def child(self, name, old, new, signal):
        """Plans a layer inside this one."""
        self.path.append(name)
        signal = self.layer(old, new, signal)
        self.path.pop()
        return signal

    def layer(self, old, new, signal):
        """Plans a layer by the rule of its type, if that rule speaks for it.

        A subclass with a forward of its own may do anything, so it needs a
        rule of its own.
        """
        extra = added(old) or added(new)
        if extra:
            self.problem(f"{extra}; without, and with it again after, would do")
            return signal
        kind, larger = stock(type(old)), stock(type(new))
        if kind is not larger:
            self.problem(
                f"was {kind.__name__} and would become "
                f"{larger.__name__}; growth keeps the type of a layer"
            )
            return signal
        known = len(self.problems)
        leaves = spoken_for(rule, kind)(old, new, signal, self)
        if len(self.problems) == known:  # else the rule has said it better
            for difference in differences(old, new):
                self.problem(difference)
        return leaves

    def chain(self, old, new, signal):
        """Plans children one after the other; some may be born.

        A born layer hands on what arrives, so widths pass through it.
        """
        names = {name: ".".join([*self.path, name]) for name in new}
        chosen = [n for n in new if names[n] in self.birth.names]
        try:
            found = matches(old, new, chosen)
        except GrowthError as error:
            self.problem(str(error))
            return signal
        tried = [
            (way, *first_states(new, way, names, self.birth.way))
            for way in found
        ]
        good = {id(w): (w, states) for w, states, wrong in tried if not wrong}
        ways = distinct([way for way, _ in good.values()], old)
        if len(ways) != 1:
            self._unmatched(old, new, tried, ways)
            return signal
        way, states = good[id(ways[0])]
        was = earlier(".".join(self.path), self.moved)
        for name in new:
            if name not in way:
                self.first_states[names[name]] = states[names[name]]
                continue
            source = way[name]
            if name != source:
                self.moved[names[name]] = ".".join(filter(None, (was, source)))
            signal = self.child(name, old[source], new[name], signal)
        return signal

    def _unmatched(self, old, new, tried, ways):
        """Says why it is not clear which layers are the old ones."""
        if len(ways) > 1:
            born = (", ".join(n for n in new if n not in way) for way in ways)
            self.problem(
                f"the layers {' or '.join(born)} could be the new ones; say "
                "which, by Birth(names=)"
            )
            return
        wrong = min((wrong for _, _, wrong in tried), key=len, default=[])
        if set(old) == set(new):
            self.problem(
                f"the layers {', '.join(old)} would stand in the order "
                f"{', '.join(new)}; growth keeps their order"
            )
            return
        extra = ", ".join(sorted(set(old) ^ set(new)))
        why = [f"{name}: {error}" for name, error in wrong]
        if any(isinstance(error, NoRuleError) for _, error in wrong):
            self.unborn += why
        else:
            why = "; ".join(why) or "growth keeps the old layers, in order"
            self.problem(f"the layers {extra} stand in one model only; {why}")

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
                "blocks, and another layer needs them otherwise"
            )
            return widths.identity(old)
        return width

    def formed(self, width, blocks=1, each=1):
        """The map inside each of some blocks, of groups of some units.

        The layer that draws it is asked to draw it that way.
        """
        found = self.maps.formed(width, blocks, each)
        if found is None:
            shape = f"{blocks} equal blocks" if blocks > 1 else ""
            shape += " of " if blocks > 1 and each > 1 else ""
            shape += f"groups of {each} that stay together" if each > 1 else ""
            self.problem(
                f"needs its units in {shape}, but {width} cannot come that "
                "way; a linear layer or a convolution before it would do"
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
                f"{width} meet {second}, unit by unit; both must grow to the "
                "same size"
            )
            return one
        tied = self.maps.tie(width, second)
        if tied is None:
            self.problem(
                f"{width} meet {second}, unit by unit, and are laid out "
                "differently; a linear layer before one of them would do"
            )
        return one._replace(width=tied or width)

    def averaged(self, old, new, width, dim):
        """Notes how much each unit counts where a norm averages over them.

        Exact for any map if a copy counts as much as its share of the
        original did; then even gradients are. A stock norm counts all alike,
        which is exact where all units have equally many copies.

        Arguments
        ---------
        old : torch.nn.LayerNorm
            As the old model has it.
        new : torch.nn.LayerNorm
            As the new model has it; the same object goes on as it is.
        width : WidthMap
            Map of the units that it averages over.
        dim : int
            Their axis of its normalized shape.

        Returns
        -------
        bool
            False if only weights would do, and they are not allowed.
        """
        before = weights_of(old)
        alike = not width.fresh.any() and len(width.counts.unique()) == 1
        if old is new or width.new < width.old or (before is None and alike):
            return True
        if self.fold:
            if before is None:
                before = torch.ones(width.old).double() / width.old
            weights = before[width.source] * width.share
            self.weights[".".join(self.path)] = (weights, dim)
        return self.fold

    def arriving(self, signal, old, new):
        """The signal's map as the layer's inputs have it, flattened or not."""
        width = signal.width or widths.identity(old, "inputs")
        times = old // width.old
        if times * width.old != old or times * width.new != new:
            self.problem(
                f"takes {old} inputs, then {new}, but {width.old} units, then "
                f"{width.new}, arrive; inputs must be a whole multiple of them"
            )
            return widths.identity(old, "inputs")
        if times == 1:
            return width
        flatten = widths.replicate if signal.channels_last else widths.spread
        return flatten(width, times, f"{times} x {width.label}")


def trace(old, new, symmetry=None, generator=None, birth=None, fold=False):
    """Plans the growth of ``old`` into ``new``; changes nothing.

    Arguments
    ---------
    old : torch.nn.Module
        The model as it is: a module, or a ``ModuleDict`` or list in signal
        order.
    new : torch.nn.Module
        The same model built with larger sizes.
    symmetry : Symmetry
        How the new units come to differ from the old.
    generator : torch.Generator
        Draws which units are copied, and their shares.
    birth : Birth
        How layers are born that only the new model has.
    fold : bool
        Lets a LayerNorm weigh its units, where copies are unequally many.

    Returns
    -------
    Plan

    Raises
    ------
    NoRuleError
        Naming every layer that no rule knows.
    GrowthError
        Naming everything else that does not fit.

    Example
    -------
    >>> from torch.nn import Linear, ReLU, Sequential
    >>> old = Sequential(Linear(2, 4), ReLU(), Linear(4, 3))
    >>> new = Sequential(Linear(2, 6), ReLU(), Linear(6, 3))
    >>> print(trace(old, new))
    0.weight: out 0 units 4 -> 6, in inputs 2
    0.bias: out 0 units 4 -> 6
    2.weight: out 2 units 3, in 0 units 4 -> 6
    2.bias: out 2 units 3
    """
    old, new = raw(old), raw(new)
    check_shapes(old, new)
    maps = Maps(symmetry or Symmetry(), generator)
    for _ in range(WALKS):
        maps.restless = False
        walk = Trace(maps, birth, fold)
        signal = walk.layer(old, new, Signal(None))
        if not maps.restless:
            break
    else:
        walk.problem("layers need maps that contradict each other")
    if walk.unknown or walk.unborn:
        unruled = [
            f"{', and '.join(filter(None, (text, '; '.join(why))))}; teach it "
            "one with speechbrain_growth.rule.register"
            for text, why in walk.unknown.items()
        ]
        raise NoRuleError(unruled + walk.unborn)
    plan = Plan(
        walk.tensors,
        tuple(walk.fresh),
        signal.width,
        walk.first_states,
        walk.moved,
        walk.weights,
    )
    problems = list(dict.fromkeys(walk.problems)) or _unexplained(
        old, new, plan
    )
    problems = problems or check_sharing(old, new, plan)
    if problems:
        raise GrowthError(problems)
    return plan


def _unexplained(old, new, plan):
    """Tensors whose shapes the plan does not account for."""
    left, after = old.state_dict(), new.state_dict()
    before = {n: left.pop(plan.before(n), None) for n in after}
    before.update(left)
    problems = []
    for name in sorted(before):
        if name in plan.fresh or plan.birthplace(name):
            continue
        if before[name] is None or name not in after:
            problems.append(f"{name}: stands in one of the two models only")
        elif name not in plan.tensors:
            problems.append(f"{name}: no rule says what becomes of this tensor")
        elif not _fits(plan.tensors[name], before[name], after[name]):
            problems.append(
                f"{name}: {tuple(before[name].shape)} would become "
                f"{tuple(after[name].shape)}, which the plan does not explain"
            )
    return problems


def _fits(axes, before, after):
    """Whether axes explain how one tensor's shape becomes another's."""
    axes = axes or (None,) * before.ndim
    return len(axes) == before.ndim == after.ndim and all(
        (b, a) == ((axis.width.old, axis.width.new) if axis else (b, b))
        for axis, b, a in zip(axes, before.shape, after.shape)
    )
