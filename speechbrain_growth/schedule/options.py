"""Checks the keys of a schedule beside the list of growths.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.errors import GrowthError


def check_options(tolerance, on_drift, reports):
    """Raises if one of them is none that a schedule can have.

    Arguments
    ---------
    tolerance : float
        As ``GrowthSchedule`` takes it.
    on_drift : str
        The same.
    reports : list of str
        The same.

    Raises
    ------
    GrowthError
        Naming each that is wrong.
    """
    problems = []
    if on_drift not in ("stop", "continue"):
        problems.append(f"on_drift: found {on_drift!r}; use stop or continue")
    if not isinstance(tolerance, (int, float)) or not tolerance >= 0:
        problems.append(
            f"tolerance: found {tolerance!r}; it must be a number, at least 0"
        )
    if isinstance(reports, str) or not all(
        isinstance(name, str) for name in reports
    ):
        problems.append(
            f"reports: found {reports!r}; it must be a list of metrics, such "
            "as [loss, PER]"
        )
    if problems:
        raise GrowthError(problems)
