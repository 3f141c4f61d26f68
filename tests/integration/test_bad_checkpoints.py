"""Checkpoints that are not what they should be: one message, no code is run.

Their checksums are left out, as someone would who wanted them to be loaded.

Authors
 * The speechbrain_growth authors 2026
"""

import pickle
import re
import shutil

import pytest
import torch
import yaml
from bad_inputs import MNIST, run_recipe

from speechbrain.nnet.schedulers import NewBobScheduler
from speechbrain.processing.features import InputNormalization
from speechbrain_growth import GrowthError
from speechbrain_growth.resume.checkpointer import SafeCheckpointer
from speechbrain_growth.resume.checksums import seal

RUN = [
    *["hparams/grow.yaml", "--dataset=digits", "--device=cpu", "--growth=[]"],
    "--hidden=[4]",
]


class Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The output folder of a run of two epochs."""
    folder = tmp_path_factory.mktemp("trained")
    given = [*RUN, f"--output_folder={folder}/out", "--number_of_epochs=2"]
    code, text = run_recipe(MNIST, given, folder / "printed.txt")
    assert code == 0, text
    return folder / "out"


def zipped(touch, path):
    """Code among the weights, as torch saves it."""
    torch.save({"weight": touch}, path)


def pickled(touch, path):
    """Code alone."""
    path.write_bytes(pickle.dumps(touch))


def tagged(touch, path):
    """Code in a YAML."""
    path.write_text(f"!!python/object/apply:open [{touch.path}, w]\n")


def text(words):
    """Plain words in place of whatever it was."""
    return lambda touch, path: path.write_text(words)


def another(touch, path):
    """Weights of another model."""
    torch.save(torch.nn.Linear(1, 1).state_dict(), path)


def state(**changed):
    """A growth schedule's state with some values changed."""

    def write(touch, path):
        found = yaml.safe_load(path.read_text())
        path.write_text(yaml.safe_dump({**found, **changed}))

    return write


CODE = "{file} cannot be loaded: it holds more than tensors and numbers"
CUT = "{file} cannot be loaded: it is cut off, or was written by something else"
STATE = (
    "{file}: this is not the state of a growth schedule; it must hold "
    "decided, frozen, grown_at_step, hand, inserted, last, past, refused, restarted, "
    "seen, settings, sizes, targets"
)
ROWS = {
    "code in the weights": ("model.ckpt", zipped, CODE),
    "code for weights": ("model.ckpt", pickled, CODE),
    "code in the optimizer": ("optimizer.ckpt", zipped, CODE),
    "code for random numbers": ("randomness.ckpt", pickled, CODE),
    "code in the schedule": ("growth_schedule.ckpt", tagged, STATE),
    "code in the meter": (
        "meter.ckpt",
        tagged,
        "{file} cannot be loaded: could not determine a constructor for the "
        "tag 'tag:yaml.org,2002:python/object/apply:open' in \"{file}\", "
        "line 1, column 1",
    ),
    "no weights": ("model.ckpt", text(""), CUT),
    "words for weights": ("model.ckpt", text("hello"), CUT),
    "weights of another": (
        "model.ckpt",
        another,
        "{file} cannot be loaded: Error(s) in loading state_dict for MLP: "
        'Missing key(s) in state_dict: "hidden_0.linear.weight", '
        '"hidden_0.linear.bias", "output.weight", "output.bias". Unexpected '
        'key(s) in state_dict: "weight", "bias".',
    ),
    "words for an epoch": (
        "counter.ckpt",
        text("abc"),
        "{file} cannot be loaded: invalid literal for int() with base 10: "
        "'abc'",
    ),
    "words for a schedule": ("growth_schedule.ckpt", text("abc"), STATE),
    "a size for sizes": (
        "growth_schedule.ckpt",
        state(sizes=3),
        "{file}: sizes is 3; it must be a mapping",
    ),
    "sizes of another": (
        "growth_schedule.ckpt",
        state(sizes={"rnn_neurons": 3}),
        "{folder} is of a model with the sizes rnn_neurons; this one has "
        "inputs, hidden, outputs",
    ),
    "words for a size": (
        "growth_schedule.ckpt",
        state(sizes={"hidden": "large"}),
        "{file}: the size hidden is 'large'; it must be a whole number, or a "
        "list of them",
    ),
    "half a decision": (
        "growth_schedule.ckpt",
        state(decided=0.5),
        "{file}: decided is 0.5; it must be a whole number",
    ),
    "code in the notes": (
        "CKPT.yaml",
        tagged,
        "{folder}: CKPT.yaml is not what was written; restore one of them, or "
        "name a folder without checkpoints",
    ),
}


WAYS = {
    "resume": ["--number_of_epochs=3", "--output_folder={out}"],
    "test": ["--test_only", "--output_folder={out}"],
    "start": ["--init_from={out}", "--output_folder={out}_2"],
}
CASES = [("resume", what) for what in ROWS]
CASES += [("test", f"code in the {what}") for what in ("weights", "schedule")]
CASES += [("start", f"code in the {what}") for what in ("weights", "schedule")]


@pytest.mark.parametrize("way, what", CASES)
def test_one_message_and_nothing_is_run(way, what, trained, tmp_path):
    name, write, message = ROWS[what]
    out = tmp_path / "out"
    shutil.copytree(trained, out)
    touch = Touch(tmp_path / "was_run")
    for checkpoint in (out / "save").glob("CKPT*"):
        write(touch, checkpoint / name)
        seal(checkpoint)
    given = [word.replace("{out}", str(out)) for word in [*RUN, *WAYS[way]]]
    code, words = run_recipe(MNIST, given, tmp_path / "printed.txt")
    assert code == 1
    assert "Traceback" not in words
    assert not touch.path.exists()
    folders = "|".join(map(str, (out / "save").glob("CKPT*")))
    words = re.sub(re.escape(folders).replace(r"\|", "|"), "{folder}", words)
    words = words.replace("{folder}/" + name, "{file}")
    assert words.rstrip().endswith(message)


@pytest.mark.parametrize(
    "kind, arguments",
    [(NewBobScheduler, {"initial_value": 1.0}), (InputNormalization, {})],
)
def test_what_speechbrain_itself_loads_runs_nothing(kind, arguments, tmp_path):
    checkpointer = SafeCheckpointer(tmp_path, {"part": kind(**arguments)})
    saved = checkpointer.save_checkpoint()
    touch = Touch(tmp_path / "was_run")
    zipped(touch, saved.paramfiles["part"])
    seal(saved.path)
    with pytest.raises(GrowthError, match="more than tensors and numbers"):
        checkpointer.recover_if_possible()
    assert not touch.path.exists()


def test_the_code_would_run_if_it_were_unpickled(tmp_path):
    touch = Touch(tmp_path / "was_run")
    pickle.loads(pickle.dumps(touch)).close()
    assert touch.path.exists()


def test_all_of_a_checkpoint_is_text_or_plain_tensors(trained):
    for path in next((trained / "save").glob("CKPT*")).iterdir():
        if path.read_bytes()[:2] == b"PK":
            torch.load(path, weights_only=True)
        else:
            assert path.read_text(encoding="utf-8").isprintable() or (
                yaml.safe_load(path.read_text(encoding="utf-8")) is not None
            )
