"""Builds parts of a hyperpyyaml file at other sizes, and nothing else of it.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
import io
import os
import re

import ruamel.yaml
import torch
from hyperpyyaml import load_hyperpyyaml, resolve_references
from hyperpyyaml.core import recursive_update

from speechbrain_growth.blueprint.wording import in_words, unknown_keys
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
            raise GrowthError(f"{hparams_file}: this is no text: {error}")
        self.overrides = as_dict(overrides)
        try:
            written = self.written
        except READING as error:
            raise GrowthError(f"{hparams_file}, {in_words(error)}")
        if not isinstance(written, dict):
            raise GrowthError(
                f"{hparams_file}: found {written!r}; it must be a mapping of "
                "hyperparameters"
            )
        problems = unknown_keys(self.overrides, written)
        if problems:
            raise GrowthError([f"{hparams_file}: {p}" for p in problems])
        self._tree = self._parse({})
        if "modules" not in self._tree:
            raise GrowthError(
                f"{hparams_file}: there is no key 'modules'; it must name the "
                "modules in signal order"
            )

    @property
    def written(self):
        """The file's own values, without the overrides."""
        return self._load(self.text)

    @property
    def sizes(self):
        """Every number that the modules are built from, by YAML key.

        A size that refers to another one follows it, and is left out.
        """
        values = {k: whole(v) for k, v in self._reached("modules").items()}
        return {k: v for k, v in values.items() if v is not None}

    def _reached(self, *keys):
        """What some keys are built from, themselves included."""
        raw = self.written
        recursive_update(raw, self.overrides)
        reached, waiting = set(), list(keys)
        while waiting:
            key = waiting.pop()
            if key in raw and key not in reached:
                reached.add(key)
                waiting += REFERENCE.findall(self._dump(raw[key]))
        return {key: raw[key] for key in raw if key in reached}

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
        building = self._building(*keys, sizes=sizes)
        part = self._dump(_in_blocks({key: tree[key] for key in keys}))
        with torch.random.fork_rng(devices=[]), building:
            torch.default_generator.manual_seed(seed)  # and no other device's
            built = load_hyperpyyaml(part)
        return [built[key] for key in keys]

    def load(self):
        """Builds all that the file says, and sets its seed.

        Returns
        -------
        dict
            As from ``hyperpyyaml.load_hyperpyyaml``.

        Raises
        ------
        GrowthError
            If something cannot be built.
        """
        with open(self.path, encoding="utf-8") as fin, self._building():
            return load_hyperpyyaml(fin, self.overrides)

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
        try:
            return self._load(resolve_references(stream, overrides, True))
        except READING as error:
            raise GrowthError(f"{self.path}: {in_words(error)}")

    @contextlib.contextmanager
    def _building(self, *keys, sizes=None):
        """Says of whatever goes wrong which key of this file it is about."""
        try:
            yield
        except GrowthError:
            raise
        except Exception as error:  # whatever the named classes may raise
            words = in_words(error)
            tree = self._parse(sizes or {})
            for key in self._reached(*keys):  # in order: the first is to blame
                try:
                    load_hyperpyyaml(self._dump(_in_blocks({key: tree[key]})))
                except Exception as cause:
                    words = f"{key}: {in_words(cause)}"
                    break
            raise GrowthError(f"{self.path}: {words}")

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

    Raises
    ------
    GrowthError
        If they cannot be read.
    """
    if isinstance(overrides, str):
        try:
            overrides = ruamel.yaml.YAML().load(overrides)
        except ruamel.yaml.error.YAMLError as error:
            raise GrowthError(f"the command line, {in_words(error)}")
    if not isinstance(overrides or {}, dict):
        raise GrowthError(
            f"the command line: found {overrides!r}; it must be --key=value"
        )
    # A tuple as text would be taken for a text
    counts = {key: whole(value) for key, value in (overrides or {}).items()}
    return {
        key: value if counts[key] is None else counts[key]
        for key, value in (overrides or {}).items()
    }


def _in_blocks(node):
    """A tree without braces: between them, `(3, 4)` would become a text."""
    if hasattr(node, "fa"):
        node.fa.set_block_style()
    if isinstance(node, (dict, list)):
        for item in node.values() if isinstance(node, dict) else node:
            _in_blocks(item)
    return node


def whole(node):
    """A whole number, or a list of them, as a YAML has it.

    Arguments
    ---------
    node : object
        From the tree.

    Returns
    -------
    int or list
        None if the node is something else.

    Example
    -------
    >>> whole([1, 2]), whole("(3, 4)"), whole(True)
    ([1, 2], [3, 4], None)
    """
    if getattr(getattr(node, "tag", None), "value", None) == "!tuple":
        node = node.value  # so tagged once hyperpyyaml has loaded any file
    if isinstance(node, str) and re.fullmatch(r"\([\d\s,]+\)", node):
        node = [int(number) for number in re.findall(r"\d+", node)]
    if isinstance(node, list) and node:
        numbers = [whole(item) for item in node]
        return None if None in numbers else numbers
    counts = isinstance(node, int) and not isinstance(node, bool)
    return int(node) if counts else None
