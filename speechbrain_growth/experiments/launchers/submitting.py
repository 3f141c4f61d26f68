"""Hands the runs of a sweep to submitit, and so to a cluster's scheduler.

Authors
 * The speechbrain_growth authors 2026
"""

import os

import yaml

from speechbrain_growth.errors import GrowthError
from speechbrain_growth.experiments.launchers.chains import Chain, chains_of
from speechbrain_growth.experiments.launchers.library import require_submitit
from speechbrain_growth.experiments.launchers.notes import note_job

FOLDER = ".submitit"  # below the results: what submitit writes
ONE_PROCESS = "a run is one process; leave it out"
REFUSED = {
    "nodes": ONE_PROCESS,
    "tasks_per_node": ONE_PROCESS,
    "slurm_nodes": ONE_PROCESS,
    "slurm_ntasks_per_node": ONE_PROCESS,
    "slurm_time": "use timeout_min, the same in minutes",
}


def read_options(texts):
    """Reads options of the form ``key=value``.

    Arguments
    ---------
    texts : list of str
        As on the command line; a value is read as in a YAML.

    Returns
    -------
    dict
        The values by their names.
    list of str
        What is wrong.

    Example
    -------
    >>> read_options(["timeout_min=600", "slurm_partition=gpu", "gpu"])
    ({'timeout_min': 600, 'slurm_partition': 'gpu'}, ['gpu: is no option; write key=value'])
    """
    options, problems = {}, []
    for text in texts:
        key, found, value = text.partition("=")
        try:
            options[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            found = ""
        if not (key and found):
            options.pop(key, None)
            problems.append(f"{text}: is no option; write key=value")
    return options, problems


def wrong_options(options):
    """Returns what is wrong with the options for submitit.

    Arguments
    ---------
    options : dict
        By their names.

    Returns
    -------
    list of str

    Example
    -------
    >>> wrong_options({"cluster": "slurm", "timeout_min": 600})
    []
    >>> print(*wrong_options({"nodes": 2, "timeout_min": 600}))
    nodes=2: a run is one process; leave it out
    """
    problems = [
        f"{key}={options[key]}: {what}"
        for key, what in REFUSED.items()
        if key in options
    ]
    if options.get("cluster") == "debug":
        problems.append("cluster=debug: runs nothing by itself; use local")
    minutes = options.get("timeout_min")
    if type(minutes) is not int or minutes < 1:
        problems.append(
            "timeout_min: give the minutes after which a run is stopped and "
            "queued again, such as timeout_min=600; submitit's own limit is 5"
        )
    return problems


def submit(jobs, threads, results, options):
    """Hands runs to a scheduler, and does not wait for them.

    Runs that need one another are one job of the scheduler and follow each other,
    as only some schedulers know dependencies.

    Arguments
    ---------
    jobs : list of Job
        Runs that are not finished.
    threads : int
        Number of threads of each, and of CPUs unless an option says otherwise.
    results : str
        Folder of all runs.
    options : dict
        For submitit, by their names.

    Returns
    -------
    dict
        The name of the scheduler's job for each list of names of runs, as a
        tuple.

    Raises
    ------
    GrowthError
        If submitit or the scheduler does not accept them.
    """
    submitit = require_submitit()
    chains = chains_of(jobs)
    begin, rest = {}, {"name": "sweep", "cpus_per_task": threads, **options}
    for key in options:
        if key == "cluster" or key.endswith("_max_num_timeout"):
            begin[key] = rest.pop(key)
    folder = os.path.join(results, FOLDER, "%j")
    try:
        executor = submitit.AutoExecutor(folder, **begin)
        executor.update_parameters(**rest)
        handles = executor.submit_array([Chain(c, threads) for c in chains])
    # What submitit raises for an option, a value, and a scheduler that refuses
    except (AssertionError, NameError, TypeError, ValueError) as error:
        raise GrowthError(f"--launcher-options: {error}; correct them")
    except RuntimeError as error:
        raise GrowthError(f"submitit: {error}; correct --launcher-options")
    for chain, handle in zip(chains, handles):
        for job in chain:
            note_job(job.folder, executor.cluster, folder, handle.job_id)
    return {
        tuple(job.name for job in chain): handle.job_id
        for chain, handle in zip(chains, handles)
    }
