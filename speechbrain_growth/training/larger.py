"""A Brain that builds a larger model, and puts it in place of the present one.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Tuple

from torch.nn import ModuleDict

from speechbrain_growth.engine.births.batchnorm import calibrating
from speechbrain_growth.engine.holding.held import masks_of
from speechbrain_growth.engine.holding.masks import changed_by, grown_masks
from speechbrain_growth.engine.maps.plan import Plan
from speechbrain_growth.engine.optimizers import follow
from speechbrain_growth.engine.proof import must_keep
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.launch.processes import all_or_none, on_main
from speechbrain_growth.measure.growth_log import growth_entry
from speechbrain_growth.schedule.afterwards.freezing import (
    freezing_in_words,
    frozen_by,
)
from speechbrain_growth.schedule.growth import Growth
from speechbrain_growth.training.afterwards.scaling import powers_by_name
from speechbrain_growth.training.carrying import carry_modules
from speechbrain_growth.training.measures.filling import fill_new_units
from speechbrain_growth.training.probing import ProbingBrain


class LargerBrain(ProbingBrain):
    """Does the two halves of a growth, of which a trial does both as well.

    Arguments
    ---------
    **kwargs : dict
        As for ``ProbingBrain``.
    """

    found = None  # the units of the present growth, if they were searched

    def _seed(self):
        """The seed of the present growth."""
        own = int(getattr(self.hparams, "seed", 0))
        return 1000 * own + self.schedule.decided

    def larger(self, epoch: int) -> Tuple[ModuleDict, ModuleDict, Plan, dict]:
        """Builds the larger model, carries the present one into it, and probes.

        Arguments
        ---------
        epoch : int
            The epoch that is about to begin.

        Returns
        -------
        torch.nn.ModuleDict
            The present modules.
        torch.nn.ModuleDict
            The larger ones.
        Plan
            How these come from those.
        dict
            The line of the growth log, as far as it is known.
        """
        schedule, growth = self.schedule, self.schedule.current
        seed = self._seed()
        with all_or_none():
            old = self._modules()
            keeps = not growth.holds  # DDP knows what learned when it wrapped
            new = self._build(schedule.wanted, self.in_force, seed, keeps)
            batch, run = self._probe()
            units = self.found and self.found.units
            plan = carry_modules(old, new, growth, seed, run, units)
            self._check_frozen(growth, plan, new)
            with calibrating(plan, new):
                drift = self._drift(new, batch, run, plan)
        if growth.symmetry.fills:
            filled = fill_new_units(self, epoch, new, plan)
            plan = plan._replace(filled=filled)
            with all_or_none():
                after = self._drift(new, batch, run, plan)
            after = on_main(float, after)
            if growth.symmetry.exact:
                drift = after
        if self.found is not None:
            self.found.write(new)
            with all_or_none():
                after = self._drift(new, batch, run, plan)
            after = on_main(float, after)
        drift = on_main(float, drift)
        promised = must_keep(growth.symmetry, plan)
        tolerance = schedule.tolerance if promised else None
        entry = growth_entry(schedule, plan, epoch - 1, drift, tolerance)
        entry["freezing"] = freezing_in_words(growth)
        if growth.symmetry.fills:
            entry["filling"]["drift"] = after
        if self.found is not None:
            entry["symmetry"], entry["drift_after"] = "firefly", after
        return old, new, plan, entry

    def frozen_by(self, growth: Growth, plan: Plan, new: ModuleDict) -> dict:
        """Finds the weights that a growth freezes.

        Arguments
        ---------
        growth : Growth
            Says whether old units are trained on.
        plan : Plan
            How the larger modules come from the present ones.
        new : torch.nn.ModuleDict
            The larger modules.

        Returns
        -------
        dict
            As ``Held.masks``.
        """
        found = masks_of(frozen_by(growth), plan, self._modules(), new)
        # What did not learn anyway must not begin to when all is released
        idle = {n for n, p in new.named_parameters() if not p.requires_grad}
        idle -= {n for n in idle if plan.before(n) in self.held.masks}
        return {name: one for name, one in found.items() if name not in idle}

    def _check_frozen(self, growth, plan, new):
        """Raises if a growth would change what growths have frozen."""
        if not self.schedule.wanted_frozen or growth.freeze == ():
            return
        masks = grown_masks(self.held.masks, plan, new)
        masks.update(self.frozen_by(growth, plan, new))
        problems = changed_by(plan, masks)
        if problems:
            raise GrowthError([f"{growth.place}: {p}" for p in problems])

    def put(self, old: ModuleDict, new: ModuleDict, plan: Plan) -> None:
        """Puts larger modules in the place of the present ones.

        Arguments
        ---------
        old : torch.nn.ModuleDict
            The present modules.
        new : torch.nn.ModuleDict
            The larger ones.
        plan : Plan
            How these come from those.
        """
        growth = self.schedule.current
        carried = growth.optimizer == "carry"
        settings = self.schedule.wanted_settings
        new = self.with_settings(new, plan, settings, self._seed())
        follow(self._optimizers(), old, new, plan if carried else None)
        frozen = self.frozen_by(growth, plan, new)
        self.held.grown(plan, new)
        if growth.freeze == ():
            self.held.release(list(self.held.masks), new)
        self.held.hold(frozen, new)
        self._swap(new)
        rewarm = growth.rewarm if growth.rewarmed == "new" else 0
        by_axis = self._optimizers() if growth.per == "axis" else []
        powers = powers_by_name(by_axis, new)
        self.transition.begin(plan, rewarm, growth.per, powers)
        self.schedule.grown(self.optimizer_step)
        self.after_growth(growth)
