"""The file with which somebody asks a run to grow now.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
import os

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.files import aside

WISH = "grow_now"  # in the output folder
HEARD = "grow_now.heard"  # the same, until a checkpoint holds what was decided


def hear(folder, known=None):
    """Takes the wish in an output folder, if there is a new one.

    A wish counts once, also in a copy of the folder and after a kill. So its
    file is renamed, and holds a number by which the wish is known.

    Arguments
    ---------
    folder : str
        The output folder.
    known : int
        The last wish that was heard, None if there was none.

    Returns
    -------
    int
        The number of the wish; None if there is no other than the known one.

    Raises
    ------
    GrowthError
        If the file of a wish that was heard is damaged.

    Example
    -------
    >>> folder = getfixture("tmpdir")
    >>> hear(folder)
    >>> (folder / "grow_now").ensure().setmtime(5)
    >>> hear(folder)
    5000000000
    >>> hear(folder, 5000000000)
    """
    wish, heard = (os.path.join(folder, name) for name in (WISH, HEARD))
    number = _number(heard)
    if number is None and os.path.exists(heard):
        raise GrowthError(
            f"{heard} is not what was written; remove it, or rename it to "
            f"{WISH} to grow once more"
        )
    # One that a run heard that was killed before it was saved comes first
    if number in (None, known) and os.path.exists(wish):
        number = _number(wish)
        if number is None:
            number = os.stat(wish).st_mtime_ns
            with aside(wish) as new, open(new, "w", encoding="utf-8") as fout:
                fout.write(f"wish {number}\n")
        os.replace(wish, heard)
    return None if number == known else number


def forget(folder):
    """Removes the file of a wish that a checkpoint holds.

    Arguments
    ---------
    folder : str
        The output folder.
    """
    with contextlib.suppress(FileNotFoundError):
        os.remove(os.path.join(folder, HEARD))


def heard(folder):
    """The number of the wish that was heard and not yet forgotten.

    Arguments
    ---------
    folder : str
        The output folder.

    Returns
    -------
    int
        None if there is no such wish.
    """
    return _number(os.path.join(folder, HEARD))


def _number(path):
    """The number in the file of a wish; None if it has none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as fin:
            word, _, digits = fin.read(40).strip().partition(" ")
    except FileNotFoundError:
        return None
    return int(digits) if word == "wish" and digits.isdecimal() else None
