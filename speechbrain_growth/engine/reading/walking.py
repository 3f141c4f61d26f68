"""Goes through two recordings side by side and writes the plan.

Authors
 * The speechbrain_growth authors 2026
"""

from torch.utils._pytree import tree_flatten

from speechbrain_growth.engine.maps.plan import earlier
from speechbrain_growth.engine.reading.calls import plan_function
from speechbrain_growth.engine.reading.functions.registry import SIZES
from speechbrain_growth.engine.reading.layers import plan_layer
from speechbrain_growth.engine.reading.recording import Ref, leaves_of
from speechbrain_growth.engine.reading.scaled import (
    SUMS,
    factor_of_next,
    without_factor,
)
from speechbrain_growth.engine.reading.steps import Refused, Step, Unknown
from speechbrain_growth.engine.reading.values import Values


class Walk:
    """One walk through the calls of both models.

    Arguments
    ---------
    before : Recording
        Of the old model.
    after : Recording
        Of the new one.
    models : tuple of torch.nn.Module
        Both.
    trace : Trace
        Takes the plan.
    """

    def __init__(self, before, after, models, trace):
        self.before, self.after = before, after
        self.models, self.trace = models, trace
        self.values = Values(before, after, trace)

    def run(self):
        """Plans every tensor that the calls use; returns what leaves.

        Returns
        -------
        list of Value
        """
        old = iter(self.before.calls)
        for new in self.after.calls:
            if new.kind == "born":
                self._pass_through(new)
                continue
            call = next(old, None)
            if call is None or not self._same(call, new):
                return self._differ(call, new)
            self._call(call, new)
        call = next(old, None)
        if call is not None:
            return self._differ(call, None)
        self._plan_own()
        return self._leave()

    def _same(self, old, new):
        """Whether two calls are the same, but for sizes."""
        trees = [tree_flatten((c.args, c.kwargs))[1] for c in (old, new)]
        name = new.name
        if new.kind == "layer":
            name = earlier(name, self.trace.moved)
        return (old.kind, old.name) == (new.kind, name) and (
            trees[0] == trees[1] or name in SIZES
        )

    def _differ(self, old, new):
        """Notes the first call that only one of the two models makes."""
        words = [
            f"{call.name} ({call.where})" if call else "nothing more"
            for call in (old, new)
        ]
        self._problem(
            new or old,
            f"its forward takes other steps in the larger model: {words[0]}, "
            f"then {words[1]}; put layers that are added into a Sequential or "
            "a ModuleList",
        )
        return []

    def _problem(self, call, text):
        """Notes what does not fit, at the module whose forward it is."""
        self.trace.path = [call.scope] if call.scope else []
        self.trace.problem(text)
        self.trace.path = []

    def _pass_through(self, call):
        """A block that only the new model has returns what it takes."""
        shapes = self.after.tensors
        given = leaves_of((call.args, call.kwargs))
        given = [ref for ref in given if isinstance(ref, Ref)]
        for left in leaves_of(call.out):
            same = [
                ref
                for ref in given
                if isinstance(left, Ref)
                and shapes[ref.number].shape == shapes[left.number].shape
            ]
            if same:
                self.values.pass_through(same[0], left)

    def _call(self, old, new):
        """Plans one call, and what leaves it."""
        args, tree = tree_flatten((old.args, old.kwargs))
        others, larger = tree_flatten((new.args, new.kwargs))
        left = leaves_of(old.out)
        pairs = [p for p in zip(left, leaves_of(new.out)) if _are_refs(*p)]
        outs, found = [], None
        try:
            outs = [self.values.new(*pair) for pair in pairs]
            if tree != larger:
                raise Refused("takes another number of arguments, then")
            place = f"{new.scope} {new.where}"
            later = None
            if old.name in SUMS:
                both = self.before, self.after
                later = factor_of_next(both, (old, new))
            step = Step(self.trace, self.values.own, place, outs, later)
            given = self.values.arguments(args, others, tree)
            self.values.check_data(old, args, left)
            if given is not None and old.kind == "layer":
                found = plan_layer(step, old, new, given, self.models)
            elif given is not None:
                larger = self.after, new, given, self.models[1], self.trace
                found = plan_function(step, old, *without_factor(*larger))
        except Unknown as unknown:
            scope = new.scope or "model"
            text = f"{scope}: {new.where} {old.name} {unknown}"
            self.trace.unborn.append(text)
        except Refused as refused:
            self._problem(new, f"{new.where} {old.name} {refused}")
        bad = found is None
        for pair, value in zip(pairs, found or outs or [None] * len(pairs)):
            self.values.keep(*pair, value, bad)

    def _leave(self):
        """What both models return."""
        leaves = zip(leaves_of(self.before.out), leaves_of(self.after.out))
        try:
            found = [self.values.of(a, b) for a, b in leaves if _are_refs(a, b)]
            for value in found:
                self._check_leaving(value)
            return found
        except Refused as refused:
            if not self.trace.problems:  # which say more
                self.trace.problem(f"its forward, to return it, {refused}")
            return []

    def _check_leaving(self, value):
        """Refuses queries and keys of scores that grow, and other factors."""
        widths = [width for width in value.axes if width is not None]
        if any(map(self.trace.maps.scores, widths)) or value.factor != 1:
            raise Refused(
                "uses numbers that are parts of queries or keys; return "
                "others, or keep the size of a head"
            )

    def _plan_own(self):
        """Plans the model's own tensors that functions used."""
        for name, axes in self.values.own.items():
            dims = range(self.values.counts[name])
            self.trace.tensor(name, *(axes.get(dim) for dim in dims))


def _are_refs(one, other):
    """Whether two values stand for tensors."""
    return isinstance(one, Ref) and isinstance(other, Ref)
