"""A run is started again with other settings than those it began with.

Authors
 * The speechbrain_growth authors 2026
"""

import pytest
import torch
from bad_inputs import MNIST, run_recipe
from growing_run import at, data, toy, train, weights

from speechbrain_growth import GrowthError
from speechbrain_growth.measure.events import read_events

GROWTH = [
    {"after_epoch": 1, "rnn_neurons": 7},
    {"after_epoch": 3, "rnn_neurons": 8, "cnn_channels": [4, 8]},
]
LOGS = ("growth_log.jsonl", "train_log.txt", "run_log.jsonl")
EDITS = {
    "none": [],
    "no first": GROWTH[1:],
    "another size": [{**GROWTH[0], "rnn_neurons": 9}, GROWTH[1]],
    "another date": [{**GROWTH[0], "after_epoch": 2}, GROWTH[1]],
    "another order": GROWTH[::-1],
    "another before": [{"after_epoch": 1, "dnn_neurons": 9}, *GROWTH],
}


def grown(brain):
    """What the growth log has of each growth"""
    keys = ("epoch", "condition", "sizes_after")
    return [
        {key: line[key] for key in keys} for line in brain.growth_log.read()
    ]


@pytest.mark.parametrize("end", [None, "epoch 3 step 1", "epoch 4 step 2"])
@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_past_is_refused_and_nothing_is_lost(edit, end, tmp_path):
    train(toy(tmp_path, growth=GROWTH, kill=end and at(end)))
    before = {name: (tmp_path / name).read_bytes() for name in LOGS}
    saved = sorted((tmp_path / "save").rglob("*"))
    with pytest.raises(GrowthError, match=r"growth\[0\] happened as") as caught:
        train(toy(tmp_path, growth=EDITS[edit]))
    assert "put back what happened" in str(caught.value)
    assert before == {name: (tmp_path / name).read_bytes() for name in LOGS}
    assert saved == sorted((tmp_path / "save").rglob("*"))


def test_a_past_that_is_spelled_otherwise_is_the_same(tmp_path):
    growth = [{"after_epoch": 2, "cnn_channels": [4, 8]}]
    train(toy(tmp_path, growth=growth, kill=at("epoch 3 step 1")))
    spelled = [{"cnn_channels": (4, 8), "symmetry": "shares", "after_epoch": 2}]
    brain = train(toy(tmp_path, growth=spelled))
    assert len(brain.growth_log.read()) == 1


def test_the_future_may_be_edited(tmp_path):
    """It then ends like a run that had this list from the beginning"""
    future = [{"after_epoch": 2, "dnn_neurons": 11}]
    whole = train(toy(tmp_path / "whole", growth=[GROWTH[0], *future]))
    train(toy(tmp_path / "edited", growth=GROWTH, kill=at("epoch 2 step 2")))
    edited = train(toy(tmp_path / "edited", growth=[GROWTH[0], *future]))
    assert grown(edited) == grown(whole) and len(grown(edited)) == 2
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(edited)[name]), name


@pytest.mark.parametrize("now", ["other size", "other date", "taken away"])
def test_a_growth_that_was_decided_but_not_done_may_be_edited(now, tmp_path):
    train(toy(tmp_path, growth=GROWTH[:1], kill=at("epoch 1 saved")))
    growth = {
        "other size": [{**GROWTH[0], "rnn_neurons": 9}],
        "other date": [{**GROWTH[0], "after_epoch": 3}],
        "taken away": [],
    }[now]
    brain = train(toy(tmp_path, growth=growth))
    whole = train(toy(tmp_path / "whole", growth=growth))
    assert grown(brain) == grown(whole)
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(brain)[name]), name


def test_a_start_prints_what_will_run_and_refuses_an_edited_past(tmp_path):
    """The recipe, in processes of its own"""

    def started(hidden, epochs, *more):
        """Exit status, and what is printed from the plan on"""
        growth = ", ".join(
            f"{{after_epoch: {epoch}, hidden: [{units}]}}"
            for epoch, units in enumerate(hidden, start=1)
        )
        given = [
            *["hparams/grow.yaml", "--dataset=digits", "--hidden=[16]"],
            *[f"--number_of_epochs={epochs}", f"--growth=[{growth}]", *more],
            f"--output_folder={tmp_path / 'run'}",
        ]
        code, text = run_recipe(MNIST, given, tmp_path / "printed.txt")
        return code, text.partition("as planned:\n")[2] if not code else text

    code, text = started([32], 2)
    assert code == 0 and text.splitlines()[2].startswith("start ")
    files = sorted((tmp_path / "run").rglob("*"))
    code, text = started([33, 48], 3)
    assert code == 1 and "error: growth[0] happened as" in text
    assert files == sorted((tmp_path / "run").rglob("*"))
    # It is due as soon as another epoch is over; one more must follow
    code, text = started([32, 48], 4)
    first, second = (line.split(" | ") for line in text.splitlines()[2:4])
    assert code == 0
    assert first[0].strip() == "resumes after epoch 2"
    assert first[2].strip() == "hidden [32]"
    assert [cell.strip() for cell in second[:2]] == ["after_epoch 2", "3"]
    code, text = started([33, 48], 3, "--test_only")
    assert code == 0, text


def test_a_grown_model_is_tested_with_any_list(tmp_path):
    brain = train(toy(tmp_path, growth=GROWTH))
    loader = torch.utils.data.DataLoader(data(2, seed=1), batch_size=4)
    loss = brain.evaluate(loader, min_key="error")
    again = toy(tmp_path, growth=[])
    assert again.evaluate(loader, min_key="error") == loss
    assert len(brain.growth_log.read()) == 2


def test_a_start_says_what_differs_from_the_first(tmp_path, caplog):
    for rate, epochs in ((0.5, 1), (0.5, 1), (0.25, 2), (0.5, 3)):
        caplog.clear()
        brain = toy(tmp_path, growth=[], lr=rate, number_of_epochs=epochs)
        train(brain)
        differs = "This run was begun with other settings: "
        said = caplog.text.partition(differs)[2].partition("\n")[0]
        words = {
            (0.5, 1): "",
            (0.25, 2): "epochs was 1, is 2; lr was 0.5, is 0.25",
            (0.5, 3): "epochs was 1, is 3",
        }[rate, epochs]
        assert said == words
    (start,) = [
        event
        for event in read_events(brain.run_logger.run_file)
        if event["event"] == "start"
    ]
    assert start["epochs"] == 3 and start["first"]["epochs"] == 1
    assert start["starts"] == 4
