"""When a growth is due: a condition with its arguments.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import NamedTuple, Optional

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.schedule.conditions.blanks import (
    BLANK_ABOVE,
    says_blank,
)
from speechbrain_growth.schedule.conditions.checks import unreported, wrong_in
from speechbrain_growth.schedule.conditions.directions import which_is_better
from speechbrain_growth.schedule.conditions.kinds import (
    AMOUNT,
    BETTER,
    CONDITIONS_OF,
    EPOCH,
    METRIC,
    Share,
)
from speechbrain_growth.schedule.conditions.registry import (
    CONDITIONS,
    FACTS,
    kinds_of,
    parameters_of,
)

# Every condition takes these, but for those that are dates themselves
WINDOW = {"not_before": EPOCH, "not_after": EPOCH}
# Those that look at a metric take this as well
ANSWERS = {"blank_above": AMOUNT}
UNITS = {"epoch": "epochs", "step": "steps", "macs": "MACs"}


class Run(NamedTuple):
    """What conditions know of the run beside the epochs that they see.

    Arguments
    ---------
    better : dict
        ``lower`` or ``higher`` for each metric whose direction the run's logger
        knows.
    totals : dict
        ``epoch``, ``step`` or ``macs``, and how many the run has at its end.
    reports : tuple of str
        The metrics that the recipe reports; empty if that is not known yet.
    tasks : int
        How many tasks the run has; None if that is not known yet.
    """

    better: dict = {}
    totals: dict = {}
    reports: tuple = ()
    tasks: Optional[int] = None


UNKNOWN = Run()  # nothing is known


class Condition(NamedTuple):
    """When a growth is due: a name of ``CONDITIONS``, and its arguments.

    Arguments
    ---------
    name : str
        Of the function.
    values : dict
        Its arguments; other conditions are read as well.
    window : dict
        ``not_before``, ``not_after`` and ``blank_above``, as far as they are
        given.
    """

    name: str
    values: dict
    window: dict = {}

    def __str__(self):
        given = {**self.values, **self.window}
        words = [f"{key} {_text(value)}" for key, value in given.items()]
        if len(words) == 1:
            words = [_text(value) for value in given.values()]
        return f"{self.name} {', '.join(words)}"

    @property
    def inside(self):
        """The conditions among its arguments."""
        lists = (v for v in self.values.values() if isinstance(v, list))
        return [c for held in lists for c in held if isinstance(c, Condition)]

    @property
    def all(self):
        """The condition itself, and all inside it."""
        return [self] + [one for c in self.inside for one in c.all]

    @property
    def arguments(self):
        """All its arguments; those that are not given have their defaults."""
        takes = parameters_of(self.name)
        known = {p.name: p.default for p in takes if p.default is not p.empty}
        return {**known, **self.values}

    @property
    def own_metrics(self):
        """The names of metrics that it looks at itself."""
        kinds, given = kinds_of(self.name), self.arguments
        return [v for k, v in given.items() if kinds[k] is METRIC and v]

    @property
    def metrics(self):
        """The names of metrics that it looks at, or one inside it does."""
        return self.own_metrics + [m for c in self.inside for m in c.metrics]

    @property
    def needs(self):
        """The counts of the run that it looks at, or one inside it does."""
        found = {getattr(CONDITIONS[one.name], "needs", "") for one in self.all}
        kinds = [k for one in self.all for k in kinds_of(one.name).values()]
        return found | {kind.unit for kind in kinds if kind}

    @property
    def is_date(self):
        """Whether it depends on the moment of the run alone."""
        kinds = kinds_of(self.name).values()
        return bool(kinds) and all(kind and kind.unit for kind in kinds)

    def dates(self, run=UNKNOWN):
        """Its arguments that are moments of the run, by unit.

        Arguments
        ---------
        run : Run
            Has the totals, of which a share may be given.

        Returns
        -------
        list of tuple
            Key, unit and number of each.

        Raises
        ------
        GrowthError
            If a share is given of a total that is not fixed.
        """
        kinds = {**kinds_of(self.name), **WINDOW, **ANSWERS}
        return [
            (key, kinds[key].unit, self._number(value, kinds[key].unit, run))
            for key, value in {**self.values, **self.window}.items()
            if kinds[key] and kinds[key].unit and value is not None
        ]

    def _number(self, value, unit, run):
        """A moment of the run as a number."""
        if not isinstance(value, Share):
            return value
        total = run.totals.get(unit)
        if total is None:
            raise GrowthError(
                f"{self.name}: {value} of the run's {UNITS[unit]}, but their "
                "number is not fixed; give a number, or give the schedule a "
                f"budget in {UNITS[unit]}"
            )
        share = value * total
        return share if unit == "macs" else round(share)

    def check(self, run=UNKNOWN):
        """Raises if the run cannot tell what the condition needs.

        Arguments
        ---------
        run : Run
            As for ``is_due``.

        Raises
        ------
        GrowthError
            If a direction or a total is not known, arguments contradict each
            other, or the condition cannot be due within the run.
        """
        problems = []
        for one in self.all:
            problems += unreported(one, run)
        for one in self.all if not problems else ():
            try:
                one.dates(run)
                one._directed(run)
            except GrowthError as error:
                problems += error.problems
        problems = problems or wrong_in(self, run)
        if problems:
            raise GrowthError(problems)

    def is_due(self, seen, run=UNKNOWN):
        """Returns whether the condition holds.

        Arguments
        ---------
        seen : list of dict
            Epochs since the last growth, oldest first.
        run : Run
            What is known of the run.

        Returns
        -------
        bool

        Raises
        ------
        GrowthError
            If the validation gave no metric that it looks at.

        Example
        -------
        >>> Condition("after_epoch", {"epoch": 4}).is_due([{"epoch": 3}])
        False
        """
        missing = [m for m in self.metrics if m not in seen[-1]]
        if missing:
            known = ", ".join(key for key in seen[-1] if key not in FACTS)
            raise GrowthError(
                f"{self.name}: validation gave no metric {missing[0]!r}; use "
                f"one that it gave: {known or 'none'}"
            )
        dates = {key: number for key, _, number in self.dates(run)}
        epoch = seen[-1]["epoch"]
        if epoch < dates.get("not_before", 0):
            return False
        if epoch >= dates.get("not_after", float("inf")):
            return True
        most = self.window.get("blank_above", BLANK_ABOVE)
        if self.own_metrics:
            if says_blank(seen[-1], most):
                return False
            seen = [past for past in seen if not says_blank(past, most)]
        values = {**self._directed(run), **dates}
        for key, kind in kinds_of(self.name).items():
            if kind is CONDITIONS_OF:
                values[key] = [one.is_due(seen, run) for one in values[key]]
        given = {k: v for k, v in values.items() if k not in self.window}
        return bool(CONDITIONS[self.name](seen, **given))

    def _directed(self, run):
        """Its arguments, and which values of its metric are better."""
        directions = {}
        for key, kind in kinds_of(self.name).items():
            if kind is BETTER and self.metrics:
                metric = self.metrics[0]
                given = self.values.get(key) or run.better.get(metric)
                directions[key] = which_is_better(self.name, metric, given)
        return {**self.values, **directions}


def _text(value):
    """The value of an argument as text."""
    if isinstance(value, list):
        return ", or ".join(map(str, value))
    return str(value)
