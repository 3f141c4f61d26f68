"""A model that has every candidate of a growth, each behind a gate.

Authors
 * The speechbrain_growth authors 2026
"""

import torch

from speechbrain_growth.engine.carrying import carry
from speechbrain_growth.engine.probe import in_eval
from speechbrain_growth.engine.replacing import replaced
from speechbrain_growth.engine.search.gated import Gated
from speechbrain_growth.engine.search.layers import NewLayers, placed
from speechbrain_growth.engine.search.places import Units, along
from speechbrain_growth.engine.search.slots import with_more
from speechbrain_growth.engine.unwrap import state_of, unwrap
from speechbrain_growth.engine.weighted_norm import weigh
from speechbrain_growth.errors import GrowthError


def candidate_sizes(sizes, slots, new):
    """The sizes of the model of all candidates.

    Arguments
    ---------
    sizes : dict
        All sizes of the present model.
    slots : list of Slot
        Those that may grow.
    new : int
        Number of fresh units in each layer, at least.

    Returns
    -------
    dict
    """
    more = {slot: slot.most + new if slot.layers else 1 for slot in slots}
    return with_more(sizes, more)


class Candidates:
    """A model that has a copy of each unit, fresh ones, and new layers.

    With all gates at 0 it computes what the present model does. The gates of new
    layers come last.

    Arguments
    ---------
    old : torch.nn.Module
        The present model; it stays as it is.
    model : torch.nn.Module
        The same, built at ``candidate_sizes``.
    slots : list of Slot
        Which sizes grow.
    new : int
        As for ``candidate_sizes``.
    seed : int
        Of the directions.
    example : object
        As for ``carry``.
    deeper : torch.nn.Module
        The present model with all new layers, as built; None if there are none.

    Attributes
    ----------
    model : torch.nn.Module
        The carried one.
    units : Units
        Its units.
    new_layers : NewLayers
        None if there are none.
    gated : dict
        A ``Gated`` for each parameter that has candidates, by name.
    gate_of : dict
        The gates of the candidates, by one of the slots' ``labels``.
    """

    def __init__(
        self, old, model, slots, new, seed=0, example=None, deeper=None
    ):
        layers = {
            label: (count, count + slot.most + new)
            for slot in slots
            for label, count in slot.layers
        }
        self.units = Units(layers)
        parents = {n: one.parents for n, one in self.units.layers.items()}
        self.gate_of = {
            label: range(one.gate, one.gate + one.old + one.fresh)
            for label, one in self.units.layers.items()
        }
        self.model, self.new_layers, weights = unwrap(model), None, {}
        if deeper is not None:
            deep = [slot for slot in slots if slot.born]
            first = self.units.candidates
            for number, slot in enumerate(deep, first):
                self.gate_of[str(slot)] = [number]
            self.new_layers = NewLayers(old, deeper, deep, first, example)
            args = deeper, self.model, parents, example
            self.places, weights = placed(old, *args)
        self.plan = carry(
            old,
            model,
            symmetry="fresh",
            units=parents,
            fold=1,
            example=example,
        )
        for name, (each, dim) in weights.items():
            weigh(self.model.get_submodule(name), each, dim, steps=1)
        self.axes = {
            name: along(self.plan, name, self.units)
            for name in self.plan.changes
        }
        generator = torch.Generator().manual_seed(int(seed))
        parameters = dict(self.model.named_parameters(remove_duplicate=False))
        _must_be_untied(self.axes, parameters)
        self.gated = {}
        for name in [name for name in self.axes if name in parameters]:
            args = self.axes[name], self._is_flat(name), self.units, generator
            self.gated[name] = Gated(parameters[name], *args)

    def _is_flat(self, name):
        """Whether the plan has one axis for the whole tensor."""
        return len(self.plan.tensors[name]) == 1

    @property
    def leaves(self):
        """All directions."""
        found = []
        for one in self.gated.values():
            found += [one.split] * bool(one.out) + [one.own]
        return found + (self.new_layers.leaves if self.new_layers else [])

    def zeros(self):
        """Gates that are all closed, shape (candidates,)."""
        like = next(self.model.parameters()).detach()
        layers = self.new_layers.count if self.new_layers else 0
        return like.new_zeros(self.units.candidates + layers)

    def loss(self, gates, loss, number=0):
        """Returns the loss of one batch, which depends on gates and directions.

        Arguments
        ---------
        gates : torch.Tensor
            Shape (candidates,).
        loss : callable
            Takes a model and returns the loss of the batch.
        number : int
            Of the batch. The random numbers of torch depend on it, and then are
            what they were.

        Returns
        -------
        torch.Tensor

        Raises
        ------
        GrowthError
            If it is not one finite number that has a gradient.
        """
        tensors = {name: one(gates) for name, one in self.gated.items()}
        if self.new_layers:
            tensors.update(self.new_layers.tensors(gates, self.places))
        with torch.random.fork_rng(), in_eval(self.model), torch.enable_grad():
            torch.manual_seed(number)
            with replaced(self.model, tensors):
                value = loss(self.model)
        if not torch.is_tensor(value) or value.numel() != 1:
            raise GrowthError(
                f"batch {number}: its loss is {type(value).__name__}"
                f"{tuple(getattr(value, 'shape', ()))}; return one number, a "
                "tensor"
            )
        if not value.isfinite():
            raise GrowthError(
                f"batch {number}: its loss is {float(value)}; candidates are "
                "scored by it, so return a finite one"
            )
        return value.reshape(())

    def merged(self, gates, chosen):
        """Returns the tensors of a model that has the chosen candidates only.

        An old unit and its copy, if that is not chosen, become one: they are
        equal, and what is read of them is added. Other fresh units are left out.

        Arguments
        ---------
        gates : torch.Tensor
            0 for what is not chosen; then that model computes the same.
        chosen : dict
            By label of the layer: the new units that are kept, in order.

        Returns
        -------
        dict
            By name, without those of new layers; flattened tensors stay so.
        """
        found, state = {}, state_of(self.model)
        layers = self.units.layers
        kept = torch.zeros(len(self.units.gate), dtype=torch.bool)
        for label, units in chosen.items():
            kept[[layers[label].start + one for one in units]] = True
        gone = (self.units.sign < 0) & ~kept
        for name, axes in self.axes.items():
            value = state[name]
            if name in self.gated:
                value = self.gated[name](gates)
            value = value.detach()
            value = value.flatten() if self._is_flat(name) else value
            for one in axes:
                if one.role == "in":
                    lost = gone[one.units.clamp(min=0)] & (one.units >= 0)
                    places = lost.nonzero()[:, 0].to(value.device)
                    first = one.first.to(value.device)[places]
                    more = value.index_select(one.dim, places)
                    value = value.index_add(one.dim, first, more)
                rows = one.kept(layers, chosen).to(value.device)
                value = value.index_select(one.dim, rows)
            found[name] = value
        return found


def _must_be_untied(axes, parameters):
    """Raises if a parameter with candidates has two names."""
    names = {}
    for name, parameter in parameters.items():
        names.setdefault(id(parameter), []).append(name)
    tied = [
        " and ".join(one)
        for one in names.values()
        if len(one) > 1 and any(name in axes for name in one)
    ]
    if tied:
        raise GrowthError(
            [
                f"{one}: are one parameter, which candidates would change "
                "differently at each place; choose other sizes"
                for one in tied
            ]
        )
