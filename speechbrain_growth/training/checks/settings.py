"""Refuses before training what a growth cannot set in the run.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.launch.differences import changed_parts, wrong_sets
from speechbrain_growth.training.afterwards.setting import SettingBrain
from speechbrain_growth.training.afterwards.settings import (
    PLAIN,
    fixed_options,
    part_of,
    read_in_training,
    why_not,
)


class CheckedSettingBrain(SettingBrain):
    """Knows which keys of the YAML can change while it trains.

    Arguments
    ---------
    **kwargs : dict
        As for ``SettingBrain``.
    """

    def check_settings(self):
        """Raises if a growth sets what cannot change in this run.

        Raises
        ------
        GrowthError
            Naming every such key, and why.
        """
        before = {}
        problems = wrong_sets(self.blueprint, self.schedule.growths)
        for growth in self.schedule.growths if not problems else ():
            for key, value in growth.sets.items():
                after = {**before, key: value}
                found = self._refusals(key, before, after)
                problems += [f"{growth.place}: sets: {f}" for f in found]
                before = after
        if problems:
            raise GrowthError(problems)

    def _refusals(self, key, before, after):
        """Why one key cannot change."""
        parts, names = changed_parts(self.blueprint, before, after)
        if not parts:
            return []
        built = self._built(parts, before), self._built(parts, after)
        held = vars(self.hparams)
        deep = [p for p in parts if not _is_number(held, p)]
        if not deep and not names and key not in read_in_training(self):
            return [
                f"nothing that can change in a run depends on {key}, and "
                f"{type(self).__name__} does not read self.hparams.{key}; "
                "leave it out"
            ]
        reasons = {path: self._why_not(path, built) for path in deep}
        reasons.update(self._other_shapes(names, before, after))
        return [
            f"{key} would change {'.'.join(map(str, path))}, which {why}; "
            "leave it out"
            for path, why in reasons.items()
            if why
        ]

    def _other_shapes(self, names, before, after):
        """Which modules would have tensors of other shapes."""
        sizes = self.schedule.sizes
        shapes = [
            {
                n: t.shape
                for n, t in self.blueprint.modules(one).state_dict().items()
            }
            for one in ({**sizes, **before}, {**sizes, **after})
            if names
        ]
        if not names or shapes[0] == shapes[1]:
            return {}
        return {
            ("modules", *names): "would have other shapes: it is a size, to be "
            "given beside the condition"
        }

    def _why_not(self, path, built):
        """Why a part cannot change; None if it can."""
        holder, part = part_of(vars(self.hparams), path)
        built = [part_of(one, path)[1] for one in built]
        if holder is None:
            return "the recipe has replaced"
        if self._makes_optimizer(part):
            fixed = fixed_options(part, built[1])
            return f"sets the optimizer's {fixed[0]} once" if fixed else None
        if not isinstance(part, PLAIN):
            known = self.checkpointer.recoverables if self.checkpointer else {}
            known = list(known.values())
            return why_not(part, known, self.modules, built)
        if len(path) == 1 or self._is_train_option(holder):
            return None
        other = any(word in path[0] for word in ("valid", "test"))
        return None if other else "is read once, when the run begins"


def _is_number(held, path):
    """Whether a part is a plain value at the top of the YAML."""
    return len(path) == 1 and isinstance(held.get(path[0]), PLAIN)
