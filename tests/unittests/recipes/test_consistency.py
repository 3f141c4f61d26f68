"""SpeechBrain's rules for recipes and their YAMLs.

SpeechBrain checks them with its own `tests/consistency`, which is not
installable; the checks here are ours, so that a mistake shows without a
checkout of SpeechBrain.

Authors
 * The speechbrain_growth authors 2026
"""

import csv
import re
from pathlib import Path

import pytest

from speechbrain.utils.run_opts import RunOptions
from speechbrain_growth import Blueprint

ROOT = Path(__file__).resolve().parents[3]
RECIPES = ROOT / "recipes"
COLUMNS = (
    "Task,Dataset,Script_file,Hparam_file,Data_prep_file,Readme_file,"
    "Result_url,HF_repo,test_debug_flags,test_debug_checks,performance"
)
TABLES = {
    table.stem: list(csv.DictReader(table.open(encoding="utf-8")))
    for table in sorted((ROOT / "tests" / "recipes").glob("*.csv"))
}
ROWS = [
    pytest.param(dataset, row, id=row["Hparam_file"])
    for dataset, rows in TABLES.items()
    for row in rows
]
YAMLS = [
    path
    for path in sorted(RECIPES.rglob("*.yaml"))
    if "results" not in path.parts
]
RUN_OPTIONS = set(RunOptions().as_dict())


def name_of(path):
    """A path as people write it."""
    return str(path.relative_to(ROOT))


def keys_of(text):
    """Top-level keys of a YAML, in order."""
    return re.findall(r"^(\w+):", text, re.M)


def unread(text, script):
    """Top-level keys of a YAML that nothing reads, by SpeechBrain's rule.

    A ``!ref`` reads a key that stands above it; a script names the key
    literally, or the end of it in a formatted string, with no other bracket
    behind it on the line. ``!apply`` reads itself.
    """
    keys = []
    for line in text.splitlines():
        if not re.search(r"!!|!apply", line):
            keys += keys_of(line)
        if "!ref" in line and not line.startswith("#"):
            read = re.findall(r"<(\w+)[\[>]", line)
            keys = [key for key in keys if key not in read]
    ends = re.findall(r"\[f.{.*}(.*).\]", script)  # greedy, as theirs
    return {
        key
        for key in set(keys) - RUN_OPTIONS
        if not any(key.endswith(end) for end in ends)
        and not re.search(
            rf'\["{key}"\]|\b(hparams|modules)\.{key}\b'
            rf'|attr\(self\.hparams, "{key}"|hparams\.get\("{key}"',
            script,
        )
    }


@pytest.mark.parametrize(
    "text, script, missing",
    [
        ("a: 1", "hparams.a", set()),
        ("a: 1", "self.hparams.a_b", {"a"}),
        ("a: 1", 'hparams["a"]', set()),
        ("a: 1", "kwargs={'a': 1}", {"a"}),
        ("a: 1", "self.modules.a(x)", set()),
        ("a: 1", 'getattr(self.hparams, "a", None)', set()),
        ("a: 1", 'hparams.get("a")', set()),
        ("valid_csv: x", 'hparams[f"{part}_csv"]', set()),
        ("a_csv: x", '[hparams[f"{p}_csv"] for p in parts]', {"a_csv"}),
        ("a: 1\nb: !ref <a>", "hparams.b", set()),
        ("a: {x: 1}\nb: !ref <a[x]>", "hparams.b", set()),
        ("b: !ref <a>\na: 1", "hparams.b", {"a"}),  # objects above numbers
        ("a: 1\n# b: !ref <a>", "", {"a"}),
        ("a: 1\nb:\n    c: !ref <a>", "", {"b"}),
        ("__set_seed: !apply:seed [1]", "", set()),
        ("device: cpu", "", set()),
    ],
)
def test_the_rule_finds_a_key_that_nothing_reads(text, script, missing):
    assert unread(text, script) == missing


def test_every_dataset_has_its_table():
    folders = {path.name for path in RECIPES.iterdir() if path.is_dir()}
    assert folders == set(TABLES)


@pytest.mark.parametrize("dataset", TABLES)
def test_a_table_lists_every_yaml_of_its_dataset_once(dataset):
    listed = [row["Hparam_file"] for row in TABLES[dataset]]
    found = [name_of(p) for p in YAMLS if p.is_relative_to(RECIPES / dataset)]
    assert sorted(listed) == found


@pytest.mark.parametrize("dataset, row", ROWS)
def test_a_row_names_the_files_of_one_recipe(dataset, row):
    assert ",".join(row) == COLUMNS
    recipe = (ROOT / row["Script_file"]).parent
    assert (ROOT / row["Script_file"]).is_file()
    assert (ROOT / row["Hparam_file"]).parent == recipe / "hparams"
    assert row["Dataset"] == dataset
    assert recipe.relative_to(RECIPES).parts[:2] == (dataset, row["Task"])
    readme = (ROOT / row["Readme_file"]).read_text(encoding="utf-8")
    assert (ROOT / row["Readme_file"]).parent == recipe
    for link in (row["Result_url"] + " " + row["HF_repo"]).split():
        assert link in readme
    # One script at the root of the dataset, and links to it below
    script = ROOT / row["Data_prep_file"]
    assert script.is_symlink()
    assert script.resolve() == RECIPES / dataset / script.name


@pytest.mark.parametrize("dataset, row", ROWS)
def test_a_row_says_how_to_try_the_recipe(dataset, row):
    text = (ROOT / row["Hparam_file"]).read_text(encoding="utf-8")
    flags = dict(re.findall(r"--(\w+)=(\S+)", row["test_debug_flags"]))
    assert flags and set(flags) <= {*keys_of(text), *RUN_OPTIONS}
    checks = re.fullmatch(
        r"file_exists=\[[^]]+\] "
        r"performance_check=\[train_log.txt, train loss, <=[\d.]+, "
        r"epoch: (\d+)\]",
        row["test_debug_checks"],
    )
    path = str(ROOT / row["Hparam_file"])
    given = Blueprint(path, {"data_folder": "data"})
    epochs = given.value("epoch_counter")["limit"]
    assert int(checks[1]) <= int(flags.get("number_of_epochs", epochs))


@pytest.mark.parametrize("dataset, row", ROWS)
def test_every_key_is_read(dataset, row):
    script = (ROOT / row["Script_file"]).read_text(encoding="utf-8")
    text = (ROOT / row["Hparam_file"]).read_text(encoding="utf-8")
    assert unread(text, script) == set()


@pytest.mark.parametrize("path", YAMLS, ids=name_of)
def test_a_recipes_yaml_is_complete(path):
    text = path.read_text(encoding="utf-8")
    keys = keys_of(text)
    assert keys[:2] == ["seed", "__set_seed"] and len(keys) == len(set(keys))
    assert {"data_folder", "output_folder", "skip_prep"} <= set(keys)
    # What only changes another file is a variant: see hparams/variants/
    assert "base" not in keys
    for line in ("Model", "Data", "Authors"):
        assert re.search(rf"^# {line}: \S", text, re.M), line


@pytest.mark.parametrize("path", YAMLS, ids=name_of)
def test_no_key_abbreviates_a_run_option(path):
    """SpeechBrain takes --optimizer for --optimizer_step_limit"""
    for key in keys_of(path.read_text(encoding="utf-8")):
        abbreviated = [o for o in RUN_OPTIONS - {key} if o.startswith(key)]
        assert not abbreviated, key
