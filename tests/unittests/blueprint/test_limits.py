"""Overrides run no code, and no YAML may grow beyond all bounds

Authors
 * The speechbrain_growth authors 2026
"""

import ast
import importlib.util
import os
from pathlib import Path

import pytest
import ruamel.yaml

from speechbrain_growth.blueprint.blueprint import Blueprint
from speechbrain_growth.blueprint.limits.classes import LIBRARIES, LOADERS
from speechbrain_growth.blueprint.limits.expanding import MOST, expanded
from speechbrain_growth.errors import GrowthError

TEXT = """
seed: 3
width: 4
title: a
kernel: (3, 3)
pair: !ref (<title>, 1)
growth: []
opts: {shuffle: True}
opt_class: !name:torch.optim.Adam
    lr: 0.5
optimizers:
    adam: !name:torch.optim.Adam {lr: 0.5}
annealing: !new:speechbrain.nnet.schedulers.NewBobScheduler
    initial_value: 0.5
cost: !name:torch.nn.functional.cross_entropy
net: !new:torch.nn.Linear [3, !ref <width>]
modules: {net: !ref <net>}
"""


@pytest.fixture
def path(tmp_path):
    """A recipe's YAML, with a folder of schedules above it"""
    (tmp_path / "hparams" / "schedules").mkdir(parents=True)
    schedule = tmp_path / "hparams" / "schedules" / "twice.yaml"
    schedule.write_text("- {after_epoch: 1, width: 8}\n")
    own = tmp_path / "recipes" / "hparams"
    own.mkdir(parents=True)
    (own / "grow.yaml").write_text(TEXT)
    (own / "mine.yaml").write_text("- {after_epoch: 2, width: 9}\n")
    return own / "grow.yaml"


# {made}: a folder that these would make, if they could
CODE = {
    "apply": "seed: !apply:os.mkdir [{made}]",
    "apply, in a list": "growth: [{{after: !apply:os.mkdir [{made}]}}]",
    "apply, in a mapping": "opts: {{a: {{b: !apply:os.mkdir [{made}]}}}}",
    "apply, as an argument": (
        "opt_class: !name:torch.optim.SGD {{lr: !apply:os.mkdir [{made}]}}"
    ),
    "apply, as a key": "opts: {{? !apply:os.mkdir [{made}] : 1}}",
    "apply, in a set of keys": "opts: {{<<: {{a: !apply:os.mkdir [{made}]}}}}",
    "apply, behind an anchor": (
        "opts: &a {{b: 1}}\nseed: [*a, !apply:os.mkdir [{made}]]"
    ),
    "apply, spelt out": "seed: !<!apply:os.mkdir> [{made}]",
    "apply, by a directive": "%TAG !e! !apply:\n---\nseed: !e!os.mkdir [{made}]",
    "apply, by another directive": (
        "%TAG ! !apply:\n---\nseed: !os.mkdir [{made}]"
    ),
    "applyref": "seed: !applyref:os.mkdir [{made}]",
    "python's own": "seed: !!python/object/apply:os.mkdir [{made}]",
    "python's own, new": (
        "seed: !!python/object/new:subprocess.Popen [[mkdir, {made}]]"
    ),
    "new": "seed: !new:subprocess.Popen {{args: [mkdir, {made}]}}",
    "new, for an object": (
        "annealing: !new:subprocess.Popen {{args: [mkdir, {made}]}}"
    ),
    "new, within a library": (
        "annealing: !new:torch.nn.modules.module.functools.partial "
        "[!name:os.mkdir , {made}]"
    ),
    "a tuple": ("kernel: (!!python/object/apply:os.mkdir [{made}])"),
    "a tuple in quotes": ("title: '(!!python/object/apply:os.mkdir [{made}])'"),
    "a tuple with a tag": (
        "kernel: !tuple (!!python/object/apply:os.mkdir [{made}])"
    ),
    "a tuple by reference": (
        "title: '!!python/object/apply:os.mkdir [{made}]'"
    ),
}


@pytest.fixture
def first(monkeypatch):
    """As if the process had not loaded any hyperpyyaml file before"""
    known = [
        resolver
        for resolver in ruamel.yaml.resolver.implicit_resolvers
        if "!tuple" not in resolver
    ]
    monkeypatch.setattr(ruamel.yaml.resolver, "implicit_resolvers", known)


@pytest.mark.parametrize("kind", CODE)
def test_no_code_is_run(kind, path, tmp_path, first):
    text = CODE[kind].format(made=tmp_path / "made")
    with pytest.raises(GrowthError):
        Blueprint(str(path), text).load()
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("kind", [k for k in CODE if "directive" not in k])
def test_nor_by_overrides_that_are_a_mapping(kind, path, tmp_path, first):
    text = CODE[kind].format(made=tmp_path / "made")
    with pytest.raises(GrowthError):
        Blueprint(str(path), ruamel.yaml.YAML().load(text)).load()
    assert not (tmp_path / "made").exists()


WANTED = (
    "use a plain value, !ref <key>, !include: of a schedule, or another class "
    "where the YAML names one"
)
REFUSED = [
    ("seed: !apply:os.getpid []", f"seed is !apply:os.getpid; {WANTED}"),
    ("opts: {a: [!module:os ]}", f"opts[a][0] is !module:os; {WANTED}"),
    ("seed: !copy <width>", f"seed is !copy; {WANTED}"),
    ("width: !name:torch.nn.ReLU", f"width is !name:torch.nn.ReLU; {WANTED}"),
    (
        "cost: !new:torch.nn.CrossEntropyLoss",
        f"cost is !new:torch.nn.CrossEntropyLoss; {WANTED}",
    ),
    (
        "opt_class: !name:os.system",
        "opt_class is !name:os.system, but os.system is in none of "
        f"{', '.join(LIBRARIES)}; name another one of the same kind",
    ),
    (
        "cost: !name:torch.nn.parallel.distributed.os.system",
        "cost is !name:torch.nn.parallel.distributed.os.system, but "
        "torch.nn.parallel.distributed.os.system is defined in posix; name "
        "another one of the same kind",
    ),
    (
        "opt_class: !name:torch.nn.modules.module.functools.partial",
        "opt_class is !name:torch.nn.modules.module.functools.partial, but "
        "torch.nn.modules.module.functools.partial is defined in functools; "
        "name another one of the same kind",
    ),
    (
        "cost: !name:torch.nn.CrossEntropyLoss",
        "cost is !name:torch.nn.CrossEntropyLoss, but "
        "torch.nn.CrossEntropyLoss is a class, and "
        "torch.nn.functional.cross_entropy is a function; name another one of "
        "the same kind",
    ),
    (
        "net: !new:speechbrain.lobes.models.beats.BEATs {ckp_path: a.pt}",
        "net is !new:speechbrain.lobes.models.beats.BEATs, but "
        "speechbrain.lobes.models.beats.BEATs loads a file that may run code; "
        "name another one of the same kind",
    ),
    (
        "net: !new:speechbrain_growth.Blueprint {hparams_file: a.yaml}",
        "net is !new:speechbrain_growth.Blueprint, but "
        "speechbrain_growth.Blueprint is defined in "
        "speechbrain_growth.blueprint.blueprint; name another one of the same "
        "kind",
    ),
    (
        "title: !ref <net.forward>",
        "title is !ref <net.forward>; it may refer to keys, not to attributes",
    ),
    (
        "title: !ref <seed>**<seed>",
        "title is !ref <seed>**<seed>; it may use + - * / and no power or "
        "quotes",
    ),
    (
        "title: 9**9**9**9",
        "title is '9**9**9**9'; it may have no ** and no * beside a quote",
    ),
    (
        """title: "'a' * 99999999999\"""",
        """title is "'a' * 99999999999"; it may have no ** and no * beside""",
    ),
    (
        "growth: !include:../../elsewhere.yaml",
        "growth is !include:../../elsewhere.yaml; an override may include a "
        "file of the YAML's own folder or of hparams/schedules above it",
    ),
    (
        "growth: !include:/etc/passwd",
        "growth is !include:/etc/passwd; an override may include a file of "
        "the YAML's own folder or of hparams/schedules above it",
    ),
    ("growth: !include:link.yaml", "growth is !include:link.yaml; an override"),
    ("growth: !include:code.yaml", "growth[0] is !apply:os.getpid; use"),
    ("growth: !include:%6dine.yaml", None),
    (
        "growth: !include:%256dine.yaml",
        f"growth is !include:%6dine.yaml; {WANTED}",
    ),
]


@pytest.mark.parametrize("text, message", REFUSED)
def test_what_is_refused_is_named(text, message, path, tmp_path):
    (tmp_path / "elsewhere.yaml").write_text("- 1\n")
    (path.parent / "link.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    (path.parent / "code.yaml").write_text("[!apply:os.getpid []]\n")
    if message is None:  # an escaped character is read, then treated alike
        assert Blueprint(str(path), text).value("growth")[0]["width"] == 9
        return
    with pytest.raises(GrowthError) as raised:
        Blueprint(str(path), text)
    (problem,) = raised.value.problems
    assert problem.startswith(f"the command line: {message}")


def test_a_linked_yaml_includes_what_is_beside_the_file_itself(path, tmp_path):
    (tmp_path / "linked.yaml").symlink_to(path)
    (tmp_path / "mine.yaml").write_text("[!apply:os.getpid []]\n")
    linked = str(tmp_path / "linked.yaml")
    blueprint = Blueprint(linked, "growth: !include:mine.yaml")
    assert blueprint.value("growth")[0]["width"] == 9
    (path.parent / "mine.yaml").write_text("[!apply:os.getpid []]\n")
    (tmp_path / "mine.yaml").write_text("- {width: 9}\n")
    with pytest.raises(GrowthError, match=r"growth\[0\] is !apply:os.getpid"):
        Blueprint(linked, "growth: !include:mine.yaml")


def test_an_object_of_python_is_no_override(path):
    with pytest.raises(GrowthError, match="the command line: cannot represent"):
        Blueprint(str(path), {"seed": object()})


def test_everything_is_named_at_once(path):
    text = "seed: !apply:os.getpid []\ntitle: !module:os\nwidht: 3\n"
    with pytest.raises(GrowthError) as raised:
        Blueprint(str(path), text)
    assert len(raised.value.problems) == 3


TAKEN = [
    ("opt_class: !name:torch.optim.AdamW {lr: 0.1}", "opt_class"),
    ("optimizers: {adam: !name:torch.optim.SGD {lr: 0.1}}", "optimizers"),
    ("annealing: !new:torch.nn.Identity", "annealing"),
    ("cost: !name:torch.nn.functional.nll_loss", "cost"),
    ("net: !new:speechbrain_growth.MLP [3, [4], 2]", "net"),
    (
        "net: !new:speechbrain.lobes.models.VanillaNN.VanillaNN\n"
        "    input_shape: [1, 1, 3]\n    dnn_neurons: !ref <width>",
        "net",
    ),
    ("width: !ref <seed> + 2 * <seed>", "width"),
    ("opts: {a: '!apply is a word here'}", "opts"),
    ("title: 2020-01-01", "title"),
    ("kernel: !tuple (6,12)", "kernel"),
    ("opts: &a {b: 1, c: [2, null, .inf]}", "opts"),
    ("growth: !include:mine.yaml", "growth"),
    ("growth: !include:../../hparams/schedules/twice.yaml", "growth"),
]


@pytest.mark.parametrize("text, key", TAKEN)
def test_what_an_override_may_be(text, key, path):
    before = Blueprint(str(path)).load()[key]
    after = Blueprint(str(path), text).load()[key]
    assert str(after) != str(before)


def test_a_module_of_python_is_no_library(path):
    path.write_text(TEXT + "call: !name:builtins.print\n")
    message = "call is !name:builtins.exec, but builtins.exec is defined in"
    with pytest.raises(GrowthError, match=message):
        Blueprint(str(path), "call: !name:builtins.exec")


def test_a_yaml_itself_and_its_base_are_programs(path):
    own = path.parent / "own.yaml"
    own.write_text("base: grow.yaml\nseed: !apply:os.getpid []\n")
    assert Blueprint(str(own)).load()["seed"] == os.getpid()


def sources():
    """The files of all libraries that an override may name a class of"""
    for library in LIBRARIES:
        spec = importlib.util.find_spec(library)
        for folder in spec.submodule_search_locations or ():
            for path in sorted(Path(folder).rglob("*.py")):
                below = path.relative_to(folder).with_suffix("").parts
                yield ".".join([library, *below]), path


# What a constructor may call that runs code which an argument names
RUNS = (
    "eval exec system Popen import_module loads torch.load pickle.load "
    "jit.load from_pretrained load_model_ensemble_and_task download"
).split()


def test_no_constructor_of_a_library_loads_what_an_argument_names():
    found = set()
    for name, path in sources():
        text = path.read_text(encoding="utf-8")
        if "load" not in text and "eval(" not in text and "exec" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                calls = (n for n in ast.walk(node) if isinstance(n, ast.Call))
                words = (ast.unparse(call.func) for call in calls)
                if any(
                    word == run or word.endswith(f".{run}")
                    for word in words
                    if not word.endswith(".eval")  # of a torch module
                    for run in RUNS
                ):
                    found.add(name)
    assert found, "nothing was looked at"
    unknown = {n for n in found if not f"{n}.".startswith(LOADERS)}
    assert unknown == set()


def bomb(link, levels=7):
    """Ten times the value before, some times in a row"""
    lines = ["title: " + link(0, "[1, 2]")]
    for level in range(1, levels):
        names = ", ".join([link(level - 1)] * 10)
        lines.append(f"{KEYS[level]}: {link(level, f'[{names}]')}")
    return "\n".join(lines)


KEYS = ["title", "seed", "width", "kernel", "growth", "opts", "pair"]


def by_alias(level, value=None):
    """An anchor, or an alias of it"""
    return f"*a{level}" if value is None else f"&a{level} {value}"


def by_reference(level, value=None):
    """A value, or a reference to it"""
    return f"!ref <{KEYS[level]}>" if value is None else value


def by_text(level, value=None):
    """A value, or a reference to it in a text"""
    return f"<{KEYS[level]}>" if value is None else value


@pytest.mark.parametrize("link", [by_alias, by_reference])
@pytest.mark.parametrize("where", ["override", "file", "base", "include"])
def test_a_few_lines_do_not_hang(link, where, path):
    text = bomb(link)
    own = path.parent / "own.yaml"
    overrides = text if where == "override" else None
    if where == "file":
        own.write_text(text + "\nmodules: {}\n")
    elif where == "base":
        own.write_text(f"base: grow.yaml\n{text}\n")
    elif where == "include":
        (path.parent / "mine.yaml").write_text(text)
        own.write_text(TEXT)
        overrides = "growth: !include:mine.yaml"
    else:
        own.write_text(TEXT)
    with pytest.raises(GrowthError, match="it has [0-9,]+ values once its"):
        Blueprint(str(own), overrides)


def test_nor_does_a_text_that_names_another_ten_times(path):
    lines = ["title: xxxxxxxxxx"]
    for before, key in zip(KEYS, KEYS[1:]):
        lines.append(f"{key}: !ref {f'<{before}>' * 10}")
    with pytest.raises(GrowthError, match="values once its references are"):
        Blueprint(str(path), "\n".join(lines))


@pytest.mark.parametrize(
    "text",
    [
        "opts: &a [*a]",
        "opts: [!ref <opts>]",
        "title: !ref <opts>x\nopts: !ref <title>y",
        "growth: !include:round.yaml",
        "opts: " + "[" * 400 + "]" * 400,
    ],
)
def test_a_circle_ends_in_a_message(text, path):
    (path.parent / "round.yaml").write_text("[!include:round.yaml ]\n")
    with pytest.raises(GrowthError):
        Blueprint(str(path), text)


def test_a_reference_within_its_own_mapping_is_no_circle(path):
    path.write_text(TEXT + "constants:\n  a: 3\n  b: !ref <constants[a]>\n")
    assert Blueprint(str(path)).value("constants")["b"] == 3


@pytest.mark.parametrize("levels", [1, 2, 4])
def test_the_count_is_that_of_the_values_written_out(levels):
    """Compared with the nodes of a copy that shares nothing"""
    tree = [1, {"a": 2}]
    for _ in range(levels):
        tree = [tree] * 3

    def nodes(node):
        """Counted one by one"""
        if isinstance(node, dict):
            node = list(node.values())
        return 1 + sum(map(nodes, node)) if isinstance(node, list) else 1

    assert expanded({"a": tree}) == 1 + nodes(tree) < MOST
