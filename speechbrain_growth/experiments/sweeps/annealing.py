"""Checks that runs which end with a budget are annealed to its end.

Authors
 * The speechbrain_growth authors 2026
"""

import os

from speechbrain_growth.blueprint.merging import tag_of
from speechbrain_growth.blueprint.reading import read
from speechbrain_growth.blueprint.text import load
from speechbrain_growth.experiments.sweeps.words import (
    BUDGET,
    EPOCHS,
    HPARAMS,
    RATE,
)

FOLLOWS = "BudgetScheduler"  # the class whose rate follows the budget


def not_annealed(script, hparams, runs, why):
    """Returns which runs end with a budget that their YAML does not follow.

    A rate that decays over epochs has not decayed when a budget ends the run,
    and a comparison at equal cost would be one of learning rates.

    Arguments
    ---------
    script : str
        Path of the recipe's script.
    hparams : str
        Its YAML, relative to it; nothing is said if there is no such file.
    runs : dict
        The overrides of each run that ends with a budget, by its name.
    why : str
        Where these budgets come from.

    Returns
    -------
    list of str
    """
    here, problems = os.path.dirname(script), []
    for name, overrides in runs.items():
        path = os.path.join(here, overrides.get(HPARAMS, hparams))
        if not os.path.isfile(path):
            continue
        tree = read(path).tree
        problems += [
            f"runs: {name}: {why} sets {key}, which {path} does not have; let "
            f"the file have it, as docs/schedule.md says"
            for key in (BUDGET, EPOCHS)
            if key not in tree
        ]
        rate = tag_of(tree.get(RATE))
        if RATE in overrides:  # a mapping without a tag changes arguments only
            rate = tag_of(load(f"{RATE}: {overrides[RATE]}")[RATE]) or rate
        if rate.split(".")[-1] != FOLLOWS:
            problems.append(
                f"runs: {name}: ends with its budget, by {why}, but {RATE} is "
                f"{rate or 'not given'}; use "
                f"!new:speechbrain_growth.{FOLLOWS}, which decays by the budget"
            )
    return problems
