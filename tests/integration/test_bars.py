"""Whatever takes a while beside the epochs shows a progress bar.

Authors
 * The speechbrain_growth authors 2026
"""

import types

import pytest
from growing_run import toy, train

from speechbrain_growth.training.measures import bars

GRADMAX = {"after_epoch": 1, "dnn_neurons": 12, "symmetry": {"gradmax": 0.5}}
FIREFLY = {
    "after_epoch": 1,
    "firefly": {"budget": 400, "batches": 2, "sizes": ["dnn_neurons"]},
}
CHOOSE = {
    "after_epoch": 1,
    "choose": {"less": {"dnn_neurons": 10}, "more": {"dnn_neurons": 12}},
    "choose_steps": 1,
}
WORDS = {
    "beginning new units": GRADMAX,
    "searching units": FIREFLY,
    "trying a growth": CHOOSE,
}


def shown(words, folder, capsys, **run_opts):
    """What a run with a growth wrote to the screen."""
    run_opts = {"noprogressbar": False, **run_opts}
    options = {"growth": [WORDS[words]], "number_of_epochs": 2}
    brain = train(toy(folder, run_opts=run_opts, **options))
    assert brain.growth_log.read()[0]["grown"]
    return capsys.readouterr().err


@pytest.mark.parametrize("words", WORDS)
def test_a_growth_shows_what_it_does(words, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(bars, "DELAY", 0)
    text = shown(words, tmp_path, capsys)
    assert f"{words}: " in text
    assert "measuring: " in text  # the validation after it


def test_a_run_may_show_no_bars(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(bars, "DELAY", 0)
    text = shown("trying a growth", tmp_path, capsys, noprogressbar=True)
    assert "trying a growth" not in text and "measuring" not in text


def test_only_the_main_process_shows_them(capsys, monkeypatch):
    monkeypatch.setattr(bars, "DELAY", 0)
    brain = types.SimpleNamespace(noprogressbar=False)
    for main in (False, True):
        monkeypatch.setattr(bars, "if_main_process", lambda is_it=main: is_it)
        assert list(bars.progress(brain, "counting", [1, 2])) == [1, 2]
        assert ("counting" in capsys.readouterr().err) is main


def test_what_is_quick_shows_none(capsys):
    brain = types.SimpleNamespace(noprogressbar=False)
    for _ in bars.progress(brain, "counting", range(3)):
        pass
    assert "counting" not in capsys.readouterr().err
