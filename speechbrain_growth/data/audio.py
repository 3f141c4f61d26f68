"""Reads audio, with errors that name the file.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any, Callable, List, Tuple

import soundfile
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


def examine(path: str, sample_rate: int) -> Tuple[List[str], int]:
    """Returns what is wrong with an audio file, and how long it is.

    Only its header is read.

    Arguments
    ---------
    path : str
        The file.
    sample_rate : int
        Sample rate that it must have, on one channel.

    Returns
    -------
    problems : list of str
        What is wrong; none if all is well.
    samples : int
        Its samples; 0 if something is wrong.

    Example
    -------
    >>> path = getfixture("tmpdir") / "a.wav"
    >>> soundfile.write(path, [0.0] * 800, 8000)
    >>> examine(str(path), 8000)
    ([], 800)
    >>> examine(str(path), 16000)[0]
    ['found 8000 Hz, 1 channels, 800 samples; 16000 Hz, 1 channel, 1 sample or more are expected']
    """
    try:
        info = soundfile.info(path)
    except (RuntimeError, OSError) as error:
        return [f"it cannot be read: {error}"], 0
    found = (info.samplerate, info.channels)
    if found != (sample_rate, 1) or not info.frames:
        return [
            f"found {info.samplerate} Hz, {info.channels} channels, "
            f"{info.frames} samples; {sample_rate} Hz, 1 channel, 1 sample or "
            "more are expected"
        ], 0
    return [], info.frames


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
