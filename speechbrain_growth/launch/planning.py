"""Plans a run as a table of models, before any data is read.

Authors
 * The speechbrain_growth authors 2026
"""

import torch

from speechbrain_growth.blueprint.sizes import inline_sizes
from speechbrain_growth.blueprint.values import wrong_sizes, wrong_values
from speechbrain_growth.engine.births.layers import Birth
from speechbrain_growth.engine.maps.plan import Exact
from speechbrain_growth.engine.tracing import trace
from speechbrain_growth.errors import GrowthError, shown
from speechbrain_growth.launch.models import (
    check_bare,
    check_depth,
    check_elements,
    check_output,
    cost_of,
)
from speechbrain_growth.measure.growth_log import GrowthLog
from speechbrain_growth.schedule.checking import check
from speechbrain_growth.schedule.schedule import GrowthSchedule


def plan_run(blueprint, state=None):
    """Builds every model that the run will have, and checks every growth.

    Arguments
    ---------
    blueprint : Blueprint
        The YAML with its overrides.
    state : dict
        Where the run resumes, from ``state_of_run``; None if it starts anew.

    Returns
    -------
    list of dict
        One row for the start and one for each growth ahead.

    Raises
    ------
    GrowthError
        Naming everything that training would refuse.
    """
    try:
        schedule, log = _checked(blueprint)
        begin = ("start", blueprint.sizes, 0)
        if state is not None and set(state["sizes"]) <= set(blueprint.sizes):
            schedule.restore(state)
            schedule.resume()
            ahead = schedule.decided - schedule.pending
            words = f"resumes after epoch {schedule.last.get('epoch', 0)}"
            begin = (words, schedule.sizes, ahead)
        rows = _rows(blueprint, schedule.growths, log, *begin)
    except GrowthError as error:
        raise blueprint.located(error)
    for row in rows:
        row["share"] = row["macs"] / rows[-1]["macs"]
        row["example"] = log.example_name
    return rows


def _checked(blueprint):
    """The schedule and the growth log, once all numbers are checked."""
    problems = wrong_values(blueprint)
    epochs = blueprint.value("number_of_epochs")
    if type(epochs) is not int or epochs < 1:
        problems.append(
            f"number_of_epochs is {epochs!r}; it must be a whole number above 0"
        )
    if problems:
        raise GrowthError(problems)
    schedule, log = _built(blueprint)
    problems = wrong_sizes(blueprint, _growing(schedule.growths))
    if problems:
        raise GrowthError(problems)
    sizes, inline = blueprint.sizes, inline_sizes(blueprint)
    check(schedule.growths, sizes, epochs, _directions(blueprint), inline)
    return schedule, log


def _built(blueprint):
    """The schedule and the growth log of the YAML."""
    kinds = {"growth_schedule": GrowthSchedule, "growth_log": GrowthLog}
    built = blueprint.build(*kinds)
    problems = [
        f"{key} is {shown(one)}; it must be !new:speechbrain_growth."
        f"{kind.__name__}"
        for (key, kind), one in zip(kinds.items(), built)
        if not isinstance(one, kind)
    ]
    if problems:
        raise GrowthError(problems)
    return built


def _growing(growths):
    """Names of the sizes that grow."""
    return {key for growth in growths for key in growth.sizes}


def _rows(blueprint, growths, log, begin, sizes, ahead):
    """A row for the first model and for each growth, without the shares."""
    old = blueprint.modules(sizes)
    check_elements(old)
    first = {
        key: size for key, size in sizes.items() if key in _growing(growths)
    }
    rows = [{"when": begin, "sizes": first or sizes, "exact": ""}]
    rows[0].update(cost_of(log, old))
    generator = torch.Generator().manual_seed(0)
    example = torch.randn(log.example_shape, generator=generator)
    problems = []
    for number, growth in list(enumerate(growths))[ahead:]:
        before, sizes = sizes, {**sizes, **growth.sizes}
        new = blueprint.modules(sizes)
        try:
            check_depth(blueprint, before, growth.sizes, new)
            check_bare(old)
            birth = Birth(growth.birth, growth.born)
            way = {"birth": birth, "fold": True, "example": example}
            plan = trace(old, new, growth.symmetry, **way)
            check_output(plan.output)
        except GrowthError as error:
            here = f"growth[{number}] ({growth.when})"
            problems += [f"{here}: {problem}" for problem in error.problems]
        else:
            rows.append(
                {
                    "when": growth.when,
                    "sizes": growth.sizes,
                    "exact": _exactness(plan, growth),
                    "tensors": plan.text(before, sizes),
                    **cost_of(log, new),
                }
            )
        old = new
    if problems:
        raise GrowthError(problems)
    return rows


def _directions(blueprint):
    """For the metric of the YAML's train logger: which value is better."""
    logger = blueprint.value("train_logger")
    metric = logger.get("metric") if isinstance(logger, dict) else None
    if isinstance(metric, str) and "better" in logger:
        return {metric: logger["better"]}
    return {}


def _exactness(plan, growth):
    """How exact a growth is, in a few words."""
    words = [] if growth.symmetry.exact else [str(growth.symmetry)]
    words += [
        f"{name} {state}"
        for name, state in plan.first_states.items()
        if state.exact > Exact.YES
    ]
    if plan.weights:
        words = words or ["exact"]
        words.append(f"LayerNorms folded over {growth.fold} steps")
    return "; ".join(words) or "exact"


def as_table(rows):
    """Writes the plan as a table for people.

    Arguments
    ---------
    rows : list of dict
        From ``plan_run``.

    Returns
    -------
    str

    Example
    -------
    >>> row = {
    ...     "when": "start",
    ...     "sizes": {"width": 4},
    ...     "exact": "",
    ...     "parameters": 8,
    ...     "macs": 6,
    ...     "share": 1.0,
    ...     "example": "image",
    ... }
    >>> print(as_table([row]))
    when  | sizes   | parameters | MACs per image | of the final | function
    ------|---------|------------|----------------|--------------|---------
    start | width 4 | 8          | 6              | 100 %        |
    """
    head = [
        "when",
        "sizes",
        "parameters",
        f"MACs per {rows[0]['example']}",
        "of the final",
        "function",
    ]
    body = [
        [
            row["when"],
            ", ".join(f"{key} {size}" for key, size in row["sizes"].items()),
            f"{row['parameters']:,}",
            f"{row['macs']:,}",
            f"{100 * row['share']:.0f} %",
            row["exact"],
        ]
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(head, *body)]
    lines = [
        " | ".join(cell.ljust(width) for cell, width in zip(line, widths))
        for line in (head, *body)
    ]
    lines.insert(1, "-|-".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)
