"""Gives a finished run of subwords a larger vocabulary, without training.

Authors
 * The speechbrain_growth authors 2026
"""

import os
import tempfile
from typing import Dict

from speechbrain_growth.data.label_sources import Subwords, tokenizers_in
from speechbrain_growth.data.vocabulary import append_pieces
from speechbrain_growth.errors import GrowthError, did_you_mean
from speechbrain_growth.export.beginnings import grow_run
from speechbrain_growth.export.finished import finished_run
from speechbrain_growth.export.folders import check_free
from speechbrain_growth.export.outputs.labels import (
    LABELS,
    label_files,
    labels_of,
)


def grow_vocabulary(
    results: str,
    subwords: Subwords,
    annotation: str,
    out: str,
    outputs: Dict[str, str],
) -> str:
    """Writes a folder from which a recipe can start with a larger vocabulary.

    A larger tokenizer is trained. Each of its pieces that the run does not have
    gets a new output behind the old ones, and splits from an old one: see
    ``append_pieces``. The folder is that of the command ``grow``, with the new
    tokenizer and all labels.

    Arguments
    ---------
    results : str
        The output folder of a run with ``Subwords``.
    subwords : Subwords
        With the larger vocabulary.
    annotation : str
        JSON annotation with the texts that its tokenizer is trained on, such as
        the run's own.
    out : str
        The new folder.
    outputs : dict
        The key of the YAML that is the number of outputs, and the dotted name
        of the last layer: ``{"output_neurons": "output.w"}``.

    Returns
    -------
    str
        What was written, for people.

    Raises
    ------
    GrowthError
        Before anything is written, if the vocabulary is no larger, if the texts
        do not allow it, or if the labels of the run are not those of its model.

    Example
    -------
    >>> run = "results/grow_subwords/1986"
    >>> print(  # doctest: +SKIP
    ...     grow_vocabulary(
    ...         run,
    ...         Subwords("wrd", vocab_size=120),
    ...         f"{run}/save/train.json",
    ...         "larger",
    ...         {"output_neurons": "output.w"},
    ...     )
    ... )
    """
    check_free(out)
    _check_larger(results, subwords)
    now = finished_run(results).state["sizes"]
    ((size, layer),) = outputs.items()
    if size not in now:
        raise GrowthError(
            f"{size}: the run has no such size; "
            f"{did_you_mean(size, now) or 'it has ' + ', '.join(now)}"
        )
    labels = labels_of(results, now[size])
    old = [labels.ind2lab[index] for index in range(now[size])]
    with tempfile.TemporaryDirectory() as scratch:
        save = os.path.join(scratch, "save")
        os.mkdir(save)
        subwords.prepare(annotation, save)
        grown = append_pieces(old, subwords.known)
        for label in grown.labels[len(old) :]:
            labels.add_label(label)
        labels.save(os.path.join(scratch, LABELS))
        wanted = {
            size: len(grown.labels),
            "outputs": {layer: grown.parents},
        }
        return grow_run(results, wanted, out, labels=label_files(scratch))


def _check_larger(results, subwords):
    """Raises if a run has no tokenizer, or one that is as large."""
    save = os.path.join(results, "save")
    found = tokenizers_in(save)
    if len(found) != 1:
        raise GrowthError(
            f"{save}: found {', '.join(found) or 'no tokenizer'}; it must have "
            "the one tokenizer of a run with subwords"
        )
    before = int(found[0].split("_")[0])
    if subwords.vocab_size <= before:
        raise GrowthError(
            f"vocab_size is {subwords.vocab_size}, but {found[0]} in {save} "
            f"has {before} pieces, and a vocabulary only grows; use more"
        )
