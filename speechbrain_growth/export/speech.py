"""Finds in the YAML of a run what recognises speech: features, modules, labels.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Dict, NamedTuple

from speechbrain_growth.blueprint.merging import tag_of
from speechbrain_growth.errors import GrowthError

CTC = "speechbrain.nnet.losses.ctc_loss"
FEATURES = "speechbrain.lobes.features."
SOFTMAX = ("speechbrain.nnet.activations.Softmax", "torch.nn.LogSoftmax")
# Keys of the YAML that EncoderASR reads
TAKEN = (
    *("modules", "tokenizer", "decoding_function"),
    *("audio_normalizer", "pretrainer"),
)
WANTED = (
    "export writes a recogniser of speech for SpeechBrain's EncoderASR, which "
    "is trained with CTC: features, then the modules in signal order, then a "
    "log-softmax. For any other model, load model.yaml "
    "(docs/use_what_you_trained.md)"
)


class Speech(NamedTuple):
    """The parts of a run that recognise speech.

    Arguments
    ---------
    chain : dict
        Nodes of the YAML by name, in signal order.
    beside : list of str
        Those names that are not in ``modules``.
    blank : int
        Index of the blank.
    """

    chain: Dict[str, object]
    beside: list
    blank: int


def speech_in(tree, path):
    """Finds the parts of a run that recognise speech.

    Arguments
    ---------
    tree : dict
        The YAML, its references resolved: what they name is the same object.
    path : str
        The YAML, for messages.

    Returns
    -------
    Speech

    Raises
    ------
    GrowthError
        If the run is another one.

    Example
    -------
    >>> from speechbrain_growth.blueprint.text import load
    >>> text = '''
    ... loss: !name:speechbrain.nnet.losses.ctc_loss {blank_index: 0}
    ... fbank: !new:speechbrain.lobes.features.Fbank {n_mels: 40}
    ... net: &net !new:torch.nn.Linear {in_features: 40, out_features: 9}
    ... softmax: !new:torch.nn.LogSoftmax {dim: -1}
    ... modules: {net: *net}
    ... '''
    >>> found = speech_in(load(text), "grow.yaml")
    >>> list(found.chain), found.beside, found.blank
    (['fbank', 'net', 'softmax'], ['fbank', 'softmax'], 0)
    """
    blanks = {
        node.get("blank_index")
        for node in nodes_of(tree)
        if isinstance(node, dict) and tag_of(node) == f"!name:{CTC}"
    }
    if not blanks:
        raise GrowthError(f"{path}: nothing in it is {CTC}; {WANTED}")
    if len(blanks) > 1 or not isinstance(min(blanks), int):
        raise GrowthError(
            f"{path}: blank_index of {CTC} is "
            f"{' and '.join(sorted(map(str, blanks)))}; it must be one number"
        )
    before, problems = _only(tree, (FEATURES,), "the features")
    after, more = _only(tree, SOFTMAX, "the log-softmax")
    problems += more
    chain = {**before, **tree["modules"], **after}
    problems += [
        f"the name {name} is one that EncoderASR needs; rename it"
        for name in chain
        if name in TAKEN
    ]
    if problems:
        raise GrowthError([f"{path}: {p}; {WANTED}" for p in problems])
    beside = [*before, *after]
    return Speech(chain, beside, int(blanks.pop()))


def _only(tree, kinds, what):
    """The one top-level node of some classes; nothing if it is in modules."""
    inside = {id(node) for node in tree["modules"].values()}
    found = {
        key: node
        for key, node in tree.items()
        if tag_of(node).startswith(tuple(f"!new:{kind}" for kind in kinds))
    }
    if len(found) != 1:
        names = " and ".join(found) or "none"
        starts = " or ".join(f"!new:{kind}" for kind in kinds)
        problem = f"it must have one key for {what} ({starts}); found {names}"
        return {}, [problem]
    return {k: v for k, v in found.items() if id(v) not in inside}, []


def nodes_of(tree):
    """All mappings, lists and tagged values of a tree, each once.

    Arguments
    ---------
    tree : object
        As ``ruamel.yaml`` reads it.

    Returns
    -------
    list

    Example
    -------
    >>> shared = [1]
    >>> nodes_of({"a": shared, "b": {"c": shared}})
    [{'a': [1], 'b': {'c': [1]}}, {'c': [1]}, [1]]
    """
    found, waiting = {}, [tree]
    while waiting:
        node = waiting.pop()
        if id(node) in found:
            continue
        if isinstance(node, (dict, list)):
            found[id(node)] = node
            waiting += node.values() if isinstance(node, dict) else node
        elif tag_of(node):
            found[id(node)] = node
    return list(found.values())
