"""Keeps the state of a schedule in checkpoints.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any, Dict, List

from speechbrain.utils.checkpoints import (
    mark_as_loader,
    mark_as_saver,
    register_checkpoint_hooks,
)
from speechbrain_growth.schedule.afterwards.freezing import frozen_after
from speechbrain_growth.schedule.growth import Growth, parse
from speechbrain_growth.schedule.state import (
    KINDS,
    as_text,
    read_state,
    write_state,
)


@register_checkpoint_hooks
class Kept:
    """Something whose state has the keys of ``KINDS``."""

    @property
    def wanted_frozen(self) -> List[str]:
        """What growths freeze, the last one included."""
        return frozen_after(self._happened())

    @mark_as_saver
    def _save(self, path):
        """Writes the state as text."""
        write_state(self.state(), path)

    @mark_as_loader
    def _load(self, path, end_of_epoch=True):
        """Reads the state; SpeechBrain passes ``end_of_epoch``, not used."""
        self.restore(read_state(path))

    def state(self) -> Dict[str, Any]:
        """Returns what a checkpoint holds of the schedule.

        Returns
        -------
        dict
            Its keys are those of ``KINDS``.
        """
        # What stands in two places is copied; YAML would write a reference
        return as_text({key: getattr(self, key) for key in KINDS})

    def restore(self, state: Dict[str, Any]) -> None:
        """Replaces the state.

        Arguments
        ---------
        state : dict
            From ``state``.
        """
        for key, value in state.items():
            setattr(self, key, value)
        self.growths = self.whole(self.listed)
        if self.targets is None:  # of version 0.1, which knew sizes only
            then = self.growths[: self.decided]
            self.targets = [growth.amount.sizes for growth in then]
        if self.frozen is None:  # of an earlier version
            self.frozen = self.wanted_frozen

    def insert(self, entry: Dict[str, Any]) -> None:
        """Puts a growth that training asks for before those that are left.

        Nobody could list it, as its date or its sizes are measured. From then
        on it is a growth like any other; a checkpoint holds it beside the list.

        Arguments
        ---------
        entry : dict
            As in the list.

        Example
        -------
        >>> from speechbrain_growth import GrowthSchedule
        >>> schedule = GrowthSchedule([{"after_epoch": 9, "width": 8}])
        >>> schedule.start({"width": 4})
        >>> schedule.insert({"after_epoch": 2, "width": 5})
        >>> [growth.when for growth in schedule.growths]
        ['after_epoch 2', 'after_epoch 9']
        >>> schedule.decide(2, {}), schedule.wanted
        (True, {'width': 5})
        """
        self.inserted = [*self.inserted, [self.decided, as_text(entry)]]
        self.growths = self.whole(self.listed)

    def whole(self, listed: List[Dict[str, Any]]) -> List[Growth]:
        """Returns the growths of a list with those that training asked for.

        Arguments
        ---------
        listed : list of dict
            As in the YAML.

        Returns
        -------
        list of Growth
        """
        growths = parse(listed)
        for place, entry in self.inserted:
            # The entries of the list keep their numbers
            number = growths[place - 1].number if place else -1
            growths.insert(place, parse([entry])[0]._replace(number=number))
        return growths
