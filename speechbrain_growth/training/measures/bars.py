"""Progress bars of what takes a while beside the epochs.

Authors
 * The speechbrain_growth authors 2026
"""

from tqdm import tqdm

from speechbrain.utils.distributed import if_main_process

DELAY = 2  # seconds before a bar is shown


def progress(brain, words, items=None):
    """Returns a progress bar, which is shown where those of epochs are.

    It appears after two seconds, and is gone when it ends. Other processes than
    the main one show none, nor does a run with ``--noprogressbar``.

    Arguments
    ---------
    brain : speechbrain.Brain
        Knows whether bars are shown.
    words : str
        What is done.
    items : iterable
        What it is done with; None for a bar that ``update`` moves.

    Returns
    -------
    tqdm.tqdm
        Gives the items.

    Example
    -------
    >>> from speechbrain import Brain
    >>> brain = Brain(run_opts={"noprogressbar": True})
    >>> list(progress(brain, "counting", [1, 2]))
    [1, 2]
    """
    hidden = brain.noprogressbar or not if_main_process()
    return tqdm(items, words, disable=hidden, leave=False, delay=DELAY)
