"""Exports a run: ``python -m speechbrain_growth export RESULTS OUT``.

Authors
 * The speechbrain_growth authors 2026
"""


def add_parser(commands):
    """Adds the subcommand.

    Arguments
    ---------
    commands : argparse._SubParsersAction
        The subcommands of the package.
    """
    parser = commands.add_parser(
        "export",
        help="write a run for SpeechBrain's EncoderASR, without this package",
        description="Writes a folder that SpeechBrain's EncoderASR loads where "
        "this package is not installed: the weights of a run that recognises "
        "speech with CTC, its labels, a YAML and a model card.",
    )
    parser.add_argument("results", help="the output folder of the run")
    parser.add_argument("out", help="the new folder")
    parser.add_argument(
        "--checkpoint",
        help="name of a checkpoint in save; default: the one with the lowest "
        "metric",
    )
    parser.add_argument(
        "--unused_labels",
        action="store_true",
        help="call outputs behind the last label <unused N>, as those of "
        "phones that the corpus lacks",
    )
    parser.set_defaults(run=_export)


def _export(chosen):
    """Exports, and prints what was written."""
    # Imported here, so that what stands above needs no torch
    from speechbrain_growth.export.exporting import export

    given = (chosen.results, chosen.out, chosen.checkpoint)
    print(export(*given, chosen.unused_labels))
