"""Writes the model card of an exported run.

Authors
 * The speechbrain_growth authors 2026
"""

import os

import speechbrain
from speechbrain_growth.blueprint.merging import tag_of
from speechbrain_growth.data.label_sources import SPACE
from speechbrain_growth.launch.init_from import metrics_of
from speechbrain_growth.measure import cost
from speechbrain_growth.measure.events import RUN_LOG, read_events
from speechbrain_growth.measure.growth_log import growth_in_words

GROWTHS = "growth_log.jsonl"  # in the output folder
OFFLINE = "offline"  # the condition of a growth by the command grow
CARD = """---
library_name: speechbrain
pipeline_tag: automatic-speech-recognition
tags:
- CTC
---

# A recogniser of {labels} labels

It needs SpeechBrain, and nothing else of the run that trained it.

```python
from speechbrain.inference.ASR import EncoderASR

asr = EncoderASR.from_hparams(source="FOLDER")  # the folder of this file
print(asr.transcribe_file("speech.wav"))
```

SpeechBrain joins the labels without spaces. This gives them one by one:

```python
import torch

wavs, lengths = asr.load_audio("speech.wav")[None], torch.ones(1)
_, found = asr.transcribe_batch(wavs, lengths)
print(asr.tokenizer.decode_ndim(found[0]))
```
{words}
| | |
|---|---|
| checkpoint | {checkpoint}, after epoch {epoch} |
{metrics}| labels | {labels}, the blank included |
| audio | {rate} Hz, one channel |
| parameters | {parameters:,} |
| written with | SpeechBrain {speechbrain} |
{sizes}
## Growths

{growths}

The run does not say what it was trained on, or what it is meant for: add that here.
"""

WORDS = """
The labels are subwords, and `▁` begins a word. This gives the words:

```python
print(asr.transcribe_file("speech.wav").replace("▁", " ").split())
```
"""


def model_card(run, modules, labels, rate):
    """Returns the model card.

    Arguments
    ---------
    run : FinishedRun
        Has the checkpoint.
    modules : torch.nn.ModuleDict
        The model.
    labels : speechbrain.dataio.encoder.CTCTextEncoder
        Its labels.
    rate : int
        Samples per second.

    Returns
    -------
    str
        Markdown.
    """
    return CARD.format(
        labels=len(labels),
        words=WORDS if any(map(_begins_a_word, labels.lab2ind)) else "",
        checkpoint=os.path.basename(run.checkpoint.path),
        epoch=run.epoch,
        metrics=_table(_metrics(run)),
        rate=rate,
        parameters=cost.parameters(modules),
        speechbrain=speechbrain.__version__,
        sizes=_table(run.state["sizes"]),
        growths=_growths(run),
    )


def _begins_a_word(label):
    """Whether a label is a subword that begins a word."""
    return label.startswith(SPACE)


def _table(values):
    """Rows of a table."""
    return "".join(f"| {name} | {value} |\n" for name, value in values.items())


def _metrics(run):
    """The metrics of the checkpoint, and those of the test if it was tested."""
    found = {
        f"{key}, validation": f"{value:.2f}"
        for key, value in metrics_of(run.checkpoint).items()
    }
    for event in read_events(os.path.join(run.folder, RUN_LOG)):
        tested = event["event"] == "test"
        if tested and event.get("Epoch loaded") == run.epoch:
            found.update(
                (f"{key}, test", f"{value:.2f}")
                for key, value in event["test"].items()
                if isinstance(value, float)
            )
    return found


def growths_of(run):
    """Returns the growths that led to a checkpoint, as they were logged.

    Arguments
    ---------
    run : FinishedRun
        Has the checkpoint.

    Returns
    -------
    list of dict
    """
    return [
        entry
        for entry in read_events(os.path.join(run.folder, GROWTHS), "growth")
        if entry["grown"]
        and (entry["epoch"] < run.epoch or entry["condition"] == OFFLINE)
    ]


def _growths(run):
    """The growths in words."""
    log = run.blueprint.value("growth_log")
    example = "example"
    if isinstance(log, dict) and tag_of(log):
        example = log.get("example_name", example)
    lines = [f"- {growth_in_words(e, example)}" for e in growths_of(run)]
    return "\n".join(lines) or "None: it has the sizes of its beginning."
