"""Prints a run as a table: ``python -m speechbrain_growth plan YAML``.

Authors
 * The speechbrain_growth authors 2026
"""

import argparse

from speechbrain_growth.commands.soon import refuse_soon
from speechbrain_growth.errors import GrowthError


def add_parser(commands):
    """Adds the subcommand.

    Arguments
    ---------
    commands : argparse._SubParsersAction
        The subcommands of the package.
    """
    parser = commands.add_parser(
        "plan",
        help="print a run as a table, without data",
        description="Prints the growths of a run, with their cost. No data are "
        "read. Mistakes that train.py refuses are refused here, too.",
    )
    parser.add_argument(
        "--tensors",
        action="store_true",
        help="for each growth, print what each axis of each tensor copies",
    )
    parser.add_argument("hparams_file", help="the recipe's YAML")
    parser.add_argument(
        "overrides",
        nargs=argparse.REMAINDER,
        help="as for train.py, such as --growth=[] --rnn_neurons=256",
    )
    parser.set_defaults(run=plan)


def plan(chosen):
    """Prints the plan of a run.

    Arguments
    ---------
    chosen : argparse.Namespace
        What ``add_parser`` describes.
    """
    refuse_soon(chosen.hparams_file, chosen.overrides)
    # Imported here, so that what stands above needs no torch
    import speechbrain as sb
    from speechbrain_growth.blueprint.merging import tag_of
    from speechbrain_growth.blueprint.reading import read
    from speechbrain_growth.blueprint.sizes import PATHS
    from speechbrain_growth.launch.init_from import open_blueprint
    from speechbrain_growth.launch.plan_table import as_table
    from speechbrain_growth.launch.planning import plan_run

    hparams_file, _, overrides = sb.parse_arguments(
        [chosen.hparams_file, *chosen.overrides]
    )
    found = read(hparams_file, overrides)
    left_open = [
        key
        for key, value in found.tree.items()
        if tag_of(value) == "!PLACEHOLDER"  # such as a data_folder
    ]
    closed = "".join(f'{key}: ""\n' for key in left_open)
    try:
        rows = plan_run(open_blueprint(hparams_file, closed + overrides))
    except GrowthError as error:
        needed = [key for key in left_open if not key.endswith(PATHS)]
        if not needed:
            raise
        raise GrowthError([*error.problems, _needed(found.path, needed)])
    print(as_table(rows))
    for row in rows if chosen.tensors else ():
        if "tensors" in row:
            print(f"\n{row['when']}:\n{row['tensors']}")


def _needed(hparams_file, keys):
    """What to do about keys that are no paths, such as a number of classes."""
    examples = " ".join(f"--{key}=VALUE" for key in keys)
    return (
        f"{hparams_file} leaves {', '.join(keys)} open, and a plan may need "
        f"it; give {examples}"
    )
