"""Scores of attention, where computed queries meet computed keys.

Between them stands no weight that could share the copies of a unit. So the
keys' own weights do, and make up for the numbers by which both models divide
the scores. From there to the scores, keys are moved only, and multiplied.

Authors
 * The speechbrain_growth authors 2026
"""

from math import isclose

from speechbrain_growth.engine.maps.widths import repeat_each
from speechbrain_growth.engine.reading.functions.registry import reads
from speechbrain_growth.engine.reading.steps import Two, is_value


def plain(step, values):
    """Refuses keys, and what is multiplied by a number that differs.

    Arguments
    ---------
    step : Step
        What would use them.
    values : list of Value
        Tensors that it takes or returns.
    """
    for value in values:
        if not isclose(value.factor, 1):
            step.refuse(
                "gets what is multiplied by another number in the larger "
                "model; keep that number"
            )
        for width in value.axes:
            if width is not None and width.gain is not None:
                step.refuse(
                    f"uses {width}, which meet queries, and of whose copies "
                    "each is only a part of a key; keep the size of a head, "
                    "and let their number grow"
                )


def score(step, query, key, factor):
    """Lets computed queries and keys be summed over units that grow.

    Arguments
    ---------
    step : Step
        The sum.
    query : tuple
        The queries, and their axis.
    key : tuple
        The keys, and theirs.
    factor : float
        By what the larger model multiplies the scores more, in all.
    """
    one, other = step.width(*query), step.width(*key)
    known = step.later is not None and not step.scored
    why = " with one map, as of rows cut by one reshape, or rotated positions"
    why = why if known else ""
    gain = 1 / (factor * query[0].factor * key[0].factor) if known else 0
    if gain <= 0 or not step.trace.maps.score(one, other, gain):
        step.refuse(
            f"sums over {one}, of which it has two computed tensors{why}, so "
            "that copies would count twice; keep that size, as that of a "
            "head, and let their number grow"
        )
    step.scored = query[0], key[0]


@reads("scaled_dot_product_attention", sizes=True)
def _attention(
    step,
    query,
    key,
    value,
    attn_mask=None,
    *args,
    enable_gqa=False,
    scale=None,
    **kwargs,
):
    """Heads meet; keys and queries are summed over the size of a head."""
    _score_scaled(step, query, key, scale)
    if any(isinstance(one, Two) for one in (*args, *kwargs.values())):
        step.refuse("gets a number that differs in the larger model; keep it")
    step.along(key, [-2], "takes a softmax along")
    step.along(value, [-2], "takes a softmax along")
    if kwargs.get("is_causal", (*args, False, False)[1]):
        step.along(query, [-2], "masks positions of")
    axes = []
    for dim in range(-len(query.old), -2):
        given = [query, key, value]
        if is_value(attn_mask) and len(attn_mask.old) >= -dim:
            given += [attn_mask] * (attn_mask.size(dim) != (1, 1))
        axes.append(step.tie(*_heads(step, given, dim, enable_gqa)))
    rows = [step.width(query, -2)]
    if is_value(attn_mask) and attn_mask.size(-2) != (1, 1):
        rows.append(step.width(attn_mask, -2))
    return (*axes, step.tie(*rows), step.width(value, -1))


def _score_scaled(step, query, key, scale):
    """Has keys make up for the number by which scores are multiplied."""
    pair = (scale.old, scale.new) if isinstance(scale, Two) else [scale] * 2
    old, new = (
        size**-0.5 if one is None else one
        for one, size in zip(pair, query.size(-1))
    )
    grows = query.old[-1] != query.new[-1]
    if grows and old and new:
        score(step, (query, -1), (key, -1), new / old)
    elif grows or old != new:
        step.refuse("multiplies scores by another number; keep that number")


def _heads(step, given, dim, shared):
    """Maps of the heads; each of a few keys may stand for several queries."""
    query, *others = given
    found = [step.width(query, dim)]
    for one in others:
        width = step.width(one, dim)
        times = query.old[dim] // one.old[dim]
        if shared and times > 1 and dim == -3:
            if query.new[dim] != times * one.new[dim]:
                step.refuse("lets more queries share a key; keep their ratio")
            width = width and repeat_each(width, times, width.label)
        found.append(width)
    return found
