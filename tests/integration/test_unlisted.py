"""Objects with a state that no YAML lists among the recoverables.

Authors
 * The speechbrain_growth authors 2026
"""

import pytest
import torch
from growing_run import at, data, toy, train, train_log, weights

from speechbrain.processing.features import InputNormalization
from speechbrain.utils.checkpoints import Checkpointer
from speechbrain_growth import GrowthError
from speechbrain_growth.resume.unlisted import add_unlisted


def forgetful(folder, *forgotten, **options):
    """The toy whose YAML lists fewer recoverables"""
    brain = toy(folder, **options)
    for name in forgotten:
        del brain.checkpointer.recoverables[name]
    return brain


LISTED = ("scheduler", "output", "counter")


@pytest.mark.parametrize("kill", ["epoch 2 step 2", "epoch 3 saved"])
@pytest.mark.parametrize("forgotten", [LISTED, *[(n,) for n in LISTED]])
def test_a_resumed_run_ends_as_one_that_lists_all(kill, forgotten, tmp_path):
    """The rate is halved all the time, and the output layer grows"""
    whole = train(toy(tmp_path / "whole"))
    folder = tmp_path / "forgetful"
    train(forgetful(folder, *forgotten, kill=at(kill)))
    resumed = train(forgetful(folder, *forgotten))
    assert train_log(resumed) == train_log(whole)
    scheduler = resumed.hparams.lr_annealing
    assert vars(scheduler) == vars(whole.hparams.lr_annealing)
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(resumed)[name]), name
    loader = torch.utils.data.DataLoader(data(2, seed=1), batch_size=4)
    again = forgetful(folder, *forgotten).evaluate(loader, min_key="error")
    assert again == whole.evaluate(loader, min_key="error")


def test_what_has_no_state_of_its_own_is_left_out(tmp_path, caplog):
    linear, norm = torch.nn.Linear(1, 1), torch.nn.BatchNorm1d(1)
    frozen = torch.nn.Linear(1, 1).requires_grad_(False)
    whole = torch.nn.ModuleList([linear, norm])
    checkpointer = Checkpointer(tmp_path, {"whole": whole})
    hparams = {
        "whole": whole,
        "linear": linear,
        "log_softmax": torch.nn.LogSoftmax(-1),
        "frozen": frozen,
        "seed": 7,
        "modules": {"linear": linear, "norm": norm},
        "checkpointer": checkpointer,
    }
    add_unlisted(hparams, checkpointer)
    assert list(checkpointer.recoverables) == ["whole"]
    assert "Checkpoints also hold" not in caplog.text


def test_what_is_found_is_said_once(tmp_path, caplog):
    checkpointer = Checkpointer(tmp_path)
    inside, counts = torch.nn.Linear(1, 1), torch.nn.BatchNorm1d(1)
    hparams = {
        "modules": torch.nn.ModuleDict({"inside": inside}),
        "counts": counts.requires_grad_(False),
        "normalize": InputNormalization(),
    }
    for _ in range(2):
        add_unlisted(hparams, checkpointer)
    found = checkpointer.recoverables
    assert list(found) == ["inside", "counts", "normalize"]
    assert caplog.text.count("hold inside, counts, normalize, which") == 1


def test_two_objects_of_one_name_are_refused(tmp_path):
    one, other = torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)
    checkpointer = Checkpointer(tmp_path, {"model": one})
    with pytest.raises(GrowthError, match="the recoverable model is another"):
        add_unlisted({"model": other}, checkpointer)
