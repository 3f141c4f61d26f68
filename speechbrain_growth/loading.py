"""Says which file of a checkpoint cannot be loaded, instead of a traceback.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
import pickle
import textwrap
import zipfile

import yaml

from speechbrain_growth.errors import GrowthError

# What torch, YAML and SpeechBrain's recoverables raise for what is not theirs
WRONG = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    yaml.YAMLError,
    RuntimeError,
    AttributeError,
    EOFError,
    LookupError,
    SyntaxError,
    TypeError,
    ValueError,
)


@contextlib.contextmanager
def loading(path):
    """Turns whatever loading a checkpoint raises into one message.

    Torch loads tensors and plain numbers only (``weights_only``); a file that
    asks for more is refused, and none of it is run.

    Arguments
    ---------
    path : str or pathlib.Path
        The checkpoint, or a file of it.

    Yields
    ------
    None

    Raises
    ------
    GrowthError
        If what it holds is not what is to be loaded.

    Example
    -------
    >>> with loading("save/CKPT+1"):
    ...     raise EOFError("Ran out of input")
    Traceback (most recent call last):
    speechbrain_growth.errors.GrowthError: save/CKPT+1 cannot be loaded: Ran out of input
    """
    try:
        yield
    except GrowthError:
        raise
    except WRONG as error:
        code = isinstance(error, pickle.UnpicklingError)
        words = "it holds more than tensors and numbers" if code else str(error)
        words = textwrap.shorten(words or repr(error), 300)
        raise GrowthError(f"{path} cannot be loaded: {words}")
