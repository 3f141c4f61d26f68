"""Writes the YAML with which EncoderASR loads a model.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.blueprint.merging import tag_of
from speechbrain_growth.blueprint.saving import plain_tuples
from speechbrain_growth.blueprint.text import dump, in_blocks, load
from speechbrain_growth.export.speech import nodes_of
from speechbrain_growth.export.stock import as_stock, stock_text

HEADER = """# A recogniser of speech that needs SpeechBrain only:
#     from speechbrain.inference.ASR import EncoderASR
#     EncoderASR.from_hparams(source=FOLDER).transcribe_file("speech.wav")
"""
# Without paths, the files are those beside this one, wherever the folder is
PARTS = """
modules:
  encoder: !new:speechbrain.nnet.containers.LengthsCapableSequential
{chain}
tokenizer: !new:speechbrain.dataio.encoder.CTCTextEncoder

decoding_function: !name:speechbrain.decoders.ctc_greedy_decode
  blank_id: {blank}

audio_normalizer: !new:speechbrain.dataio.preprocess.AudioNormalizer
  sample_rate: {rate}

pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
  loadables:
{loaded}
    tokenizer: !ref <tokenizer>
"""


def inference_yaml(tree, speech, loaded, rate):
    """Returns the YAML with which EncoderASR loads a model.

    It has those keys of the run that the model is built from, and no more.

    Arguments
    ---------
    tree : dict
        The run's YAML at the sizes of the model, its references resolved; it
        is changed.
    speech : Speech
        The parts of the model in it.
    loaded : dict
        For each file of weights, the node of the tree that it is loaded into.
    rate : int
        Samples per second.

    Returns
    -------
    str

    Raises
    ------
    GrowthError
        Naming what SpeechBrain lacks.
    """
    names = {id(node): f"all_{key}" for key, node in loaded.items()}
    names.update((id(node), name) for name, node in speech.chain.items())
    kept = [*loaded.values(), *speech.chain.values()]
    as_stock(kept)
    reached = {id(node) for node in nodes_of(kept)}
    inner = {}
    for key, node in tree.items():  # objects that several modules may share
        new = tag_of(node).startswith("!new:") and id(node) in reached
        if new and id(node) not in names:
            names[id(node)], inner[key] = key, node
    unique = {id(n): n for n in [*inner.values(), *speech.chain.values()]}
    unique.update((id(node), node) for node in loaded.values())
    for node in unique.values():
        _refer(node, names)
    written = {names[i]: _without_comments(node) for i, node in unique.items()}
    text = plain_tuples(dump(in_blocks(written)))
    lines = [f"    {n}: !ref <{n}>\n" for n in speech.chain]
    refs = [f"    {n}: !ref <{names[id(one)]}>" for n, one in loaded.items()]
    parts = PARTS.format(
        chain="".join(lines),
        blank=speech.blank,
        rate=rate,
        loaded="\n".join(refs),
    )
    return HEADER + stock_text(text + parts)


def _refer(node, names):
    """Puts references in the place of nodes that have a name."""
    if not isinstance(node, (dict, list)):
        return
    places = node.items() if isinstance(node, dict) else enumerate(node)
    for place, part in list(places):
        if id(part) in names:
            node[place] = load(f"!ref <{names[id(part)]}>")
        else:
            _refer(part, names)


def _without_comments(node):
    """A node without the comments of the run's YAML."""
    for one in nodes_of(node):
        if hasattr(one, "ca"):
            one.ca.comment = None
            one.ca.items.clear()
            one.ca.end = []
    return node
