"""The rules of functions, by name.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Callable

FUNCTIONS = {}  # rule by name, as name_of() gives it
SIZES = set()  # names of functions whose numbers may be sizes

# Operators that also exist in place, and with the operands exchanged
OPERATORS = "add sub mul truediv div pow mod floordiv and or xor".split()


def name_of(func):
    """The name under which the rule of a function is found.

    Arguments
    ---------
    func : callable
        As ``__torch_function__`` gets it.

    Returns
    -------
    str
        Methods, operators and functions in place have the name of the
        function; an attribute has its own name, with a dot.

    Example
    -------
    >>> import torch
    >>> name_of(torch.Tensor.__iadd__), name_of(torch.relu_)
    ('add', 'relu')
    >>> name_of(torch.Tensor.T.__get__)
    '.T'
    """
    name = getattr(func, "__name__", str(func))
    if name == "__get__":
        return f".{func.__self__.__name__}"
    if name in ("__set__", "__setitem__", "__getitem__"):
        return name.strip("_")
    plain = name.strip("_")
    swapped = name.startswith("__") and plain[1:] in OPERATORS
    return plain[1:] if swapped or name == "__imatmul__" else plain


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
