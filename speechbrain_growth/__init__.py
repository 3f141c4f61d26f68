"""Grows neural networks while they train.

Authors
 * The speechbrain_growth authors 2026
"""

import importlib

HOMES = {
    "Birth": "deepening",
    "GrowthError": "errors",
    "NoRuleError": "errors",
    "carry": "carrying",
    "fold": "nnet.weighted_norm",
    "trace": "tracing",
}
__all__ = sorted(HOMES)


def __getattr__(name):
    """Imports what is asked for: a command's help need not wait for torch."""
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{HOMES[name]}"), name)
