"""The pull requests to SpeechBrain, in their order.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import NamedTuple, Tuple


class Pull(NamedTuple):
    """What one pull request adds."""

    title: str
    rooms: Tuple[str, ...]  # files and folders of the package
    docs: Tuple[str, ...] = ()  # names of pages, without .md
    recipes: Tuple[str, ...] = ()  # files and folders


# Each imports only from itself and those before it; a test compares that with the
# imports of the package
PULLS = (
    Pull(
        "Carry a model's state into a larger model",
        ("errors", "engine"),
        ("engine", "layers", "depth"),
    ),
    Pull("Decide when to grow", ("files", "schedule"), ("schedule",)),
    Pull(
        "Checkpoints that survive a kill, and runs that resume inside an epoch",
        ("resume",),
        ("never_lost",),
    ),
    Pull("Li-GRU and convolutions that take less time", ("nnet",)),
    Pull(
        "A Brain that grows, and a recipe for TIMIT",
        ("blueprint", "data", "measure", "launch", "training"),
        ("grow_your_recipe", "processes", "inputs"),
        (
            "recipes/TIMIT/ASR/growing_CTC",
            "recipes/TIMIT/mini_timit.py",
            "recipes/TIMIT/mini_timit_sentences.py",
        ),
    ),
)


def rooms_of(pulls):
    """All rooms of some pull requests."""
    return tuple(room for pull in pulls for room in pull.rooms)
