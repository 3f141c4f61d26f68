"""A run that was made larger offline starts another one; the recipe is exported.

Authors
 * The speechbrain_growth authors 2026
"""

import json
import re
import shutil

import pytest
import torch
import yaml
from bad_inputs import TIMIT, run_recipe
from growing_run import data, toy, train, weights

import speechbrain as sb
from speechbrain.dataio.dataio import read_audio
from speechbrain.inference.ASR import EncoderASR
from speechbrain.utils.edit_distance import accumulatable_wer_stats
from speechbrain_growth.__main__ import main
from speechbrain_growth.engine.weighted_norm import weighted

WIDER = ["--rnn_neurons=9", "--dnn_neurons=13"]


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A run without growths"""
    folder = tmp_path_factory.mktemp("first")
    return train(toy(folder, growth=[], number_of_epochs=2)), folder


def start(folder, out, **options):
    """A run that starts from a folder, before its first step"""
    brain = toy(folder, growth=[], init_from=str(out), **options)
    brain.on_fit_start()
    return brain


def best_of(brain):
    """Loads the best checkpoint, with the outputs for some frames"""
    brain.on_evaluate_start(min_key="error")
    return outputs(brain)


def outputs(brain):
    """Log-probabilities for some frames"""
    inputs = torch.stack([frames for frames, _ in data(1, seed=3)])
    brain.modules.eval()
    with torch.no_grad():
        return brain.compute_forward([inputs], sb.Stage.VALID)


def test_a_run_starts_from_it_with_the_same_outputs_and_costs(first, tmp_path):
    brain, folder = first
    main(["grow", str(folder), *WIDER, "--out", str(tmp_path / "out")])
    later = start(tmp_path / "later", tmp_path / "out")
    assert later.schedule.sizes["rnn_neurons"] == 9
    assert torch.allclose(best_of(brain), outputs(later), atol=1e-5)
    best = brain.checkpointer.find_checkpoint(min_key="error")
    spent = yaml.safe_load(best.paramfiles["meter"].read_text())["total"]
    assert later.meter.total["macs"] == spent["macs"] > 0
    assert not later.optimizer.state  # init_from begins with a new one
    train(toy(tmp_path / "later", growth=[], init_from=str(tmp_path / "out")))


def test_what_folds_offline_is_stock_after_some_steps(first, tmp_path):
    brain, folder = first
    line = ["grow", str(folder), "--cnn_channels=[3, 7]", "--fold=5"]
    main([*line, "--out", str(tmp_path / "out")])
    later = start(tmp_path / "later", tmp_path / "out")
    assert len(weighted(later.modules)) == 4
    assert torch.allclose(best_of(brain), outputs(later), atol=1e-5)
    train(later)
    assert not weighted(later.modules)


def test_held_weights_are_held_in_the_larger_model(tmp_path):
    growth = {"after_epoch": 1, "dnn_neurons": 10, "old": "frozen"}
    one = tmp_path / "one"
    train(toy(one, growth=[growth], number_of_epochs=3, keep=9))
    newest = max(
        (one / "save").glob("CKPT*"),
        key=lambda path: (path / "counter.ckpt").read_text(),
    )
    line = ["grow", str(newest), "--rnn_neurons=9", f"--out={tmp_path / 'out'}"]
    with pytest.raises(SystemExit):  # copies share what they send
        main(line)
    assert not (tmp_path / "out").exists()
    main([*line, "--symmetry=fresh"])
    later = start(tmp_path / "later", tmp_path / "out")
    before = {n: v.clone() for n, v in weights(later).items()}
    masks = {n: m.clone() for n, m in later.held.masks.items()}
    assert any(mask.any() for mask in masks.values())
    train(later)
    after = weights(later)
    for name, mask in masks.items():
        assert torch.equal(after[name][mask], before[name][mask]), name
    assert any(not torch.equal(after[n], before[n]) for n in masks)


def per(folder, items, corpus):
    """The PER of an exported model, utterance by utterance"""
    asr = EncoderASR.from_hparams(str(folder), run_opts={"device": "cpu"})
    wrong = []
    for item in items.values():
        wav = read_audio(item["wav"].format(data_root=corpus))[None]
        _, found = asr.transcribe_batch(wav, torch.ones(1))
        labels = asr.tokenizer.decode_ndim(found[0])
        wrong.append((item["phn"].split(), labels))
    refs, hyps = zip(*wrong)
    return accumulatable_wer_stats(refs, hyps)["WER"]


@pytest.mark.slow
def test_the_recipe_is_exported_and_started_from_larger(tmp_path):
    corpus, output = tmp_path / "mini", tmp_path / "run"
    line = [str(corpus), "--scale=0.02"]
    printed = tmp_path / "printed.txt"
    code, text = run_recipe(TIMIT, line, printed, script="mini_timit.py")
    assert code == 0, text
    line = [
        *("hparams/grow.yaml", "--device=cpu", f"--data_folder={corpus}"),
        *("--cnn_channels=[2,4]", "--rnn_neurons=6", "--dnn_neurons=8"),
        *("--number_of_epochs=2", "--batch_size=1"),
        "--growth=[{after_epoch: 1, rnn_neurons: 9, dnn_neurons: 12}]",
    ]
    run = [*line, f"--output_folder={output}"]
    code, text = run_recipe(TIMIT, run, printed)
    assert code == 0, text
    main(["export", str(output), str(tmp_path / "asr")])
    items = json.loads((output / "save" / "test.json").read_text())
    tested = re.search(
        r"test PER: ([\d.e+]+)", (output / "train_log.txt").read_text()
    )
    found = per(tmp_path / "asr", items, corpus)
    assert 0 < found != 100
    assert f"{found:.2e}" == f"{float(tested[1]):.2e}"
    assert (
        f"| PER, test | {found:.2f} |"
        in (tmp_path / "asr" / "README.md").read_text()
    )
    out = tmp_path / "larger"
    main(["grow", str(output), "--rnn_neurons=18", "--out", str(out)])
    shutil.rmtree(output)
    line = [*line[:3], "--growth=[]", "--number_of_epochs=1"]
    later = tmp_path / "later"
    run = [*line, f"--init_from={out}", f"--output_folder={later}"]
    code, text = run_recipe(TIMIT, run, printed)
    assert code == 0, text
    assert "rnn_neurons: 18" in (later / "model.yaml").read_text()
