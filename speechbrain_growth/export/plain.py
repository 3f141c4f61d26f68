"""Makes the weights of any PyTorch class larger, from one file into another.

Authors
 * The speechbrain_growth authors 2026
"""

import importlib
import inspect
import os

import torch

from speechbrain_growth.blueprint.wording import in_words
from speechbrain_growth.engine.carrying import carry
from speechbrain_growth.engine.probe import see, twin_of
from speechbrain_growth.engine.reading.examples import run_of
from speechbrain_growth.errors import GrowthError, shown
from speechbrain_growth.files import aside
from speechbrain_growth.measure.cost import parameters
from speechbrain_growth.resume.loading import loading


def grow_file(path, kind, before, after, shape, out):
    """Makes a saved ``state_dict`` larger.

    Arguments
    ---------
    path : str
        A file that ``torch.save(model.state_dict(), path)`` wrote.
    kind : str
        The class of the model: package, module and name, with dots.
    before : dict
        Arguments with which the model was built.
    after : dict
        Those of them that change.
    shape : list of int
        Shape of an input of numbers, on which both models are compared.
    out : str
        The new file.

    Returns
    -------
    str
        What was written, for people.

    Raises
    ------
    GrowthError
        Before anything is written, if the model cannot grow so.
    """
    if os.path.lexists(out):
        raise GrowthError(f"{out}: it exists; name another file")
    problems = [
        f"--to {key}: it is not among --from, which has "
        f"{', '.join(before) or 'nothing'}"
        for key in after
        if key not in before
    ]
    problems += [
        f"--to {key}={after[key]}: it is {before[key]} now; growth only adds"
        for key in after
        if key in before and _shrinks(before[key], after[key])
    ]
    if not problems and all(before[key] == after[key] for key in after):
        problems = ["--to: nothing becomes larger; give a larger size"]
    if problems:
        raise GrowthError(problems)
    cls = _class(kind)
    old, new = _built(cls, before), _built(cls, {**before, **after})
    with loading(path):
        state = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(state, dict):
            raise ValueError(f"found {shown(state)}; it must be a state_dict")
        old.load_state_dict(state, strict=True)
    generator = torch.Generator().manual_seed(0)
    example = torch.randn(shape, generator=generator)
    plan = carry(old, new, example=example)
    grown = [width for width in plan.outputs if not width.is_identity]
    if grown:
        raise GrowthError(
            f"the outputs would grow ({', '.join(map(str, grown))}); keep their "
            "number, and let carry(outputs=...) add new ones"
        )
    seen = [see(twin_of(one), run_of(example)).outputs for one in (old, new)]
    far = max(float((a - b).abs().max()) for a, b in zip(*seen))
    with aside(out) as temporary:
        torch.save(new.state_dict(), temporary)
    changes = [f"{key} {before[key]} -> {after[key]}" for key in after]
    counts = [parameters(one) for one in (old, new)]
    return (
        f"{out}: {', '.join(changes)}; {counts[0]:,} -> {counts[1]:,} "
        f"parameters; the outputs for a random input differ by {far:.1e} at most"
    )


def _shrinks(before, after):
    """Whether a size becomes smaller."""
    pairs = [(before, after)]
    if isinstance(before, list) and isinstance(after, list):
        if len(after) < len(before):
            return True
        pairs = list(zip(before, after))
    return any(
        type(one) is type(other) is int and other < one for one, other in pairs
    )


def _class(path):
    """The class of a dotted path."""
    module, _, name = path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise GrowthError(
            f"--class {path}: {in_words(error)}; give package.module.Class, "
            "from a folder where python can import it"
        )
    if not inspect.isclass(found) or not issubclass(found, torch.nn.Module):
        raise GrowthError(
            f"--class {path}: it is {shown(found)}; it must be a subclass of "
            "torch.nn.Module"
        )
    return found


def _built(cls, arguments):
    """A model of a class."""
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return cls(**arguments).eval()
    except Exception as error:  # any class may raise any
        words = ", ".join(f"{k}={v}" for k, v in arguments.items())
        raise GrowthError(
            f"{cls.__name__}({words}) cannot be built: {in_words(error)}; give "
            "all its arguments in --from"
        )
