"""Measures how far a grown model is from the one that it grew from.

Nothing in this file changes a model.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
import copy
from typing import Callable, List, NamedTuple, Set, Union

import torch
from torch.overrides import TorchFunctionMode

from speechbrain_growth.errors import GrowthError

Outputs = Union[torch.Tensor, list, tuple, dict]  # nested, with tensors inside


class Seen(NamedTuple):
    """What a model computed on an example.

    Arguments
    ---------
    run : callable
        Takes a model, calls it with the example, and returns its outputs.
    outputs : list of torch.Tensor
        Those of this model.
    dtypes : set of torch.dtype
        Of all floating-point tensors that its functions returned.
    """

    run: Callable
    outputs: List[torch.Tensor]
    dtypes: Set[torch.dtype]


class Watching(TorchFunctionMode):
    """Collects the dtypes of what functions return while it is active."""

    def __init__(self):
        super().__init__()
        self.dtypes = set()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        """Calls the function."""
        out = func(*args, **(kwargs or {}))
        self.dtypes.update(tensor.dtype for tensor in tensors_in(out))
        return out


@contextlib.contextmanager
def all_bits():
    """Inside this context, a GPU computes float32 with all of its bits.

    SpeechBrain and others allow TF32, which keeps 10 of 23: a growth would seem
    to drift. Convolutions take algorithms that give the same bits each time.

    Yields
    ------
    None

    Example
    -------
    >>> torch.backends.cuda.matmul.allow_tf32 = True
    >>> with all_bits():
    ...     torch.backends.cuda.matmul.allow_tf32
    False
    >>> torch.backends.cuda.matmul.allow_tf32
    True
    """
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    wanted = [
        (matmul, "allow_tf32", False),
        (cudnn, "allow_tf32", False),
        (cudnn, "deterministic", True),
        (cudnn, "benchmark", False),
    ]
    if hasattr(cudnn, "conv"):  # the settings that torch 2.9 added to these
        places = (matmul, cudnn.conv, cudnn.rnn)
        wanted += [(place, "fp32_precision", "ieee") for place in places]
    before = []
    for place, name, _ in wanted:
        # Old settings cannot be read once new ones were used
        with contextlib.suppress(RuntimeError):
            before.append((place, name, getattr(place, name)))
    try:
        for setting in wanted:
            setattr(*setting)
        yield
    finally:
        for setting in before:
            setattr(*setting)


@contextlib.contextmanager
def repeatable():
    """Inside this context, a forward computes the same numbers each time.

    Without gradients, uncompiled, with the same random numbers, and as
    ``all_bits``.

    Yields
    ------
    None

    Example
    -------
    >>> with repeatable():
    ...     first = torch.rand(1)
    >>> with repeatable():
    ...     torch.rand(1) == first
    tensor([True])
    """
    eager = torch.compiler.set_stance("force_eager")
    with torch.no_grad(), eager, all_bits(), torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def see(model, run):
    """What a model computes in eval mode, under repeatable conditions.

    Arguments
    ---------
    model : torch.nn.Module
        A copy, which is then in eval mode.
    run : callable
        Takes it, calls it, and returns its outputs.

    Returns
    -------
    Seen

    Example
    -------
    >>> see(torch.nn.ReLU(), lambda model: model(torch.ones(2))).outputs
    [tensor([1., 1.])]
    """
    with repeatable(), Watching() as watching:
        out = run(model.eval())
    return Seen(run, tensors_in(out), watching.dtypes)


@contextlib.contextmanager
def in_eval(model):
    """Inside this context, a model is in eval mode.

    Arguments
    ---------
    model : torch.nn.Module
        Each of its layers gets its own mode back at the end.

    Yields
    ------
    None

    Example
    -------
    >>> dropout = torch.nn.Dropout()
    >>> with in_eval(dropout):
    ...     dropout.training
    False
    >>> dropout.training
    True
    """
    training = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in training.items():
            module.training = mode


def twin_of(model):
    """A copy of a model that shares its parameters, but no buffer or counter.

    Arguments
    ---------
    model : torch.nn.Module
        Stays as it is, whatever the forward of the copy does.

    Returns
    -------
    torch.nn.Module

    Raises
    ------
    GrowthError
        If it holds something that cannot be copied.

    Example
    -------
    >>> norm = torch.nn.BatchNorm1d(2)
    >>> twin = twin_of(norm)
    >>> twin.weight is norm.weight, twin.running_mean is norm.running_mean
    (True, False)
    """
    kept = {id(p): p for p in model.parameters()}
    for module in model.modules():
        for value in vars(module).values():
            if torch.is_tensor(value) and not value.is_leaf:
                kept[id(value)] = value.detach().clone()
    try:
        return copy.deepcopy(model, kept)
    except Exception as error:  # what a module holds may raise anything
        raise GrowthError(
            f"{type(model).__name__}: its forward is run on a copy, but "
            f"copy.deepcopy raises {type(error).__name__}: {error}; keep what "
            "cannot be copied out of the model, or write its __deepcopy__"
        )


def tensors_in(outputs):
    """All floating-point tensors of a nested output.

    Arguments
    ---------
    outputs : torch.Tensor, list, tuple or dict
        Whatever ``compute_forward`` returned.

    Returns
    -------
    list of torch.Tensor
    """
    if isinstance(outputs, torch.Tensor):
        return [outputs] if outputs.is_floating_point() else []
    if isinstance(outputs, dict):
        outputs = list(outputs.values())
    if isinstance(outputs, (list, tuple)):
        return [tensor for item in outputs for tensor in tensors_in(item)]
    return []


def drift(before: Outputs, after: Outputs) -> float:
    """Largest difference between two outputs, relative to the first's largest.

    Arguments
    ---------
    before : torch.Tensor, list, tuple or dict
        Output of the old model.
    after : torch.Tensor, list, tuple or dict
        Output of the new one for the same input.

    Returns
    -------
    float
        Infinity if the outputs differ in shape or are not finite. A class that
        cannot be chosen, with -inf in both, has no difference.

    Example
    -------
    >>> drift(torch.tensor([1.0, -2.0]), [torch.tensor([1.5, -2.0])])
    0.25
    """
    before, after = tensors_in(before), tensors_in(after)
    if not before or [t.shape for t in before] != [t.shape for t in after]:
        return float("inf")
    worst = 0.0
    for old, new in zip(before, after):
        masked = old.isneginf() & new.isneginf()
        old, new = old.masked_fill(masked, 0), new.masked_fill(masked, 0)
        if not (torch.isfinite(old).all() and torch.isfinite(new).all()):
            return float("inf")
        if old.numel():
            scale = old.abs().max().item() or 1.0
            worst = max(worst, (new - old).abs().max().item() / scale)
    return worst
