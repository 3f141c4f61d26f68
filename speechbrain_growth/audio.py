"""Reads audio, and says which file could not be read.

Authors
 * The speechbrain_growth authors 2026
"""

import speechbrain as sb
from speechbrain_growth.errors import GrowthError


def read_audio(path):
    """One channel of audio.

    Arguments
    ---------
    path : str
        The file.

    Returns
    -------
    torch.Tensor
        Samples.

    Raises
    ------
    GrowthError
        If the file is no audio file, is empty, or has several channels.

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
