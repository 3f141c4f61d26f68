"""Writes the growth log: one line of JSON for each growth, or a sentence.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any, Dict, List, Sequence

from torch.nn import ModuleDict

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.measure import cost
from speechbrain_growth.measure.events import read_events, write_events
from speechbrain_growth.measure.filling_log import (
    filling_entry,
    filling_in_words,
)
from speechbrain_growth.measure.search_log import search_in_words


class GrowthLog:
    """Keeps what every growth did, and counts what a model costs.

    Arguments
    ---------
    save_file : str
        The file, one line of JSON for each growth.
    example_shape : list of int
        Shape of one example, as the first module with parameters gets it.
    example_name : str
        What that example is: an image, a second of speech.

    Raises
    ------
    GrowthError
        If the shape is no list of whole numbers above 0.

    Example
    -------
    >>> path = getfixture("tmpdir") / "growth_log.jsonl"
    >>> log = GrowthLog(str(path), [1, 3], "image")
    >>> net = {"net": __import__("torch").nn.Linear(3, 2)}
    >>> log.cost(__import__("torch").nn.ModuleDict(net))
    {'parameters': 8, 'macs': 6}
    >>> log.write({"growth": 0, "epoch": 1, "grown": True})
    >>> log.read()
    [{'growth': 0, 'epoch': 1, 'grown': True}]
    """

    def __init__(
        self,
        save_file: str,
        example_shape: Sequence[int],
        example_name: str = "example",
    ) -> None:
        self.save_file = save_file
        self.example_shape = tuple(example_shape)
        if not all(type(n) is int and n > 0 for n in self.example_shape):
            raise GrowthError(
                f"example_shape: found {example_shape!r}; it must be a list of "
                "whole numbers above 0"
            )
        self.example_name = example_name

    def cost(self, modules: ModuleDict) -> Dict[str, int]:
        """Counts the parameters of modules, and their MACs for one example.

        Arguments
        ---------
        modules : torch.nn.ModuleDict
            In signal order.

        Returns
        -------
        dict
        """
        return {
            "parameters": cost.parameters(modules),
            "macs": cost.macs(modules, self.example_shape),
        }

    def read(self) -> List[Dict[str, Any]]:
        """Reads the growths logged so far.

        Returns
        -------
        list of dict
        """
        return read_events(self.save_file, "growth")

    def write(self, entry: Dict[str, Any]) -> None:
        """Adds a growth; replaces what a killed run logged from it on.

        Arguments
        ---------
        entry : dict
            Its key ``growth`` is its number in the schedule.
        """
        write_events(self.save_file, [*self._first(entry["growth"]), entry])

    def keep(self, number: int) -> None:
        """Keeps the first growths and drops the rest, when a run resumes.

        Arguments
        ---------
        number : int
            How many growths the checkpoint has seen that the run resumes from.
        """
        if len(self.read()) > len(self._first(number)):
            write_events(self.save_file, self._first(number))

    def _first(self, number):
        """The entries of the first growths of the schedule."""
        return [entry for entry in self.read() if entry["growth"] < number]

    def in_words(self) -> str:
        """Describes all growths, for people.

        Returns
        -------
        str
        """
        words = self._words(self.read())
        return "\n".join(words) or "The model did not grow."

    def after(self, epoch: int) -> str:
        """Describes the growths after one epoch, for people.

        Arguments
        ---------
        epoch : int
            The epoch; 0 for growths before the first.

        Returns
        -------
        str
            Empty if there are none.
        """
        entries = [one for one in self.read() if one.get("epoch") == epoch]
        return "\n\n".join(self._words(entries))

    def _words(self, entries):
        """A sentence or two for each entry."""
        try:
            return [growth_in_words(e, self.example_name) for e in entries]
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise GrowthError(
                f"{self.save_file}: a line is not what was written ({error!r}); "
                "restore the file, or remove it"
            )


def growth_entry(schedule, plan, epoch, drift, tolerance):
    """What the log holds of a growth that was probed.

    Arguments
    ---------
    schedule : GrowthSchedule
        Has decided on the growth; the model still has the sizes before it.
    plan : Plan
        What ``carry`` did.
    epoch : int
        The epoch that is over.
    drift : float
        How far the outputs moved on the probe batch.
    tolerance : float
        The largest drift with which the model grows; None for any.

    Returns
    -------
    dict
        ``grown`` says whether the model grows.
    """
    growth = schedule.current
    return {
        "growth": schedule.decided - 1,
        "epoch": epoch,
        "condition": growth.when,
        "grown": tolerance is None or drift <= tolerance,
        "drift": drift,
        "tolerance": tolerance,
        "symmetry": str(growth.symmetry),
        "fold": growth.fold if plan.weights else 0,
        "born": plan.born,
        "optimizer": growth.optimizer,
        "lr": growth.lr,
        "rewarm": growth.rewarm,
        "rewarmed": growth.rewarmed,
        "per": growth.per,
        "restart": growth.restart,
        "sets": growth.sets,
        "outputs": growth.outputs,
        "sizes_before": schedule.sizes,
        "sizes_after": schedule.wanted,
        "valid_before": schedule.metrics,
        **filling_entry(plan),
    }


def growth_in_words(entry, example):
    """Describes a growth in a sentence or two.

    Arguments
    ---------
    entry : dict
        A line of the log.
    example : str
        What MACs are counted for, such as an image.

    Returns
    -------
    str
    """
    before, after = entry["sizes_before"], entry["sizes_after"]
    sizes = [
        f"{key} {before[key]} -> {after[key]}"
        for key in after
        if before[key] != after[key]
    ]
    head = f"Growth {entry['growth'] + 1} after epoch {entry['epoch']}"
    if not entry["grown"]:
        why = entry.get("diverged") or (
            f"the probe batch drifted by {entry['drift']:.1e}, above "
            f"{entry['tolerance']:.0e}"
        )
        return (
            f"{head} was rolled back: {why}. The model stays at "
            f"{', '.join(f'{k} {before[k]}' for k in before)}."
        )
    measured = entry["valid_after"]
    metrics = ", ".join(
        f"{key} {number(old)} -> "
        + (number(measured[key]) if key in measured else "not measured")
        for key, old in entry["valid_before"].items()
    )
    cost = ", ".join(
        f"{amounts(entry[key + '_before'], entry[key + '_after'])} {words}"
        for key, words in (
            ("parameters", "parameters"),
            ("macs", f"MACs per {example}"),
        )
    )
    changes = [", ".join(sizes)] if sizes else []
    changes += [
        f"{name} is born, {exact}"
        for name, exact in entry.get("born", {}).items()
    ]
    changes += filling_in_words(entry) + search_in_words(entry)
    changes += [
        f"{key} becomes {value}" for key, value in entry.get("sets", {}).items()
    ]
    if not entry.get("sets_exact", True):
        changes[-1] += " (this may change the outputs)"
    changes += entry.get("freezing", [])
    trained = entry.get("trained", entry["parameters_after"])
    if trained < entry["parameters_after"]:
        changes.append(f"{trained:,} parameters are trained")
    if metrics:
        metrics = f"validation right before -> right after: {metrics}; "
    return (
        f"{head}, {entry['condition']}: {'; '.join(changes)}; {cost}; probe "
        f"drift {entry['drift']:.1e}; {metrics}{entry['seconds']:.1f} s."
    )


def amounts(before, after):
    """Writes two large numbers, both in millions if the second is that large.

    Arguments
    ---------
    before : int
        The first.
    after : int
        The second.

    Returns
    -------
    str

    Example
    -------
    >>> amounts(12730, 25450), amounts(900000, 3500000)
    ('12,730 -> 25,450', '0.90 -> 3.50 M')
    """
    if after < 1e6:
        return f"{before:,} -> {after:,}"
    return f"{before / 1e6:.2f} -> {after / 1e6:.2f} M"


def number(value):
    """Writes a metric as SpeechBrain's text log does.

    Arguments
    ---------
    value : float
        The metric.

    Returns
    -------
    str

    Example
    -------
    >>> number(16.8345)
    '16.83'
    """
    return f"{value:.2f}" if 1.0 < value < 100.0 else f"{value:.2e}"
