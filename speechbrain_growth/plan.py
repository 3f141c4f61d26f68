"""The plan of a growth: for every tensor, what each of its axes copies.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Dict, NamedTuple, Tuple

from speechbrain_growth.widths import WidthMap


class Axis(NamedTuple):
    """How one axis of a tensor grows.

    Arguments
    ---------
    width : WidthMap
        What the axis copies.
    role : str
        ``out``: the layer's own units, whose values are copied. ``in``: the
        units of the layer before, whose weights are shared among the copies.
    """

    width: WidthMap
    role: str


class Plan(NamedTuple):
    """What becomes of every tensor of a model.

    Arguments
    ---------
    tensors : dict
        For each tensor's name, one ``Axis`` or None (unchanged) for each axis.
    fresh : tuple of str
        Names of the buffers that the new model keeps as it was built.
    output : WidthMap
        What the model's output copies; the identity if it did not grow.
    """

    tensors: Dict[str, tuple]
    fresh: Tuple[str, ...]
    output: WidthMap

    @property
    def changes(self):
        """Names of the tensors that do not stay as they are."""
        return [
            name
            for name, axes in self.tensors.items()
            if any(axis and not axis.width.is_identity for axis in axes)
        ]

    def __str__(self):
        lines = []
        for name, axes in self.tensors.items():
            words = ", ".join(
                f"{axis.role} {axis.width}" if axis else "-" for axis in axes
            )
            lines.append(f"{name}: {words or 'copied'}")
        lines += [f"{name}: as the new model has it" for name in self.fresh]
        return "\n".join(lines)
