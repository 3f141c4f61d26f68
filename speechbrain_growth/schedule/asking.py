"""Reads how much a growth adds, as a YAML asks for it.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.schedule.amounts import Amount
from speechbrain_growth.schedule.conditions.kinds import is_number
from speechbrain_growth.schedule.numbers import wrong_numbers
from speechbrain_growth.schedule.searches.firefly import read_firefly
from speechbrain_growth.schedule.state import as_text

NOT_IN_CHOOSE = (
    "firefly with choose: choose trains candidates whose sizes are given, and "
    "firefly finds sizes by the scores of units and layers; let firefly stand "
    "alone, with sizes: [those that may grow], or give each an entry of its own"
)


def read_amount(entry, keywords):
    """Reads the part of an entry that says how much it adds.

    Arguments
    ---------
    entry : dict
        Sizes, and some of ``KEYS``.
    keywords : list of str
        All keys of a growth that are no sizes, for messages.

    Returns
    -------
    Amount
        How much.
    int
        How many growths the entry stands for.

    Raises
    ------
    GrowthError
        Naming everything that cannot be read, or does not fit together.

    Example
    -------
    >>> read_amount({"adds": {"width": 8}, "max_times": 3}, [])[1]
    3
    """
    given = {key: entry[key] for key in KEYS if key in entry}
    sizes = {key: size for key, size in entry.items() if key not in given}
    problems = wrong_numbers(as_text(sizes), keywords)
    fields = {"sizes": as_text(sizes)}
    for key, value in given.items():
        try:
            fields[key] = KEYS[key](value)
        except GrowthError as error:
            problems += error.problems
    problems = problems or _contradictions(fields)
    if problems:
        raise GrowthError(problems)
    times = fields.pop("max_times", None) or fields.pop("steps", None) or 1
    return Amount(**{k: v for k, v in fields.items() if k != "steps"}), times


def _contradictions(fields):
    """What does not fit together."""
    found, ways = [], ("sizes", "adds", "towards", "choose", "firefly")
    if not any(fields.get(key) for key in ways):
        found.append("found no size; name at least one that grows")
    named = [(key, size) for key in ways[:3] for size in fields.get(key, {})]
    for name in dict.fromkeys(size for _, size in named):
        keys = [key for key, size in named if size == name]
        if len(keys) > 1:
            keys = " and ".join(k if k != "sizes" else "a size" for k in keys)
            found.append(f"{name} is given by {keys}; keep one of them")
    if "choose" in fields and named:
        found.append(
            "found choose beside other sizes; put them into each candidate"
        )
    if "firefly" in fields and named:
        found.append("found firefly beside other sizes; it finds them itself")
    if "firefly" in fields and "choose" in fields:
        found.append(f"found {NOT_IN_CHOOSE}")
    if "choose_steps" in fields and "choose" not in fields:
        found.append("choose_steps says how choose measures; drop it")
    steps, times = fields.get("steps"), fields.get("max_times")
    if ("steps" in fields) != ("towards" in fields):
        found.append(
            "found one of towards and steps; give both, the sizes that are "
            "reached and the number of growths"
        )
    if "equal" in fields and "towards" not in fields:
        found.append("equal says how the steps of towards are alike; drop it")
    if "at_most" in fields and set(fields["at_most"]) - set(
        fields.get("adds", {})
    ):
        found.append("at_most names a size that adds does not; drop it there")
    repeated = {"adds", "choose", "firefly"} & {*fields}
    if times and (steps or not repeated):
        found.append(
            "max_times repeats adds, choose or firefly; sizes are reached once, "
            "and towards has steps"
        )
    return found


def _sizes_of(key, value):
    """Reads a mapping of sizes under a key."""
    if not isinstance(value, dict) or not value:
        raise GrowthError(
            f"{key} is {value!r}; it must be a mapping such as "
            f"{{rnn_neurons: 32}}"
        )
    problems = wrong_numbers(as_text(value), [])
    if problems:
        raise GrowthError([f"{key}: {problem}" for problem in problems])
    return as_text(value)


def _adds(value):
    """Adds units to sizes, as they are when the growth happens.

    Values: a mapping of sizes, such as ``{rnn_neurons: 32}``; one number for a
    list is added to each of its numbers.
    Default: nothing is added
    """
    return _sizes_of("adds", value)


def _at_most(value):
    """Caps what ``adds`` gives; once nothing is added, the growth is left out.

    Values: a mapping of sizes.
    Default: no cap
    """
    return _sizes_of("at_most", value)


def _towards(value):
    """Reaches sizes in several growths, each when the condition is due anew.

    Values: a mapping of sizes.
    Default: none
    """
    return _sizes_of("towards", value)


def _steps(value):
    """Sets in how many growths ``towards`` is reached.

    Values: a whole number above 0.
    Default: must be given beside ``towards``
    """
    return _count("steps", value)


def _max_times(value):
    """Repeats ``adds``, ``choose`` or ``firefly``, each when it is due anew.

    Values: a whole number above 0.
    Default: ``1``
    """
    return _count("max_times", value)


def _equal(value):
    """Sets what the growths of ``towards`` have in common.

    Values: ``width``, ``macs``.
    Default: ``width``
    """
    if value not in ("width", "macs"):
        raise GrowthError(f"equal is {value!r}; it must be width or macs")
    return value


def _max_params(value):
    """Leaves a growth out that would pass a number of parameters.

    Values: a number above 0.
    Default: no limit
    """
    return _limit("max_params", value)


def _max_macs(value):
    """Leaves a growth out that would pass a number of MACs for one example.

    Values: a number above 0.
    Default: no limit
    """
    return _limit("max_macs", value)


def _choose(value):
    """Builds several candidates, trains each a little, and keeps the best.

    The best is the one whose loss on batches that are held out falls most for
    each MAC.

    Values: a mapping with a name for each candidate, and its sizes or ``adds``.
    Default: none
    """
    if not isinstance(value, dict) or len(value) < 2:
        raise GrowthError(
            f"choose is {value!r}; it must name at least two candidates, such "
            "as {wide: {rnn_neurons: 96}, deep: {extra_rnn_layers: 1}}"
        )
    found, problems = {}, []
    for name, entry in value.items():
        try:
            if not isinstance(entry, dict):
                raise GrowthError(f"found {entry!r}; it must be a mapping")
            given = {k: entry[k] for k in ("adds", "at_most") if k in entry}
            rest = {k: v for k, v in entry.items() if k not in given}
            wrong = [key for key in rest if key in KEYS]
            if "firefly" in wrong:
                raise GrowthError(f"found {NOT_IN_CHOOSE}")
            if wrong:
                raise GrowthError(f"found {wrong[0]}; a candidate has sizes")
            found[str(name)], _ = read_amount({**rest, **given}, ["adds"])
        except GrowthError as error:
            problems += [f"choose: {name}: {p}" for p in error.problems]
    if problems:
        raise GrowthError(problems)
    return found


def _choose_steps(value):
    """Sets how long each candidate of ``choose`` is trained for the choice.

    The loss is measured on as many further batches. All of this is counted
    among the MACs of the run.

    Values: a number of optimizer steps above 0.
    Default: ``8``
    """
    return _count("choose_steps", value)


def _count(key, value):
    """Reads a whole number above 0."""
    if type(value) is not int or value < 1:
        raise GrowthError(
            f"{key} is {value!r}; it must be a whole number above 0"
        )
    return value


def _limit(key, value):
    """Reads a number above 0, which may be written as 1.5e6."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            pass
    if not is_number(value) or not value > 0:
        raise GrowthError(f"{key} is {value!r}; it must be a number above 0")
    return value


# The keys that say how much: each function reads a value
KEYS = {
    "adds": _adds,
    "at_most": _at_most,
    "max_times": _max_times,
    "towards": _towards,
    "steps": _steps,
    "equal": _equal,
    "max_params": _max_params,
    "max_macs": _max_macs,
    "choose": _choose,
    "choose_steps": _choose_steps,
    "firefly": read_firefly,
}
