"""Puts the parameters of a larger model into the groups of an optimizer.

Authors
 * The speechbrain_growth authors 2026
"""

from os.path import commonprefix
from typing import NamedTuple


class Kind(NamedTuple):
    """What a parameter is, and where; groups are made of some kinds.

    Arguments
    ---------
    owner : type
        Type of the layer that has the parameter.
    name : str
        Its dotted name.
    axes : int
        Number of its axes.
    place : int
        Its number in the model.
    """

    owner: type
    name: str
    axes: int
    place: int

    @property
    def last(self):
        """Its name in its layer."""
        return self.name.rpartition(".")[2]

    def unlike(self, other):
        """How unlike another parameter is; the first entry weighs most."""
        parts = self.name.split("."), other.name.split(".")
        return (
            (self.owner, self.last) != (other.owner, other.last),
            (self.axes > 1) != (other.axes > 1),
            self.last != other.last,
            -len(commonprefix(parts)),
            other.place > self.place,
            abs(other.place - self.place),
        )


def replace(group, old, new, names):
    """Puts new parameters in the place of old ones; others leave.

    Arguments
    ---------
    group : dict
        Of an optimizer; changed in place, as schedulers hold it.
    old : dict
        The name of each old parameter.
    new : dict
        The new parameter of each name.
    names : dict
        For each old parameter that has a successor, its name.
    """
    shown = group.get("param_names", group["params"])
    kept = [pair for pair in zip(group["params"], shown) if pair[0] in names]
    group["params"] = [new[names[one]] for one, _ in kept]
    if "param_names" in group:
        group["param_names"] = [
            _prefix(text, old[one]) + names[one] for one, text in kept
        ]


def adopt(groups, model, born, learning):
    """Puts parameters that are born into the groups that fit them.

    The group is that of the parameter that is most like it: in a layer of the
    same type and under the same name there; else with one axis, or more, as
    it has; else any. Of several, that which shares most of the dotted name,
    and then the nearest, rather before it than behind. In the group it stands
    where it stands in the model, by which checkpoints tell parameters apart.

    Arguments
    ---------
    groups : list of dict
        Of all optimizers; changed in place.
    model : torch.nn.Module
        The larger model.
    born : list of str
        Names of the parameters that only it has.
    learning : list of str
        Names of others that need gradients; another optimizer may hold them.

    Returns
    -------
    dict
        For each parameter that joins no group, the one that is most like it,
        which is in none of the groups.

    Example
    -------
    >>> from torch import nn
    >>> model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    >>> groups = [{"params": [model[0].weight]}, {"params": [model[0].bias]}]
    >>> adopt(groups, model, ["1.weight", "1.bias"], [])
    {}
    >>> [len(group["params"]) for group in groups]
    [2, 2]
    """
    kinds = _kinds(model)
    home = {kinds[p].name: g for g in groups for p in g["params"]}
    known = [
        kind
        for kind in kinds.values()
        if kind.name not in born
        and (kind.name in home or kind.name in learning)
    ]
    outside = {}
    for parameter, kind in kinds.items():
        if kind.name not in born or kind.name in home or not known:
            continue
        closest = min(known, key=kind.unlike).name
        if closest in home:
            _insert(home[closest], parameter, kinds)
        else:
            outside[kind.name] = closest
    return outside


def _kinds(model):
    """The kind of each parameter of a model."""
    owners = {
        id(parameter): type(module)
        for module in model.modules()
        for parameter in module.parameters(recurse=False)
    }
    return {
        parameter: Kind(owners[id(parameter)], name, parameter.ndim, place)
        for place, (name, parameter) in enumerate(model.named_parameters())
    }


def _insert(group, parameter, kinds):
    """Puts a parameter behind those of a group that precede it in the model."""
    places = [kinds[one].place for one in group["params"]]
    before = [p for p in places if p < kinds[parameter].place]
    at = places.index(max(before)) + 1 if before else places.index(min(places))
    if "param_names" in group:
        beside = at - 1 if before else at
        name = kinds[group["params"][beside]].name
        prefix = _prefix(group["param_names"][beside], name)
        group["param_names"].insert(at, prefix + kinds[parameter].name)
    group["params"].insert(at, parameter)


def _prefix(text, name):
    """What stands before a parameter's name in an optimizer."""
    return text[: -len(name)] if text.endswith(name) else ""
