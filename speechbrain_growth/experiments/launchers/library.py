"""Imports submitit, or says how to install it.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.errors import GrowthError


def require_submitit():
    """Imports submitit, which only ``--launcher submitit`` needs.

    Returns
    -------
    module

    Raises
    ------
    GrowthError
        If it is not installed.
    """
    try:
        import submitit
    except ModuleNotFoundError as error:
        raise GrowthError(
            f"{error}; handing runs to a cluster needs it, so install it with "
            '`pip install -e ".[cluster]"`'
        )
    return submitit
