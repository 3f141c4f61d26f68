"""Several layers in a row, each built anew wherever the row is built.

Authors
 * The speechbrain_growth authors 2026
"""

from collections import OrderedDict
from typing import Callable

from torch import nn


class Chain(nn.Sequential):
    """Layers in a row, from functions that build them.

    A YAML can name such a row as a whole, by ``!name:``, where something builds
    it several times: a column of a progressive network, say.

    Arguments
    ---------
    **layers : callable
        Build the layers, in order; their names become those of the layers.

    Example
    -------
    >>> from functools import partial
    >>> Chain(hidden=partial(nn.Linear, 2, 4), output=partial(nn.Linear, 4, 1))
    Chain(
      (hidden): Linear(in_features=2, out_features=4, bias=True)
      (output): Linear(in_features=4, out_features=1, bias=True)
    )
    """

    def __init__(self, **layers: Callable[[], nn.Module]) -> None:
        super().__init__(
            OrderedDict((n, build()) for n, build in layers.items())
        )
