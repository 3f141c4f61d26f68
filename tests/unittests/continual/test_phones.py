"""Tests that phone sets are nested, numbered once, and scored as families

The references are the tables of Lee & Hon as the recipe has them, its own
``fold``, and sums of posteriors that are written out.

Authors
 * The speechbrain_growth authors 2026
"""

import importlib.util
import math
import runpy
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import (
    given,
    settings,
    strategies as st,
)

import speechbrain as sb
from speechbrain.dataio.dataset import DynamicItemDataset
from speechbrain.nnet.losses import ctc_loss
from speechbrain_growth import GrowthError, PhoneSets, phone_parents
from speechbrain_growth.schedule.growth import parse

ROOT = Path(__file__).resolve().parents[3]
PATH = ROOT / "recipes" / "TIMIT" / "timit_prepare.py"
SPEC = importlib.util.spec_from_file_location("timit_prepare", PATH)
timit = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(timit)
FINE, COARSE = timit.FROM_61_TO_48, timit.FROM_48_TO_39
SIZES = [39, 48, 61]
# From the phones of one task to those of another
TABLES = {(2, 1): [COARSE], (3, 2): [FINE], (3, 1): [FINE, COARSE]}


def stream(sizes=tuple(SIZES), **options):
    """The stream of TIMIT's phone sets"""
    return PhoneSets(timit.phone_sets(list(sizes)), ["sil"], **options)


def test_the_sets_are_those_of_the_tables():
    first, second, third = timit.phone_sets(SIZES)
    in_48 = {FINE.get(phone, phone) for phone in timit.PHONES} - {""}
    in_39 = {COARSE.get(phone, phone) for phone in in_48}
    assert [len(first), len(second), len(third)] == SIZES
    assert set(first) == in_39 and first == sorted(first)
    assert [list(one) for one in (second, third)] == [
        *map(sorted, (second, third))
    ]
    assert second == {phone: COARSE.get(phone, phone) for phone in in_48}
    assert third == {
        phone: FINE.get(phone, phone) or None for phone in timit.PHONES
    }


@pytest.mark.parametrize("sizes", [[48, 39], [39, 39], [40], [39, 60]])
def test_sets_that_are_not_nested_are_refused(sizes):
    with pytest.raises(ValueError, match="39, 48 and 61, in this order"):
        timit.phone_sets(sizes)


@pytest.mark.parametrize("sizes", [SIZES, [39, 61], [48, 61], [39, 48]])
def test_no_phone_is_numbered_anew(sizes):
    one = stream(sizes)
    assert one.outputs == [size + 1 for size in sizes]
    for task in range(2, len(sizes) + 1):
        sets = timit.phone_sets(sizes)[:task]
        before, now = PhoneSets(sets[:-1]), PhoneSets(sets)
        parents, kept = one.parents(task), len(before.labels)
        assert len(parents) == len(now.labels) - kept
        # The heir of an index counts as the phone that had it
        for phone, heir in zip(before.labels, now.labels):
            assert sets[-1][heir] == phone
            assert heir == phone or phone not in sets[-1]
        for phone, parent in zip(now.labels[kept:], parents):
            counts_as = sets[-1][phone]
            assert (parent is None) == (counts_as is None)
            assert parent is None or before.labels[parent - 1] == counts_as


def test_what_splits_and_what_has_no_parent():
    one = stream()
    before, after = stream([39]).labels, stream([39, 48]).labels
    assert [after[n - 1] for n in one.parents(2)].count("sil") == 3
    assert set(after[39:]) == {*COARSE}
    appended = dict(zip(one.labels[48:], one.parents(3)))
    assert appended["q"] is None and list(appended.values()).count(None) == 1
    # sil, cl and vcl are in no set of 61; one of theirs took each over
    took = {before[n]: one.labels[n] for n in range(39)}
    assert took["sil"] == "h#" and took["aa"] == "aa"
    places = {phone: n for n, phone in enumerate(after, start=1)}
    assert appended["pcl"] == appended["tcl"] == places["cl"]
    assert one.labels[places["cl"] - 1] == "kcl"
    for task in (2, 3):  # as the YAML asks for them
        sets = timit.phone_sets(SIZES)
        assert phone_parents(sets, task) == one.parents(task)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(phones=st.lists(st.sampled_from(sorted(timit.PHONES)), max_size=30))
def test_a_transcription_is_what_the_recipe_folds(phones):
    one = stream()
    fine = {phone: n for n, phone in enumerate(one.labels, start=1)}
    encoded = torch.tensor([fine[phone] for phone in phones]).long()
    for task, size in enumerate(SIZES, start=1):
        labels = stream(SIZES[:task]).labels
        expected, _ = timit.fold(phones, [0] * len(phones), size)
        found = one.written(encoded, task).tolist()
        assert [labels[n - 1] for n in found] == expected


@pytest.mark.parametrize("have", [1, 2, 3])
@pytest.mark.parametrize("task", [1, 2, 3])
def test_a_coarser_phone_has_the_posteriors_of_its_family(have, task):
    one = stream()
    generator = torch.Generator().manual_seed(have)
    shape = 2, 5, one.outputs[have - 1]
    logs = torch.randn(shape, generator=generator).double().log_softmax(-1)
    found = one.only(logs, torch.full((2,), task))
    torch.testing.assert_close(
        found.exp().sum(-1), torch.ones(2, 5).double(), rtol=0, atol=1e-12
    )
    if have == task:
        assert found is logs
        return
    if have < task:  # an output counts as the phone that took its index over
        assert found.shape[-1] == one.outputs[task - 1]
        assert torch.equal(found[..., : shape[-1]], logs)
        assert found[..., shape[-1] :].isneginf().all()
        return
    own, finer = (["-", *stream(SIZES[:n]).labels] for n in (task, have))
    expected = torch.zeros_like(logs)
    for place, phone in enumerate(finer):
        for table in TABLES[have, task] if place else ():
            phone = table.get(phone, phone) or "-"
        expected[..., own.index(phone)] += logs[..., place].exp()
    expected = expected[..., : len(own)]
    assert found.shape == logs.shape
    torch.testing.assert_close(
        found[..., : len(own)].exp(), expected, rtol=0, atol=1e-12
    )
    assert found[..., len(own) :].isneginf().all()


def test_the_sum_comes_before_the_choice():
    one = PhoneSets([["a", "b"], {"a": "a", "b": "b", "c": "b"}])
    logs = torch.tensor([[[0.05, 0.4, 0.3, 0.25]]]).log()
    assert logs.argmax(-1).item() == 1
    assert one.only(logs, torch.tensor([1])).argmax(-1).item() == 2


def test_items_of_several_tasks_are_scored_together():
    one = stream()
    logs = torch.randn(3, 4, 49).log_softmax(-1).requires_grad_()
    found = one.only(logs, torch.tensor([1, 2, 3]))
    assert found.shape == (3, 4, 62)
    for n, task in enumerate((1, 2, 3)):
        alone = one.only(logs[n : n + 1], torch.tensor([task]))[0]
        assert torch.equal(found[n, :, : alone.shape[-1]], alone)
    found[..., :40].logsumexp(-1).sum().backward()
    assert logs.grad.isfinite().all()


def test_every_task_has_all_utterances_in_its_own_phones():
    data = DynamicItemDataset(
        {
            f"u{n}": {
                "sig": torch.full((40,), float(n)),
                "phn_encoded": torch.tensor([5, 2, 5, 4]),
            }
            for n in range(4)
        }
    )
    data.set_output_keys(["id", "sig", "phn_encoded"])
    finer = {"ah": "ah", "sil": "sil", "ax": "ah", "pau": "sil", "q": None}
    one = PhoneSets([["ah", "sil"], finer], ["sil"], samples=3)
    dataset = one.of({"train": data})["train"]
    assert len(dataset) == 6
    first, second = (
        dataset[int(indices[0])]["phn_encoded"].tolist()
        for indices in dataset.tasks
    )
    assert first == [2] and second == [5, 2, 5, 4]
    sets = [one.shown(data[0], task)["sig"] for task in (1, 2)]
    assert torch.equal(*sets)


def test_a_network_gets_the_outputs_of_its_tasks():
    one = stream()
    two, three = one.parents(2), one.parents(3)
    entries = [
        {"on_task": 2, "classes": 49, "outputs": {"output": two}},
        {"on_task": 3, "classes": 62, "outputs": {"output": three}},
    ]
    one.check_outputs("classes", 40, parse(entries))
    one.check_outputs("classes", 62, [])  # finer from the beginning
    wrong = [
        (40, [], "classes is 40, 40, 40 in the tasks, but .* 40, 49, 62"),
        (40, entries[:1], "classes is 40, 49, 49 in the tasks"),
        (39, entries, "classes is 39, 49, 62 in the tasks"),
        (70, [], "classes is 70, 70, 70 in the tasks"),
        (
            40,
            [entries[0], {**entries[1], "outputs": {"output": three[::-1]}}],
            r"growth\[1\] \(on_task 3\): outputs: output has other parents",
        ),
    ]
    for first, growths, message in wrong:
        with pytest.raises(GrowthError, match=message):
            one.check_outputs("classes", first, parse(growths))
    with pytest.raises(GrowthError, match="the network has 41 outputs"):
        one.only(torch.zeros(1, 2, 41), torch.tensor([1]))


@pytest.mark.parametrize(
    "sets, message",
    [
        ([], "sets must be"),
        ([["a"], ["a", "b"]], "sets must be"),
        ([{"a": None}], "sets must be"),
        ([["a", "b"], {"a": "a", "c": "d", "e": "a"}], "d is no phone of the"),
        ([["a", "b"], {"a": "a", "c": "a", "e": "a"}], "has nothing of b"),
        ([["a", "b"], {"a": "a", "b": "b"}], "must have more phones"),
    ],
)
def test_sets_that_are_no_refinement_are_refused(sets, message):
    with pytest.raises(GrowthError, match=message):
        PhoneSets(sets)


def test_facts_are_plain_and_complete():
    one = stream()
    facts = one.facts
    assert facts["sets"][2]["q"] is None and facts["joined"] == ["sil"]
    assert facts != stream(samples=3).facts
    given_ = {k: v for k, v in facts.items() if k not in ("name", "tasks")}
    given_["sets"] = [list(facts["sets"][0]), *facts["sets"][1:]]
    assert PhoneSets(**given_).facts == facts


def test_the_recipe_sums_before_it_searches():
    script = ROOT / "recipes/TIMIT/ASR/continual_CTC/train.py"
    brain = runpy.run_path(str(script))["ASR_Brain"]
    one = PhoneSets([["a", "b"], {"a": "a", "b": "b", "c": "b"}])
    found = []
    metrics = SimpleNamespace(append=lambda **given_: found.append(given_))
    hparams = SimpleNamespace(
        blank_index=0, compute_cost=partial(ctc_loss, blank_index=0)
    )
    self = SimpleNamespace(
        stream=one,
        hparams=hparams,
        per_metrics=metrics,
        label_encoder=SimpleNamespace(decode_ndim=None),
    )
    batch = SimpleNamespace(
        id=["u"],
        task=torch.tensor([1]),
        phn_encoded=(torch.tensor([[2]]), torch.ones(1)),
    )
    logs = torch.tensor([[[0.05, 0.4, 0.3, 0.25]]]).log()
    loss = brain.compute_objectives(
        self, (logs, torch.ones(1)), batch, sb.Stage.VALID
    )
    assert found[0]["predict"] == [[2]]
    assert loss.item() == pytest.approx(-math.log(0.55))
