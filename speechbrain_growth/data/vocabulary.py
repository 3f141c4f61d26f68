"""Appends the pieces of a larger vocabulary to the labels of a trained model.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import List, NamedTuple, Optional, Sequence

from speechbrain_growth.errors import GrowthError


class Vocabulary(NamedTuple):
    """Labels that were appended to others.

    Arguments
    ---------
    labels : list of str
        All labels, by output. The old ones have their old output.
    parents : list of int
        For each appended label the old output that it begins from, or None;
        as ``outputs`` of a growth takes it.
    """

    labels: List[str]
    parents: List[Optional[int]]


def append_pieces(labels: Sequence[str], pieces: Sequence[str]) -> Vocabulary:
    """Appends pieces that are new to some labels; no label moves.

    Each begins from the longest label with which its spelling begins: where the
    old model wrote ``th`` and then ``e``, the new one may write ``the``. A
    label that is no piece any more stays, and is not used.

    Arguments
    ---------
    labels : list of str
        The labels of the trained model, by output.
    pieces : list of str
        Those of the larger vocabulary, in any order.

    Returns
    -------
    Vocabulary

    Raises
    ------
    GrowthError
        If no piece is new.

    Example
    -------
    >>> append_pieces(["<blank>", "t", "th", "e"], ["e", "the", "he", "th"])
    Vocabulary(labels=['<blank>', 't', 'th', 'e', 'the', 'he'], parents=[2, None])
    """
    outputs = {label: index for index, label in enumerate(labels)}
    added = [p for p in dict.fromkeys(pieces) if p not in outputs]
    if not added:
        raise GrowthError(
            f"each of the {len(pieces)} pieces is among the {len(labels)} "
            "labels already; use a larger vocabulary"
        )
    return Vocabulary([*labels, *added], [_parent(p, outputs) for p in added])


def _parent(piece, outputs):
    """The output of the longest label that a piece begins with."""
    starts = (piece[:length] for length in range(len(piece) - 1, 0, -1))
    return next((outputs[s] for s in starts if s in outputs), None)
