"""The file with which somebody asks a run to grow now.

Authors
 * The speechbrain_growth authors 2026
"""

import os

WISH = "grow_now"  # in the output folder


def read_wish(folder):
    """Returns the time stamp of the wish in an output folder.

    Arguments
    ---------
    folder : str
        The output folder.

    Returns
    -------
    int
        None if there is no wish.

    Example
    -------
    >>> folder = getfixture("tmpdir")
    >>> read_wish(folder)
    >>> (folder / "grow_now").ensure().setmtime(5)
    >>> read_wish(folder)
    5000000000
    """
    try:
        return os.stat(os.path.join(folder, WISH)).st_mtime_ns
    except FileNotFoundError:
        return None


def drop_wish(folder, stamp):
    """Removes a wish that has been heard; one that came later stays.

    A copy of the folder would otherwise have a wish with a new time stamp.

    Arguments
    ---------
    folder : str
        The output folder.
    stamp : int
        Time stamp of the wish that was heard.

    Example
    -------
    >>> folder = getfixture("tmpdir")
    >>> (folder / "grow_now").ensure().setmtime(5)
    >>> drop_wish(folder, 4000000000)
    >>> read_wish(folder)
    5000000000
    >>> drop_wish(folder, 5000000000)
    >>> read_wish(folder)
    """
    if stamp is not None and read_wish(folder) == stamp:
        os.remove(os.path.join(folder, WISH))
