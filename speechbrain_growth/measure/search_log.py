"""What the growth log says of units and layers that a search found.

Authors
 * The speechbrain_growth authors 2026
"""

from collections import Counter


def search_in_words(entry):
    """Describes a search.

    Arguments
    ---------
    entry : dict
        A line of the growth log.

    Returns
    -------
    list of str
        Empty if nothing was searched.

    Example
    -------
    >>> scores = [{"size": "width", "score": -0.5, "from": {"net units": 3}}]
    >>> found = {"budget": 20, "unit": "parameters", "spent": 12, "batches": 8}
    >>> found.update({"candidates": 9, "predicted": -0.5, "scores": scores})
    >>> search_in_words({"firefly": found})
    ['1 of 9 candidates kept (1 with a split) for 12 of 20 parameters; they promise a loss lower by 0.5']
    """
    found = entry.get("firefly")
    if found is None:
        return []
    kinds = Counter(
        any(parent is not None for parent in one["from"].values())
        for one in found["scores"]
    )
    layers = [name for one in found["scores"] for name in one.get("layers", ())]
    kept = sum(len(one["from"]) or 1 for one in found["scores"])
    also = f"; new layers: {', '.join(layers)}" if layers else ""
    return [
        f"{kept} of {found['candidates']} candidates kept ({kinds[True]} with a "
        f"split{also}) for {found['spent']:g} of {found['budget']:g} {found['unit']}; "
        f"they promise a loss lower by {-found['predicted']:.3g}"
    ]
