"""Where the growth rules of all types of layers are registered.

Authors
 * The speechbrain_growth authors 2026
"""

from functools import singledispatch
from typing import Any

from torch import nn

from speechbrain_growth.engine.maps.signals import Signal


@singledispatch
def rule(old: nn.Module, new: nn.Module, signal: Signal, trace: Any) -> Signal:
    """Plans one layer; there is one for each type.

    Arguments
    ---------
    old : torch.nn.Module
        The layer before the growth.
    new : torch.nn.Module
        The same layer of the larger model.
    signal : Signal
        What arrives.
    trace : Trace
        Takes the axes of each tensor.

    Returns
    -------
    Signal
        What leaves.
    """
    trace.no_rule(old)
    return signal
