"""Keeps the state of a schedule in checkpoints.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any, Dict

from speechbrain.utils.checkpoints import (
    mark_as_loader,
    mark_as_saver,
    register_checkpoint_hooks,
)
from speechbrain_growth.schedule.state import (
    KINDS,
    as_text,
    read_state,
    write_state,
)


@register_checkpoint_hooks
class Kept:
    """Something whose state has the keys of ``KINDS``."""

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
        if self.targets is None:  # of version 0.1, which knew sizes only
            then = self.growths[: self.decided]
            self.targets = [growth.amount.sizes for growth in then]
