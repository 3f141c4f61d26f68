"""Finds what of a YAML changes if some of its keys do.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.blueprint.blueprint import REFERENCE
from speechbrain_growth.blueprint.merging import tag_of
from speechbrain_growth.blueprint.text import dump
from speechbrain_growth.schedule.afterwards.settings import wrong_settings

HOLDERS = ("modules", "checkpointer")  # they follow what they hold


def changed_parts(blueprint, before, after):
    """Returns the parts of a YAML that differ between two sets of values.

    What lies within a module of ``modules`` changes with it, and is left out.

    Arguments
    ---------
    blueprint : Blueprint
        The YAML.
    before : dict
        Values that replace those of the file.
    after : dict
        The same for the other set.

    Returns
    -------
    list of tuple
        Each is a path: a top-level key, and keys of the mappings within it.
    list of str
        The names in ``modules`` that differ.

    Example
    -------
    >>> from speechbrain_growth.blueprint.blueprint import Blueprint
    >>> path = getfixture("tmpdir") / "hparams.yaml"
    >>> _ = path.write(
    ...     "size: 4\\nslope: 0.1\\noptions: {batch: !ref <size>, shuffle: True}\\n"
    ...     "net: !new:torch.nn.LeakyReLU [!ref <slope>]\\n"
    ...     "modules: {net: !ref <net>}\\n"
    ... )
    >>> changed_parts(Blueprint(str(path)), {}, {"size": 8, "slope": 0.2})
    ([('size',), ('slope',), ('options', 'batch')], ['net'])
    """
    changed = {
        key
        for key in {**before, **after}
        if before.get(key, blueprint.value(key))
        != after.get(key, blueprint.value(key))
    }
    if not changed:
        return [], []
    old, new = blueprint._parse(before), blueprint._parse(after)
    inside = {
        key
        for key, node in blueprint._reached("modules").items()
        if tag_of(node).startswith("!new:")
    }
    parts = [
        path
        for key in _depending(blueprint._found.tree, changed, inside)
        if key not in inside
        for path in _different(old[key], new[key], (key,))
    ]
    held = old["modules"], new["modules"]
    return parts, [k for k in held[0] if dump(held[0][k]) != dump(held[1][k])]


def changed_objects(blueprint, before, after):
    """Returns the objects that differ, such as features, modules left out.

    Arguments
    ---------
    blueprint : Blueprint
        The YAML.
    before : dict
        Values that replace those of the file.
    after : dict
        The same for the other set.

    Returns
    -------
    list of str
        Their keys.
    """
    found = blueprint._parse(after)
    return [
        path[0]
        for path in changed_parts(blueprint, before, after)[0]
        if tag_of(found[path[0]]).startswith("!new:")
    ]


def wrong_sets(blueprint, growths):
    """Returns what is wrong with the settings of growths.

    Arguments
    ---------
    blueprint : Blueprint
        The YAML.
    growths : list of Growth
        Of the schedule.

    Returns
    -------
    list of str
        Each begins with the place of the growth.
    """
    keys = {**blueprint.written, **blueprint.overrides}
    known = {key: blueprint.value(key) for key in keys}
    sizes = {key for growth in growths for key in growth.amount.named}
    problems = []
    for growth in growths:
        found = wrong_settings(growth.sets, known, sizes)
        sets_only = growth.adds_nothing and not growth.holds
        if sets_only and {**known, **growth.sets} == known:
            found = ["sets: they have these values already; drop the entry"]
        if growth.time == 1:
            problems += [f"{growth.place}: {problem}" for problem in found]
        known.update(growth.sets)
    return problems


def _depending(tree, changed, inside):
    """Keys that refer to changed ones, in the order of the file."""
    refers = {k: set(REFERENCE.findall(dump(node))) for k, node in tree.items()}
    found = set(changed)
    while True:
        more = {
            key
            for key, named in refers.items()
            if key not in (*found, *HOLDERS) and named & (found - inside)
        }
        if not more:
            return [key for key in tree if key in found]
        found |= more


def _different(old, new, path):
    """The paths below one at which two nodes differ; an object is one part."""
    mappings = isinstance(old, dict) and isinstance(new, dict)
    if mappings and not tag_of(old) and set(old) == set(new):
        for key in old:
            yield from _different(old[key], new[key], (*path, key))
    elif dump([old]) != dump([new]):
        yield path
