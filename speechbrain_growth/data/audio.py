"""Reads audio, with errors that name the file.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any, Callable

import torch

import speechbrain as sb
from speechbrain_growth.errors import GrowthError


def read_audio(path: str) -> torch.Tensor:
    """Returns the samples of an audio file with one channel.

    Arguments
    ---------
    path : str
        The file.

    Returns
    -------
    torch.Tensor
        Shape (samples,).

    Raises
    ------
    GrowthError
        If the file cannot be read, is empty, or has several channels.

    Example
    -------
    >>> path = getfixture("tmpdir") / "a.wav"
    >>> _ = path.write("no audio")
    >>> read_audio(str(path))
    Traceback (most recent call last):
    speechbrain_growth.errors.GrowthError: ...a.wav cannot be read: ...
    """
    try:
        signal = sb.dataio.dataio.read_audio(path)
    except (OSError, RuntimeError, ValueError) as error:
        raise GrowthError(f"{path} cannot be read: {error}")
    if signal.dim() != 1 or not len(signal):
        raise GrowthError(
            f"{path}: found samples of shape {tuple(signal.shape)}; one "
            "channel, with one sample at least, is expected"
        )
    return signal


def check_features(
    compute_features: Callable[[torch.Tensor], Any], sample_rate: int
) -> None:
    """Raises if features cannot be computed.

    Arguments
    ---------
    compute_features : callable
        Called with one second of silence.
    sample_rate : int
        Samples per second.

    Raises
    ------
    GrowthError
        If it raises an error.

    Example
    -------
    >>> from speechbrain.lobes.features import Fbank
    >>> check_features(Fbank(n_fft=400), 16000)
    >>> check_features(Fbank(n_fft=200), 16000)
    Traceback (most recent call last):
    speechbrain_growth.errors.GrowthError: compute_features: a second of audio does not go through: expected 0 < win_length <= n_fft, but got win_length=400
    """
    try:
        compute_features(torch.zeros(1, sample_rate))
    except (RuntimeError, ValueError, IndexError) as error:
        words = str(error).strip().splitlines()[0].split(" : ")[-1]
        raise GrowthError(
            f"compute_features: a second of audio does not go through: {words}"
        )
