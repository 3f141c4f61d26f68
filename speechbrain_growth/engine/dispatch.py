"""Finds the rule of a layer's type.

Authors
 * The speechbrain_growth authors 2026
"""

from torch.nn.utils.parametrize import type_before_parametrizations

# Operators that also exist in place, and with the operands exchanged
OPERATORS = "add sub mul truediv div pow mod floordiv and or xor".split()


def stock(kind):
    """Returns the stock type whose results a type of layer gives.

    Arguments
    ---------
    kind : type
        Type of a layer. If it computes what a stock type does, it names that
        type in ``stands_for``.

    Returns
    -------
    type

    Example
    -------
    >>> from torch.nn import Linear, ReLU
    >>> class Quick(Linear):
    ...     stands_for = Linear
    >>> stock(Quick) is Linear, stock(ReLU) is ReLU
    (True, True)
    """
    return vars(kind).get("stands_for", kind)


def kind_of(layer):
    """Returns the stock type whose results a layer gives.

    Arguments
    ---------
    layer : torch.nn.Module
        Any; also one whose parameters torch computes from others.

    Returns
    -------
    type

    Example
    -------
    >>> from torch.nn import Linear
    >>> from torch.nn.utils.parametrizations import weight_norm
    >>> kind_of(weight_norm(Linear(2, 3)))
    <class 'torch.nn.modules.linear.Linear'>
    """
    return stock(type_before_parametrizations(layer))


def rule_for(rules, kind):
    """Returns the rule registered for a type, or that of ``object``.

    A subclass that overrides anything that its base's forward runs may compute
    anything, so the rule of its base does not hold for it; unless the subclass
    names, in ``stands_for``, the type whose results it gives.

    Arguments
    ---------
    rules : callable
        A ``functools.singledispatch`` function.
    kind : type
        Type of a layer.

    Returns
    -------
    callable
        The implementation.

    Example
    -------
    >>> from torch.nn import Conv1d, ReLU
    >>> from speechbrain_growth import rule
    >>> class Own(Conv1d):
    ...     def _conv_forward(self, *inputs):
    ...         return super()._conv_forward(*inputs) + 1
    >>> rule_for(rule, Own) is rule.dispatch(object)
    True
    >>> rule_for(rule, ReLU) is rule.dispatch(ReLU)
    True
    >>> class Quick(Own):
    ...     stands_for = Conv1d
    >>> rule_for(rule, Quick) is rule.dispatch(Conv1d)
    True
    """
    kind = stock(kind)
    known = next(k for k in kind.__mro__ if k in rules.registry)
    if known is not object and _computes_otherwise(kind, known):
        known = object
    return rules.dispatch(known)


def _computes_otherwise(kind, known):
    """Whether a subclass overrides anything that its base's forward runs."""
    pending, seen = ["forward"], set()
    while pending:
        name = pending.pop()
        method = getattr(known, name, None)
        if name in seen or not hasattr(method, "__code__"):
            continue
        if getattr(kind, name) is not method:
            return True
        seen.add(name)
        pending += method.__code__.co_names
    return False


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
    swapped = swapped and plain != "rdiv"  # a number over a tensor
    return plain[1:] if swapped or name == "__imatmul__" else plain
