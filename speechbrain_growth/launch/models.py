"""Refuses models of a run that cannot be trained, or cannot grow.

Authors
 * The speechbrain_growth authors 2026
"""

import functools

from torch.nn import ModuleDict

from speechbrain_growth.blueprint.sizes import key_of
from speechbrain_growth.engine.reading.closed import is_closed
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.launch.differences import changed_parts


def check_elements(modules):
    """Raises if a size of 0 leaves a parameter without elements.

    Arguments
    ---------
    modules : torch.nn.ModuleDict
        The first model of the run.

    Raises
    ------
    GrowthError
        Naming every such parameter.

    Example
    -------
    >>> import torch
    >>> check_elements(torch.nn.ModuleDict({"net": torch.nn.PReLU(0)}))
    Traceback (most recent call last):
    speechbrain_growth.errors.GrowthError: net.weight would have no element, (0,); every size must be above 0
    """
    problems = [
        f"{name} would have no element, {tuple(parameter.shape)}; every size "
        "must be above 0"
        for name, parameter in modules.named_parameters()
        if not parameter.numel()
    ]
    if problems:
        raise GrowthError(problems)


def check_outputs(plan, growth):
    """Raises if a growth says nothing of new outputs, or has none to speak of.

    Arguments
    ---------
    plan : Plan
        Of the growth.
    growth : Growth
        Its ``outputs`` say how new ones begin.

    Raises
    ------
    GrowthError
        Naming each output that grows, and what to write.
    """
    grown = [width for width in plan.outputs if not width.is_identity]
    if growth.outputs is not None:
        if not grown and not plan.splits:
            raise GrowthError(
                "outputs says how new outputs begin, but the model gets none; "
                "leave it out"
            )
        return
    problems = []
    for width in grown:
        keys = [key for key, _ in width.drawn_by or ()]
        layer = keys[0][0].rpartition(" ")[0] if len(keys) == 1 else "LAYER"
        problems.append(
            f"the outputs grow ({width}); give the old output that each of the "
            f"{width.new - width.old} new ones splits from, or null, as in "
            f"outputs: {{{layer}: [0, null]}}, or write outputs: fresh, for "
            "new ones as the model was built; else the last module must keep "
            "its size"
        )
    if problems:
        raise GrowthError(problems)


def check_depth(blueprint, before, larger, new):
    """Raises if a number added to a list adds nothing to the model.

    Arguments
    ---------
    blueprint : Blueprint
        Builds the model without that number.
    before : dict
        All sizes of the model before the growth.
    larger : dict
        The sizes that the growth changes.
    new : torch.nn.ModuleDict
        The model after it.

    Raises
    ------
    GrowthError
        Naming every such list.
    """
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


def growable(modules):
    """Leaves out what computes the input of the model, such as features.

    That is each module without a growth rule before the first that has
    parameters. No growth reaches what arrives there.

    Arguments
    ---------
    modules : torch.nn.ModuleDict
        In signal order.

    Returns
    -------
    torch.nn.ModuleDict
        The others, the same objects.

    Example
    -------
    >>> import torch
    >>> parts = {"spectrum": torch.nn.Unfold(2), "net": torch.nn.Linear(4, 2)}
    >>> list(growable(torch.nn.ModuleDict(parts)))
    ['net']
    """
    left_out = set()
    for name, module in modules.items():
        if any(True for _ in module.parameters()):
            break
        left_out |= {name} if not is_closed(module) else set()
    return ModuleDict({n: m for n, m in modules.items() if n not in left_out})


def check_bare(modules, blueprint, before, after):
    """Raises for modules that have nothing to grow, and no rule.

    They may stand before all that have parameters, if no growth changes them.

    Arguments
    ---------
    modules : torch.nn.ModuleDict
        The model before a growth, in signal order.
    blueprint : Blueprint
        Builds it.
    before : dict
        All sizes before the growth.
    after : dict
        All sizes after it.

    Raises
    ------
    GrowthError
        Saying of each where it belongs instead.

    Example
    -------
    >>> import torch
    >>> parts = {"net": torch.nn.Linear(4, 2), "spectrum": torch.nn.Unfold(2)}
    >>> check_bare(torch.nn.ModuleDict(parts), None, {}, {})
    Traceback (most recent call last):
    speechbrain_growth.errors.GrowthError: spectrum: Unfold has no growth rule, and no parameters to grow; list it before all modules that have some, if it is called before them; else take it out of modules, and call self.hparams.spectrum
    """
    rest = growable(modules)
    first = [name for name in modules if name not in rest]
    changed = changed_parts(blueprint, before, after)[1] if first else []
    problems = []
    for name, module in modules.items():
        if is_closed(module) or list(module.parameters()):
            continue
        head = f"{name}: {type(module).__name__} has no growth rule, and "
        if name not in first:
            problems.append(
                f"{head}no parameters to grow; list it before all modules that "
                "have some, if it is called before them; else take it out of "
                f"modules, and call self.hparams.{name}"
            )
        elif name in changed:
            problems.append(
                f"{head}the growth would change it; name sizes that it does "
                "not refer to"
            )
    if problems:
        raise GrowthError(problems)


def cost_of(blueprint, log, sizes, modules=None):
    """Counts what a model costs; one example runs through the modules.

    Each model is counted once, for the plan and the run after it.

    Arguments
    ---------
    blueprint : Blueprint
        Builds the model.
    log : GrowthLog
        Knows the shape of an example.
    sizes : dict
        All sizes of the model, and other keys that growths changed.
    modules : torch.nn.ModuleDict
        The model, in signal order; None if it is to be built.

    Returns
    -------
    dict
        From ``GrowthLog.cost``.

    Raises
    ------
    GrowthError
        If the example does not go through, or costs nothing.
    """
    known = _known(blueprint, log.example_shape)
    key = key_of(sizes)
    if key not in known:
        known[key] = _counted(log, modules or blueprint.modules(sizes))
    return known[key]


def costs_of(blueprint, log, before, after):
    """Counts what a growth costs.

    Arguments
    ---------
    blueprint : Blueprint
        Of the models.
    log : GrowthLog
        Knows the shape of an example.
    before : tuple
        Of the smaller model: its sizes, as for ``cost_of``, and its modules.
    after : tuple
        The same of the larger one.

    Returns
    -------
    dict
        Keys as in the growth log: ``parameters_before``, ``macs_after``.
    """
    return {
        f"{key}_{when}": amount
        for when, model in (("before", before), ("after", after))
        for key, amount in cost_of(blueprint, log, *model).items()
    }


def sized_cost(blueprint, log):
    """A function that tells what a model of some sizes costs.

    Arguments
    ---------
    blueprint : Blueprint
        Builds the model.
    log : GrowthLog
        Knows the shape of an example.

    Returns
    -------
    callable
        Takes all sizes; returns the number of parameters, and the MACs of one
        example.
    """

    def cost(sizes):
        """Parameters and MACs."""
        found = cost_of(blueprint, log, sizes)
        return found["parameters"], found["macs"]

    return cost


def _counted(log, modules):
    """What modules cost; raises if that cannot be counted."""
    try:
        cost = log.cost(modules)
    except GrowthError as error:
        raise GrowthError(f"growth_log: {error}")
    if not cost["macs"]:
        raise GrowthError(
            "growth_log: an example costs nothing, as no module multiplies "
            "matrices or convolves; name those that train in modules"
        )
    return cost


@functools.lru_cache(maxsize=1)
def _known(blueprint, example_shape):
    """What models of a blueprint cost, as far as they were counted."""
    return {}
