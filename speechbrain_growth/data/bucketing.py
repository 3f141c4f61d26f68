"""Makes batches of utterances of similar lengths.

A batch is padded to its longest utterance, and padding takes as much computing
time as speech. SpeechBrain's ``DynamicBatchSampler`` sorts utterances
into buckets by length, and makes each batch from one bucket.

Authors
 * The speechbrain_growth authors 2026
"""

from numbers import Real
from typing import Any, Dict

import torch

from speechbrain.dataio.dataset import DynamicItemDataset
from speechbrain.dataio.sampler import DynamicBatchSampler
from speechbrain.utils.logger import get_logger
from speechbrain_growth.errors import GrowthError

logger = get_logger(__name__)

OPTIONS = "dynamic_batch_sampler"  # the YAML key
ABOVE_ZERO = {
    "max_batch_length": Real,
    "num_buckets": int,
    "max_batch_ex": int,
}
ORDERS = ("random", "ascending", "descending")
REPLACED = ("batch_size", "shuffle", "drop_last")  # by the sampler


def bucketed(
    data: DynamicItemDataset, loader: Dict[str, Any], options: Dict[str, Any]
) -> Dict[str, Any]:
    """Adds batches of similar lengths to a loader's options; logs the padding.

    Arguments
    ---------
    data : speechbrain.dataio.dataset.DynamicItemDataset
        Each item has a ``duration``.
    loader : dict
        Options of a loader with batches of any lengths.
    options : dict
        As for ``DynamicBatchSampler``.

    Returns
    -------
    dict

    Raises
    ------
    GrowthError
        If the sampler does not take these options.

    Example
    -------
    >>> from speechbrain.dataio.dataset import DynamicItemDataset
    >>> durations = {"a": 1.0, "b": 4.0, "c": 1.0, "d": 4.0}
    >>> data = {key: {"duration": t} for key, t in durations.items()}
    >>> data = DynamicItemDataset(data)
    >>> options = {"max_batch_length": 12, "num_buckets": 4, "shuffle": False}
    >>> found = bucketed(data, {"batch_size": 2, "num_workers": 1}, options)
    >>> found["num_workers"], sorted(found["batch_sampler"])
    (1, [[0, 2], [1, 3]])
    """
    _check(options)
    lengths = [data.data[key]["duration"] for key in data.data_ids]
    try:
        sampler = DynamicBatchSampler(
            data, **{**options, "lengths_list": lengths}
        )
    except (TypeError, ValueError, RuntimeError) as error:
        raise GrowthError(
            f"{OPTIONS}: {error}; use the options of SpeechBrain's "
            "DynamicBatchSampler"
        )
    before = padding(ordinary(len(lengths), loader), lengths)
    after = padding(list(sampler), lengths)
    logger.info(
        f"Padding: {100 * before:.1f} % of the audio in ordinary batches, "
        f"{100 * after:.1f} % in batches of similar lengths"
    )
    kept = {key: loader[key] for key in loader if key not in REPLACED}
    return {**kept, "batch_sampler": sampler}


def _check(options):
    """Raises if the sampler takes an option that makes no sense."""
    problems = [
        f"{OPTIONS}: {key} is {options[key]!r}; it must be a "
        f"{'whole ' if kind is int else ''}number above 0"
        for key, kind in ABOVE_ZERO.items()
        if options.get(key) is not None
        and not (
            isinstance(options[key], kind)
            and not isinstance(options[key], bool)
            and options[key] > 0
        )
    ]
    order = options.get("batch_ordering", ORDERS[0])
    if order not in ORDERS:
        problems.append(
            f"{OPTIONS}: batch_ordering is {order!r}; it must be "
            f"{', '.join(ORDERS[:-1])} or {ORDERS[-1]}"
        )
    if problems:
        raise GrowthError(problems)


def ordinary(number, loader):
    """Returns the batches that a loader without buckets makes in one epoch.

    Arguments
    ---------
    number : int
        Number of items.
    loader : dict
        Its options.

    Returns
    -------
    list of list of int

    Example
    -------
    >>> ordinary(5, {"batch_size": 2})
    [[0, 1], [2, 3], [4]]
    """
    order, size = list(range(number)), loader.get("batch_size", 1)
    if loader.get("shuffle"):
        generator = torch.Generator().manual_seed(0)  # one order of many
        order = torch.randperm(number, generator=generator).tolist()
    return [order[first : first + size] for first in range(0, number, size)]


def padding(batches, lengths):
    """Returns the share of padding in all batches.

    Arguments
    ---------
    batches : list of list of int
        Indices of items.
    lengths : list of float
        Lengths of all items.

    Returns
    -------
    float

    Example
    -------
    >>> padding([[0, 1], [2]], [1.0, 3.0, 2.0])
    0.25
    """
    longest = [len(batch) * max(lengths[n] for n in batch) for batch in batches]
    used = [lengths[n] for batch in batches for n in batch]
    return 1 - sum(used) / sum(longest)
