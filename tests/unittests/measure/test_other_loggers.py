"""Other loggers get each epoch once, at its own step.

W&B needs a network, or a process of its own; here it is a stub with the
interface that SpeechBrain's logger uses.

Authors
 * The speechbrain_growth authors 2026
"""

import importlib.util
import itertools
import sys
import types
from importlib.machinery import ModuleSpec

import pytest

from speechbrain.utils.train_logger import FileTrainLogger
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.measure.run_log import RunLogger


@pytest.fixture(autouse=True)
def files_in_order(monkeypatch):
    """Names event files by a clock of its own: one file for each second."""
    if importlib.util.find_spec("tensorboard"):
        clock = types.SimpleNamespace(time=itertools.count(1).__next__)
        module = "tensorboard.summary.writer.event_file_writer"
        monkeypatch.setattr(f"{module}.time", clock)


def logger(folder, *also):
    """A run logger that passes its log on."""
    return RunLogger(str(folder / "train_log.txt"), "PER", "lower", also=also)


def epoch(log, number, per):
    """Logs an epoch."""
    stats = {"PER": per}
    log.log_stats({"epoch": number}, valid_stats=stats, verbose=False)


def test(log, per):
    """Logs a test."""
    stats = {"PER": per}
    log.log_stats({"Epoch loaded": 1}, test_stats=stats, verbose=False)


test.__test__ = False


def curve(folder, tag):
    """Steps and values that TensorBoard shows."""
    accumulators = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    )
    events = accumulators.EventAccumulator(str(folder / "tensorboard"))
    return [(e.step, e.value) for e in events.Reload().Scalars(tag)]


def test_an_epoch_that_is_logged_again_replaces_the_first(tmp_path):
    pytest.importorskip("tensorboard")
    log = logger(tmp_path, "tensorboard")
    log.begin({})
    for number, per in ((1, 9.0), (2, 8.0), (3, 7.0), (2, 6.0)):
        epoch(log, number, per)
    assert curve(tmp_path, "PER/valid") == [(1, 9.0), (2, 6.0)]
    assert curve(tmp_path, "epoch") == [(1, 1.0), (2, 2.0)]


def test_a_test_is_there_once_after_the_last_epoch(tmp_path):
    pytest.importorskip("tensorboard")
    log = logger(tmp_path, "tensorboard")
    log.begin({})
    epoch(log, 1, 9.0)
    test(log, 8.0)
    assert curve(tmp_path, "PER/test") == [(2, 8.0)]
    again = logger(tmp_path, "tensorboard")
    again.begin({}, epoch=1)  # the finished run is started again
    test(again, 8.5)
    only_tested = logger(tmp_path, "tensorboard")  # --test_only
    test(only_tested, 8.25)
    assert curve(tmp_path, "PER/test") == [(2, 8.25)]
    assert curve(tmp_path, "PER/valid") == [(1, 9.0)]


def test_a_value_per_batch_has_no_epoch(tmp_path):
    pytest.importorskip("tensorboard")
    log = logger(tmp_path, "tensorboard")
    with pytest.raises(GrowthError, match="valid_stats: PER is a list; give"):
        epoch(log, 1, [9.0, 8.0])


def test_any_logger_of_speechbrain_gets_the_same(tmp_path):
    other = FileTrainLogger(str(tmp_path / "other.txt"))
    log = logger(tmp_path, other)
    log.begin({})
    epoch(log, 1, 9.0)
    test(log, 8.0)
    own = (tmp_path / "train_log.txt").read_text()
    assert (tmp_path / "other.txt").read_text() == own
    assert own.count("PER") == 2


def test_what_is_missing_or_unknown_is_named_at_once(tmp_path, monkeypatch):
    for name in ("tensorboard", "wandb"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(GrowthError) as caught:
        logger(tmp_path, "wandb", "tensorbord", 3, "tensorboard")
    first, *others = caught.value.problems
    assert first.startswith("loggers: found 'tensorbord'; use tensorboard, ")
    assert others[0].startswith("loggers: found 3; use tensorboard, ")
    assert others[1].startswith("loggers: the package wandb is not installed")
    assert others[2].startswith("loggers: the package tensorboard is not ")
    assert "pip install -e '.[loggers]'" in others[2]
    assert not list(tmp_path.iterdir())


def test_a_list_is_asked_for(tmp_path):
    path = str(tmp_path / "train_log.txt")
    with pytest.raises(GrowthError, match=r"'wandb'; give a list: \["):
        RunLogger(path, "PER", "lower", also="wandb")


@pytest.fixture
def wandb(monkeypatch):
    """A stub of W&B: its runs, each with its id and its rows."""
    stub = types.ModuleType("wandb")
    stub.__spec__ = ModuleSpec("wandb", None)
    stub.runs = []

    def init(dir, id, resume):
        """Begins a run."""
        assert resume == "allow"
        rows = []
        stub.runs.append((id, rows))
        return types.SimpleNamespace(
            log=lambda row, step=None: rows.append((step, row))
        )

    stub.init = init
    monkeypatch.setitem(sys.modules, "wandb", stub)
    return stub


def test_wandb_gets_a_row_for_each_epoch(tmp_path, wandb):
    log = logger(tmp_path, "wandb")
    assert not wandb.runs  # a plan opens nothing
    log.begin({})
    epoch(log, 1, 9.0)
    test(log, 8.0)
    ((_, rows),) = wandb.runs
    assert rows == [
        (1, {"epoch": 1, "valid": {"PER": 9.0}}),
        (None, {"Epoch loaded": 1, "test": {"PER": 8.0}}),
    ]


def test_a_run_that_resumes_is_the_same_in_wandb(tmp_path, wandb):
    for at in (None, 1, None):
        log = logger(tmp_path, "wandb")
        log.begin({}, epoch=at)
        epoch(log, 1, 9.0)
    first, resumed, anew = [number for number, _ in wandb.runs]
    assert first == resumed != anew


def test_that_wandb_cannot_begin_is_one_message(tmp_path, wandb):
    def init(**options):
        """As without a login."""
        raise RuntimeError("no API key")

    wandb.init = init
    with pytest.raises(GrowthError, match="wandb: no API key; run `wandb log"):
        logger(tmp_path, "wandb").begin({})
