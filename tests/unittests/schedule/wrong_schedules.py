"""Schedules that a plan refuses, each with its line and its message.

The line is counted from the key ``growth``. A message is a regular expression
for what comes after the place of the growth. The model is that of ``TEXT``, and
has 10 epochs.

Authors
 * The speechbrain_growth authors 2026
"""

TEXT = """
number_of_epochs: 10
width: 8
hidden: [8, 16]
growth:
{growth}
growth_schedule: !new:speechbrain_growth.GrowthSchedule
    growth: !ref <growth>
    reports: [loss, BLEU, score]
growth_log: !new:speechbrain_growth.GrowthLog
    save_file: growth_log.jsonl
    example_shape: [1, 3]
train_logger: !new:speechbrain_growth.RunLogger
    save_file: train_log.txt
    metric: BLEU
    better: higher
first: !new:torch.nn.Linear [3, !ref <width>]
mlp: !new:speechbrain_growth.MLP [!ref <width>, !ref <hidden>, 2]
modules: {{first: !ref <first>, mlp: !ref <mlp>}}
"""
AT_3 = "- after_epoch: 3\n"
LOSS = "metric: loss"

WRONG = {
    # What is no list of growths
    "a mapping": ("  after_epoch: 3", 0, r"growth: found \{.* must be a list"),
    "a number": ("  3", 0, r"growth: found 3; it must be a list"),
    "an entry that is a number": ("- 3", 1, "found 3; it must be a mapping"),
    "an empty entry": ("- {}", 1, "found no condition; it must have one of"),
    # What is frozen
    "a layer to freeze that is no list": (
        AT_3 + "  width: 9\n  freeze: model.CNN",
        1,
        "freeze is 'model.CNN'; it must be old, none, or a list of names",
    ),
    "old units frozen by two keys": (
        AT_3 + "  width: 9\n  old: frozen\n  freeze: old",
        1,
        "freeze: old says the same as old; keep one of them",
    ),
    "old units frozen and released": (
        AT_3 + "  width: 9\n  old: frozen\n  freeze: none",
        1,
        "freeze is none, which releases all, beside old",
    ),
    "old units frozen, but no new ones": (
        AT_3 + "  freeze: old\n  sets: {batch_size: 2}",
        1,
        "found freeze: old, about new units, but no size grows",
    ),
    "units that firefly would split of a frozen layer": (
        AT_3 + "  freeze: [a]\n- after_epoch: 5\n  firefly: {budget: 40}",
        3,
        "firefly splits units that growth.0. has frozen",
    ),
    "a search that freezes": (
        AT_3 + "  freeze: [a]\n  firefly: {budget: 40}",
        1,
        "found freeze beside firefly",
    ),
    "layers to freeze that are not there": (
        AT_3 + "  width: 9\n  freeze: [mlp.hiden_0, first.weights, head]",
        1,
        "freeze names mlp.hiden_0, but no layer .*; did you mean mlp.hidden_0",
    ),
    "a frozen layer that would read copies": (
        AT_3 + "  width: 9\n  freeze: [mlp.hidden_0]",
        1,
        "mlp.hidden_0.linear.weight is frozen, but the growth changes it; use "
        "symmetry: fresh",
    ),
    "a layer that was frozen and would read copies": (
        AT_3 + "  freeze: [mlp]\n- after_epoch: 5\n  width: 9",
        3,
        "mlp.hidden_0.linear.weight is frozen, but the growth changes it",
    ),
    "all weights frozen": (
        AT_3 + '  freeze: ["*"]',
        1,
        "freezes all weights, so that none is left to train",
    ),
    "old units that melt": (
        AT_3 + "  width: 9\n  old: thawed",
        1,
        "old is 'thawed'; it must be frozen, or left out",
    ),
    "frozen units that would send less": (
        AT_3 + "  width: 9\n  old: frozen\n  symmetry: shares",
        1,
        "old is frozen, but symmetry shares changes what old units send",
    ),
    "copies of frozen units": (
        AT_3 + "  width: 9\n  old: frozen\n- after_epoch: 5\n  width: 10",
        4,
        r"symmetry shares would change units that growth.0. has frozen",
    ),
    "a freeze of nothing": (
        AT_3 + "  old: frozen\n  sets: {batch_size: 2}",
        1,
        "found old, about new units, but no size grows",
    ),
    # Conditions
    "no condition": ("- width: 9", 1, "found no condition"),
    "two conditions": (
        AT_3 + "  every_epochs: 2\n  width: 9",
        1,
        "found after_epoch and every_epochs; .*; combine several by any_of",
    ),
    "a misspelt condition": (
        "- after_epochs: 3\n  width: 9",
        1,
        "found no condition; did you mean after_epoch",
    ),
    "an argument that is misspelt": (
        f"- on_plateau: {{{LOSS}, patients: 3}}\n  width: 9",
        1,
        "on_plateau: found metric, patients; did you mean patience",
    ),
    "no metric": (
        "- on_plateau: {patience: 3}\n  width: 9",
        1,
        "on_plateau: found patience; it takes .* of which metric must be given",
    ),
    "a metric that is a number": (
        "- on_plateau: 3\n  width: 9",
        1,
        "on_plateau: metric is 3; it must be the name of a metric",
    ),
    "a metric that nobody reports": (
        "- on_plateau: PER\n  width: 9",
        1,
        "there is no metric 'PER'; the recipe reports loss, BLEU, score",
    ),
    "a misspelt metric": (
        "- on_plateau: los\n  width: 9",
        1,
        "there is no metric 'los'; did you mean loss",
    ),
    "a metric inside that nobody reports": (
        "- any_of: [{every_epochs: 3}, {on_plateau: WER}]\n  width: 9",
        1,
        "there is no metric 'WER'",
    ),
    "a direction that is not known": (
        "- on_plateau: score\n  width: 9",
        1,
        "not known which values of score are better; give better: lower",
    ),
    "a direction that is none": (
        "- on_plateau: {metric: score, better: up}\n  width: 9",
        1,
        "on_plateau: better is 'up'; it must be lower or higher",
    ),
    "patience of none": (
        f"- on_plateau: {{{LOSS}, patience: 0}}\n  width: 9",
        1,
        "patience is 0; it must be a whole number, at least 1",
    ),
    "by hand, but not": (
        "- by_hand: False\n  width: 9",
        1,
        "by_hand: wait is False; it must be True",
    ),
    "no conditions to combine": (
        "- any_of: []\n  width: 9",
        1,
        r"any_of: conditions is \[\]; it must be a list of conditions",
    ),
    "a size among conditions": (
        "- any_of: [{width: 3}]\n  width: 9",
        1,
        r"found \{'width': 3\}; it must be one condition such as",
    ),
    "two conditions in one": (
        "- all_of: [{every_epochs: 3, after_epoch: 4}]\n  width: 9",
        1,
        "it must be one condition such as",
    ),
    # Dates
    "a date that is none": (
        "- after_epoch: soon\n  width: 9",
        1,
        "epoch is 'soon'; it must be a whole number, at least 0, or a share",
    ),
    "half an epoch": ("- after_epoch: 2.5\n  width: 9", 1, "epoch is 2.5"),
    "the last epoch": (
        "- after_epoch: 10\n  width: 9",
        1,
        "epoch is 10, but the last epoch is 10; .* after 9 at most",
    ),
    "a date inside that is too late": (
        "- any_of: [{after_epoch: 12}, {on_plateau: loss}]\n  width: 9",
        1,
        "epoch is 12, but the last epoch is 10",
    ),
    "more than all": (
        "- after_epoch: 120 %\n  width: 9",
        1,
        "epoch is '120 %'; it must be .* such as 35 %",
    ),
    "a share of nothing": ("- after_step: 0 %\n  width: 9", 1, "step is '0 %'"),
    "a share of steps that nobody counts": (
        "- after_step: 35 %\n  width: 9",
        1,
        "35 % of the run's steps, but their number is not fixed; give a number",
    ),
    "a share of MACs that nobody fixed": (
        "- after_macs: 35 %\n  width: 9",
        1,
        "35 % of the run's MACs, but their number is not fixed; .* a budget",
    ),
    "MACs below zero": ("- after_macs: -1\n  width: 9", 1, "macs is -1; it mu"),
    "dates out of order": (
        AT_3 + "  width: 9\n- after_epoch: 2\n  width: 10",
        3,
        r"comes after growth\[0\] in the list, whose epoch is 3",
    ),
    "two at one date": (
        AT_3 + "  width: 9\n- after_epoch: 30 %\n  width: 10",
        3,
        r"comes after growth\[0\] in the list, whose epoch is 3",
    ),
    # Conditions that contradict each other, or can never be fulfilled
    "a window that ends before it begins": (
        f"- on_plateau: {{{LOSS}, not_before: 6, not_after: 4}}\n  width: 9",
        1,
        "not_before is 6 and not_after 4; give a later not_after",
    ),
    "a window that begins too late": (
        f"- on_plateau: {{{LOSS}, not_before: 10}}\n  width: 9",
        1,
        "not_before is 10, but the last epoch is 10",
    ),
    "a window that is over": (
        f"- after_epoch: 6\n  width: 9\n- on_plateau: {{{LOSS}, not_after: 4}}"
        "\n  width: 10",
        3,
        "not_after is 4, but the growths before it come after epoch 6",
    ),
    "a wait that is too long": (
        "- every_epochs: 6\n  width: 9\n- every_epochs: 5\n  width: 10",
        3,
        "can happen after epoch 11 at the earliest, but the last epoch is 10",
    ),
    "more steps than epochs": (
        "- every_epochs: 4\n  towards: {width: 32}\n  steps: 3",
        1,
        "can happen after epoch 12 at the earliest",
    ),
    "by hand and more": (
        "- all_of: [{by_hand: True}, {on_plateau: loss}]\n  width: 9",
        1,
        "all_of: by_hand is never due by itself, .*; drop it",
    ),
    # Sizes
    "no size": ("- after_epoch: 3", 1, "found no size; name at least one"),
    "a factor": (AT_3 + "  width: 1.5", 1, r"width is 1.5; .*never a factor"),
    "a size of zero": (AT_3 + "  width: 0", 1, "a size must be a whole number"),
    "a tuple within braces": (
        "- {after_epoch: 3, hidden: (9, 16)}",
        1,
        "braces cut it at its comma; write a list",
    ),
    "a misspelt size": (
        AT_3 + "  widht: 9",
        1,
        "the model has no size 'widht'; did you mean width",
    ),
    "a size that shrinks": (
        AT_3 + "  width: 4",
        1,
        "width is 8 and would shrink to 4; growth only adds units",
    ),
    "a list that gets shorter": (
        AT_3 + "  hidden: [32]",
        1,
        "it must stay a list of 2 numbers, or more",
    ),
    "a size that is there": (AT_3 + "  width: 8", 1, "has these sizes already"),
    "a birth of no kind": (
        AT_3 + "  hidden: [8, 16, 16]\n  birth: sideways",
        1,
        "birth is 'sideways'; it must be one of gate, identity, copy",
    ),
    # Amounts
    "nothing to add": (
        AT_3 + "  adds: {}",
        1,
        r"adds is \{\}; it must be a ma",
    ),
    "less than nothing": (
        AT_3 + "  adds: {width: -8}",
        1,
        "adds: width is -8; a size must be a whole number above 0",
    ),
    "more of what is not there": (
        AT_3 + "  adds: {depth: 8}",
        1,
        "the model has no size 'depth'",
    ),
    "a list for a number": (
        AT_3 + "  adds: {width: [8, 8]}",
        1,
        r"adds: width is \[8, 8\], but the model has 8; give 1 number",
    ),
    "a list of another length": (
        AT_3 + "  adds: {hidden: [8]}",
        1,
        r"adds: hidden is \[8\], but the model has \[8, 16\]; give 2 numbers",
    ),
    "a cap of what is not added": (
        AT_3 + "  adds: {width: 8}\n  at_most: {hidden: 64}",
        1,
        "at_most names a size that adds does not",
    ),
    "a cap that is passed already": (
        AT_3 + "  adds: {width: 8}\n  at_most: {width: 6}",
        1,
        "at_most: width is 6, but the model has 8; give more",
    ),
    "a size that is added and set": (
        AT_3 + "  adds: {width: 8}\n  width: 32",
        1,
        "width is given by a size and adds; keep one of them",
    ),
    "towards without steps": (
        AT_3 + "  towards: {width: 32}",
        1,
        "found one of towards and steps; give both",
    ),
    "steps without towards": (
        AT_3 + "  width: 32\n  steps: 3",
        1,
        "found one of towards and steps; give both",
    ),
    "steps of another kind": (
        AT_3 + "  towards: {width: 32}\n  steps: 3\n  equal: units",
        1,
        "equal is 'units'; it must be width or macs",
    ),
    "equal of nothing": (
        AT_3 + "  width: 32\n  equal: macs",
        1,
        "equal says how the steps of towards are alike; drop it",
    ),
    "a goal that is smaller": (
        "- every_epochs: 2\n  towards: {width: 4}\n  steps: 2",
        1,
        "width is 8 and would shrink to 4",
    ),
    "a size many times": (
        AT_3 + "  width: 32\n  max_times: 3",
        1,
        "max_times repeats adds, choose or firefly; sizes are reached once",
    ),
    "no times": (
        AT_3 + "  adds: {width: 8}\n  max_times: 0",
        1,
        "max_times is 0; it must be a whole number above 0",
    ),
    "a limit in words": (
        AT_3 + "  width: 32\n  max_params: few",
        1,
        "max_params is 'few'; it must be a number above 0",
    ),
    "a limit that is passed at once": (
        AT_3 + "  adds: {width: 8}\n  max_macs: 1.0e+2",
        1,
        "would pass max_params or max_macs, or adds nothing; raise the limit",
    ),
    # Choices
    "a choice of one": (
        AT_3 + "  choose: {wide: {width: 9}}",
        1,
        "must name at least two candidates",
    ),
    "a choice and a size": (
        AT_3 + "  choose: {a: {width: 9}, b: {width: 10}}\n  hidden: [9, 16]",
        1,
        "found choose beside other sizes; put them into each candidate",
    ),
    "a candidate without a size": (
        AT_3 + "  choose: {a: {width: 9}, b: {}}",
        1,
        "choose: b: found no size",
    ),
    "a candidate with steps": (
        AT_3 + "  choose: {a: {width: 9}, b: {towards: {width: 9}, steps: 2}}",
        1,
        "choose: b: found towards; a candidate has sizes",
    ),
    "a candidate that shrinks": (
        AT_3 + "  choose: {a: {width: 9}, b: {hidden: [4, 16]}}",
        1,
        "would shrink to",
    ),
    "a candidate that is there": (
        AT_3 + "  choose: {a: {width: 9}, b: {width: 8}}",
        1,
        "choose: b: the model has these sizes already",
    ),
    "a size below that of a candidate": (
        AT_3 + "  choose: {a: {width: 32}, b: {hidden: [9, 16]}}\n"
        "- after_epoch: 5\n  width: 16",
        3,
        "width is 32 and would shrink to 16",
    ),
    "steps of no choice": (
        AT_3 + "  width: 9\n  choose_steps: 5",
        1,
        "choose_steps says how choose measures; drop it",
    ),
    # A search
    "a search without a budget": (
        AT_3 + "  firefly: {new: 4}",
        1,
        "firefly: found no budget; give one of budget",
    ),
    "a search with two budgets": (
        AT_3 + "  firefly: {budget: 40, macs: 40}",
        1,
        "firefly: found budget and macs; give one of",
    ),
    "a search with a misspelt key": (
        AT_3 + "  firefly: {budget: 40, size: [width]}",
        1,
        "firefly has no key 'size'; did you mean sizes",
    ),
    "a search from no batches": (
        AT_3 + "  firefly: {budget: 40, batches: 0}",
        1,
        "firefly: batches is 0; it must be a whole number above 0",
    ),
    "a search of no sizes": (
        AT_3 + "  firefly: {budget: 40, sizes: width}",
        1,
        "firefly: sizes is 'width'; it must be a list of sizes",
    ),
    "a search beside sizes": (
        AT_3 + "  firefly: {budget: 40}\n  width: 9",
        1,
        "found firefly beside other sizes",
    ),
    "a search with layers in words": (
        AT_3 + "  firefly: {budget: 40, layers: some}",
        1,
        "firefly: layers is 'some'; it must be True or False",
    ),
    "a search as a candidate of a choice": (
        AT_3 + "  choose: {a: {width: 9}, b: {firefly: {budget: 40}}}",
        1,
        "choose: b: found firefly with choose: .*; let firefly stand alone, with",
    ),
    "a search beside a choice": (
        AT_3
        + "  firefly: {budget: 40}\n  choose: {a: {width: 9}, b: {width: 10}}",
        1,
        "found firefly with choose: .*; let firefly stand alone, with sizes",
    ),
    "a search that is told how units begin": (
        AT_3 + "  firefly: {budget: 40}\n  symmetry: fresh",
        1,
        "found symmetry beside firefly, which finds out how new",
    ),
    "a search of frozen units": (
        AT_3
        + "  width: 9\n  old: frozen\n- after_epoch: 5\n  firefly: {budget: 40}",
        4,
        r"firefly splits units that growth\[0\] has frozen; use adds",
    ),
    "a size that a search may have passed": (
        AT_3 + "  firefly: {budget: 40}\n- after_epoch: 5\n  width: 9",
        3,
        r"width: nobody knows beforehand what firefly of growth\[0\] makes of",
    ),
    "a search of a size that is not there": (
        AT_3 + "  firefly: {budget: 40, sizes: [wide]}",
        1,
        "firefly: the model has no size 'wide'",
    ),
    "a search below one unit": (
        AT_3 + "  firefly: {budget: 4}",
        1,
        "budget is 4, but one unit or layer adds [0-9]+ or more",
    ),
    # Other keys
    "a misspelt key": (
        AT_3 + "  width: 9\n  symmetryy: fresh",
        1,
        "there is no key 'symmetryy'; did you mean symmetry",
    ),
    "symmetry for ever": (
        AT_3 + "  width: 9\n  symmetry: equal",
        1,
        "the copies of a unit stay identical for ever; use shares",
    ),
    "another optimizer": (
        AT_3 + "  width: 9\n  optimizer: adam",
        1,
        "optimizer is 'adam'; it must be carry or reset",
    ),
    "a second growth that is wrong": (
        AT_3 + "  width: 9\n- after_epoch: 5\n  width: wide",
        3,
        "width is 'wide'; a size must be a whole number above 0",
    ),
}
