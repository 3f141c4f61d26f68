"""Checks SpeechBrain's run options for a run that grows.

Authors
 * The speechbrain_growth authors 2026
"""

from numbers import Real

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
        if value is not None and not (_is_number(value) and value >= least):
            problems.append(f"--{name} is {value}; it must be at least {least}")
    norm = _chosen("max_grad_norm", run_opts, hparams)
    if norm is not None and not (_is_number(norm) and norm > 0):
        problems.append(
            f"--max_grad_norm is {norm}; it must be above 0, since gradients "
            "are multiplied by it. To leave them as they are, use inf"
        )
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


def check_steps(batches, factor, debug_batches=None):
    """Raises if the optimizer would never take a step.

    SpeechBrain drops what is accumulated when an epoch ends.

    Arguments
    ---------
    batches : int
        Of an epoch.
    factor : int
        After how many batches the optimizer takes a step.
    debug_batches : int
        After how many batches ``--debug`` ends an epoch; None without it.

    Raises
    ------
    GrowthError
        If an epoch ends before the first step.

    Example
    -------
    >>> check_steps(batches=6, factor=7)
    Traceback (most recent call last):
    speechbrain_growth.errors.GrowthError: --grad_accumulation_factor is 7, but an epoch has 6 batches, so the optimizer would never take a step; use 1 to 6
    """
    words = f"an epoch has {batches} batches"
    if debug_batches is not None and debug_batches < batches:
        batches, words = debug_batches, f"--debug takes {debug_batches} only"
    if not batches:
        raise GrowthError("fit: train_set has no batch; give it some data")
    if factor > batches:
        raise GrowthError(
            f"--grad_accumulation_factor is {factor}, but {words}, so the "
            f"optimizer would never take a step; use 1 to {batches}"
        )


def _is_number(value):
    """Whether a value is a number."""
    return isinstance(value, Real) and not isinstance(value, bool)


def _chosen(name, run_opts, hparams):
    """The value of an option as SpeechBrain chooses it; None for its default."""
    given = getattr(run_opts, "overridden_args", run_opts)
    for holder, names in ((run_opts, given), (hparams, hparams)):
        if names is not None and name in names:
            return holder[name]
    return None
