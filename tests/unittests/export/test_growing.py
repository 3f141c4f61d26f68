"""Tests that a run is made larger offline, and computes what it did

Authors
 * The speechbrain_growth authors 2026
"""

import json

import pytest
import torch
from small_runs import YAML, forward, loaded, make_labels, make_run

from speechbrain.lobes.models.CRDNN import CRDNN
from speechbrain.nnet.RNN import LiGRU
from speechbrain_growth import GrowthError, open_blueprint
from speechbrain_growth.__main__ import main
from speechbrain_growth.export.exporting import export
from speechbrain_growth.training.afterwards.transition import still_weighted

torch.set_num_threads(1)

LARGER = ["--rnn_neurons=9", "--dnn_neurons=11", "--cnn_channels=[4, 8]"]
STOCK = {"rnn_layers": 1, "dnn_blocks": 1, "time_pooling": True}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run, and what its YAML built"""
    folder = tmp_path_factory.mktemp("run")
    hparams = make_run(folder, metric=12.0)
    make_labels(folder)
    return folder, hparams


@pytest.fixture(scope="module")
def grown(run, tmp_path_factory):
    """The same at larger sizes"""
    out = tmp_path_factory.mktemp("grown") / "out"
    main(["grow", str(run[0]), *LARGER, "--out", str(out)])
    return out


def apart(one, other):
    """Largest difference of the log-probabilities of two models, for noise"""
    wavs = torch.randn(2, 8000, generator=torch.Generator().manual_seed(4))
    given = wavs, torch.tensor([1.0, 0.6])
    return (forward(one, *given) - forward(other, *given)).abs().max()


def test_it_computes_what_the_run_does(run, grown):
    larger = loaded(grown)
    assert larger["rnn_neurons"] == 9 and larger["dnn_neurons"] == 11
    assert apart(run[1], larger) < 1e-4
    wider = larger["output"].w.weight.data
    wider[0, 8:] += 1  # the new units are read
    assert apart(run[1], larger) > 1e-2


def test_stock_speechbrain_loads_it(grown):
    (checkpoint,) = (grown / "save").glob("CKPT*")
    stock = CRDNN(
        input_size=40,
        rnn_class=LiGRU,
        rnn_neurons=9,
        dnn_neurons=11,
        cnn_channels=[4, 8],
        **STOCK,
    )
    state = torch.load(checkpoint / "model.ckpt", weights_only=True)
    stock.load_state_dict(state, strict=True)


def test_the_recipe_starts_from_it(grown):
    start = {"init_from": str(grown), "growth": []}
    sizes = open_blueprint(str(YAML), start).sizes
    assert sizes["rnn_neurons"] == 9 and sizes["cnn_channels"] == [4, 8]
    with pytest.raises(GrowthError, match="trained with rnn_neurons 9"):
        open_blueprint(str(YAML), {**start, "rnn_neurons": 6})


def test_labels_metric_and_log_go_along(run, grown):
    name = "save/label_encoder.txt"
    assert (grown / name).read_bytes() == (run[0] / name).read_bytes()
    (checkpoint,) = (grown / "save").glob("CKPT*")
    assert "PER: 12.0\n" in (checkpoint / "CKPT.yaml").read_text()
    (line,) = map(json.loads, (grown / "growth_log.jsonl").open())
    assert line["condition"] == "offline" and line["drift"] < 1e-5
    assert line["sizes_before"]["dnn_neurons"] == 8
    assert line["parameters_after"] > line["parameters_before"] > 0


def test_what_was_grown_is_exported_and_grown_again(run, grown, tmp_path):
    export(str(grown), str(tmp_path / "asr"))
    card = (tmp_path / "asr" / "README.md").read_text()
    assert "offline: cnn_channels [2, 4] -> [4, 8]" in card
    again = str(tmp_path / "again")
    (checkpoint,) = (grown / "save").glob("CKPT*")
    main(["grow", "--out", again, str(checkpoint), "--dnn_neurons=20"])
    assert apart(run[1], loaded(tmp_path / "again")) < 1e-4
    assert len((tmp_path / "again/growth_log.jsonl").open().readlines()) == 2


def test_any_factor_folds_in_the_run_that_follows(run, tmp_path):
    out = tmp_path / "out"
    main(
        [
            *("grow", str(run[0]), "--cnn_channels=[3, 7]", "--fold=40"),
            f"--out={out}",
        ]
    )
    (checkpoint,) = (out / "save").glob("CKPT*")
    assert still_weighted(checkpoint / "growth_transition.ckpt") == 40
    with pytest.raises(GrowthError, match="weighted for 40 more steps"):
        export(str(out), str(tmp_path / "asr"))


def test_new_units_begin_as_asked_for(run, tmp_path):
    larger = ["--dnn_neurons=12", "--symmetry=fresh", "--out"]
    main(["grow", str(run[0]), *larger, str(tmp_path / "out")])
    weight = loaded(tmp_path / "out")["output"].w.weight
    assert weight[:, 8:].abs().max() == 0 < weight[:, :8].abs().min()


def test_statistics_of_the_features_go_along(tmp_path):
    text = YAML.read_text(encoding="utf-8")
    text = text.replace("norm_type: sentence", "norm_type: global")
    hparams = make_run(tmp_path / "run", text=text)
    out = tmp_path / "out"
    main(["grow", str(tmp_path / "run"), "--rnn_neurons=9", f"--out={out}"])
    before, after = hparams["normalize"], loaded(out)["normalize"]
    assert torch.equal(after.glob_mean, before.glob_mean)
    assert after.count == before.count > 0 and before.glob_mean.any()
    assert apart(hparams, loaded(out)) < 1e-4


REFUSED = {
    "smaller": (["--rnn_neurons=4"], "rnn_neurons is 6 and would shrink to 4"),
    "one of a list is smaller": (
        ["--cnn_channels=[4, 2]"],
        "cnn_channels is [2, 4] and would shrink to [4, 2]",
    ),
    "nothing larger": (
        ["--rnn_neurons=6"],
        "it has these sizes already; give a larger one of n_mels, cnn_blocks",
    ),
    "nothing": ([], "it has these sizes already; give a larger one of n_mels"),
    "no such size": (
        ["--rnn_neuron=9"],
        "rnn_neuron: the run has no such size; did you mean rnn_neurons?",
    ),
    "no pair": (
        ["rnn_neurons", "9"],
        "rnn_neurons: write --KEY=VALUE, such as --rnn_neurons=512",
    ),
    "gradients": (
        ["--rnn_neurons=9", "--symmetry={gradmax: 0.5}"],
        "symmetry is {'gradmax': 0.5}, which begins units from gradients of "
        "training data, and none are read here",
    ),
    "an option that is wrong": (
        ["--rnn_neurons=9", "--fold=0"],
        "fold is 0; it must be a number of steps above 0",
    ),
    "outputs of which nothing is said": (
        ["--output_neurons=12"],
        "the outputs grow",
    ),
    "inputs": (["--n_mels=80"], "inputs"),
    "of a file": (
        ["--rnn_neurons=9", "--class=torch.nn.Linear"],
        "{run} is no file with a state_dict, which --class are for",
    ),
    "the rate of a run": (
        ["--rnn_neurons=9", "--lr=0.1"],
        "lr: the run has no such size",
    ),
}


def refused(tmp_path, *line):
    """The message of a command, which leaves everything as it was"""
    before = {p: p.stat().st_mtime_ns for p in sorted(tmp_path.rglob("*"))}
    with pytest.raises(SystemExit) as end:
        main(["grow", *line])
    after = {p: p.stat().st_mtime_ns for p in sorted(tmp_path.rglob("*"))}
    assert before == after and str(end.value.code).startswith("error: ")
    return str(end.value.code)


@pytest.mark.parametrize("case", REFUSED)
def test_a_growth_that_cannot_be(case, run, tmp_path):
    given, message = REFUSED[case]
    out = ["--out", str(tmp_path / "out")]
    found = refused(tmp_path, str(run[0]), *given, *out)
    assert message in found.replace(str(run[0]), "{run}")


def test_the_new_folder_must_be_free(run, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    line = [str(run[0]), "--rnn_neurons=9"]
    message = refused(tmp_path, *line, "--out", str(tmp_path / "out"))
    assert "it is not empty (notes.txt); name another folder" in message
    assert "--out is missing" in refused(tmp_path, *line)


@pytest.mark.parametrize(
    "given, message",
    [
        ({"weighted": True}, "LayerNorms are weighted for 3 more steps"),
        ({"wish": {"rnn_neurons": 9}}, "a growth was decided after epoch 1"),
    ],
)
def test_a_run_in_the_middle_of_a_growth(given, message, tmp_path):
    make_run(tmp_path / "run", **given)
    line = [str(tmp_path / "run"), "--rnn_neurons=12"]
    found = refused(tmp_path, *line, "--out", str(tmp_path / "out"))
    assert message in found
