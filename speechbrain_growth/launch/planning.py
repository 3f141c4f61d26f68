"""Plans a run as a table of models, before any data is read.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.blueprint.values import wrong_sizes, wrong_values
from speechbrain_growth.engine.births.layers import Birth
from speechbrain_growth.engine.maps.plan import Exact
from speechbrain_growth.engine.tracing import trace
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.schedule.checking import check


def plan_run(blueprint):
    """Builds every model that the run will have, and checks every growth.

    Arguments
    ---------
    blueprint : Blueprint
        The YAML with its overrides.

    Returns
    -------
    list of dict
        One row for the start and one for each growth.

    Raises
    ------
    GrowthError
        Naming everything that training would refuse.
    """
    try:
        schedule, log = _checked(blueprint)
        rows = _rows(blueprint, schedule.growths, log)
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
    schedule, log = blueprint.build("growth_schedule", "growth_log")
    problems = wrong_sizes(blueprint, _growing(schedule.growths))
    if problems:
        raise GrowthError(problems)
    check(schedule.growths, blueprint.sizes, epochs, _directions(blueprint))
    return schedule, log


def _growing(growths):
    """Names of the sizes that grow."""
    return {key for growth in growths for key in growth.sizes}


def _rows(blueprint, growths, log):
    """A row for the first model and for each growth, without the shares."""
    sizes, grow = blueprint.sizes, _growing(growths)
    old = blueprint.modules(sizes)
    _check_elements(old)
    first = {key: size for key, size in sizes.items() if key in grow}
    rows = [{"when": "start", "sizes": first or sizes, "exact": ""}]
    rows[0].update(_cost(log, old))
    problems = []
    for number, growth in enumerate(growths):
        before, sizes = sizes, {**sizes, **growth.sizes}
        new = blueprint.modules(sizes)
        try:
            _check_depth(blueprint, before, growth.sizes, new)
            birth = Birth(growth.birth, growth.born)
            plan = trace(old, new, growth.symmetry, birth=birth, fold=True)
            _check_output(plan.output)
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
                    **_cost(log, new),
                }
            )
        old = new
    if problems:
        raise GrowthError(problems)
    return rows


def _check_elements(modules):
    """A size of 0 would leave a parameter without elements."""
    problems = [
        f"{name} would have no element, {tuple(parameter.shape)}; every size "
        "must be above 0"
        for name, parameter in modules.named_parameters()
        if not parameter.numel()
    ]
    if problems:
        raise GrowthError(problems)


def _directions(blueprint):
    """For the metric of the YAML's train logger: which value is better."""
    logger = blueprint.value("train_logger")
    if isinstance(logger, dict) and {"metric", "better"} <= set(logger):
        return {logger["metric"]: logger["better"]}
    return {}


def _cost(log, modules):
    """Parameters and MACs; one example runs through the modules."""
    try:
        return log.cost(modules)
    except (RuntimeError, ValueError, IndexError) as error:
        raise GrowthError(
            f"growth_log: an example of shape {log.example_shape} does not go "
            f"through the modules: {str(error).splitlines()[0]}"
        )


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


def _check_output(width):
    """Raises if a growth changes the number of outputs."""
    if not width.is_identity:
        raise GrowthError(
            f"the outputs grow ({width}); the last module must keep its size"
        )


def _check_depth(blueprint, before, larger, new):
    """Raises if a number added to a list adds nothing to the model."""
    shapes = {name: t.shape for name, t in new.state_dict().items()}
    problems = []
    for key, size in larger.items():
        if isinstance(size, list) and len(size) > len(before[key]):
            short = {**before, **larger, key: size[: len(before[key])]}
            try:
                without = blueprint.modules(short).state_dict()
            except Exception:  # then the model needs these numbers
                continue
            if {name: t.shape for name, t in without.items()} == shapes:
                problems.append(
                    f"{key} would become {size}, but the model ignores what "
                    f"stands behind the first {len(before[key])}; "
                    f"use {len(before[key])} numbers, or also change the size "
                    "that says how many there are"
                )
    if problems:
        raise GrowthError(problems)


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
