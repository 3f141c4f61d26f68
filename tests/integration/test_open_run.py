"""What a recipe's start leaves in the output folder, and what a mistake does.

Authors
 * The speechbrain_growth authors 2026
"""

import pytest
from bad_inputs import MNIST, TIMIT, run_recipe


@pytest.mark.parametrize(
    "recipe, option",
    [
        (MNIST, "--growth=[{after_epoch: 1, hidden: [8]}]"),
        (MNIST, "--opt_name=adamax"),
        (TIMIT, "--anneal_by=WER"),
    ],
    ids=["the plan", "the recipe's check", "the other recipe's check"],
)
def test_a_mistake_leaves_no_file(recipe, option, tmp_path):
    output = tmp_path / "output"
    given = ["hparams/grow.yaml", option, f"--output_folder={output}"]
    code, text = run_recipe(recipe, given, tmp_path / "printed.txt")
    assert code == 1 and "error: " in text
    # Loading the YAML makes the checkpointer, and this its folder
    assert [path.name for path in output.rglob("*")] in ([], ["save"])


def test_the_folder_holds_the_recipe_and_its_plan(tmp_path):
    output = tmp_path / "output"
    given = [
        "hparams/grow.yaml",
        "--dataset=digits",
        "--growth=[]",
        "--number_of_epochs=1",
        f"--output_folder={output}",
    ]
    code, text = run_recipe(MNIST, given, tmp_path / "printed.txt")
    assert code == 0, text
    copied = {path.name for path in output.glob("*.py")}
    assert copied == {"train.py"}
    script = (MNIST / "train.py").read_text(encoding="utf-8")
    assert (output / "train.py").read_text(encoding="utf-8") == script
    log = (output / "log.txt").read_text(encoding="utf-8")
    assert "The run, as planned:\nwhen  | sizes" in log
    assert log.index("Beginning experiment!") < log.index("as planned")
