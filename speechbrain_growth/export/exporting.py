"""Exports a finished run: a folder that SpeechBrain's EncoderASR loads.

Authors
 * The speechbrain_growth authors 2026
"""

import os
import shutil

import torch
from hyperpyyaml import load_hyperpyyaml

from speechbrain.nnet.containers import LengthsCapableSequential
from speechbrain_growth.blueprint.wording import in_words
from speechbrain_growth.engine.probe import drift
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.export.card import model_card
from speechbrain_growth.export.finished import finished_run, restored
from speechbrain_growth.export.folders import check_free, folder_aside
from speechbrain_growth.export.inference import inference_yaml
from speechbrain_growth.export.outputs.labels import labels_of
from speechbrain_growth.export.speech import speech_in
from speechbrain_growth.export.stock import strange_layers
from speechbrain_growth.launch.init_from import load_modules

TOLERANCE = 1e-4  # ours and the stock code differ in the last digits
YAML, CARD = "hyperparams.yaml", "README.md"


def export(results, out, checkpoint=None, unused_labels=False):
    """Writes a folder that ``EncoderASR`` loads without this package.

    Arguments
    ---------
    results : str
        The output folder of a run that recognises speech with CTC.
    out : str
        The new folder.
    checkpoint : str
        Name of a checkpoint; None for the best one.
    unused_labels : bool
        Whether outputs behind the last label may get the names
        ``<unused N>``.

    Returns
    -------
    str
        What was written, for people.

    Raises
    ------
    GrowthError
        Before anything is written, if stock SpeechBrain could not load it.
    """
    check_free(out)
    run = finished_run(results, checkpoint)
    path = run.blueprint.path
    speech = speech_in(run.blueprint.tree(run.values), path)
    modules, others, held = restored(run, *speech.beside)
    own = {name: {**modules, **others}[name] for name in speech.chain}
    _refuse(path, strange_layers(own))
    # Parsed anew: once HyperPyYAML has loaded a file, tuples have their tag
    tree = run.blueprint.tree(run.values)
    speech, rate = speech_in(tree, path), _sample_rate(own, path)
    loaded = _nodes(tree, speech, held)
    try:
        text = inference_yaml(tree, speech, loaded, rate)
    except GrowthError as error:
        _refuse(path, error.problems)
    sound = _sound(rate)
    expected = _heard(LengthsCapableSequential(**own).eval(), sound)
    outputs = expected.shape[-1]
    labels = labels_of(results, outputs, speech.blank, unused_labels)
    _check_stock(text, run, held)
    with folder_aside(out) as new:
        with open(os.path.join(new, YAML), "w", encoding="utf-8") as fout:
            fout.write(text)
        for name in held:
            copy = os.path.join(new, f"{name}.ckpt")
            shutil.copyfile(run.checkpoint.paramfiles[name], copy)
        labels.save(os.path.join(new, "tokenizer.ckpt"))
        card = model_card(run, modules, labels, rate)
        with open(os.path.join(new, CARD), "w", encoding="utf-8") as fout:
            fout.write(card)
        far = drift(expected, _heard(_exported(new), sound))
        if far > TOLERANCE:
            raise GrowthError(
                f"{run.checkpoint.path}: what SpeechBrain loads computes "
                f"something else: the outputs drift by {far:.1e}; report this"
            )
    return (
        f"{out}: {os.path.basename(run.checkpoint.path)} for SpeechBrain's "
        f"EncoderASR, {outputs} labels; its outputs for a second of noise "
        f"differ by {far:.1e} from the run's"
    )


def _refuse(path, problems):
    """Raises if SpeechBrain lacks parts of the model."""
    if problems:
        raise GrowthError(
            [
                f"{path}: {problem}; load the model with this file where this "
                "package is installed"
                for problem in problems
            ]
        )


def _nodes(tree, speech, held):
    """The node of the YAML that each file of weights is for."""
    listed = tree["checkpointer"]["recoverables"]
    return {n: listed[n] if n in listed else speech.chain[n] for n in held}


def _sample_rate(chain, path):
    """Samples per second that the features are made for."""
    rates = {
        layer.sample_rate
        for one in chain.values()
        for layer in one.modules()
        if isinstance(getattr(layer, "sample_rate", None), int)
    }
    if len(rates) != 1:
        raise GrowthError(
            f"{path}: the features have {sorted(rates) or 'no'} sample_rate; "
            "they must have one"
        )
    return rates.pop()


def _sound(rate):
    """A second of noise and half a second of it, and their relative lengths."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(2, rate, generator=generator) / 10
    noise[1, rate // 2 :] = 0
    return noise, torch.tensor([1.0, 0.5])


def _heard(encoder, sound):
    """What an encoder returns for a sound."""
    with torch.no_grad():
        return encoder(*sound)


def _check_stock(text, run, held):
    """Raises if stock classes cannot hold all weights of the checkpoint."""
    try:
        with torch.random.fork_rng(devices=[]):
            loadables = load_hyperpyyaml(text)["pretrainer"].loadables
    except Exception as error:  # the classes of the YAML may raise any
        raise GrowthError(
            f"{run.blueprint.path}: SpeechBrain's own classes cannot be built "
            f"like this: {in_words(error)}; export cannot write this model"
        )
    stock = {name: loadables[name] for name in held}
    load_modules(run.checkpoint, stock, stock.values())


def _exported(folder):
    """The encoder of a folder, as SpeechBrain's own interface loads it."""
    from speechbrain.inference.ASR import EncoderASR

    with torch.random.fork_rng(devices=[]):
        asr = EncoderASR.from_hparams(folder, run_opts={"device": "cpu"})
    return asr.encode_batch
