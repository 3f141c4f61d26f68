"""Position of AddNoise and AddReverb in their lists of recordings.

Each of the two reads its noises or room responses one after the other, over
and over, from a data loader that it makes at its first batch.

Authors
 * The speechbrain_growth authors 2026
"""

import torch

from speechbrain.augment.time_domain import AddNoise, AddReverb
from speechbrain.utils.logger import get_logger

logger = get_logger(__name__)

READERS = {AddNoise: "noise_data", AddReverb: "rir_data"}


def mixers_of(values):
    """Finds the augmentations that mix in recordings from a list of files.

    Arguments
    ---------
    values : iterable
        Objects of a YAML; those inside an ``Augmenter`` are found, too.

    Returns
    -------
    list of torch.nn.Module

    Example
    -------
    >>> mixers_of([AddNoise("noises.csv"), AddNoise(), 3])
    [AddNoise()]
    """
    found = []
    for value in values:
        inner = getattr(value, "augmentations", {})
        for one in (value, *(inner.values() if type(inner) is dict else ())):
            if type(one) in READERS and one.csv_file and one not in found:
                found.append(one)
    return found


def places(mixers):
    """Finds the position of each augmentation in its list.

    Arguments
    ---------
    mixers : list of torch.nn.Module
        From ``mixers_of``.

    Returns
    -------
    list
        For each: the batch size of its loader, and the number of batches since
        the loader last started at the first; None before its first batch.
    """
    return [
        [
            one.data_loader.batch_size,
            getattr(one, READERS[type(one)])._num_yielded,
        ]
        if hasattr(one, "data_loader")
        else None
        for one in mixers
    ]


def go_to(mixers, found):
    """Moves each to an earlier position; draws random numbers.

    Arguments
    ---------
    mixers : list of torch.nn.Module
        As for ``places``.
    found : list
        From ``places``.
    """
    if len(mixers) != len(found):
        logger.warning(
            f"The checkpoint has {len(found)} lists of noises, the recipe "
            f"{len(mixers)}; all start at their first noise"
        )
        found = [None] * len(mixers)
    for mixer, place in zip(mixers, found):
        reader = READERS[type(mixer)]
        for name in ("data_loader", reader):
            vars(mixer).pop(name, None)
        if place is not None:
            batch_size, given = place
            _begin(mixer, batch_size)
            # SpeechBrain skips these batches without reading them
            mixer.data_loader._speechbrain_recovery_skip_to = given
            setattr(mixer, reader, iter(mixer.data_loader))


def _begin(mixer, batch_size):
    """Makes an augmentation create its loader, as its first batch does."""
    if isinstance(mixer, AddNoise):
        mixer._load_noise(torch.ones(batch_size, 1), 1)
    else:
        mixer._load_rir(torch.ones(1, 1))
