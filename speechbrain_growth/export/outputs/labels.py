"""Reads the labels of a run, and checks that every output has one.

Authors
 * The speechbrain_growth authors 2026
"""

import os

from speechbrain_growth.data.label_sources import tokenizers_in
from speechbrain_growth.data.labels import SafeTextEncoder
from speechbrain_growth.errors import GrowthError

LABELS = os.path.join("save", "label_encoder.txt")  # in the output folder


def label_files(folder):
    """Returns the files that say what the outputs of a run mean.

    Arguments
    ---------
    folder : str
        The output folder of the run.

    Returns
    -------
    list of str
        Paths of its labels and of its tokenizer, if it has them.
    """
    labels = os.path.join(folder, LABELS)
    save = os.path.dirname(labels)
    found = [os.path.join(save, name) for name in tokenizers_in(save)]
    return [labels, *found] if os.path.isfile(labels) else found


def labels_of(folder, outputs, blank=None, unused=False):
    """Reads the labels of a run.

    Arguments
    ---------
    folder : str
        The output folder of the run.
    outputs : int
        How many outputs the model has.
    blank : int
        Index of the blank in the loss; None if it is not compared.
    unused : bool
        Whether outputs behind the last label are those of labels that the
        corpus lacks; they are named ``<unused N>`` then.

    Returns
    -------
    SafeTextEncoder
        It has a label for each output.

    Raises
    ------
    GrowthError
        If these are not the labels of the model.
    """
    path = os.path.join(folder, LABELS)
    if not os.path.isfile(path):
        raise GrowthError(
            f"{path}: there is no such file; the labels of the "
            "run are needed, as SpeechBrain's CTCTextEncoder saves them"
        )
    encoder = SafeTextEncoder()
    encoder.ignore_len()  # it is compared below
    try:
        encoder.load(path)
    except GrowthError:
        raise GrowthError(
            f"{path}: the labels are damaged or cut off; put back the file of "
            "this run"
        )
    known = len(encoder.ind2lab)
    missing = sorted(set(range(outputs)) - set(encoder.ind2lab))
    behind = missing == list(range(known, outputs))
    problems = []
    if missing and not (behind and unused):
        problems.append(
            f"it has no label for {len(missing)} of the model's {outputs} "
            f"outputs: {_shortened(missing)}"
        )
    if max(encoder.ind2lab) >= outputs:
        problems.append(
            f"it has labels up to {max(encoder.ind2lab)}, and the model has "
            f"{outputs} outputs, from 0"
        )
    if len(encoder.lab2ind) != known:
        problems.append("two labels have one index")
    if blank not in (None, encoder.get_blank_index()):
        problems.append(
            f"its blank is {encoder.get_blank_index()}, and the blank_index of "
            f"the loss is {blank}"
        )
    if problems:
        hint = "put back the file of this run"
        if behind and missing:
            hint += (
                ", or add --unused_labels if the corpus has no example of them"
            )
        raise GrowthError(f"{path}: {'; '.join(problems)}; {hint}")
    for index in missing:
        encoder.add_label(f"<unused {index}>")
    return encoder


def _shortened(numbers):
    """The first of some numbers, in words."""
    more = ", and more" if len(numbers) > 5 else ""
    return ", ".join(map(str, numbers[:5])) + more
