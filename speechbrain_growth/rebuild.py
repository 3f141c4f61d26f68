"""Builds parts of a hyperpyyaml file at other sizes, and nothing else of it.

Authors
 * The speechbrain_growth authors 2026
"""

import io
import os
import re

import ruamel.yaml
import torch
from hyperpyyaml import load_hyperpyyaml, resolve_references
from hyperpyyaml.core import recursive_update

from speechbrain_growth.errors import GrowthError

READING = (
    ruamel.yaml.error.YAMLError,
    KeyError,
    ValueError,
    TypeError,
    OSError,
)
REFERENCE = re.compile(r"<([^<>\[\].]+)")


class Blueprint:
    """A YAML file as it was when the run began.

    Only what is asked for is built: no seed is set, no folder made, no logger
    or checkpointer touched. The caller's random-number state is left alone.

    Arguments
    ---------
    hparams_file : str
        Path of the YAML.
    overrides : str or dict
        As from ``speechbrain.parse_arguments``.

    Raises
    ------
    GrowthError
        If the file cannot be read, or an override names no key of it.

    Example
    -------
    >>> path = getfixture("tmpdir") / "hparams.yaml"
    >>> _ = path.write(
    ...     "width: 4\\nnet: !new:torch.nn.Linear\\n"
    ...     "    in_features: 3\\n    out_features: !ref <width>\\n"
    ...     "modules: {net: !ref <net>}\\n"
    ... )
    >>> blueprint = Blueprint(str(path))
    >>> blueprint.sizes
    {'width': 4}
    >>> blueprint.modules({"width": 8})["net"]
    Linear(in_features=3, out_features=8, bias=True)
    """

    def __init__(self, hparams_file, overrides=None):
        self.path = os.path.abspath(hparams_file)
        try:
            with open(hparams_file, encoding="utf-8") as fin:
                self.text = fin.read()
        except OSError as error:
            raise GrowthError(
                f"{hparams_file}: {error.strerror}; it must be a YAML file of "
                "hyperparameters"
            )
        except UnicodeDecodeError as error:
            raise GrowthError(f"{hparams_file}: {error}")
        try:
            self.overrides = as_dict(overrides)
            self._tree = self._parse({})
        except READING as error:
            raise GrowthError(f"{hparams_file}: {error}")
        if "modules" not in (self._tree or ()):
            raise GrowthError(
                f"{hparams_file}: there is no key 'modules'; it must name the "
                "modules in signal order"
            )

    @property
    def sizes(self):
        """Every number that the modules are built from, by YAML key.

        A size that refers to another one follows it, and is left out.
        """
        raw = self._load(self.text)
        recursive_update(raw, self.overrides)
        reached, waiting = set(), ["modules"]
        while waiting:
            key = waiting.pop()
            if key in raw and key not in reached:
                reached.add(key)
                waiting += REFERENCE.findall(self._dump(raw[key]))
        values = {key: _size(raw[key]) for key in raw if key in reached}
        return {k: v for k, v in values.items() if v is not None}

    def value(self, key, default=None):
        """A plain value of the file.

        Arguments
        ---------
        key : str
            Top-level key.
        default : object
            What to return if there is none.

        Returns
        -------
        object
        """
        return self._tree.get(key, default)

    def build(self, *keys, sizes=None, seed=0):
        """Builds top-level keys of the file, with what they refer to.

        Arguments
        ---------
        *keys : str
            The keys.
        sizes : dict
            Values that replace those of the file.
        seed : int
            Seed of whatever is random in it.

        Returns
        -------
        list
            What was built, in the order of the keys.
        """
        tree = self._parse(sizes or {})
        missing = [key for key in keys if key not in tree]
        if missing:
            raise GrowthError(
                f"{self.path}: there is no key {' and no '.join(missing)}; a "
                "run that grows needs it"
            )
        part = self._dump(_in_blocks({key: tree[key] for key in keys}))
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)  # and no other device's
            built = load_hyperpyyaml(part)
        return [built[key] for key in keys]

    def modules(self, sizes=None, seed=0):
        """Builds the modules at other sizes.

        Arguments
        ---------
        sizes : dict
            Values that replace those of the file.
        seed : int
            Seed of the weights that they are built with.

        Returns
        -------
        torch.nn.ModuleDict
        """
        return torch.nn.ModuleDict(
            self.build("modules", sizes=sizes, seed=seed)[0]
        )

    def _parse(self, sizes):
        """The tree with references resolved and values replaced."""
        stream = io.StringIO(self.text)
        stream.name = self.path  # included files are found relative to it
        # What does not change keeps its kind: a tuple would become a list
        own = self.sizes if sizes else {}
        changed = {k: v for k, v in sizes.items() if v != own.get(k)}
        overrides = {**self.overrides, **changed}
        resolved = resolve_references(stream, overrides, True)
        return self._load(resolved)

    @staticmethod
    def _load(text):
        """Text to tree, tags kept."""
        return ruamel.yaml.YAML().load(text)

    @staticmethod
    def _dump(tree):
        """Tree to text."""
        stream = io.StringIO()
        ruamel.yaml.YAML().dump(tree, stream)
        return stream.getvalue()


def as_dict(overrides):
    """Overrides as a mapping, whether they came as text or not.

    Arguments
    ---------
    overrides : str or dict
        As from ``speechbrain.parse_arguments``.

    Returns
    -------
    dict
    """
    if isinstance(overrides, str):
        overrides = ruamel.yaml.YAML().load(overrides)
    if not isinstance(overrides or {}, dict):
        raise ValueError(f"the overrides are {overrides}, not a mapping")
    return dict(overrides or {})


def _in_blocks(node):
    """A tree without braces: between them, `(3, 4)` would become a text."""
    if hasattr(node, "fa"):
        node.fa.set_block_style()
    if isinstance(node, (dict, list)):
        for item in node.values() if isinstance(node, dict) else node:
            _in_blocks(item)
    return node


def _size(node):
    """A whole number, or a list of them; None if the node is none."""
    if getattr(getattr(node, "tag", None), "value", None) == "!tuple":
        node = node.value  # so tagged once hyperpyyaml has loaded any file
    if isinstance(node, str) and re.fullmatch(r"\([\d\s,]+\)", node):
        node = [int(number) for number in re.findall(r"\d+", node)]
    if isinstance(node, list) and node:
        numbers = [_size(item) for item in node]
        return None if None in numbers else numbers
    whole = isinstance(node, int) and not isinstance(node, bool)
    return int(node) if whole else None
