"""Checks that the sizes of a growth are numbers.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.errors import did_you_mean


def wrong_numbers(sizes, keywords):
    """Returns what is wrong with the sizes of one growth.

    Arguments
    ---------
    sizes : dict
        Whatever a growth has besides its condition and the keywords.
    keywords : iterable of str
        Its other keys, one of which may be meant.

    Returns
    -------
    list of str

    Example
    -------
    >>> wrong_numbers({"rnn_neurons": 256, "cnn_channels": [16, 32]}, [])
    []
    >>> wrong_numbers({"symmetryy": "fresh"}, ["lr", "symmetry"])
    ["there is no key 'symmetryy'; did you mean symmetry? Besides sizes there are lr, symmetry"]
    """
    # Within braces, (16, 32) is the text "(16" and a key "32)"
    cut = [
        f"{key} is {size!r}, a text: quotes make one of a tuple, and braces "
        "cut it at its comma; write a list, such as [16, 32]"
        for key, size in sizes.items()
        if isinstance(size, str) and size.startswith("(")
    ]
    return cut or [
        _wrong(key, size, keywords)
        for key, size in sizes.items()
        if not _counts(size)
    ]


def _counts(size):
    """Whether a size is a whole number above 0, or a list of them."""
    numbers = size if isinstance(size, list) else [size]
    return bool(numbers) and all(type(n) is int and n > 0 for n in numbers)


def _wrong(key, size, keywords):
    """What is wrong with one size, or rather with its key."""
    hint = did_you_mean(key, keywords)
    if hint:
        return (
            f"there is no key {key!r}; {hint} Besides sizes there are "
            f"{', '.join(keywords)}"
        )
    more = "" if isinstance(size, list) else "; what is no size cannot grow"
    return (
        f"{key} is {size!r}; a size must be a whole number above 0, or a list "
        f"of them (never a factor){more}"
    )
