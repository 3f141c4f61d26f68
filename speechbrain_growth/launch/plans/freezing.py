"""Follows what is frozen through the growths of a plan.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.blueprint.sizes import key_of
from speechbrain_growth.engine.holding.held import masks_of
from speechbrain_growth.engine.holding.masks import (
    blind,
    changed_by,
    grown_masks,
    joined,
    trained,
)
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.measure.cost import parameters
from speechbrain_growth.schedule.afterwards.freezing import frozen_by


class Freezing:
    """Knows what is frozen after each growth.

    Arguments
    ---------
    schedule : GrowthSchedule
        Says what was frozen where the run resumes; which weights these are,
        only training knows.
    earlier : str
        The run that this one starts from; empty for none.
    """

    def __init__(self, schedule, earlier):
        self.masks = {}
        self.known = schedule.frozen in ([], ["none"]) and not earlier

    def follow(self, one, plan, old, new):
        """Returns what a row of the plan says of it.

        Arguments
        ---------
        one : Ahead
            The growth.
        plan : Plan
            How it makes the larger model.
        old : torch.nn.ModuleDict
            The model before it.
        new : torch.nn.ModuleDict
            The larger one.

        Returns
        -------
        dict
            ``trained``: which part of the weights is trained; None if that is
            all, or not known. ``blind``: the weights that read no new unit.

        Raises
        ------
        GrowthError
            If it names what is not there, would change what is frozen, or
            leaves nothing to train.
        """
        growth = one.growth
        masks = self.masks.get(key_of(one.before), {})
        masks = grown_masks(masks, plan, new)
        if growth.freeze == ():
            self.known, masks = True, {}
        masks = joined(masks, masks_of(frozen_by(growth), plan, old, new))
        self.masks[key_of(one.after)] = masks
        problems, left = changed_by(plan, masks), trained(masks, new)
        if masks and not left:
            problems.append(
                "freezes all weights, so that none is left to train; freeze "
                "fewer, or let a size grow"
            )
        if problems:
            raise GrowthError(problems)
        part = left / parameters(new) if masks and self.known else None
        return {"trained": part, "blind": blind(plan, masks)}
