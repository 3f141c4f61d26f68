"""Prints a run as a table: ``python -m speechbrain_growth plan YAML``.

Authors
 * The speechbrain_growth authors 2026
"""

import argparse
import re


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
    # Imported here, so that the help of other commands needs no torch
    import speechbrain as sb
    from speechbrain_growth.launch.init_from import open_blueprint
    from speechbrain_growth.launch.planning import as_table, plan_run

    hparams_file, _, overrides = sb.parse_arguments(
        [chosen.hparams_file, *chosen.overrides]
    )
    overrides = _without_data(hparams_file, overrides)
    rows = plan_run(open_blueprint(hparams_file, overrides))
    print(as_table(rows))
    for row in rows if chosen.tensors else ():
        if "tensors" in row:
            print(f"\n{row['when']}:\n{row['tensors']}")


def _without_data(hparams_file, overrides):
    """The overrides, with an empty text for every key that the YAML leaves open."""
    left_open = re.compile(r"^(\w+): *!PLACEHOLDER", re.MULTILINE)
    given = re.compile(r"^(\w+):", re.MULTILINE).findall(overrides or "")
    try:
        with open(hparams_file, encoding="utf-8") as fin:
            keys = left_open.findall(fin.read())
    except OSError:
        keys = []  # Blueprint refuses the file
    lines = [f'{key}: ""' for key in keys if key not in given]
    return "\n".join([*lines, overrides or ""])
