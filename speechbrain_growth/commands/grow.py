"""Makes a trained model larger: ``python -m speechbrain_growth grow``.

Authors
 * The speechbrain_growth authors 2026
"""

import argparse
import os
import re

from speechbrain_growth.errors import GrowthError

EXAMPLES = """
a run, ready for --init_from of the same recipe:
  grow results/grow/1986 --rnn_neurons=512 --dnn_neurons=256 --out larger

the state_dict of any class:
  grow net.pt --class package.module.Net --from hidden=64 depth=2 \\
      --to hidden=128 --example 1,784 --out larger.pt
"""


def add_parser(commands):
    """Adds the subcommand.

    Arguments
    ---------
    commands : argparse._SubParsersAction
        The subcommands of the package.
    """
    parser = commands.add_parser(
        "grow",
        help="make a trained model larger, without training",
        description="Writes a trained model at larger sizes. It computes what "
        "the small one does, which is measured first.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _options(parser)
    parser.add_argument(
        "checkpoint",
        help="the output folder of a run, a checkpoint in its save, or a file "
        "with a state_dict",
    )
    parser.add_argument(
        "rest",
        nargs=argparse.REMAINDER,
        metavar="--KEY=VALUE",
        help="of a run: larger sizes, and symmetry, birth, fold or outputs as "
        "in a schedule",
    )
    parser.set_defaults(run=_grow)


def _options(parser):
    """The options, which may stand before the checkpoint or after it."""
    parser.add_argument("--out", help="the new folder, or the new file")
    parser.add_argument(
        "--class", dest="kind", help="of a file: the class of the model"
    )
    parser.add_argument(
        "--from",
        dest="before",
        nargs="+",
        metavar="KEY=VALUE",
        help="of a file: the arguments that its model was built with",
    )
    parser.add_argument(
        "--to",
        dest="after",
        nargs="+",
        metavar="KEY=VALUE",
        help="of a file: those that become larger",
    )
    parser.add_argument(
        "--example", metavar="N,N", help="of a file: the shape of an input"
    )


def _grow(chosen):
    """Grows, and prints what was written."""
    parser = argparse.ArgumentParser(
        prog="python -m speechbrain_growth grow", allow_abbrev=False
    )
    _options(parser)
    _, left = parser.parse_known_args(chosen.rest, chosen)
    if not chosen.out:
        raise GrowthError("--out is missing; give the new folder, or file")
    # Imported here, so that what stands above needs no torch
    from speechbrain_growth.export.wish import overrides

    source = os.path.normpath(chosen.checkpoint)
    if not os.path.isfile(source):
        from speechbrain_growth.export.beginnings import grow_run

        unfit = {"class": chosen.kind, "from": chosen.before}
        unfit.update(to=chosen.after, example=chosen.example)
        _refuse(source, "no file with a state_dict", unfit)
        name = None
        if os.path.isfile(os.path.join(source, "CKPT.yaml")):
            source, name = os.path.split(source)
            source = os.path.dirname(source) or "."
        print(grow_run(source, overrides(left), chosen.out, name))
        return
    from speechbrain_growth.export.plain import grow_file

    needed = (chosen.kind, chosen.before, chosen.after, chosen.example)
    if not all(needed) or left:
        raise GrowthError(
            f"{source} is a file; give --class, --from, --to and --example "
            + (f"instead of {' '.join(left)}" if left else "for its model")
        )
    given = [
        overrides([f"--{one}" for one in pairs])
        for pairs in (chosen.before, chosen.after)
    ]
    print(
        grow_file(
            source, chosen.kind, *given, _shape(chosen.example), chosen.out
        )
    )


def _refuse(source, what, options):
    """Raises if options were given that are not for this source."""
    found = [f"--{key}" for key, value in options.items() if value]
    if found:
        raise GrowthError(
            f"{source} is {what}, which {', '.join(found)} are for; leave them "
            "out"
        )


def _shape(text):
    """The shape of an example."""
    if not re.fullmatch(r"\d+(,\d+)*", text):
        raise GrowthError(
            f"--example {text}: it must be numbers with commas, such as 1,784"
        )
    return [int(number) for number in text.split(",")]
