"""Tests that the command ``plan`` answers any recipe with a table or a message.

Authors
 * The speechbrain_growth authors 2026
"""

import pytest
import torch

from speechbrain_growth.__main__ import main

torch.set_num_threads(1)

HEAD = """
number_of_epochs: 3
growth: []
growth_schedule: !new:speechbrain_growth.GrowthSchedule
    growth: !ref <growth>
growth_log: !new:speechbrain_growth.GrowthLog
    save_file: growth_log.jsonl
    example_shape: [1, 3]
"""
NO_MODULE = "; it must be a mapping of names to modules (torch.nn.Module)"
SHAPE = "{yaml}, line 6: growth_log: an example of shape (1, 3) does not go through "
CHAIN = (
    "; each of modules must run on what the one before it returns, and on "
    "nothing else"
)
NO_COST = (
    "{yaml}, line 6: growth_log: an example costs nothing, as no module multiplies matrices "
    "or convolves; name those that train in modules"
)


def refused(tmp_path, *lines, given=()):
    """What the command answers instead of a table, without paths"""
    path = tmp_path / "hparams.yaml"
    path.write_text("\n".join([HEAD, *lines, ""]), encoding="utf-8")
    with pytest.raises(SystemExit) as end:
        main(["plan", str(path), *given])
    words = str(end.value.code).replace(str(path), "{yaml}")
    return words.replace("error: ", "", 1)


class Attends(torch.nn.Linear):
    """Needs more than what the module before it returns, as a decoder does"""

    def forward(self, inputs, states, lengths):
        """Of three arguments"""
        return super().forward(inputs) + states + lengths


class Fails(torch.nn.Linear):
    """Fails without a word"""

    def forward(self, inputs):
        """Raises"""
        raise AssertionError


class Several(torch.nn.Linear):
    """Returns what no module takes"""

    def forward(self, inputs):
        """Of a mapping"""
        return {"hidden": super().forward(inputs)}


@pytest.mark.parametrize(
    "modules, message",
    [
        ("null", f"{{yaml}}: modules: found None{NO_MODULE}"),
        ("[1, 2]", f"{{yaml}}: modules: found [1, 2]{NO_MODULE}"),
        (
            "!new:torch.nn.ReLU",
            f"{{yaml}}: modules: found ReLU(){NO_MODULE}",
        ),
        (
            "{a: null, b: words}",
            f"{{yaml}}: modules: a is None; b is 'words'{NO_MODULE}",
        ),
        (
            "{3: !new:torch.nn.ReLU }",
            "{yaml}: modules: module name should be a string. Got int"
            + NO_MODULE,
        ),
        (
            "{a.b: !new:torch.nn.ReLU }",
            '{yaml}: modules: module name can\'t contain ".", got: a.b'
            + NO_MODULE,
        ),
        ("{}", NO_COST),
        ("{a: !new:torch.nn.ReLU }", NO_COST),
        ("{a: !new:torch.nn.Embedding [3, 4]}", NO_COST),
        (
            f"{{a: !new:torch.nn.Linear [3, 4], b: !new:{__name__}.Attends "
            "[4, 5]}",
            f"{SHAPE}b: Attends.forward() missing 2 required positional "
            f"arguments: 'states' and 'lengths'{CHAIN}",
        ),
        (
            f"{{a: !new:{__name__}.Fails [3, 4]}}",
            f"{SHAPE}a: AssertionError{CHAIN}",
        ),
        (
            f"{{a: !new:{__name__}.Several [3, 4], b: !new:torch.nn.Linear "
            "[4, 5]}",
            f"{SHAPE}b: 'dict' object has no attribute 'to'{CHAIN}",
        ),
    ],
)
def test_modules_that_cannot_be_planned(modules, message, tmp_path):
    assert refused(tmp_path, f"modules: {modules}") == message


def test_a_yaml_without_modules(tmp_path):
    assert refused(tmp_path) == (
        "{yaml}: there is no key 'modules'; it must name the modules in "
        "signal order"
    )


def test_keys_that_are_something_else(tmp_path):
    path = tmp_path / "hparams.yaml"
    path.write_text(
        "number_of_epochs: 3\ngrowth_schedule: [1]\ngrowth_log: text\n"
        "modules: {a: !new:torch.nn.Linear [3, 4]}\n"
    )
    with pytest.raises(SystemExit) as end:
        main(["plan", str(path)])
    assert end.value.code == (
        "error: 2 problems:\n"
        f"  - {path}, line 2: growth_schedule is [1]; it must be "
        "!new:speechbrain_growth.GrowthSchedule\n"
        f"  - {path}, line 3: growth_log is 'text'; it must be "
        "!new:speechbrain_growth.GrowthLog"
    )


OPEN = (
    "data_folder: !PLACEHOLDER",
    "classes: !PLACEHOLDER",
    "a: !new:torch.nn.Linear [3, !ref <classes>]",
    "modules: {a: !ref <a>}",
)


def test_a_number_that_is_left_open(tmp_path, capsys):
    words = refused(tmp_path, *OPEN)
    assert words.startswith("2 problems:\n  - {yaml}: a: Invalid argument")
    assert words.endswith(
        "\n  - {yaml} leaves classes open, and a plan may need it; give "
        "--classes=VALUE"
    )
    main(["plan", str(tmp_path / "hparams.yaml"), "--classes=4"])
    assert "classes 4 | 16" in capsys.readouterr().out


def test_what_a_base_leaves_open(tmp_path, capsys):
    refused(tmp_path, *OPEN)
    path = tmp_path / "wide.yaml"
    path.write_text("base: hparams.yaml\nclasses: 5\n")
    main(["plan", str(path)])
    assert "classes 5 | 20" in capsys.readouterr().out


def test_a_yaml_that_is_no_text(tmp_path):
    path = tmp_path / "hparams.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SystemExit, match="hparams.yaml: this is no text: "):
        main(["plan", str(path)])


class Normalized(torch.nn.Module):
    """As the last layer of ECAPA-TDNN: its own tensor meets the inputs"""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(outputs, inputs))

    def forward(self, inputs):
        """Of unit length"""
        return torch.nn.functional.normalize(inputs) @ self.weight.T


def test_the_last_module_may_tell_nothing_of_its_units(tmp_path, capsys):
    path = tmp_path / "hparams.yaml"
    lines = (
        "train_logger: {metric: [loss], better: lower}",  # of somebody else
        "width: 4",
        "a: !new:torch.nn.Linear [3, !ref <width>]",
        "b: !new:torch.nn.Linear [!ref <width>, 2]",
        f"c: !new:{__name__}.Normalized [2, 5]",
        "modules: {a: !ref <a>, b: !ref <b>, c: !ref <c>}",
        "",
    )
    path.write_text("\n".join([HEAD, *lines]))
    main(["plan", str(path), "--growth=[{after_epoch: 1, width: 6}]"])
    assert "width 6" in capsys.readouterr().out.splitlines()[-2]
