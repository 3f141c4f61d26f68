"""What flows between two layers.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import NamedTuple, Optional

from speechbrain_growth.engine.maps.widths import WidthMap


class Signal(NamedTuple):
    """What flows between two layers.

    Arguments
    ---------
    width : WidthMap
        The map of its units (features, channels); None as long as their number
        is unknown.
    channels_last : bool
        Whether the units are the last axis, as in SpeechBrain, or the second,
        as in torch's convolutions. So it also says how (position, channel) is
        flattened: with the channel innermost, or outermost.
    dims : int
        Number of axes, batch included; None if unknown.
    """

    width: WidthMap
    channels_last: bool = True
    dims: Optional[int] = None

    @property
    def grows(self):
        """Whether there are more units than before."""
        return self.width is not None and not self.width.is_identity

    def is_unit_axis(self, dim):
        """Whether an axis is, or may be, the one of the units."""
        if dim is None or self.dims is None:
            return dim is None or dim > 0 or dim == -1
        units = self.dims - 1 if self.channels_last else 1
        return dim % self.dims == units
