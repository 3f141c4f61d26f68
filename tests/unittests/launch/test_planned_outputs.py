"""A plan refuses new outputs of which the schedule says nothing, or too much.

Authors
 * The speechbrain_growth authors 2026
"""

import re

import pytest

from speechbrain_growth.blueprint.blueprint import Blueprint
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.launch.planning import plan_run

TEXT = """
number_of_epochs: 10
width: 4
classes: 3
growth: {growth}
growth_schedule: !new:speechbrain_growth.GrowthSchedule
    growth: !ref <growth>
growth_log: !new:speechbrain_growth.GrowthLog
    save_file: growth_log.jsonl
    example_shape: [1, 3]
first: !new:torch.nn.Linear [3, !ref <width>]
output: !new:torch.nn.Linear [!ref <width>, !ref <classes>]
modules: {{first: !ref <first>, output: !ref <output>}}
"""
# The same with cosines as outputs, and with tokens as inputs
COSINES = TEXT.replace(
    "!new:torch.nn.Linear [!ref <width>, !ref <classes>]",
    """!new:speechbrain.lobes.models.ECAPA_TDNN.Classifier
    input_size: 4
    out_neurons: !ref <classes>""",
)
TOKENS = TEXT.replace(
    "!new:torch.nn.Linear [3, !ref <width>]",
    "!new:torch.nn.Embedding [!ref <tokens>, !ref <width>]",
).replace("width: 4", "width: 4\ntokens: 3")
MORE = "after_epoch: 2, classes: 5"
BOTH = "after_epoch: 2, width: 8, classes: 5"


def planned(folder, *entries, text=TEXT):
    """The plan of a run with these growths"""
    path = folder / "hparams.yaml"
    growth = ", ".join(f"{{{one}}}" for one in entries)
    path.write_text(text.format(growth=f"[{growth}]"), encoding="utf-8")
    return plan_run(Blueprint(str(path)))


@pytest.mark.parametrize(
    "entry, exact",
    [
        (MORE + ", outputs: fresh", "old outputs exact; new outputs fresh"),
        (BOTH + ", outputs: fresh", "old outputs exact; new outputs fresh"),
        (
            MORE + ", outputs: {output: [2, null]}",
            "exact; new outputs share posteriors",
        ),
        (
            BOTH + ", outputs: {output: [2, 2]}, symmetry: {noise: 0.1}",
            "noise 0.1; new outputs share posteriors",
        ),
        (
            MORE + ", outputs: {output: [null, null]}, old: frozen",
            "exact; new outputs share posteriors; freezes old units",
        ),
    ],
)
def test_new_outputs_are_planned(entry, exact, tmp_path):
    rows = planned(tmp_path, entry)
    assert rows[1]["sizes"]["classes"] == 5 and rows[1]["exact"] == exact
    assert "output.weight: out classes 3 -> 5" in rows[1]["tensors"]


@pytest.mark.parametrize(
    "text, entry, exact",
    [
        (COSINES, MORE + ", outputs: fresh", "exact; new outputs fresh"),
        (COSINES, MORE + ", outputs: {output: [2, 2]}", "exact; .* are copies"),
        (TOKENS, "after_epoch: 2, tokens: 5", "exact$"),
        (
            TOKENS,
            "after_epoch: 2, tokens: 5, outputs: {first: [2, null]}",
            "exact; new tokens begin as others, or as built",
        ),
        (
            TOKENS,
            MORE + ", tokens: 4, outputs: {first: [2], output: [2, 2]}",
            "exact; new outputs share posteriors",
        ),
    ],
)
def test_rows_without_a_bias_are_planned(text, entry, exact, tmp_path):
    rows = planned(tmp_path, entry, text=text)
    assert re.search(exact, rows[1]["exact"])


@pytest.mark.parametrize(
    "text, entry, message",
    [
        (COSINES, MORE, "the outputs grow .output speakers 3 -> 5.; give"),
        (
            COSINES,
            MORE + ", outputs: {output: [2, null]}",
            "gives cosines, and",
        ),
        (TOKENS, "after_epoch: 2, tokens: 5, outputs: fresh", "gets none"),
        (TOKENS, "after_epoch: 2, tokens: 2", "tokens is 3 and would shrink"),
    ],
)
def test_rows_without_a_bias_are_refused(text, entry, message, tmp_path):
    with pytest.raises(GrowthError, match=rf"growth\[0\].*{message}"):
        planned(tmp_path, entry, text=text)


def test_parents_count_from_the_outputs_before_each_growth(tmp_path):
    second = "after_epoch: 4, classes: 6, outputs: {output: [4]}"
    assert len(planned(tmp_path, MORE + ", outputs: fresh", second)) == 3


WRONG = {
    "nothing is said": (
        MORE,
        r"the outputs grow \(output units 3 -> 5\); give the old output that "
        r"each of the 2 new ones .*outputs: \{output: .* or write outputs: fr",
    ),
    "nothing grows there": (
        "after_epoch: 2, width: 8, outputs: fresh",
        "outputs says how new outputs begin, but the model gets none; leave",
    ),
    "no parents are needed": (
        "after_epoch: 2, width: 8, outputs: {output: [1]}",
        "output: found 1 parents, but the layer gets 0 new outputs",
    ),
    "a layer that is not there": (
        MORE + ", outputs: {last: [1, 1]}",
        "outputs: last: is in one model only, or in none",
    ),
    "a hidden layer": (
        BOTH + ", outputs: {first: [0, 1, 2, 3]}",
        "outputs: first: .* name ",
    ),
    "too few parents": (
        MORE + ", outputs: {output: [1]}",
        "output: found 1 parents, but the layer gets 2 new outputs; give",
    ),
    "an index that is none": (
        MORE + ", outputs: {output: [1, 3]}",
        "found the parents 3, which are no index of its 3 old outputs",
    ),
    "fewer outputs": (
        "after_epoch: 2, classes: 2, outputs: fresh",
        "classes is 3 and would shrink to 2; growth only adds units",
    ),
    "a number": (
        MORE + ", outputs: 2",
        "outputs is 2; it must be fresh, or .* as in adds: ",
    ),
    "a number of a layer": (
        MORE + ", outputs: {output: 2}",
        "outputs: output has 2; it must be a list",
    ),
    "a parent that is a word": (
        MORE + ", outputs: {output: [aa, 1]}",
        r"output has \['aa', 1\]; it must be a list with the index",
    ),
    "frozen outputs that would split": (
        MORE + ", outputs: {output: [1, 1]}, old: frozen",
        "old is frozen, but an old output that splits changes; use outputs",
    ),
    "no size": (
        "after_epoch: 2, sets: {classes: 4}, outputs: fresh",
        "found outputs, about new units, but no size grows",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_mistake_is_refused_with_its_place(what, tmp_path):
    entry, message = WRONG[what]
    with pytest.raises(GrowthError, match=rf"growth\[0\].*{message}"):
        planned(tmp_path, entry)


def test_outputs_that_are_frozen_do_not_split_later(tmp_path):
    frozen = MORE + ", outputs: fresh, old: frozen"
    later = "after_epoch: 4, classes: 6, outputs: {output: [1]}"
    with pytest.raises(GrowthError, match=r"that growth\[0\] has frozen") as e:
        planned(tmp_path, frozen, later)
    assert len(e.value.problems) == 2  # its symmetry, and the split


def test_all_mistakes_are_told_at_once(tmp_path):
    entries = [MORE, "after_epoch: 4, classes: 7, outputs: {last: [0, 0]}"]
    with pytest.raises(GrowthError) as raised:
        planned(tmp_path, *entries)
    found = raised.value.problems
    assert ["growth[0]" in found[0], "growth[1]" in found[1]] == [True, True]
