"""Errors that a user can act on.

Authors
 * The speechbrain_growth authors 2026
"""

import difflib
from typing import Iterable, List, Union

NEAR = 0.7  # misspelt words are at least 0.78 alike, unrelated ones about 0.5


class GrowthError(ValueError):
    """A mistake that the user can mend.

    The message says where the mistake is, what was found, and what to do.

    Arguments
    ---------
    problems : str or list of str
        One message, or all that were found.

    Example
    -------
    >>> print(GrowthError(["a: one", "b: two"]))
    2 problems:
      - a: one
      - b: two
    """

    def __init__(self, problems: Union[str, List[str]]) -> None:
        self.problems = [problems] if isinstance(problems, str) else problems
        text = self.problems[0]
        if len(self.problems) > 1:
            lines = "".join(f"\n  - {problem}" for problem in self.problems)
            text = f"{len(self.problems)} problems:{lines}"
        super().__init__(text)


class NoRuleError(GrowthError, NotImplementedError):
    """A layer without a rule, or such an entry of an optimizer's state."""


def shown(value):
    """Returns a value as a message quotes it.

    Arguments
    ---------
    value : object
        Anything from a YAML.

    Returns
    -------
    str
        At most 60 characters.

    Example
    -------
    >>> shown("x" * 100)
    "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx..."
    """
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Returns a question that names the word which was meant.

    Arguments
    ---------
    word : str
        The word that is not known.
    known : iterable of str
        Those that are.

    Returns
    -------
    str
        Empty if none is spelt like it.

    Example
    -------
    >>> did_you_mean("symmetryy", ["symmetry", "birth"])
    'did you mean symmetry?'
    >>> did_you_mean("cnn_kernelsize", ["batch_size"])
    ''
    """
    near = difflib.get_close_matches(
        str(word), map(str, known), n=1, cutoff=NEAR
    )
    return f"did you mean {near[0]}?" if near else ""
