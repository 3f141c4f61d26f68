"""Finished tasks: what is needed to take the network of each back out.

A network that grew still holds the one of an earlier task, if nobody changed
its weights: as some rows and columns of its tensors, its stamps. Beside them
some tensors are a task's own, such as its head and the statistics of its
norms. Both together are the network of that task, at the sizes that it had,
with the same logits to the bit.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any, Dict, NamedTuple, Tuple

import torch

from speechbrain.utils.checkpoints import (
    mark_as_loader,
    mark_as_saver,
    register_checkpoint_hooks,
)
from speechbrain_growth.engine.carried.split_outputs import put_split_biases
from speechbrain_growth.engine.transfer import grown_weight
from speechbrain_growth.engine.unwrap import state_of
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.resume.dropout_masks import drawn_by
from speechbrain_growth.resume.loading import are_counts, loading

FINISHED = "finished_tasks"  # its name among the recoverables


class Finished(NamedTuple):
    """One finished task.

    Arguments
    ---------
    sizes : dict
        Those of its network.
    settings : dict
        Other keys of the YAML that growths had changed.
    own : dict
        The tensors that are its own, by the names that they had.
    places : dict
        For each other tensor, by the name that it had: its name now, and for
        each axis the indices of its units now, or None for all.
    """

    sizes: Dict[str, Any]
    settings: Dict[str, Any]
    own: Dict[str, torch.Tensor]
    places: Dict[str, Tuple[str, list]]


@register_checkpoint_hooks
class FinishedTasks:
    """Keeps the finished tasks of a run, through growths and resumes.

    Arguments
    ---------
    stamps : bool
        Whether the network of a task is taken out at the sizes that it had, so
        that it reads no unit that a later task added; otherwise it is the
        present one with the task's own tensors.
    facts : dict
        What the stream and the strategy are; a run that resumes must have the
        same.

    Attributes
    ----------
    begun : int
        The task that was begun last.
    probes : list
        For each finished task whose logits must stay, those of its probe.

    Example
    -------
    >>> from speechbrain_growth import carry
    >>> old, new = torch.nn.Linear(1, 2), torch.nn.Linear(1, 3)
    >>> tasks = FinishedTasks()
    >>> tasks.close(old, {"units": 2}, {}, own=["bias"])
    >>> tasks.grow(carry(old, new, symmetry="fresh"), new, {"units": 3}, {})
    >>> taken = tasks.tensors(1, new)
    >>> torch.equal(taken["weight"], old.weight)
    True
    >>> tasks[1].sizes
    {'units': 2}
    """

    def __init__(self, stamps=True, facts=None):
        self.stamps, self.facts = stamps, facts or {}
        self.tasks, self.probes, self.begun = [], [], 0

    def __len__(self):
        return len(self.tasks)

    def __getitem__(self, task):
        """A finished task by its number, from 1 on."""
        return self.tasks[task - 1]

    def close(self, modules, sizes, settings, own):
        """Notes that the present task is finished.

        Arguments
        ---------
        modules : torch.nn.Module
            The network.
        sizes : dict
            Its sizes.
        settings : dict
            Other keys of the YAML that growths changed.
        own : iterable of str
            Names of the tensors that are the task's own.
        """
        drawn = drawn_by(modules)
        state = {n: t for n, t in state_of(modules).items() if n not in drawn}
        own = set(own) & set(state)
        self.tasks.append(
            Finished(
                dict(sizes),
                dict(settings),
                {
                    name: state[name].clone().cpu()
                    for name in state
                    if name in own
                },
                {
                    name: (name, [None] * tensor.ndim)
                    for name, tensor in state.items()
                    if name not in own
                },
            )
        )

    def grow(self, plan, modules, sizes, settings):
        """Follows a growth.

        Arguments
        ---------
        plan : Plan
            Of the growth.
        modules : torch.nn.Module
            The larger network.
        sizes : dict
            Its sizes.
        settings : dict
            Other keys of the YAML that growths changed.
        """
        names = {plan.before(name): name for name in plan.tensors}
        if self.stamps:
            self.tasks = [
                one._replace(places=_moved(one.places, plan, names))
                for one in self.tasks
            ]
            return
        built = state_of(modules)
        self.tasks = [
            Finished(
                dict(sizes),
                dict(settings),
                _grown(one.own, plan, names, built),
                {
                    name: (name, [None] * tensor.ndim)
                    for name, tensor in built.items()
                    if plan.before(name) not in one.own
                },
            )
            for one in self.tasks
        ]

    def tensors(self, task, modules):
        """Takes the tensors of a finished task out of the present network.

        Arguments
        ---------
        task : int
            From 1 on.
        modules : torch.nn.Module
            The present network.

        Returns
        -------
        dict
            By the names that they had.
        """
        state, one = state_of(modules), self[task]
        taken = {}
        for was, (name, places) in one.places.items():
            tensor = state[name]
            if len(places) < tensor.ndim:  # planned as flattened
                tensor = tensor.flatten()
            for dim, units in enumerate(places):
                if units is not None:
                    tensor = tensor.index_select(dim, units.to(tensor.device))
            taken[was] = tensor
        return {**taken, **one.own}

    @property
    def stored(self):
        """How many numbers are stored beside the present network."""
        return sum(t.numel() for one in self.tasks for t in one.own.values())

    @mark_as_saver
    def _save(self, path):
        """Writes tensors and plain values."""
        state = {"begun": self.begun, "facts": self.facts}
        state["tasks"] = [dict(one._asdict()) for one in self.tasks]
        torch.save({**state, "probes": self.probes}, path)

    @mark_as_loader
    def _load(self, path, end_of_epoch=True):
        """Reads them; raises if the stream is another."""
        del end_of_epoch
        with loading(path):
            state = torch.load(path, map_location="cpu", weights_only=True)
            if not are_counts(state["begun"]):
                raise ValueError(f"task {state['begun']} was begun")
            tasks = [Finished(**one) for one in state["tasks"]]
        now = self.facts
        problems = [
            f"{path}: was trained with {key} {value!r}, but this run has "
            f"{now.get(key)!r}; use the same, or another output_folder"
            for key, value in state["facts"].items()
            if value != now.get(key)
        ]
        if problems:
            raise GrowthError(problems)
        self.tasks, self.begun = tasks, state["begun"]
        self.probes = state["probes"]


def _grown(own, plan, names, built):
    """A task's own tensors after a growth."""
    found = {}
    for was, tensor in own.items():
        name = names[was]
        axes = plan.tensors[name]
        found[name] = grown_weight(tensor, axes, built[name].cpu())
    put_split_biases(found, plan)
    return found


def _moved(places, plan, names):
    """Places of units after a growth."""
    found = {}
    for was, (name, axes) in places.items():
        if name not in names:  # a table that each size is built with
            continue
        now = names[name]
        grown = plan.tensors[now] or [None] * len(axes)
        found[was] = (
            now,
            [_after(units, axis) for units, axis in zip(axes, grown)],
        )
    return found


def _after(units, axis):
    """The indices of units on one axis after it grew."""
    if axis is None or axis.width.is_identity:
        return units
    old = (~axis.width.is_new).nonzero()[:, 0]
    # In the order of the old model, which need not be the new one's
    old = old[axis.width.source[old].argsort()]
    return old if units is None else old[units]
