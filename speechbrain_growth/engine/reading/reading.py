"""Reads two models by running both on one example.

Authors
 * The speechbrain_growth authors 2026
"""

from torch import nn

from speechbrain.nnet import containers
from speechbrain_growth.engine.carried.statistics import (
    statistics_of,
    take_statistics,
)
from speechbrain_growth.engine.maps.plan import earlier
from speechbrain_growth.engine.probe import twin_of
from speechbrain_growth.engine.reading.closed import has_rule, is_closed
from speechbrain_growth.engine.reading.examples import (
    CannotRun,
    made_up,
    run_of,
    running,
)
from speechbrain_growth.engine.reading.recording import record
from speechbrain_growth.errors import NoRuleError

# Looked into, as what leaves them has the axes of the layer inside
OPEN = (
    nn.Sequential,
    nn.Flatten,
    nn.Unflatten,
    containers.Sequential,
    containers.LengthsCapableSequential,
)


def read(old, new, births, example=None):
    """Records both models on an example, which is made up if there is none.

    Arguments
    ---------
    old : torch.nn.Module
        The model before the growth.
    new : torch.nn.Module
        The larger model.
    births : Births
        The blocks that only the new model has.
    example : object
        As for ``run_of``.

    Returns
    -------
    list of tuple
        Pairs of recordings: in eval mode; and in training mode, if a forward
        asks for the mode. If the example is made up, of all layouts that the
        models take.

    Raises
    ------
    GrowthError
        If a model cannot be called with the example.
    NoRuleError
        If none can be made up.
    """
    steps = [_steps(old, new, births), _steps(new, old, births, births.moved)]
    models = old, _with_statistics(old, births)
    modes = [False, True] if _asks_for_mode(old) else [False]
    if example is not None:
        return [_pair(models, run_of(example), steps, m) for m in modes]
    problem = "its first layer does not tell"
    for examples in made_up(old):
        found = []
        for args in examples:
            try:
                run = run_of(args)
                found += [_pair(models, run, steps, m) for m in modes]
            except CannotRun as error:
                problem = f"of the last one {error}"
        if found:
            return found
    unknown = next(
        m for m in (*old.modules(), *new.modules()) if not has_rule(m)
    )
    raise NoRuleError(
        f"{type(unknown).__name__} has no growth rule, so its forward is read "
        "by running it, but no input could be made up that the model takes "
        f"({problem}); give one: example=batch"
    )


def _with_statistics(old, births):
    """The new model, or a twin that has statistics without which it fails."""
    if not any(map(statistics_of, births.new.modules())):
        return births.new
    twin = twin_of(births.new)
    take_statistics(old, twin, births.moved)
    return twin


def _pair(models, run, steps, training):
    """Both recordings in one mode."""
    found = []
    for which, model, is_step in zip(("old", "new"), models, steps):
        with running(which):
            found.append(record(model, run, is_step, training))
    return tuple(found)


def _steps(model, other, births, moved=None):
    """Says of each module of a model what kind of call it is."""
    others = dict(other.named_modules())
    if moved is None:
        moved = {old: new for new, old in births.moved.items()}

    def is_step(module, name):
        """A layer with a rule, a new block, or None: it is looked into."""
        if name in births.states and model is births.new:
            return "born"
        count = len(list(module.children()))
        twin = others.get(earlier(name, moved), module)
        if isinstance(module, OPEN) and count == len(list(twin.children())):
            return None
        return "layer" if is_closed(module) and is_closed(twin) else None

    return is_step


def _asks_for_mode(model):
    """Whether a forward without a rule reads ``self.training``."""
    for module in model.modules():
        code = getattr(type(module).forward, "__code__", None)
        if code and not has_rule(module) and "training" in code.co_names:
            return True
    return False
