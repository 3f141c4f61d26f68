"""Command line: ``python -m speechbrain_growth COMMAND --help``.

Authors
 * The speechbrain_growth authors 2026
"""

import argparse
import sys

from speechbrain_growth.commands import export, grow, plan
from speechbrain_growth.experiments import compare, sweep
from speechbrain_growth.experiments.forecast import command as forecast
from speechbrain_growth.launch.plain_errors import plain_errors


def main(arguments):
    """Runs one command.

    Arguments
    ---------
    arguments : list of str
        The command and its options; those after ``--`` go to the recipe.
    """
    parser = argparse.ArgumentParser(prog="python -m speechbrain_growth")
    commands = parser.add_subparsers(dest="command", required=True)
    for command in (plan, sweep, compare, forecast, export, grow):
        command.add_parser(commands)
    own, passed_on = arguments, []
    if "--" in arguments:
        cut = arguments.index("--")
        own, passed_on = arguments[:cut], arguments[cut + 1 :]
    chosen = parser.parse_args(own)
    chosen.passed_on = passed_on
    with plain_errors():
        chosen.run(chosen)


if __name__ == "__main__":
    main(sys.argv[1:])
