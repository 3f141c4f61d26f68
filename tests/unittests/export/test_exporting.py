"""Tests that SpeechBrain loads what is exported, where this package is not

Authors
 * The speechbrain_growth authors 2026
"""

import re
import shutil

import pytest
import soundfile
import torch
import yaml
from small_runs import (
    SMALL,
    YAML,
    elsewhere,
    forward,
    make_labels,
    make_run,
    sound,
    without_this_package,
)

from speechbrain.decoders import ctc_greedy_decode
from speechbrain.inference.ASR import EncoderASR
from speechbrain.lobes.features import Fbank
from speechbrain.lobes.models.CRDNN import CRDNN
from speechbrain.nnet.linear import Linear
from speechbrain.nnet.RNN import LiGRU
from speechbrain.processing.features import InputNormalization
from speechbrain_growth.__main__ import main
from speechbrain_growth.export.exporting import export

torch.set_num_threads(1)

# What the model card says, and the log-probabilities of some sounds
TRANSCRIBE = """
import ast, contextlib, io, re

folder, wav, tensors = sys.argv[1:]
card = open(f"{folder}/README.md").read()
shown = "".join(re.findall("```python(.*?)```", card, re.DOTALL))
printed = io.StringIO()
with contextlib.redirect_stdout(printed):
    exec(shown.replace("FOLDER", folder).replace("speech.wav", wav))
given = torch.load(tensors)
torch.save(asr.encode_batch(given["wavs"], given["lengths"]), tensors)
words, labels = printed.getvalue().splitlines()
print(json.dumps([words, ast.literal_eval(labels)]))
"""
PARTS = ["compute_features", "normalize", "model", "output", "log_softmax"]
READ = ["modules", "tokenizer", "decoding_function", "audio_normalizer"]


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """Where all packages are but this one"""
    folder = tmp_path_factory.mktemp("packages")
    return without_this_package(folder / "site")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run whose best checkpoint has other sizes than the newest"""
    folder = tmp_path_factory.mktemp("run")
    best = make_run(folder, metric=12.0)
    larger = make_run(folder, metric=30.0, rnn_neurons=9)
    make_labels(folder)
    return folder, best, larger


def noise(rate=16000):
    """Two sounds of different lengths"""
    generator = torch.Generator().manual_seed(2)
    wavs = torch.randn(2, rate // 2, generator=generator) / 5
    wavs[1, rate // 4 :] = 0
    return {"wavs": wavs, "lengths": torch.tensor([1.0, 0.5])}


def greedy(hparams, wav):
    """The labels of a recording, by the run's own modules"""
    signal = torch.as_tensor(soundfile.read(wav, dtype="float32")[0])[None]
    logs = forward(hparams, signal, torch.ones(1))
    (found,) = ctc_greedy_decode(logs, torch.ones(1), blank_id=0)
    return [" abcdefgh"[index] for index in found]


def by_hand(folder, given):
    """Log-probabilities by stock classes, built here, with a run's weights"""
    (checkpoint,) = [
        path
        for path in (folder / "save").glob("CKPT*")
        if "PER: 12" in (path / "CKPT.yaml").read_text()
    ]
    sizes = {k: v for k, v in SMALL.items() if k != "output_neurons"}
    model = CRDNN(
        input_size=40,
        dropout=0.1,
        time_pooling=True,
        rnn_class=LiGRU,
        dnn_blocks=1,
        **sizes,
    )
    output = Linear(input_size=8, n_neurons=9)
    for module, name in ((model, "model"), (output, "output")):
        module.load_state_dict(torch.load(checkpoint / f"{name}.ckpt"))
        # as for inference; torch multiplies in another order for gradients
        module.eval().requires_grad_(False)
    norm = InputNormalization(norm_type="sentence").eval()
    with torch.no_grad():
        feats = Fbank(sample_rate=16000, n_fft=400, n_mels=40)(given["wavs"])
        out = output(model(norm(feats, given["lengths"])))
        return torch.log_softmax(out, dim=-1)


def test_speechbrain_alone_computes_what_the_run_does(run, packages, tmp_path):
    folder, best, _ = run
    main(["export", str(folder), str(tmp_path / "out")])
    moved = shutil.move(tmp_path / "out", tmp_path / "moved")
    given, wav = noise(), sound(tmp_path / "a.wav")
    torch.save(given, tmp_path / "tensors")
    paths = (moved, wav, tmp_path / "tensors")
    words, labels = elsewhere(packages, tmp_path, TRANSCRIBE, *paths)
    logs = torch.load(tmp_path / "tensors")
    assert torch.equal(logs, by_hand(folder, given))  # the same code
    expected = forward(best, given["wavs"], given["lengths"])
    # our Li-GRU and convolution add in another order than the stock ones
    assert torch.allclose(logs, expected, atol=1e-5) and logs.std() > 0.1
    assert labels == greedy(best, wav) != []
    assert words == "".join(labels)


def test_the_yaml_has_stock_classes_and_what_inference_needs(run, tmp_path):
    export(str(run[0]), str(tmp_path / "out"))
    text = (tmp_path / "out" / "hyperparams.yaml").read_text()
    assert "speechbrain_growth" not in text
    assert "!new:speechbrain.lobes.models.CRDNN.CRDNN" in text
    assert "rnn_class: !name:speechbrain.nnet.RNN.LiGRU" in text
    keys = re.findall(r"^(\w+):", text, re.M)
    assert keys == [*PARTS, *READ, "pretrainer"]
    assert str(tmp_path) not in text and "#" not in text.split("FOLDER")[1]


def test_the_files_are_those_of_the_checkpoint(run, tmp_path):
    export(str(run[0]), str(tmp_path / "out"))
    best = max((run[0] / "save").glob("CKPT*"), key=_is_best)
    names = ["model", "output", "normalizer"]
    written = {path.name for path in (tmp_path / "out").iterdir()}
    others = {"README.md", "hyperparams.yaml", "tokenizer.ckpt"}
    assert written == {f"{name}.ckpt" for name in names} | others
    for name in names:
        copy = tmp_path / "out" / f"{name}.ckpt"
        assert copy.read_bytes() == (best / f"{name}.ckpt").read_bytes()


def _is_best(path):
    """Whether a checkpoint has the lower metric"""
    return "PER: 12" in (path / "CKPT.yaml").read_text()


def test_another_checkpoint_may_be_named(run, tmp_path):
    folder = run[0]
    other = min((folder / "save").glob("CKPT*"), key=_is_best)
    main(
        [
            *("export", str(folder), str(tmp_path / "out")),
            f"--checkpoint={other.name}",
        ]
    )
    text = (tmp_path / "out" / "hyperparams.yaml").read_text()
    assert "rnn_neurons: 9" in text
    assert other.name in (tmp_path / "out" / "README.md").read_text()


def test_the_card_says_what_it_is(run, tmp_path):
    folder = shutil.copytree(run[0], tmp_path / "run")
    entry = (
        '{"growth": 0, "epoch": 0, "grown": true, "condition": "after_epoch 0",'
        ' "drift": 1e-7, "sizes_before": {"rnn_neurons": 3}, "sizes_after": '
        '{"rnn_neurons": 6}, "valid_before": {"PER": 40.0}, "valid_after": '
        '{"PER": 41.0}, "parameters_before": 10, "parameters_after": 20, '
        '"macs_before": 100, "macs_after": 200, "seconds": 0.1}\n'
    )
    later = entry.replace('"epoch": 0', '"epoch": 1').replace(": 3", ": 6")
    (folder / "growth_log.jsonl").write_text(entry + later)
    tests = [
        '{"event": "test", "Epoch loaded": 1, "test": {"PER": 21.5}}\n',
        '{"event": "test", "Epoch loaded": 2, "test": {"PER": 99.5}}\n',
    ]
    (folder / "run_log.jsonl").write_text("".join(tests))
    export(str(folder), str(tmp_path / "out"))
    card = (tmp_path / "out" / "README.md").read_text()
    assert "| PER, validation | 12.00 |" in card
    assert "| PER, test | 21.50 |" in card and "99.5" not in card
    assert "| rnn_neurons | 6 |" in card and "16000 Hz" in card
    assert card.count("- Growth") == 1 and "rnn_neurons 3 -> 6" in card
    assert "PER 40.00 -> 41.00" in card
    assert yaml.safe_load(card.split("---")[1])["library_name"] == "speechbrain"


def here(folder, hparams, rate=16000):
    """Loads what was exported; compares it with the run's modules"""
    asr = EncoderASR.from_hparams(str(folder), run_opts={"device": "cpu"})
    given = noise(rate)
    expected = forward(hparams, given["wavs"], given["lengths"])
    assert torch.allclose(
        asr.encode_batch(given["wavs"], given["lengths"]), expected, atol=1e-5
    )
    return asr


def test_the_sample_rate_is_that_of_the_run(tmp_path):
    hparams = make_run(tmp_path / "run", sample_rate=8000)
    make_labels(tmp_path / "run")
    export(str(tmp_path / "run"), str(tmp_path / "out"))
    asr = here(tmp_path / "out", hparams, rate=8000)
    wav = sound(tmp_path / "a.wav", rate=8000)
    assert len(asr.load_audio(str(wav))) == 0.6 * 8000
    assert asr.transcribe_file(str(wav)) == "".join(greedy(hparams, wav)) != ""


def other_model(old, new):
    """The recipe's YAML with another part"""
    text = YAML.read_text(encoding="utf-8")
    assert old in text
    return text.replace(old, new)


OTHERS = {
    "a CRDNN that could be deeper": (
        "!new:speechbrain_growth.CRDNN",
        "!new:speechbrain_growth.ScalableCRDNN\n    extra_dnn_blocks: 0",
    ),
    "one file for two modules": (
        "        model: !ref <model>\n        output: !ref <output>\n",
        "        both: !new:torch.nn.ModuleList\n"
        "            - [!ref <model>, !ref <output>]\n",
    ),
    "the log-softmax among the modules": (
        "    output: !ref <output>\n\njit",
        "    output: !ref <output>\n    last: !ref <log_softmax>\n\njit",
    ),
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_yamls_are_exported(case, tmp_path):
    text = other_model(*OTHERS[case])
    hparams = make_run(tmp_path / "run", text=text)
    make_labels(tmp_path / "run")
    export(str(tmp_path / "run"), str(tmp_path / "out"))
    here(tmp_path / "out", hparams)
