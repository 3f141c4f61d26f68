"""Changes in a running training what a growth sets beside its sizes.

Authors
 * The speechbrain_growth authors 2026
"""

import functools
import inspect
import re

import torch
from torch.optim import Optimizer

from speechbrain.utils.checkpoints import (
    DEFAULT_SAVE_HOOKS,
    Checkpointer,
    get_default_hook,
)
from speechbrain.utils.train_logger import TrainLogger
from speechbrain_growth.engine.weighted_norm import weigh, weighted
from speechbrain_growth.measure.growth_log import GrowthLog

PLAIN = (bool, int, float, str, list, tuple)
READ = re.compile(r"self\.hparams(?:\.|, *[\"'])(\w+)")
DROPS = {"p", "dropout", "drop_rate", "dropout_rate"}


def part_of(values, path):
    """Returns a part of what a YAML built, and what holds it.

    Arguments
    ---------
    values : dict
        What was built, by key.
    path : tuple
        From ``changed_parts``.

    Returns
    -------
    dict
        The holder; None if there is no such part any more.
    object
        The part.

    Example
    -------
    >>> part_of({"options": {"batch_size": 4}}, ("options", "batch_size"))
    ({'batch_size': 4}, 4)
    """
    holder = values
    for key in path[:-1]:
        holder = holder.get(key) if isinstance(holder, dict) else None
    if not isinstance(holder, dict) or path[-1] not in holder:
        return None, None
    return holder, holder[path[-1]]


def read_in_training(brain):
    """Returns the keys that a Brain reads from ``self.hparams``.

    Arguments
    ---------
    brain : speechbrain.Brain
        The source of its own class, and of those that it inherits.

    Returns
    -------
    set of str
    """
    found = set()
    for kind in type(brain).__mro__:
        if kind.__module__.split(".")[0] not in (
            "speechbrain",
            "speechbrain_growth",
            "builtins",
        ):
            try:
                found |= set(READ.findall(inspect.getsource(kind)))
            except (OSError, TypeError):  # its source is not there
                continue
    return found


def why_not(part, known, trained, built=(None, None)):
    """Returns why an object cannot be replaced while a model trains.

    Arguments
    ---------
    part : object
        What the YAML built.
    known : list
        The checkpointer's objects.
    trained : torch.nn.Module
        The modules in training.
    built : tuple
        What the YAML builds for it with the earlier and with the new settings.

    Returns
    -------
    str
        None if it can.

    Example
    -------
    >>> why_not(torch.nn.Linear(2, 2), [], torch.nn.ModuleDict())
    'has parameters, which would be lost'
    """
    if any(part is one for one in known) and not _same_state(*built):
        return "is part of the checkpoints, and its state would be lost"
    if isinstance(part, (Checkpointer, TrainLogger, GrowthLog)):
        return "keeps the run's files"
    if isinstance(part, torch.nn.Module):
        inner = {id(module) for module in part.modules()}
        if inner & {id(module) for module in trained.modules()}:
            return "contains a module of the model"
        if any(True for _ in part.parameters()):
            return "has parameters, which would be lost"
    elif get_default_hook(part, DEFAULT_SAVE_HOOKS) is not None:
        return "counts, and its state would be lost"
    return None


def take_over(old, new, checkpointer):
    """Puts an object in the place of another that checkpoints hold.

    Arguments
    ---------
    old : object
        If checkpoints hold it, a module for which ``why_not`` is None.
    new : object
        Gets its state.
    checkpointer : speechbrain.utils.checkpoints.Checkpointer
        May be None.
    """
    known = {} if checkpointer is None else checkpointer.recoverables
    for name in [name for name, one in known.items() if one is old]:
        device = next((one.device for one in old.buffers()), "cpu")
        new.to(device).load_state_dict(old.state_dict())
        new.train(old.training)
        known[name] = new


def options_that_differ(old, new):
    """Returns what an optimizer's class is to be called with instead.

    Arguments
    ---------
    old : callable
        As ``!name:torch.optim.Adam`` gives it.
    new : callable
        The same.

    Returns
    -------
    dict
        The options whose values differ.

    Example
    -------
    >>> old, new = (
    ...     functools.partial(torch.optim.Adam, lr=0.1, weight_decay=decay)
    ...     for decay in (0.0, 0.5)
    ... )
    >>> options_that_differ(old, new)
    {'weight_decay': 0.5}
    """
    was, now = (getattr(one, "keywords", {}) for one in (old, new))
    return {k: v for k, v in now.items() if k not in was or was[k] != v}


def set_options(optimizer, old, new):
    """Sets options of an optimizer's groups.

    Arguments
    ---------
    optimizer : torch.optim.Optimizer
        Groups that have a value of their own keep it.
    old : callable
        What it was made by.
    new : callable
        What it would be made by now.
    """
    for key, value in options_that_differ(old, new).items():
        for group in optimizer.param_groups:
            if group[key] == optimizer.defaults[key]:
                group[key] = value
        optimizer.defaults[key] = value


def fixed_options(old, new):
    """Returns the options of an optimizer that cannot change in a run.

    Arguments
    ---------
    old : callable
        What it was made by.
    new : callable
        What it would be made by.

    Returns
    -------
    list of str
    """
    sgd = functools.partial(getattr(old, "func", old))
    parameter = torch.nn.Parameter(torch.zeros(1))
    made = sgd([parameter], **getattr(old, "keywords", {}))
    if not isinstance(made, Optimizer):
        return [*options_that_differ(old, new)]
    fixed = ("lr", "fused", "foreach", "capturable", "differentiable")
    return [
        key
        for key in options_that_differ(old, new)
        if key in fixed or key not in made.param_groups[0]
    ]


def copy_state(source, target, left_out):
    """Gives modules the weights of others of the same shapes.

    Arguments
    ---------
    source : torch.nn.Module
        Has the weights; its weighted LayerNorms are weighted in the other too.
    target : torch.nn.Module
        Gets them.
    left_out : iterable of str
        Names of the buffers that stay.
    """
    for name, norm in weighted(source).items():
        if type(target.get_submodule(name)) is not type(norm):
            weights = norm.start.flatten()
            norm = weights, norm.dim, norm.steps, norm.taken
            weigh(target.get_submodule(name), *norm)
    after = target.state_dict()
    with torch.no_grad():
        for name, tensor in source.state_dict().items():
            if name not in left_out and tensor is not after[name]:
                after[name].copy_(tensor)
    learns = dict(source.named_parameters())
    for name, parameter in target.named_parameters():
        parameter.requires_grad_(learns[name].requires_grad)


def changes_eval(old, new):
    """Returns whether two models may compute something else in eval mode.

    Arguments
    ---------
    old : torch.nn.Module
        A model.
    new : torch.nn.Module
        The same model, built with other settings.

    Returns
    -------
    bool
        False if they differ in dropout only.

    Example
    -------
    >>> one, other, third = (torch.nn.Dropout(p) for p in (0.1, 0.2, 0.2))
    >>> changes_eval(one, other)
    False
    >>> changes_eval(torch.nn.LeakyReLU(0.1), torch.nn.LeakyReLU(0.2))
    True
    """
    pairs = [dict(model.named_modules()) for model in (old, new)]
    if pairs[0].keys() != pairs[1].keys():
        return True
    return any(
        type(one) is not type(pairs[1][name])
        or _plain(one) != _plain(pairs[1][name])
        for name, one in pairs[0].items()
    )


def _same_state(one, other):
    """Whether modules begin with the same state, which one takes over."""
    if not isinstance(one, torch.nn.Module) or type(one) is not type(other):
        return False
    stock = get_default_hook(torch.nn.Module(), DEFAULT_SAVE_HOOKS)
    if get_default_hook(one, DEFAULT_SAVE_HOOKS) is not stock:
        return False
    states = one.state_dict(), other.state_dict()
    return states[0].keys() == states[1].keys() and all(
        torch.equal(tensor, states[1][key]) for key, tensor in states[0].items()
    )


def _plain(module):
    """The plain attributes of a module, dropout left out."""
    return {
        key: value
        for key, value in vars(module).items()
        if isinstance(value, PLAIN)
        and key not in (*DROPS, "training")
        and all(isinstance(v, PLAIN) for v in _items(value))
    }


def _items(value):
    """What a list holds."""
    return value if isinstance(value, (list, tuple)) else ()
