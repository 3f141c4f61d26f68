"""Where augmentations are in the recordings that they mix in.

SpeechBrain's noises and room responses are read one after the other, over and
over, by a loader that an augmentation makes with its first batch and keeps for
itself.

Authors
 * The speechbrain_growth authors 2026
"""

import torch

from speechbrain.augment.time_domain import AddNoise, AddReverb
from speechbrain.utils.logger import get_logger

logger = get_logger(__name__)

READERS = {AddNoise: "noise_data", AddReverb: "rir_data"}


def mixers_of(values):
    """Augmentations that mix in recordings from a list of files.

    Arguments
    ---------
    values : iterable
        Objects of a YAML; an ``Augmenter`` is looked into.

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
    """The place of each in its recordings.

    Arguments
    ---------
    mixers : list of torch.nn.Module
        From ``mixers_of``.

    Returns
    -------
    list
        The loader's batch size and how many batches it has given since it began
        anew, mixer by mixer; None for one that has not begun.
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
    """Puts each to an earlier place; draws random numbers.

    Arguments
    ---------
    mixers : list of torch.nn.Module
        As for ``places``.
    found : list
        From ``places``.
    """
    if len(mixers) != len(found):
        logger.warning(
            f"The checkpoint knows {len(found)} lists of noises, the recipe has "
            f"{len(mixers)}; they begin with their first noise"
        )
        found = [None] * len(mixers)
    for mixer, place in zip(mixers, found):
        reader = READERS[type(mixer)]
        for name in ("data_loader", reader):
            vars(mixer).pop(name, None)
        if place is not None:
            batch_size, given = place
            _begin(mixer, batch_size)
            # SpeechBrain skips them unread
            mixer.data_loader._speechbrain_recovery_skip_to = given
            setattr(mixer, reader, iter(mixer.data_loader))


def _begin(mixer, batch_size):
    """Has a mixer make its loader, which it does for its first batch."""
    if isinstance(mixer, AddNoise):
        mixer._load_noise(torch.ones(batch_size, 1), 1)
    else:
        mixer._load_rir(torch.ones(1, 1))
