"""Divides an annotation of TIMIT by utterance, for speaker identification.

TIMIT's own parts have no speaker in common, so that none of the valid and test
part could be identified. Here each speaker of one annotation has utterances in
all three parts. Women and men take turns, each sorted by name.

Authors
 * The speechbrain_growth authors 2026
"""

import itertools
import json
import os

PARTS = ("train", "valid", "test")


class TooFewUtterances(ValueError):
    """Speakers who have too few utterances for three parts."""


def divide_by_utterance(save_json, save_jsons, valid, test, skip_prep=False):
    """Writes three annotations in which every speaker has utterances.

    Of a speaker's utterances, sorted by name, the last ones are for the test,
    those before them for validation, and the rest is for training.

    Arguments
    ---------
    save_json : str
        An annotation that ``prepare_timit`` wrote; it has ``spk_id``.
    save_jsons : list of str
        Where those for training, validation and test go.
    valid : int
        How many utterances of each speaker are for validation.
    test : int
        How many are for the test.
    skip_prep : bool
        Whether to do nothing.

    Returns
    -------
    None

    Raises
    ------
    TooFewUtterances
        Naming every such speaker; nothing is written.

    Example
    -------
    >>> folder = getfixture("tmpdir")
    >>> items = {f"{s}_{n}": {"spk_id": s} for s in "FM" for n in range(3)}
    >>> _ = (folder / "all.json").write(json.dumps(items))
    >>> paths = [str(folder / f"{part}.json") for part in PARTS]
    >>> divide_by_utterance(str(folder / "all.json"), paths, valid=1, test=1)
    >>> [list(json.loads((folder / f"{part}.json").read())) for part in PARTS]
    [['F_0', 'M_0'], ['F_1', 'M_1'], ['F_2', 'M_2']]
    """
    if skip_prep:
        return
    with open(save_json, encoding="utf-8") as file:
        items = json.load(file)
    found = {}
    for name in sorted(items):
        found.setdefault(items[name]["spk_id"], []).append(name)
    problems = [
        f"{save_json}: {speaker} has {len(names)} utterances, of which {valid} "
        f"are for validation and {test} for the test; {valid + test + 1} or "
        "more are needed"
        for speaker, names in found.items()
        if len(names) <= valid + test
    ]
    if problems:
        raise TooFewUtterances("\n".join(problems))
    ends = (None, -valid - test), (-valid - test, -test), (-test, None)
    for path, (first, last) in zip(save_jsons, ends):
        chosen = [n for s in in_turn(found) for n in found[s][first:last]]
        _write(path, {name: items[name] for name in chosen})


def in_turn(speakers):
    """Returns speakers so that women and men take turns.

    Arguments
    ---------
    speakers : iterable of str
        Their names in TIMIT begin with F or M.

    Returns
    -------
    list of str

    Example
    -------
    >>> in_turn(["FA", "FB", "FC", "MA"])
    ['FA', 'MA', 'FB', 'FC']
    """
    speakers = sorted(speakers)
    women = [name for name in speakers if name.upper().startswith("F")]
    men = [name for name in speakers if name not in women]
    pairs = itertools.zip_longest(women, men)
    return [name for pair in pairs for name in pair if name is not None]


def _write(path, items):
    """Writes JSON completely, or leaves the earlier file."""
    temporary = f"{path}.{os.getpid()}.tmp"
    lines = [f"{json.dumps(k)}: {json.dumps(items[k])}" for k in items]
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            file.write("{\n" + ",\n".join(lines) + "\n}\n")
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)
