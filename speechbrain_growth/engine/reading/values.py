"""The tensors of two recordings, in pairs.

Authors
 * The speechbrain_growth authors 2026
"""

from torch.utils._pytree import tree_unflatten

from speechbrain_growth.engine.maps.plan import earlier
from speechbrain_growth.engine.reading.recording import VALUES, Ref
from speechbrain_growth.engine.reading.steps import Refused, Two, Value

KINDS = (int, float, bool, str, complex, type(None), slice, tuple, list)


class Values:
    """What is known of each tensor, while both recordings are walked.

    Arguments
    ---------
    before : Recording
        Of the old model.
    after : Recording
        Of the new one.
    trace : Trace
        Draws maps, and knows which layers moved.

    Attributes
    ----------
    own : dict
        The axes of the model's own tensors, by name and axis.
    counts : dict
        How many axes each of them has.
    """

    def __init__(self, before, after, trace):
        self.before, self.after = before, after
        self.maps, self.moved = trace.maps, trace.moved
        self.own, self.counts = {}, {}
        self._pairs = {}, {}  # a value for each model's numbers
        self._bad = set()  # those of which a problem was noted
        self._data = set()  # those that depend on data, or on weights

    def new(self, old, new):
        """A tensor of which only the shapes are known.

        Arguments
        ---------
        old : Ref
            In the old model.
        new : Ref
            In the new one.

        Returns
        -------
        Value
        """
        if not isinstance(new, Ref):
            raise Refused("gives other things in the larger model")
        shape = self.before.tensors[old.number].shape
        larger = self.after.tensors[new.number].shape
        if len(shape) != len(larger):
            raise Refused("gives another number of axes in the larger model")
        return Value(shape, larger, (None,) * len(shape))

    def keep(self, old, new, value, bad=False):
        """Notes what a call returned.

        Arguments
        ---------
        old : Ref
            In the old model.
        new : Ref
            In the new one.
        value : Value
            What is known of it.
        bad : bool
            Whether a problem was noted, so that nothing is known.
        """
        self._pairs[0][old.number] = self._pairs[1][new.number] = value
        if bad:
            self._bad.add(old.number)

    def pass_through(self, given, left):
        """Gives a tensor of the new model the value of another one.

        Arguments
        ---------
        given : Ref
            What a block takes that only the new model has.
        left : Ref
            What it returns.
        """
        self._pairs[1][left.number] = self._pairs[1].get(given.number)

    def of(self, old, new):
        """A tensor that a call takes, in both models.

        Arguments
        ---------
        old : Ref
            In the old model.
        new : Ref
            In the new one.

        Returns
        -------
        Value
        """
        if old.number not in self._pairs[0]:
            self._enter(old, new)
        value = self._pairs[0][old.number]
        if self._pairs[1].get(new.number) is not value:
            raise Refused("takes another tensor in the larger model")
        return value

    def _enter(self, old, new):
        """A tensor that no call returned: an own one, or an input."""
        value = self.new(old, new)
        was = self.before.tensors[old.number].name
        name = self.after.tensors[new.number].name
        if was != earlier(name, self.moved):
            raise Refused(f"takes {was}, and {name} in the larger model")
        if name:
            value = value.but(own=name, dims=tuple(range(len(value.old))))
            self.own.setdefault(name, {})
            self.counts[name] = len(value.old)
        elif value.growing and self._is_filled(old, new):
            value = value.but(axes=self._free(old.number, value))
        elif value.growing:
            raise Refused(
                f"takes a tensor of shape {value.old} that is no parameter or "
                f"buffer, and has {value.new} in the larger model; register it"
            )
        self.keep(old, new, value)
        if self.before.tensors[old.number].floating:
            self._data.add(old.number)

    def _is_filled(self, old, new):
        """Whether a tensor is filled with one number, in both models."""
        number = self.before.tensors[old.number].number
        return number is not None and (
            number == self.after.tensors[new.number].number
        )

    def _free(self, number, value):
        """Maps for a tensor on which all units are alike."""
        return tuple(
            self.maps.draw(f"constant {number}[{dim}]", *value.size(dim))
            if dim in value.growing
            else None
            for dim in range(len(value.old))
        )

    def arguments(self, args, others, tree):
        """Arguments of both models in one.

        Arguments
        ---------
        args : list
            Leaves of the old model's.
        others : list
            Leaves of the new model's.
        tree : TreeSpec
            How they are nested.

        Returns
        -------
        tuple
            With ``Value`` in the place of tensors, and ``Two`` where numbers
            differ. None if a problem was noted of one of them.
        """
        found = []
        for one, other in zip(args, others):
            if isinstance(one, Ref) and isinstance(other, Ref):
                if one.number in self._bad:
                    return None
                one = self.of(one, other)
            elif isinstance(one, KINDS) and isinstance(other, KINDS):
                one = one if one == other else Two(one, other)
            found.append(one)
        return tree_unflatten(found, tree)

    def check_data(self, call, args, outs):
        """Refuses numbers made of data, as a forward may branch on them.

        Those that are made of whole numbers alone, as a mask's, are facts.

        Arguments
        ---------
        call : Call
            In the old model.
        args : list
            Leaves of its arguments.
        outs : list
            Leaves of what it returned.
        """
        given = [one.number for one in args if isinstance(one, Ref)]
        if not self._data.intersection(given):
            return
        left = [one.number for one in outs if isinstance(one, Ref)]
        self._data.update(left)
        if call.name in VALUES and len(left) < len(outs):
            raise Refused(
                "makes a number of data, on which the forward may branch, so "
                "that one example does not show what it does"
            )
