"""Starts the recipe over and over, with an operation on a file that fails.

Authors
 * The speechbrain_growth authors 2026
"""

import itertools
import json
import shutil
import signal

from comparing import results
from file_faults import NEED_ROOM, WAYS
from killing import command

# How a process ends: at once, or with a message
ENDS = {"kill": -signal.SIGKILL, "torn": -signal.SIGKILL}


def _short(folder):
    """The command line of a run of two epochs, with a growth between them."""
    three, two = "--number_of_epochs=3", "--number_of_epochs=2"
    return [two if word == three else word for word in command(folder)]


def count(starter, folder):
    """Runs the recipe to its end.

    Returns what it leaves, and rows of kind, phase and number: how often each
    kind of operation came in each phase.
    """
    starter.start(*_short(folder))
    assert starter.await_moment("annotate")
    starter.kill()  # the corpus is there, as for the runs with a fault
    shutil.rmtree(folder / "run")
    counts = folder / "counts.json"
    watched = {"folder": str(folder / "run"), "counts": str(counts)}
    starter.start(*_short(folder), faults=watched)
    assert starter.wait() == 0, starter.printed.read_text()
    return results(folder / "run", folder / "corpus"), json.loads(
        counts.read_text()
    )


def draw(counted, times, chance):
    """Draws faults: each way in turn, each kind in turn, in changing phases.

    Arguments
    ---------
    counted : list
        From ``count``.
    times : int
        How many.
    chance : random.Random
        Draws the operations.

    Returns
    -------
    list
        Of way, kind, phase and number.
    """
    turns = [_turns(way, counted, chance) for way in WAYS]
    drawn = []
    for number in range(times):
        which = number % len(WAYS)
        kind, phase, most = next(turns[which])
        drawn.append([WAYS[which], kind, phase, chance.randint(1, most)])
    return drawn


def _turns(way, rows, chance):
    """Yields rows that a way can come to: each kind, then each kind again."""
    kinds = {}
    for row in chance.sample(rows, len(rows)):
        if way != "ENOSPC" or row[0] in NEED_ROOM:
            kinds.setdefault(row[0], []).append(row)
    # The first four of "kill" and "torn" are all eight kinds
    names = sorted(kinds)
    first = (3 + 4 * WAYS.index(way)) % len(names)
    lists = [kinds[name] for name in names[first:] + names[:first]]
    columns = itertools.zip_longest(*lists)
    return itertools.cycle(filter(None, itertools.chain(*columns)))


def fault(starter, folder, chosen):
    """Starts a run in which an operation fails, if the run comes to it.

    Returns whether it came to it, and the exit status.
    """
    watched = {"folder": str(folder / "run"), "fault": chosen}
    starter.start(*_short(folder), faults=watched)
    came = starter.await_moment("fault") is not None
    status = starter.wait()
    printed = starter.printed.read_text()
    expected = {0, ENDS.get(chosen[0], 1)} if came else {0}
    assert status in expected, f"{chosen}: {status}\n{printed}"
    assert "Traceback" not in printed, f"{chosen}:\n{printed}"
    if status == 1:
        errors = [x for x in printed.splitlines() if x.startswith("error: ")]
        assert len(errors) == 1, f"{chosen}:\n{printed}"
    return came, status


def fault_all(starter, folder, corpus, drawn, seen):
    """Lets one fault after the other come; yields the runs that ended.

    A run with a fault is started again with the next one, so that faults come
    to runs that resume, too.

    Arguments
    ---------
    starter : Starter
        Forks the recipe.
    folder : pathlib.Path
        Gets a folder for each run that is needed.
    corpus : pathlib.Path
        Is copied for each run.
    drawn : list
        From ``draw``.
    seen : collections.Counter
        Counts faults: way, kind, phase and exit status.

    Yields
    ------
    pathlib.Path
    """
    number = 0
    for chosen in drawn:
        came = False
        while not came:
            run = folder / f"{number}"
            fresh = not run.exists()
            if fresh:
                shutil.copytree(corpus, run / "corpus")
            came, status = fault(starter, run, chosen)
            assert came or not fresh, f"{chosen} does not come"
            if came:
                seen[(*chosen[:3], status)] += 1
            if status == 0:
                number += 1
                yield run
    if (folder / f"{number}").exists():
        starter.start(*_short(folder / f"{number}"))
        assert starter.wait() == 0, starter.printed.read_text()
        yield folder / f"{number}"
