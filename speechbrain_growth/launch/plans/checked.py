"""Builds the schedule and the growth log of a YAML, and checks all its numbers.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.blueprint.merging import tag_of
from speechbrain_growth.blueprint.reading import FOLLOWS
from speechbrain_growth.blueprint.sizes import inline_sizes
from speechbrain_growth.blueprint.values import wrong_sizes, wrong_values
from speechbrain_growth.errors import GrowthError, shown
from speechbrain_growth.launch.differences import wrong_sets
from speechbrain_growth.launch.models import sized_cost
from speechbrain_growth.launch.train_logger import (
    directions_of,
    wrong_loggers_of,
)
from speechbrain_growth.measure.growth_log import GrowthLog
from speechbrain_growth.schedule.afterwards.budget import totals
from speechbrain_growth.schedule.checking import check
from speechbrain_growth.schedule.conditions.condition import Run
from speechbrain_growth.schedule.schedule import GrowthSchedule

STOCK = "!new:speechbrain.utils.checkpoints.Checkpointer"
# What to write where a key is missing that others follow from
WORDS = {
    "growth": "what the model becomes, and when; [] if it does not grow",
    "output_folder": "the folder that the run writes to",
    "example_shape": "the shape of one example as the first module with "
    "parameters gets it, such as [1, 100, 40] for 100 frames of 40 features",
}


def checked(blueprint):
    """Returns the schedule and the growth log, once all numbers are checked.

    Arguments
    ---------
    blueprint : Blueprint
        The YAML with its overrides.

    Returns
    -------
    GrowthSchedule
        Knows the run, and what a model costs.
    GrowthLog
        Knows the shape of an example.

    Raises
    ------
    GrowthError
        Naming everything that training would refuse, but for the modules.
    """
    problems = wrong_values(blueprint)
    epochs = blueprint.value("number_of_epochs")
    if type(epochs) is not int or epochs < 1:
        problems.append(
            f"{blueprint.where('number_of_epochs')}number_of_epochs is "
            f"{epochs!r}; it must be a whole number above 0"
        )
    problems += wrong_loggers_of(blueprint) + _wrong_checkpointer(blueprint)
    if problems:
        raise GrowthError(problems)
    schedule, log = _built(blueprint)
    problems = wrong_sizes(blueprint, growing(schedule.growths))
    problems += wrong_sets(blueprint, schedule.growths)
    if problems:
        raise GrowthError(problems)
    ends = totals(schedule.budget, epochs)
    schedule.run = Run(directions_of(blueprint), ends, schedule.reports)
    schedule.cost = sized_cost(blueprint, log)
    args = blueprint.sizes, schedule.run, inline_sizes(blueprint)
    check(schedule.growths, *args, schedule.cost)
    return schedule, log


def _wrong_checkpointer(blueprint):
    """What is wrong with the checkpointer."""
    if tag_of(blueprint.value("checkpointer")) != STOCK:
        return []
    return [
        f"{blueprint.where('checkpointer')}checkpointer is SpeechBrain's own, "
        "and a kill while it saves leaves a folder that no run can load; use "
        "!new:speechbrain_growth.SafeCheckpointer"
    ]


def _built(blueprint):
    """The schedule and the growth log of the YAML."""
    kinds = {"growth_schedule": GrowthSchedule, "growth_log": GrowthLog}
    absent = dict.fromkeys(
        key
        for kind in kinds
        for key in FOLLOWS[kind]
        if blueprint.value(kind, "") == "" == blueprint.value(key, "")
    )
    problems = [
        f"the YAML has no key {key}; write {WORDS[key]}" for key in absent
    ]
    if problems:
        raise GrowthError(problems)
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


def growing(growths):
    """Returns the names of the sizes that grow.

    Arguments
    ---------
    growths : list of Growth
        Of a schedule.

    Returns
    -------
    set of str
    """
    return {key for growth in growths for key in growth.amount.named}
