"""The growth log: one JSON object for each growth, and the same in words.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import os

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.measure import cost
from speechbrain_growth.measure.events import read_events


class GrowthLog:
    """Keeps what every growth did, and knows how to count its cost.

    Arguments
    ---------
    save_file : str
        Where the log is kept, as JSON lines.
    example_shape : list of int
        Shape of one example as the first module sees it.
    example_name : str
        What that example is.

    Raises
    ------
    GrowthError
        If the shape is none.

    Example
    -------
    >>> path = getfixture("tmpdir") / "growth_log.jsonl"
    >>> log = GrowthLog(str(path), [1, 3], "image")
    >>> net = {"net": __import__("torch").nn.Linear(3, 2)}
    >>> log.cost(__import__("torch").nn.ModuleDict(net))
    {'parameters': 8, 'macs': 6}
    >>> log.write({"growth": 0, "epoch": 1})
    >>> log.read()
    [{'growth': 0, 'epoch': 1}]
    """

    def __init__(self, save_file, example_shape, example_name="example"):
        self.save_file = save_file
        self.example_shape = tuple(example_shape)
        if not all(type(n) is int and n > 0 for n in self.example_shape):
            raise GrowthError(
                f"example_shape: found {example_shape!r}; it must be a list of "
                "whole numbers above 0"
            )
        self.example_name = example_name

    def cost(self, modules):
        """Parameters, and MACs of one example.

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

    def read(self):
        """The growths logged so far.

        Returns
        -------
        list of dict
        """
        return read_events(self.save_file)

    def write(self, entry):
        """Adds a growth, in place of one that a killed run logged.

        Arguments
        ---------
        entry : dict
            Its key ``growth`` is its number in the schedule.
        """
        self._replace([*self._first(entry["growth"]), entry])

    def keep(self, number):
        """Forgets growths that the checkpoint a run goes on from has not seen.

        Arguments
        ---------
        number : int
            How many it has seen.
        """
        if len(self.read()) > len(self._first(number)):
            self._replace(self._first(number))

    def _first(self, number):
        """What is logged of the first growths of the schedule."""
        return [entry for entry in self.read() if entry["growth"] < number]

    def _replace(self, entries):
        """Writes the whole file anew, so that no line is ever half."""
        temporary = f"{self.save_file}.tmp"
        with open(temporary, "w", encoding="utf-8") as fout:
            for entry in entries:
                fout.write(json.dumps(entry) + "\n")
        os.replace(temporary, self.save_file)

    def in_words(self):
        """The whole log as text.

        Returns
        -------
        str
        """
        entries = self.read()
        if not entries:
            return "The model did not grow."
        return "\n".join(growth_in_words(e, self.example_name) for e in entries)


def growth_in_words(entry, example):
    """One growth as a sentence or two.

    Arguments
    ---------
    entry : dict
        A line of the log.
    example : str
        What MACs are counted for.

    Returns
    -------
    str
    """
    before, after = entry["sizes_before"], entry["sizes_after"]
    sizes = ", ".join(
        f"{key} {before[key]} -> {after[key]}"
        for key in after
        if before[key] != after[key]
    )
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
    metrics = ", ".join(
        f"{key} {number(old)} -> {number(entry['valid_after'][key])}"
        for key, old in entry["valid_before"].items()
    )
    cost = ", ".join(
        f"{amounts(entry[key + '_before'], entry[key + '_after'])} {words}"
        for key, words in (
            ("parameters", "parameters"),
            ("macs", f"MACs per {example}"),
        )
    )
    born = "".join(
        f"; {name} is born, {exact}"
        for name, exact in entry.get("born", {}).items()
    )
    return (
        f"{head}, {entry['condition']}: {sizes}{born}; {cost}; probe drift "
        f"{entry['drift']:.1e}; validation right before -> right after: "
        f"{metrics}; {entry['seconds']:.1f} s."
    )


def amounts(before, after):
    """Two large numbers, both in millions if the second is that large.

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
    """A metric as the training log prints it.

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
