"""Plans a growth whose units and layers are searched in training.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.engine.search.candidates import candidate_sizes
from speechbrain_growth.engine.search.choosing import affordable
from speechbrain_growth.engine.search.slots import find_slots

PASSES = 4  # of each batch: one of training, three of scores


def search_of(build, old, sizes, growth, cost):
    """Finds out what a search can touch, and what it costs.

    Arguments
    ---------
    build : callable
        Takes all sizes, and returns the modules.
    old : torch.nn.ModuleDict
        The modules before the growth.
    sizes : dict
        All their sizes.
    growth : Growth
        An entry of the schedule.
    cost : callable
        Takes all sizes; returns parameters and MACs of such a model.

    Returns
    -------
    dict
        None if this growth searches nothing. Else ``words``, what it may add;
        ``limit``, how much; ``slots``, the numbers that may grow; ``layers``,
        those that may be added, by the number that adds them; ``left``, why
        others cannot; ``cost``, how many batches of training before the growth cost as much;
        ``parameters`` of the model of all candidates.

    Raises
    ------
    GrowthError
        If training would refuse it.
    """
    asked = growth.amount.firefly
    if asked is None:
        return None
    names = list(asked.sizes) or None
    what = names, None, asked.layers
    slots, left = find_slots(old, build, sizes, *what)
    place = int(asked.unit == "macs")
    fitting = affordable(slots, sizes, lambda s: cost(s)[place], asked.budget)
    tried = candidate_sizes(sizes, fitting, asked.new)
    parameters, macs = cost(tried)
    return {
        "words": str(asked),
        "limit": f"{asked.budget:g} more {asked.unit}",
        "slots": [str(slot) for slot in fitting if not slot.born],
        "layers": {str(s): list(s.born) for s in fitting if s.born},
        "left": left,
        "cost": PASSES * asked.batches * macs / cost(sizes)[1],
        "parameters": parameters,
    }
