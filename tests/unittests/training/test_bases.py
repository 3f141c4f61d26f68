"""A base class uses only what it or a class above it has.

Authors
 * The speechbrain_growth authors 2026
"""

import ast
import inspect
import textwrap

import pytest

import speechbrain as sb
from speechbrain_growth.resume.resuming import ResumingBrain
from speechbrain_growth.training.brain import GrowingBrain
from speechbrain_growth.training.probing import ProbingBrain
from speechbrain_growth.training.resizing import ResizingBrain
from speechbrain_growth.training.trial import TrialBrain
from speechbrain_growth.training.wrapping import WrappingBrain

BASES = [ResumingBrain, WrappingBrain, ResizingBrain, ProbingBrain, TrialBrain]
OPTIONS = set(sb.utils.run_opts.RunOptions().as_dict())  # set by Brain


def own_attributes(kind):
    """Names that a class reads from self, and names that it sets there."""
    source = textwrap.dedent(inspect.getsource(kind))
    read, written = set(), set()
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Attribute)
            and ast.unparse(node.value) == "self"
        ):
            (read if isinstance(node.ctx, ast.Load) else written).add(node.attr)
    return read, written


@pytest.mark.parametrize("kind", [*BASES, GrowingBrain])
def test_it_needs_no_subclass(kind):
    read, _ = own_attributes(kind)
    known = set(dir(kind)) | OPTIONS
    for base in kind.__mro__[:-1]:
        known |= own_attributes(base)[1]
    assert read <= known
