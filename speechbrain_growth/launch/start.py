"""Opens a run: everything between the command line and the first data.

Authors
 * The speechbrain_growth authors 2026
"""

import logging
import os
import shutil
import sys
from datetime import date
from typing import Any, Callable, Dict, List, NamedTuple, Optional

import speechbrain as sb
from speechbrain.utils.distributed import if_main_process
from speechbrain.utils.logger import get_logger
from speechbrain_growth.blueprint.blueprint import Blueprint
from speechbrain_growth.blueprint.saving import plain_tuples
from speechbrain_growth.files import aside
from speechbrain_growth.launch.init_from import open_blueprint, state_of_run
from speechbrain_growth.launch.lock import lock_folder
from speechbrain_growth.launch.plan_table import as_table
from speechbrain_growth.launch.planning import plan_run
from speechbrain_growth.launch.processes import join

logger = get_logger(__name__)
PRINT_TRACEBACK = logging.Handler.handleError


class Run(NamedTuple):
    """What a recipe needs to train.

    Arguments
    ---------
    hparams : dict
        All that the YAML builds.
    blueprint : Blueprint
        Builds the modules of the YAML at other sizes.
    run_opts : speechbrain.utils.run_opts.RunOptions
        For the Brain.
    plan : list of dict
        The planned models, from ``plan_run``.
    """

    hparams: dict
    blueprint: Blueprint
    run_opts: dict
    plan: list

    @property
    def brain_options(self) -> Dict[str, Any]:
        """What a ``GrowingBrain`` takes beside SpeechBrain's own arguments.

        They are ``blueprint``, ``schedule``, ``growth_log`` and ``run_opts``.
        """
        return {
            "blueprint": self.blueprint,
            "schedule": self.hparams["growth_schedule"],
            "growth_log": self.hparams["growth_log"],
            "run_opts": self.run_opts,
        }


def open_run(
    arguments: List[str],
    check: Optional[Callable[[Dict[str, Any]], object]] = None,
) -> Run:
    """Checks a command line, then opens the output folder of its run.

    Every mistake that can be found without the data is reported before anything
    is written. Then the processes of ``torchrun`` are joined, the output folder
    is locked against other runs, and logging begins there.

    Arguments
    ---------
    arguments : list of str
        The command line without the script: YAML, run options and overrides.
    check : callable
        Called with ``hparams`` before anything is written; raises
        ``GrowthError`` for what only the recipe can judge.

    Returns
    -------
    Run

    Raises
    ------
    GrowthError
        Naming everything that training would refuse.
    """
    hparams_file, run_opts, overrides = sb.parse_arguments(arguments)
    blueprint = open_blueprint(hparams_file, overrides)
    resumes = not run_opts.get("test_only")
    plan = plan_run(blueprint, state_of_run(blueprint) if resumes else None)
    hparams = blueprint.load()
    if check is not None:
        check(hparams)
    join(run_opts)
    lock_folder(hparams["output_folder"])
    _create_folder(hparams["output_folder"], blueprint)
    logger.info("The run, as planned:\n" + as_table(plan))
    return Run(hparams, blueprint, run_opts, plan)


def _create_folder(folder, blueprint):
    """Creates the experiment directory, with a copy of the recipe's script."""
    logging.Handler.handleError = _end_the_run
    try:
        # SpeechBrain would merge the overrides in its own way: it gets no YAML
        sb.create_experiment_directory(experiment_directory=folder)
    except ValueError as error:  # of a log that cannot be opened
        raise error.__cause__ or error
    if not if_main_process():
        return
    saved = os.path.join(folder, "hyperparams.yaml")
    with aside(saved) as new, open(new, "w", encoding="utf-8") as fout:
        fout.write(f"# Generated {date.today()} from:\n# {blueprint.path}\n")
        fout.write("# yamllint disable\n")
        fout.write(plain_tuples(blueprint.resolved()))
    script = getattr(sys.modules["__main__"], "__file__", None)
    if script:
        # SpeechBrain copies the file that calls it, which is this one
        os.remove(os.path.join(folder, os.path.basename(__file__)))
        shutil.copy(script, folder)


def _end_the_run(handler, record):
    """Raises if a log cannot be written.

    Python's own way is a traceback for each line, and the line is lost.
    """
    error = sys.exc_info()[1]
    if isinstance(error, OSError):
        raise error
    PRINT_TRACEBACK(handler, record)
