"""What is wrong with a run of several tasks, before it trains.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.continual.sampling import batches_of
from speechbrain_growth.schedule.afterwards.new_outputs import splits


def problems_of(brain, epoch_counter, train_set, valid_set):
    """Finds everything that would fail at a later task.

    Arguments
    ---------
    brain : ContinualBrain
        About to train.
    epoch_counter : speechbrain.utils.epoch_loop.EpochCounter
        Gives the epochs of all tasks.
    train_set : DataLoader
        From ``task_loader``.
    valid_set : DataLoader
        The same.

    Returns
    -------
    list of str

    Raises
    ------
    GrowthError
        If a loader knows no tasks, or the strategy names an unknown layer.
    """
    tasks, each = brain.stream.tasks, brain.hparams.epochs_per_task
    problems = list(brain.strategy.check(brain))
    brain.own_tensors(brain.raw_modules)
    for name, loader in (("train", train_set), ("valid", valid_set)):
        found = len(batches_of(loader).tasks)
        if found != tasks:
            problems.append(
                f"the loader for {name} has {found} tasks, but the stream has "
                f"{tasks}; make it from the stream's own data"
            )
    if epoch_counter.limit != tasks * each:
        problems.append(
            f"number_of_epochs is {epoch_counter.limit}, but {tasks} tasks of "
            f"{each} epochs are {tasks * each}; use that"
        )
    batches = batches_of(train_set)
    if batches.window and epoch_counter.limit > batches.windows:
        problems.append(
            f"number_of_epochs is {epoch_counter.limit}, but the stream has "
            f"{batches.windows} windows of {batches.window} batches; use that, "
            "or smaller windows"
        )
    if not brain.stream.same_outputs and not brain.strategy.has_heads:
        problems.append(
            "strategy: an output means something else in each task of the "
            "stream; give each a head of its own, as in own: [model.output]"
        )
    if tasks > 1 and brain.strategy.stamps:
        problems += [
            f"{growth.place}: "
            + (
                "firefly splits old units, and so changes"
                if growth.amount.firefly
                else f"symmetry {growth.symmetry} changes what old units send, "
                "and so"
            )
            + " what earlier tasks compute; use adds, with symmetry: fresh"
            for growth in brain.schedule.growths
            if str(growth.symmetry) != "fresh"
        ]
        problems += [
            f"{growth.place}: an output that splits changes what earlier tasks "
            "compute; use outputs: fresh"
            for growth in brain.schedule.growths
            if splits(growth.outputs)
        ]
    if tasks > 1 and brain.strategy.stamps:
        problems += [
            f"{growth.place}: freeze is {', '.join(growth.freeze) or 'none'}, "
            "but the strategy says what is held, for the sake of earlier tasks; "
            "use old: frozen, or leave it out"
            for growth in brain.schedule.growths
            if growth.freeze is not None
        ]
    if brain.strategy.routes:
        problems += [
            f"{growth.place}: the networks of tasks would have other numbers "
            "of outputs, so that none can be chosen for each item; leave "
            "outputs out"
            for growth in brain.schedule.growths
            if growth.outputs is not None
        ]
    return problems
