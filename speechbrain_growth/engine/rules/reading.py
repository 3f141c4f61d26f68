"""Reads the forward of any class: which steps it takes, in order.

``torch.fx`` runs the forward on stand-ins and notes what it calls. It runs on
a copy, which shares the layers and the tensors, so nothing is changed.

Authors
 * The speechbrain_growth authors 2026
"""

import copy
import inspect

from torch import fx

from speechbrain_growth.errors import GrowthError


class Reader(fx.Tracer):
    """Notes a call of a layer with a rule as one step.

    Arguments
    ---------
    is_step : callable
        Whether a module is one step; modules inside it are not looked at.
    """

    def __init__(self, is_step):
        super().__init__()
        self.is_step = is_step

    def is_leaf_module(self, m, module_qualified_name):
        """As asked by ``torch.fx``."""
        return self.is_step(m)


def read(module, is_step):
    """The steps of a module's forward, for each way in which it is called.

    Arguments
    ---------
    module : torch.nn.Module
        Its forward is ordinary code over tensors.
    is_step : callable
        Whether a module inside it is one step.

    Returns
    -------
    list of list of torch.fx.Node
        As it is called with the inputs that have no default; and, if some
        inputs are None by default, as it is called with them, too.

    Raises
    ------
    GrowthError
        If it branches on values, or takes other steps in training mode.

    Example
    -------
    >>> import torch
    >>> class Twice(torch.nn.Module):
    ...     def forward(self, x):
    ...         return torch.tanh(x) + x
    >>> (steps,) = read(Twice(), lambda module: True)
    >>> [step.name for step in steps]
    ['x', 'tanh', 'add', 'output']
    """
    _, *inputs = inspect.signature(module.forward).parameters.values()
    given = {i.name: i.default for i in inputs if i.default is not i.empty}
    ways = [given]
    if None in given.values():
        ways.append({k: v for k, v in given.items() if v is not None})
    return [_read(module, is_step, way) for way in ways]


def _read(module, is_step, given):
    """The steps with some inputs given."""
    kept = [*module.parameters(), *module.buffers()]
    kept += [m for m in module.modules() if m is not module and is_step(m)]
    kept, steps = {id(one): one for one in kept}, []
    try:
        twin = copy.deepcopy(module, dict(kept))
        for mode in (True, False):
            for one in twin.modules():
                if id(one) not in kept:
                    one.training = mode
            graph = Reader(is_step).trace(twin, dict(given))
            steps.append(list(graph.nodes))
    except Exception as error:  # any code may fail on a stand-in
        raise GrowthError(f"cannot be read: {' '.join(str(error).split())}")
    if [_signature(s) for s in steps[0]] != [_signature(s) for s in steps[1]]:
        raise GrowthError("takes other steps in training mode")
    return steps[1]


def _signature(step):
    """A step without its constants, as those of dropout depend on the mode."""
    return step.op, step.target, [node.name for node in step.all_input_nodes]


def constants(step):
    """The arguments of a step; other steps appear by their names.

    Arguments
    ---------
    step : torch.fx.Node
        One of ``read``.

    Returns
    -------
    str
    """
    given = fx.map_arg((step.args, step.kwargs), lambda node: f"%{node.name}")
    return str(given)
