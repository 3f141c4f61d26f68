"""Keeps several processes that train one model in agreement.

Authors
 * The speechbrain_growth authors 2026
"""

import atexit
import contextlib
import gc

import torch
from torch.nn.parallel import DistributedDataParallel

from speechbrain.utils.distributed import (
    ddp_broadcast,
    ddp_init_group,
    if_main_process,
    is_distributed_initialized,
)
from speechbrain_growth.errors import GrowthError


def join(run_opts):
    """Joins the processes that ``torchrun`` started; without it, does nothing.

    Arguments
    ---------
    run_opts : dict
        As from ``speechbrain.parse_arguments``.

    Raises
    ------
    GrowthError
        If the machine does not support the backend.

    Example
    -------
    >>> join({"distributed_backend": "gloo"})
    """
    try:
        ddp_init_group(run_opts)
        atexit.register(_leave)
    except ValueError as error:
        raise GrowthError(
            f"--distributed_backend={run_opts['distributed_backend']}: "
            f"{' '.join(str(error).split())} It needs a GPU for each process; "
            "on CPUs use --distributed_backend=gloo"
        )


def _leave():
    """Ends the threads with which processes exchange tensors.

    A thread of gloo that still runs while the interpreter ends may abort the
    process, after a run that was finished (with torch 2.11 one in four pairs of
    processes, on a busy machine). The threads live as long as the process
    group, and every module wrapped in DDP keeps the group alive. So these
    modules are emptied first, wherever they are still referenced.
    """
    if is_distributed_initialized():
        for held in gc.get_objects():
            if isinstance(held, DistributedDataParallel):
                vars(held).clear()
        gc.collect()
        torch.distributed.destroy_process_group()


def on_main(function, *args):
    """Runs a function on the main process only; all processes get its result.

    Arguments
    ---------
    function : callable
        Runs once. All processes must make this call.
    *args : tuple
        Its arguments.

    Returns
    -------
    object
        What the function returned on the main process.

    Raises
    ------
    GrowthError
        On all processes, if the function raised one.

    Example
    -------
    >>> on_main(max, 1, 2)
    2
    """
    result, problems = None, None
    if if_main_process():
        try:
            result = function(*args)
        except GrowthError as error:
            problems = error.problems
    result, problems = ddp_broadcast((result, problems))
    if problems is not None:
        raise GrowthError(problems)
    return result


@contextlib.contextmanager
def all_or_none():
    """Raises on all processes if one fails, so that none waits forever.

    Inside the context, the processes must not exchange anything.

    Yields
    ------
    None

    Raises
    ------
    GrowthError
        If another process failed; it says which, and why.

    Example
    -------
    >>> with all_or_none():
    ...     raise GrowthError("no such size")
    Traceback (most recent call last):
    speechbrain_growth.errors.GrowthError: no such size
    """
    own = None
    try:
        yield
    except Exception as error:
        own = error
    failures = gather(own if own is None else str(own) or repr(own))
    if own is not None:
        raise own
    failed = [
        f"process {rank} failed: {text}"
        for rank, text in enumerate(failures)
        if text is not None
    ]
    if failed:
        raise GrowthError(failed)


def gather(value):
    """Gathers a value from each process, in the order of their ranks.

    Arguments
    ---------
    value : object
        The value of this process. All processes must make this call.

    Returns
    -------
    list

    Example
    -------
    >>> gather(3)
    [3]
    """
    if not is_distributed_initialized():
        return [value]
    values = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(values, value)
    return values
