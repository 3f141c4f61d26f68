"""Finds utterances with more labels than CTC can align with their audio.

CTC gives each label a frame of its own, and a blank frame between equal
neighbours (Graves et al. 2006). With fewer output frames the loss is infinite;
SpeechBrain counts it as 0.

Authors
 * The speechbrain_growth authors 2026
"""

import bisect
import copy
import functools
from typing import Any, Callable, Dict, Hashable, Sequence, Tuple

import torch

from speechbrain.dataio.dataset import DynamicItemDataset
from speechbrain.utils.logger import get_logger
from speechbrain_growth.data.annotations import listed
from speechbrain_growth.errors import GrowthError

logger = get_logger(__name__)

FEWEST = 2  # batch normalization cannot train on one frame alone


def frames_needed(labels: Sequence[Hashable]) -> int:
    """Returns the fewest output frames with which CTC's loss is finite.

    Arguments
    ---------
    labels : sequence
        The labels of an utterance.

    Returns
    -------
    int

    Example
    -------
    >>> frames_needed(["sil", "aa", "aa", "sil"])
    5
    """
    repeated = sum(a == b for a, b in zip(labels, labels[1:]))
    return len(labels) + repeated


def too_long(
    utterances: Dict[str, Tuple[int, Sequence[Hashable]]],
    frames: Callable[[int], int],
) -> Dict[str, str]:
    """Returns the utterances with more labels than output frames.

    Arguments
    ---------
    utterances : dict
        By name, the number of samples and the labels.
    frames : callable
        Gives the number of output frames of so many samples. More samples
        never have fewer frames.

    Returns
    -------
    dict
        What is wrong, by name.

    Example
    -------
    >>> utterances = {"a": (480, ["s", "ah"]), "b": (480, ["s", "s", "s", "s"])}
    >>> too_long(utterances, lambda samples: samples // 160)
    {'b': 'needs 7 output frames, has 3 (labels: 4, samples: 480)'}
    """
    lengths = sorted({samples for samples, _ in utterances.values()})

    @functools.lru_cache(maxsize=None)
    def first_that_fits(needed):
        """The index of the shortest length that gives so many frames."""
        return bisect.bisect_left(lengths, needed, key=frames)

    found = {}
    for name, (samples, labels) in utterances.items():
        needed = max(FEWEST, frames_needed(labels))
        if bisect.bisect_left(lengths, samples) < first_that_fits(needed):
            found[name] = (
                f"needs {needed} output frames, has {frames(samples)} (labels: "
                f"{len(labels)}, samples: {samples})"
            )
    return found


def output_frames(
    compute_features: Callable[[torch.Tensor], torch.Tensor],
    model: torch.nn.Module,
) -> Callable[[int], int]:
    """Returns a function that counts the output frames of so many samples.

    It lets silence through the features and the model, and remembers each
    answer. It is 0 if the audio is too short to go through.

    Arguments
    ---------
    compute_features : callable
        Features of audio of shape (1, samples).
    model : torch.nn.Module
        Called with the features; its outputs have shape (1, frames, channels).
        A copy is used, so that nothing in it changes.

    Returns
    -------
    callable

    Example
    -------
    >>> from speechbrain.lobes.features import Fbank
    >>> frames = output_frames(Fbank(), torch.nn.AvgPool2d((2, 1)))
    >>> frames(1), frames(16000)
    (0, 50)
    """
    model = copy.deepcopy(model).eval()

    @functools.lru_cache(maxsize=None)
    def frames(samples):
        """Counts them."""
        try:
            with torch.no_grad():
                return model(compute_features(torch.zeros(1, samples))).shape[1]
        except (RuntimeError, ValueError, IndexError) as error:
            logger.debug(f"{samples} samples do not go through: {error}")
            return 0

    return frames


def unaligned(
    log_probs: torch.Tensor,
    targets: torch.Tensor,
    input_lens: torch.Tensor,
    target_lens: torch.Tensor,
) -> torch.Tensor:
    """Returns which utterances of a batch have more labels than output frames.

    In a batch, an utterance can have fewer frames than alone: SpeechBrain
    rounds its share of the padded length, and augmentation may shorten it.

    Arguments
    ---------
    log_probs : torch.Tensor
        As for ``speechbrain.nnet.losses.ctc_loss``, like the others.
    targets : torch.Tensor
        Labels of shape (batch, labels).
    input_lens : torch.Tensor
        Relative lengths of the audio.
    target_lens : torch.Tensor
        Relative lengths of the labels.

    Returns
    -------
    torch.Tensor
        True where the loss counts as 0.

    Example
    -------
    >>> targets = torch.tensor([[1, 1, 2], [1, 2, 2]])
    >>> lens = torch.tensor([1.0, 2 / 3])
    >>> unaligned(torch.zeros(2, 3, 5), targets, lens, lens)
    tensor([ True, False])
    """
    frames = (input_lens * log_probs.shape[1]).round()
    lengths = (target_lens * targets.shape[1]).round()
    later = torch.arange(1, targets.shape[1], device=targets.device)
    repeated = targets[:, 1:] == targets[:, :-1]
    repeated &= later < lengths[:, None]
    return frames < lengths + repeated.sum(1)


def refuse_too_long(found: Dict[str, Dict[str, str]]) -> None:
    """Raises if there is an utterance with more labels than output frames.

    Arguments
    ---------
    found : dict
        By annotation, what ``too_long`` returned.

    Raises
    ------
    GrowthError
        Naming the utterances.

    Example
    -------
    >>> refuse_too_long({"train.json": {"a": "needs 7 output frames, has 3"}})
    Traceback (most recent call last):
    speechbrain_growth.errors.GrowthError: train.json: a: needs 7 output frames, has 3; correct it, or leave it out with --skip_too_long=True
    """
    advice = "correct it, or leave it out with --skip_too_long=True"
    problems = [
        line
        for path, words in found.items()
        for line in listed(
            path, [f"{name}: {w}; {advice}" for name, w in words.items()]
        )
    ]
    if problems:
        raise GrowthError(problems)


def leave_out(
    path: str, data: DynamicItemDataset, names: Dict[str, Any]
) -> DynamicItemDataset:
    """Returns a dataset without some utterances, and logs their names.

    Arguments
    ---------
    path : str
        The annotation, for messages.
    data : speechbrain.dataio.dataset.DynamicItemDataset
        The dataset.
    names : dict
        Names of the utterances, with anything.

    Returns
    -------
    speechbrain.dataio.dataset.DynamicItemDataset

    Raises
    ------
    GrowthError
        If no utterance is left.

    Example
    -------
    >>> data = DynamicItemDataset({"a": {"phn": "s"}, "b": {"phn": "ah"}})
    >>> leave_out("train.json", data, {"b": "too long"}).data_ids
    ['a']
    """
    if not names:
        return data
    kept = data.filtered_sorted(key_test={"id": lambda name: name not in names})
    if not len(kept):
        raise GrowthError(
            f"{path}: every utterance has more labels than output frames; "
            "shorten the labels, or use features with more frames"
        )
    logger.warning(
        f"{path}: left out {len(names)} of {len(data)} utterances, which have "
        f"more labels than output frames: {', '.join(names)}"
    )
    return kept
