"""Errors that a user can act on.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import List, Union


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
