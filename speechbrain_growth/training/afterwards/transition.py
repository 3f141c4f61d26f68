"""What a growth changes gradually, over the steps that follow.

Weighted LayerNorms turn into plain ones, and new units warm up. Both are part
of the checkpoint, so that a resumed run continues them.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib

import torch

from speechbrain.utils.checkpoints import (
    mark_as_loader,
    mark_as_saver,
    register_checkpoint_hooks,
)
from speechbrain_growth.engine.weighted_norm import (
    fold,
    unweigh,
    weigh,
    weighted,
)
from speechbrain_growth.resume.loading import are_counts, loading
from speechbrain_growth.training.afterwards.rewarming import (
    fitted,
    mask_of,
    new_units,
    scaled_step,
    warming,
)
from speechbrain_growth.training.afterwards.scaling import (
    by_axis,
    by_norm,
    product,
    shares_after,
    turns_after,
)

TRANSITION = "growth_transition"  # its name among the recoverables
STATE = ("masks", "steps", "taken", "shares", "turns")


@register_checkpoint_hooks
class Transition:
    """Folds LayerNorms and warms up new units, step by step.

    Arguments
    ---------
    modules : callable
        Returns the modules in training, as a ``torch.nn.Module``.

    Example
    -------
    >>> from speechbrain_growth import carry
    >>> old, new = [
    ...     torch.nn.Sequential(
    ...         torch.nn.Linear(2, n),
    ...         torch.nn.LayerNorm(n),
    ...         torch.nn.Linear(n, 1),
    ...     )
    ...     for n in (2, 3)
    ... ]
    >>> plan = carry(old, new, fold=2)
    >>> transition = Transition(lambda: new)
    >>> for _ in range(2):
    ...     with transition.step():
    ...         pass  # optimizer.step()
    >>> type(new[1]) is torch.nn.LayerNorm
    True
    """

    def __init__(self, modules):
        self.modules = modules
        self.masks, self.steps, self.taken = {}, 0, 0
        self.folding = self._keep()
        self.shares, self.turns = {}, {}

    def begin(self, plan, rewarm, per="", powers=None):
        """Starts right after the modules of a growth were swapped in.

        Arguments
        ---------
        plan : Plan
            Of the growth.
        rewarm : int
            Number of steps over which its new units warm up; 0 for none.
        per : str
            By what the rates of weights differ from now on: ``axis``, ``norm``
            or nothing.
        powers : dict
            From ``powers_by_name``, for ``axis``.
        """
        self.folding = self._keep()
        self.masks = new_units(plan) if rewarm else {}
        self.steps, self.taken = rewarm, 0
        powers = powers if per == "axis" else {}
        self.shares = shares_after(self.shares, plan, powers)
        self.turns = turns_after(self.turns, plan, per == "norm")

    def _keep(self):
        """Says that weights are saved here; returns whether there are any."""
        norms = weighted(self.modules()).values()
        for norm in norms:
            norm.kept = True
        return bool(norms)

    @contextlib.contextmanager
    def step(self):
        """Surrounds one step of the optimizer.

        Yields
        ------
        None
        """
        if self.masks or self.shares or self.turns:
            parameters = dict(self.modules().named_parameters())
            with scaled_step(parameters, self._factors(parameters)):
                yield
        else:
            yield
        if self.masks:
            self.taken += 1
            self.masks = self.masks if self.taken < self.steps else {}
        if self.folding:
            self.folding = fold(self.modules()) > 0

    def _factors(self, parameters):
        """By what the step of each weight is multiplied now."""
        warm = (self.taken + 1) / self.steps if self.masks else 1.0
        return product(
            warming(self.masks, warm),
            by_axis(self.shares),
            by_norm(self.turns, parameters),
        )

    def weigh(self, path):
        """Weighs exactly the LayerNorms that are weighted in a checkpoint.

        Arguments
        ---------
        path : str
            The checkpoint's file of a transition.

        Returns
        -------
        dict
            What else the file holds.
        """
        modules, state = self.modules(), _read(path)
        norms = state.pop("norms")
        with loading(path):
            for key in ("masks", "shares", "turns"):
                _check_shapes(state[key], modules.state_dict())
            for name, norm in weighted(modules).items():
                if name not in norms:
                    unweigh(norm)
            for name, norm in norms.items():
                weigh(modules.get_submodule(name), **norm)
        self.folding = self._keep()
        return state

    @mark_as_saver
    def _save(self, path):
        """Writes tensors and numbers."""
        norms = {
            name: {
                "weights": norm.start.flatten(),
                "dim": norm.dim,
                "steps": norm.steps,
                "taken": norm.taken,
            }
            for name, norm in weighted(self.modules()).items()
        }
        state = {key: vars(self)[key] for key in STATE}
        torch.save({"norms": norms, **state}, path)

    @mark_as_loader
    def _load(self, path, end_of_epoch=True):
        """Reads them."""
        del end_of_epoch
        vars(self).update(self.weigh(path))


def still_weighted(path):
    """Returns for how many steps LayerNorms of a checkpoint stay weighted.

    Arguments
    ---------
    path : str
        The file of the transition in the checkpoint; None if it has none.

    Returns
    -------
    int
        0 if all are plain.
    """
    if path is None:
        return 0
    norms = _read(path)["norms"].values()
    return max((norm["steps"] - norm["taken"] for norm in norms), default=0)


def _read(path):
    """What a file of a transition holds, with its steps checked."""
    with loading(path):
        state = torch.load(path, map_location="cpu", weights_only=True)
        state = {"shares": {}, "turns": {}, **state}  # not in version 0.1
        for one in (state, *state["norms"].values()):
            steps, taken = one["steps"], one["taken"]
            if not are_counts(steps, taken) or taken > steps:
                raise ValueError(f"{taken} of {steps} steps are done")
        for norm in state["norms"].values():
            if not abs(float(norm["weights"].sum()) - 1) < 0.01:
                raise ValueError("the weights of a LayerNorm do not sum to 1")
            if not are_counts(norm["dim"]):
                raise ValueError(f"a LayerNorm has no axis {norm['dim']}")
        if state["masks"] and state["taken"] == state["steps"]:
            raise ValueError("units warm up, but all steps are done")
    return state


def _check_shapes(held, tensors):
    """Raises if what is held of units does not fit the tensors."""
    for name, axes in held.items():
        mask = mask_of([a if a is None else a > 0 for a in axes])
        fitted(mask, tensors[name])
