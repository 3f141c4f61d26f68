"""Plans a run as a table of models, before any data is read.

Authors
 * The speechbrain_growth authors 2026
"""

import torch

from speechbrain_growth.engine.births.layers import Birth
from speechbrain_growth.engine.tracing import trace
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.launch.differences import changed_objects
from speechbrain_growth.launch.models import (
    check_bare,
    check_depth,
    check_elements,
    check_outputs,
    cost_of,
    growable,
)
from speechbrain_growth.launch.plans.ahead import growths_ahead
from speechbrain_growth.launch.plans.checked import checked, growing
from speechbrain_growth.launch.plans.exactness import exactness
from speechbrain_growth.launch.plans.filling import filling_of
from speechbrain_growth.launch.plans.firefly import search_of
from speechbrain_growth.launch.plans.freezing import Freezing
from speechbrain_growth.launch.plans.memory import bytes_to_grow, states_of
from speechbrain_growth.launch.plans.spans import in_all
from speechbrain_growth.schedule.afterwards.budget import epochs_within
from speechbrain_growth.schedule.conditions.measured import measured_by


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
        schedule, log = checked(blueprint)
        begin = ("start", blueprint.sizes, 0)
        if state is not None and set(state["sizes"]) <= set(blueprint.sizes):
            schedule.restore(state)
            schedule.resume()
            ahead = schedule.decided - schedule.pending
            words = f"resumes after epoch {schedule.last.get('epoch', 0)}"
            begin = (words, schedule.sizes, ahead)
        rows = _rows(blueprint, schedule, log, *begin)
    except GrowthError as error:
        raise blueprint.located(error)
    final = max(row["macs"] for row in rows)
    for row in rows:
        row["share"] = row["macs"] / final
        row["example"] = log.example_name
    rows[0].update(_totals(rows, schedule, blueprint.value("number_of_epochs")))
    return rows


def _totals(rows, schedule, epochs):
    """What the first row says of the run as a whole."""
    done, budget = schedule.last.get("epoch", 0), schedule.budget
    until = epochs_within(budget, epochs)
    least, most = in_all(rows, until, done)
    found = {"epochs": max(until - done, 0), "total": (least, most)}
    if budget is None or budget.unit == "epochs":
        return found
    # Only training tells when it is spent
    return {**found, "total": (0.0, most), "budget": budget}


def _rows(blueprint, schedule, log, begin, sizes, ahead):
    """A row for the first model and for each growth, without the shares."""
    now, old = sizes, blueprint.modules(sizes)
    check_elements(old)
    names = growing(schedule.growths)
    first = {key: size for key, size in sizes.items() if key in names}
    rows = [{"when": begin, "sizes": first or sizes, "exact": ""}]
    settings, modules = dict(schedule.settings), old
    if settings:  # of growths that happened before the run resumes
        sizes, modules = {**sizes, **settings}, None
    rows[0].update(cost_of(blueprint, log, sizes, modules), growth=None)
    generator = torch.Generator().manual_seed(0)
    example = torch.randn(log.example_shape, generator=generator)
    states, problems = states_of(blueprint), []
    frozen = Freezing(schedule, blueprint.value("init_from"))

    def build(sizes):
        """What can grow, at some sizes."""
        return growable(blueprint.modules(sizes))

    for one in growths_ahead(schedule, sizes, ahead):
        if one.before != now:
            now, old = one.before, blueprint.modules(one.before)
        new, growth = blueprint.modules(one.after), one.growth
        try:
            check_depth(blueprint, one.before, one.larger, new)
            check_bare(old, blueprint, one.before, one.after)
            pair = growable(old), growable(new)
            way = {"birth": Birth(growth.birth, growth.born), "fold": True}
            way.update(example=example, outputs=growth.outputs)
            plan = trace(*pair, growth.symmetry, **way)
            check_outputs(plan, growth)
            holding = frozen.follow(one, plan, *pair)
            filling = filling_of(*pair, growth, plan, example)
            args = build, pair[0], now, growth, schedule.cost
            search = search_of(*args)
        except GrowthError as error:
            here = f"{growth.place}: {one.name and f'choose: {one.name}: '}"
            problems += [f"{here}{problem}" for problem in error.problems]
        else:
            after = {**settings, **growth.sets}
            objects = changed_objects(blueprint, settings, after)
            settings, modules = after, None if after else new
            rows.append(
                {
                    "when": one.when,
                    "sizes": {"firefly": search["words"]}
                    if search
                    else one.larger,
                    "exact": exactness(plan, growth),
                    "tensors": plan.text(one.before, one.after),
                    "growth": one.number,
                    "span": one.span,
                    "measured": measured_by(growth.condition),
                    "trial": growth.amount.choose_steps if one.name else 0,
                    "bytes": bytes_to_grow(
                        old, new, growth, states, filling, search
                    ),
                    "filling": filling,
                    "search": search,
                    "objects": objects,
                    **holding,
                    **cost_of(blueprint, log, {**one.after, **after}, modules),
                }
            )
    if problems:
        raise GrowthError(problems)
    return rows
