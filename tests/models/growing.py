"""Grows one public model and says what came of it.

Authors
 * The speechbrain_growth authors 2026
"""

import copy
import math
import warnings
from typing import Any, Callable, Dict, NamedTuple, Tuple

import torch

from speechbrain_growth import GrowthError, carry
from speechbrain_growth.engine.probe import drift

COLUMNS = ("width", "FFN", "heads", "head size", "embedding", "depth")
# What a refusal says of heads that would become smaller, seen from a layer's
# rule or from a reshape; of larger heads, whose queries and keys are cut by
# one reshape, or rotated; and of a norm behind a residual sum
HEADS = "units cannot leave a head|more heads of the same size"
ONE_MAP = "two computed tensors with one map"
BEHIND = "has a LayerNorm behind its sums"


class Public(NamedTuple):
    """A public model, and how it may grow.

    Arguments
    ---------
    build : callable
        Builds it from sizes, by name.
    inputs : callable
        Takes a random generator, and returns an example: the model's
        arguments, or a function that calls the model.
    sizes : dict
        Small ones.
    growths : dict
        For each column, the sizes that are larger then.
    refused : dict
        For each column that is refused, what the message has in it.
    tolerance : float
        Of the outputs, relative to their largest; larger than 1e-12 only where
        the model itself computes in float32, whatever its weights are.
    dtype : torch.dtype
        float64, unless the model can run in float32 only.
    """

    build: Callable
    inputs: Callable
    sizes: Dict[str, Any]
    growths: Dict[str, Dict[str, Any]]
    refused: Dict[str, str] = {}
    tolerance: float = 1e-12
    dtype: torch.dtype = torch.float64


class Found(NamedTuple):
    """What came of a growth.

    Arguments
    ---------
    refused : str
        The message; empty if it was not refused.
    drifts : tuple of float
        How far the outputs are, in eval and in training mode.
    lost : float
        How far Adam's averages are from the larger model's gradients.
    losses : tuple of float
        Before each of three steps of the same optimizer, and behind the last.
    """

    refused: str = ""
    drifts: Tuple[float, ...] = ()
    lost: float = 0.0
    losses: Tuple[float, ...] = ()

    def wrong(self, tolerance):
        """What is not as it should be, in words; empty if all is."""
        problems = [
            f"the outputs in {mode} mode differ by {found:.1e}"
            for mode, found in zip(("eval", "training"), self.drifts)
            if not found < tolerance
        ]
        if not self.lost < 1e4 * tolerance:
            problems.append(f"the averages differ by {self.lost:.1e}")
        if not all(map(math.isfinite, self.losses)):
            problems.append("a loss is not finite")
        elif self.losses and self.losses[-1] >= self.losses[0]:
            problems.append(f"the loss does not fall: {self.losses}")
        return "; ".join(problems)


def grown(model: Public, column: str) -> Found:
    """Trains a small model, grows it, and trains on.

    Arguments
    ---------
    model : Public
        Which model.
    column : str
        Which of its growths.

    Returns
    -------
    Found
    """
    generator = torch.Generator().manual_seed(3)
    both = model.sizes, {**model.sizes, **model.growths[column]}
    with torch.random.fork_rng():
        torch.manual_seed(4)
        # Changed afterwards, as some models can be built in float32 only
        pair = [model.build(**sizes).to(model.dtype) for sizes in both]
    torch.set_default_dtype(model.dtype)
    try:
        return _grown(*pair, model.inputs(generator))
    finally:
        torch.set_default_dtype(torch.float32)


def _grown(old, new, example):
    """The same for two models that nobody has trained."""
    run = example if callable(example) else lambda model: model(*example)
    old, new = _trained(old, run, 0), _trained(new, run, 1)
    # One step that changes nothing, so that the averages are the gradients
    optimizer = torch.optim.Adam(old.parameters(), 0.0)
    _step(old, run, optimizer)
    expected = [_outputs(old, run, training) for training in (False, True)]
    try:
        lost = _lost(*copy.deepcopy((old, new, optimizer)), run, example)
        plan = carry(old, new, optimizer, example=example)
    except GrowthError as error:
        return Found(refused=error.problems[0])
    assert plan.changes or plan.born
    drifts = tuple(
        drift(out, _outputs(new, run, training))
        for out, training in zip(expected, (False, True))
    )
    optimizer.param_groups[0]["lr"] = 1e-5
    losses = [_step(new, run, optimizer) for _ in range(3)]
    return Found("", drifts, lost, (*losses, _loss(new, run).item()))


def _seeded(model, run):
    """The outputs of a model whose random steps are the same each time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return run(model)


def _loss(model, run):
    """A loss that any output has."""
    out = _seeded(model, run)
    outs = out if isinstance(out, (list, tuple)) else [out]
    return sum(one.square().mean() for one in outs)


def _step(model, run, optimizer):
    """One step; returns the loss before it."""
    loss = _loss(model.train(), run)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


def _trained(model, run, seed):
    """A model of which no tensor is as it was built."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in model.parameters():
            tensor.add_(0.05 * torch.randn(tensor.shape, generator=generator))
    _step(model, run, torch.optim.SGD(model.parameters(), 1e-3))
    return model


def _outputs(model, run, training):
    """What a model returns in a mode, without a trace."""
    with torch.no_grad():
        return _seeded(copy.deepcopy(model).train(training), run)


def _lost(old, new, optimizer, run, example):
    """How far Adam's averages are from those of the larger model's gradients.

    After one step from zero they are the gradient, times one minus beta. The
    larger model's own gradients are an independent reference. Shares are equal,
    as a LayerNorm's gradients are approximated where they are not.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # copies stay identical: they may
        plan = carry(old, new, optimizer, "equal", example=example)
    _loss(new.train(), run).backward()
    beta = 1 - optimizer.defaults["betas"][0]
    pairs = [
        (p.grad, optimizer.state[p].get("exp_avg", torch.zeros(())) / beta)
        for name, p in new.named_parameters()
        if p.grad is not None and plan.before(name) is not None
    ]
    largest = max(grad.abs().max() for grad, _ in pairs)
    return max((g - m).abs().max().item() for g, m in pairs) / largest.item()
