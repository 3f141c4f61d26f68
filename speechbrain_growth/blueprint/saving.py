"""Writes the YAML with which a trained model is loaded.

Authors
 * The speechbrain_growth authors 2026
"""

import os
import re

from speechbrain_growth.blueprint.text import folder_of

HEADER = """# The YAML of this run, at the sizes of its best checkpoint. To load the model,
# from any folder (if this one was moved, override output_folder):
#     hparams = load_hyperpyyaml(open("model.yaml"))
#     hparams["checkpointer"].recover_if_possible(min_key=METRIC)
"""


def yaml_at(blueprint, sizes):
    """Returns the YAML of a run, for a model of some sizes that is trained.

    HyperPyYAML loads it in any process and from any folder. The list ``growth``
    is empty: the sizes are those after the growths.

    Arguments
    ---------
    blueprint : Blueprint
        The YAML of the run, with its overrides.
    sizes : dict
        Sizes of the trained model, by YAML key.

    Returns
    -------
    str

    Example
    -------
    >>> from speechbrain_growth import Blueprint
    >>> path = getfixture("tmpdir") / "hparams.yaml"
    >>> _ = path.write("width: 4\\nmodules: {width: !ref <width>}\\n")
    >>> print(yaml_at(Blueprint(str(path)), {"width": 8}))
    # The YAML of this run...
    width: 8
    modules: {width: !ref <width>}
    <BLANKLINE>
    """
    own = blueprint.sizes
    changes = {k: v for k, v in sizes.items() if v != own.get(k)}
    known = {*blueprint.written, *blueprint.overrides}
    if "growth" in known:
        changes["growth"] = []
    if "output_folder" in known:
        folder = str(blueprint.value("output_folder"))
        changes["output_folder"] = os.path.abspath(folder)
    here = folder_of(blueprint.path)
    return HEADER + re.sub(
        r"(!include:)(\S+)",
        lambda found: found[1] + os.path.join(here, found[2]),
        blueprint.text(changes),
    )


def plain_tuples(text):
    """Returns a YAML whose tuples have no anchors.

    Once HyperPyYAML has loaded any file, it saves a tuple that is used twice as
    ``&id001 (3, 3)`` and ``*id001``. A new process takes that for a text and
    mixes the anchors up.

    Arguments
    ---------
    text : str
        As from ``hyperpyyaml.resolve_references``.

    Returns
    -------
    str

    Example
    -------
    >>> plain_tuples("a: &id001 (3, 3)\\nb: *id001\\n")
    'a: (3, 3)\\nb: (3, 3)\\n'
    """
    anchored = re.compile(r"&(\w+) (\([^()]*\))")
    for name, value in anchored.findall(text):
        text = re.sub(rf"\*{name}\b", value, text)
    return anchored.sub(r"\2", text)
