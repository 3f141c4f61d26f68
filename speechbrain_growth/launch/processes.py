"""What several processes that train one model have to agree on.

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
    """Joins the processes that torchrun started; does nothing without it.

    Arguments
    ---------
    run_opts : dict
        As from ``speechbrain.parse_arguments``.

    Raises
    ------
    GrowthError
        If the machine cannot do it that way.

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
            "on CPUs --distributed_backend=gloo would do"
        )


def _leave():
    """Ends the threads that exchange tensors.

    A process in which one of them is still there at the end may abort. They live
    as long as the group, which every module that was spread holds on to.
    """
    if is_distributed_initialized():
        for held in gc.get_objects():
            if isinstance(held, DistributedDataParallel):
                vars(held).clear()
        gc.collect()
        torch.distributed.destroy_process_group()


def on_main(function, *args):
    """Runs a function on the main process only; all get what it returned.

    Arguments
    ---------
    function : callable
        Runs once. All processes must come here.
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
    """What fails on one process fails on all, so that none waits for it.

    Inside, the processes must not talk to each other.

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
    """A value of each process, in the order of their ranks.

    Arguments
    ---------
    value : object
        That of this process. All processes must come here.

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
