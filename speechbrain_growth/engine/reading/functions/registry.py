"""The rules of functions, by name.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Callable

FUNCTIONS = {}  # rule by name, as name_of() of dispatch.py gives it
SIZES = set()  # names of functions whose numbers may be sizes


def reads(names: str, sizes: bool = False) -> Callable:
    """Registers a rule for functions of some names.

    Arguments
    ---------
    names : str
        Their names, with blanks between; methods and operators, also in place,
        have the name of the function.
    sizes : bool
        Whether numbers among the arguments may differ between the models, as
        those of ``view`` do. Other functions are then refused.

    Returns
    -------
    callable
        Takes the rule: a function of a ``Step`` and of the arguments, with a
        ``Value`` in the place of each tensor, and a ``Two`` where the models
        differ. It returns the axes of what leaves: a tuple with a map, or
        None, for each axis; a ``Value``; or a list of these.

    Example
    -------
    >>> @reads("twice")
    ... def _twice(step, input):
    ...     return input.axes
    >>> FUNCTIONS.pop("twice") is _twice
    True
    """

    def register(found):
        """Takes the rule."""
        for name in names.split():
            FUNCTIONS[name] = found
            if sizes:
                SIZES.add(name)
        return found

    return register
