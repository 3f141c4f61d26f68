"""Checks SpeechBrain's run options for a run that grows.

Authors
 * The speechbrain_growth authors 2026
"""

import torch

from speechbrain_growth.errors import GrowthError

LEAST = {
    "grad_accumulation_factor": 1,
    "nonfinite_patience": 0,
    "debug_batches": 1,
    "debug_epochs": 1,
    "profile_warmup": 0,
    "profile_steps": 1,
}


def check_options(run_opts, hparams):
    """Raises if an option cannot work; names all such options.

    Arguments
    ---------
    run_opts : dict or speechbrain.utils.run_opts.RunOptions
        From the command line; they take precedence over the YAML.
    hparams : dict
        From the YAML, which may have options as well.

    Raises
    ------
    GrowthError
        Naming the options, and what to use instead.

    Example
    -------
    >>> check_options({"device": "cpu", "grad_accumulation_factor": 0}, None)
    Traceback (most recent call last):
    speechbrain_growth.errors.GrowthError: --grad_accumulation_factor is 0; it must be at least 1
    """
    problems = []
    for name, least in LEAST.items():
        value = _chosen(name, run_opts, hparams)
        if value is not None and value < least:
            problems.append(f"--{name} is {value}; it must be at least {least}")
    limit = _chosen("optimizer_step_limit", run_opts, hparams)
    if limit is not None and not (str(limit).isdigit() and int(limit)):
        problems.append(
            f"--optimizer_step_limit is {limit}; it must be a whole number, at "
            "least 1"
        )
    if _chosen("data_parallel_backend", run_opts, hparams):
        problems.append(
            "--data_parallel_backend: torch copies the modules at every batch, "
            "and a growth does not reach the copies; use torchrun, on one "
            "machine too"
        )
    if all(
        (_chosen(f"ckpt_interval_{unit}", run_opts, hparams) or 0) > 0
        for unit in ("minutes", "steps")
    ):
        problems.append(
            "--ckpt_interval_minutes and --ckpt_interval_steps: use one of the "
            "two"
        )
    device = _chosen("device", run_opts, hparams)
    if device is not None:
        try:
            torch.empty(0, device=device)
        except (RuntimeError, AssertionError) as error:
            words = str(error).strip().splitlines()[0]
            problems.append(f"--device={device}: {words}; use cpu")
    if problems:
        raise GrowthError(problems)


def _chosen(name, *holders):
    """The value of an option from the first holder that has it, or None."""
    for holder in holders:
        if holder is not None and name in holder:
            return holder[name]
    return None
