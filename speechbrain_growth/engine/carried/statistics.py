"""Statistics that a layer keeps as attributes, outside its state dict.

Authors
 * The speechbrain_growth authors 2026
"""

import copy

from speechbrain.processing.features import InputNormalization
from speechbrain_growth.engine.maps.plan import earlier

# Attributes that a layer fills as it sees data. Subclasses inherit.
STATISTICS = {InputNormalization: ("count", "glob_mean", "glob_std")}


def statistics_of(layer):
    """Names of the attributes in which a layer keeps statistics.

    Arguments
    ---------
    layer : torch.nn.Module
        Any.

    Returns
    -------
    tuple of str

    Example
    -------
    >>> statistics_of(InputNormalization())
    ('count', 'glob_mean', 'glob_std')
    """
    kinds = [kind for kind in STATISTICS if isinstance(layer, kind)]
    return STATISTICS[kinds[0]] if kinds else ()


def take_statistics(old, new, moved):
    """Gives the layers of a model the statistics of another model's.

    Arguments
    ---------
    old : torch.nn.Module
        The model before the growth.
    new : torch.nn.Module
        The larger model, whose statistics are changed.
    moved : dict
        New name of each layer that moved, and the old one.
    """
    before = dict(old.named_modules())
    for name, layer in new.named_modules():
        was = before.get(earlier(name, moved))
        if was is not None and type(was) is type(layer):
            for key in statistics_of(layer):
                setattr(layer, key, copy.deepcopy(getattr(was, key)))
