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
        The units (features, channels) of the signal; None if the first layer
        is still to say how many there are.
    channels_last : bool
        How (position, channel) is flattened: channel innermost, as
        SpeechBrain does, or outermost, as ``torch.nn.Flatten`` does. So it
        also says which axis holds the units: the last, or the second.
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

    def holds(self, dim):
        """Whether an axis is that of the units, or may be."""
        if dim is None or self.dims is None:
            return dim is None or dim > 0 or dim == -1
        units = self.dims - 1 if self.channels_last else 1
        return dim % self.dims == units
