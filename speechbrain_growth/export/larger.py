"""Makes the model of a finished run larger, without training.

Authors
 * The speechbrain_growth authors 2026
"""

import time
from typing import Any, Dict, NamedTuple

import torch

from speechbrain_growth.engine.carried.new_outputs import comparable
from speechbrain_growth.engine.maps.plan import Plan
from speechbrain_growth.engine.probe import drift
from speechbrain_growth.engine.proof import must_keep
from speechbrain_growth.engine.reading.examples import run_of
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.export.finished import built, restored
from speechbrain_growth.launch.init_from import load_modules
from speechbrain_growth.launch.models import (
    check_bare,
    check_depth,
    check_outputs,
    costs_of,
    growable,
)
from speechbrain_growth.schedule.growth import Growth
from speechbrain_growth.training.carrying import carry_modules
from speechbrain_growth.training.resizing import shapes_of

TOLERANCE = 1e-4  # as that of a schedule


class Larger(NamedTuple):
    """A model that was made larger.

    Arguments
    ---------
    old : torch.nn.ModuleDict
        The model before.
    new : torch.nn.ModuleDict
        The model now.
    held : dict
        Modules of the new one by their name in a checkpoint.
    growth : Growth
        What was wanted.
    plan : Plan
        How the new model comes from the old one.
    sizes : dict
        All sizes of the new one.
    entry : dict
        A line for the growth log.
    """

    old: torch.nn.ModuleDict
    new: torch.nn.ModuleDict
    held: Dict[str, torch.nn.Module]
    growth: Growth
    plan: Plan
    sizes: Dict[str, Any]
    entry: Dict[str, Any]


def enlarge(run, growth):
    """Makes the model of a run larger.

    Arguments
    ---------
    run : FinishedRun
        The run.
    growth : Growth
        From ``growth_for``.

    Returns
    -------
    Larger

    Raises
    ------
    GrowthError
        If the model cannot grow so, or would compute something else.
    """
    begin = time.time()
    before = run.state["sizes"]
    sizes = {**before, **growth.amount.sizes}
    seed = int(run.blueprint.value("seed") or 0)
    old, _, kept = restored(run)
    values = {**run.values, **sizes}
    new, _, held = built(run, values, seed=seed)
    same = [n for n in held if shapes_of(held[n]) == shapes_of(kept[n])]
    unchanged = {name: held[name] for name in same}
    load_modules(run.checkpoint, unchanged, unchanged.values())
    check_depth(run.blueprint, run.values, growth.amount.sizes, new)
    check_bare(old, run.blueprint, run.values, sizes)
    old, new = growable(old), growable(new)
    (log,) = run.blueprint.build("growth_log")
    generator = torch.Generator().manual_seed(0)
    call = run_of(torch.randn(log.example_shape, generator=generator))
    plan = carry_modules(old, new, growth, seed, call)
    check_outputs(plan, growth)
    with torch.no_grad():
        outputs = call(old.eval()), call(new.eval())
    far = drift(*comparable(*outputs, plan))
    if must_keep(growth.symmetry, plan) and not far <= TOLERANCE:
        raise GrowthError(
            "the larger model computes something else: on a random example its "
            f"outputs drift by {far:.1e}, and {TOLERANCE:.0e} is allowed; use "
            "other sizes, or grow in a run, which probes on real data"
        )
    entry = {
        "drift": far,
        "symmetry": str(growth.symmetry),
        "fold": growth.fold if plan.weights else 0,
        "born": plan.born,
        "outputs": growth.outputs,
        "sizes_before": before,
        "sizes_after": sizes,
        **costs_of(run.blueprint, log, (run.values, old), (values, new)),
        "seconds": time.time() - begin,
    }
    return Larger(old, new, held, growth, plan, sizes, entry)
