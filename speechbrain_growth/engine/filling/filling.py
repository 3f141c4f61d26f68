"""Begins new units from gradients: GradMax and TINY.

Between the carrying of the weights and the proof, a filling writes the rows and
columns of new units, and of nothing else. TINY with its natural-gradient step also
changes what the next layer reads of old units.

Authors
 * The speechbrain_growth authors 2026
"""

from functools import partial
from typing import Any, Callable, Dict, NamedTuple

from speechbrain_growth.engine.filling.directions import (
    Asked,
    directions,
    natural_step,
    promised,
)
from speechbrain_growth.engine.filling.groups import groups_of
from speechbrain_growth.engine.filling.moments import gather
from speechbrain_growth.engine.filling.trial import Trial
from speechbrain_growth.engine.filling.writing import Place
from speechbrain_growth.engine.probe import twin_of
from speechbrain_growth.engine.proof import complete
from speechbrain_growth.errors import GrowthError


class Filled(NamedTuple):
    """What a filling did.

    Arguments
    ---------
    units : dict
        By the layer that makes them: how many units were ``filled`` of how many
        ``new`` ones; ``rank``, how many directions there were; ``gain``, the sum
        of the squares of the singular values of all directions that were taken;
        ``slope`` of the activation at 0; and ``predicted``, of GradMax the norm
        of the gradient of what enters them, of TINY the fall of the loss, None
        where the slope is 0 or not one.
    left : dict
        By the name of the units: why they begin as ``fresh`` ones.
    macs : int
        Multiply-accumulates of the statistics, without the passes.
    batches : int
        From how many batches.
    looks : int
        How often the first went through the larger one.
    """

    units: Dict[str, Dict[str, Any]]
    left: Dict[str, str]
    macs: int = 0
    batches: int = 0
    looks: int = 1

    @property
    def gain(self):
        """The sum of the gains of all units."""
        return sum(one["gain"] for one in self.units.values())

    def __str__(self):
        lines = [
            f"{name}: {one['filled']} of {one['new']} new units begin from "
            f"gradients, rank {one['rank']}, gain {one['gain']:.4g}"
            for name, one in self.units.items()
        ]
        lines += [
            f"{name}: begin fresh, {why}" for name, why in self.left.items()
        ]
        return "\n".join(lines)


def alone(run: Callable[[], Any]) -> Any:
    """Runs something in one process.

    Arguments
    ---------
    run : callable
        Takes nothing. It returns ``Statistics`` or a dict of ``Verdict``.

    Returns
    -------
    object
        What it returns; of several processes, what they agree on.
    """
    return run()


def fill(old, new, plan, symmetry, losses, together=alone):
    """Writes the new units of a larger model as gradients ask for.

    Arguments
    ---------
    old : torch.nn.Module
        The model before the growth; it stays as it is.
    new : torch.nn.Module
        The larger model, which got its weights.
    plan : Plan
        The growth; its new units are fresh.
    symmetry : Symmetry
        ``gradmax`` or ``tiny``, with its options.
    losses : list of callable
        Each takes a model and returns the loss of one batch of training.
    together : callable
        As ``alone``; runs what it gets on several processes, and returns what
        they agree on.

    Returns
    -------
    Filled

    Raises
    ------
    GrowthError
        If no units can be begun so, or an activation without slope stands
        behind them and nothing says what then.
    """
    tiny, options = symmetry.way == "tiny", symmetry.settings
    groups, left = groups_of(plan, new)
    places = {g.maker: Place(new, plan, g) for g in groups}
    step, threshold = options.get("natural_step"), options["threshold"]
    twin = twin_of(old)  # its buffers stay
    args = plan, groups, losses, tiny, {} if step else None
    seen = together(lambda: gather(twin, *args))
    deltas, asked, macs = {}, seen, seen.macs
    if step:
        deltas = {
            name: natural_step(
                one, places[name].reader.bias is not None, threshold
            )
            for name, one in seen.moments.items()
        }
        some = [g for g in groups if g.maker in deltas]
        asked = together(lambda: gather(twin, plan, some, losses, tiny, deltas))
        macs += asked.macs
    left.update(seen.reasons)
    found, lengths = {}, {}
    for name, moments in asked.moments.items():
        place = places[name]
        moments = moments._replace(square=seen.moments[name].square)
        bias, count = place.maker.bias is not None, len(place.group.units)
        how = Asked(place.kind, bias, tiny, threshold)
        largest = 0.0
        if step:  # what is left of the gradient may be round-off alone
            whole = directions(seen.moments[name], how, 1)
            largest = float(whole.singular.sum())
        one = directions(moments, how, count, largest)
        found[name] = one
        lengths[name] = place.length() * (1 if tiny else symmetry.level)
        if not one.rank:
            left[name] = "the gradient asks for nothing that they could add"
        elif not lengths[name]:
            left[name] = (
                "no old unit sends anything, whose length they could take"
            )
    build = partial(complete, old, new, plan)
    trial = Trial(build, places, found, lengths, seen, losses[0], together)
    if tiny:
        slopes = trial.around_zero(left, options["kink"])
    else:
        slopes = trial.at_zero(left, options["zero_slope"])
    if not slopes:
        raise GrowthError(
            [f"{name}: {why}" for name, why in left.items()]
            + [
                f"symmetry is {symmetry}, but no new units can begin so; use "
                "symmetry: fresh"
            ]
        )
    units = {}
    for name, slope in slopes.items():
        place, one, moments = places[name], found[name], seen.moments[name]
        level, inside, length = symmetry.level, 0.0, lengths[name]
        fall = -promised(moments, place.kind, one, place.eps)
        if tiny:
            inside = length = level * one.singular.sqrt()
            predicted = float((fall * one.singular).sum()) * level**2
        else:
            inside = 0.0 if slope else options["zero_slope"]
            predicted = float(fall.norm()) * length
        place.write(one, inside, length)
        predicted = predicted * slope if slope else None
        if name in deltas:
            step_falls = place.step(deltas[name] * level**2, moments)
            predicted = predicted + step_falls if slope else None
        units[name] = {
            "filled": len(one.out),
            "new": len(place.group.units),
            "rank": one.rank,
            "gain": float(one.singular.square().sum()),
            "slope": slope,
            "predicted": predicted,
        }
    return Filled(units, left, macs, len(losses), trial.looks)
