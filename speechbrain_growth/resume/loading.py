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

# What torch, YAML and SpeechBrain's recoverables raise for a wrong file
WRONG = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    yaml.YAMLError,
    RuntimeError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    SyntaxError,
    TypeError,
    ValueError,
)


class Files(dict):
    """The files of a checkpoint; keeps which one was read last.

    Example
    -------
    >>> files = Files({"model": "model.ckpt"})
    >>> files["model"], files.last
    ('model.ckpt', 'model.ckpt')
    """

    last = None

    def __getitem__(self, name):
        self.last = super().__getitem__(name)
        return self.last


def are_counts(*values):
    """Returns whether all values are whole numbers, at least 0.

    Arguments
    ---------
    *values : object
        Read from a checkpoint.

    Returns
    -------
    bool

    Example
    -------
    >>> are_counts(0, 3), are_counts(True), are_counts(-1), are_counts("3")
    (True, False, False, False)
    """
    return all(type(value) is int and value >= 0 for value in values)


@contextlib.contextmanager
def loading(path, files=None):
    """Turns any error of loading a checkpoint into one message.

    Torch loads tensors and plain numbers only (``weights_only``); a file that
    holds anything else is refused, and no code in it runs.

    Arguments
    ---------
    path : str or pathlib.Path
        The checkpoint, or a file of it.
    files : Files
        Keeps which file is being loaded, for the message.

    Yields
    ------
    None

    Raises
    ------
    GrowthError
        If the checkpoint cannot be loaded.

    Example
    -------
    >>> with loading("save/CKPT+1"):
    ...     raise pickle.UnpicklingError("Unsupported operand 149")
    Traceback (most recent call last):
    speechbrain_growth.errors.GrowthError: save/CKPT+1 cannot be loaded: it holds more than tensors and numbers
    """
    try:
        yield
    except GrowthError:
        raise
    except WRONG as error:
        words = textwrap.shorten(str(error), 300)
        if isinstance(error, pickle.UnpicklingError):
            words = "it holds more than tensors and numbers"
        elif isinstance(error, (EOFError, KeyError, zipfile.BadZipFile)):
            words = "it is cut off, or was written by something else"
        path = files.last if files and files.last else path
        raise GrowthError(f"{path} cannot be loaded: {words}")
