"""Builds parts of a hyperpyyaml file at other sizes, and nothing else of it.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
import copy
import functools
import io
import re
from typing import Any, Dict, List, Optional, Union

import torch
from hyperpyyaml import load_hyperpyyaml, resolve_references

from speechbrain_growth.blueprint.limits.allowing import code_in_tuples
from speechbrain_growth.blueprint.merging import as_logged, merge
from speechbrain_growth.blueprint.modules import as_modules
from speechbrain_growth.blueprint.origins import located, where
from speechbrain_growth.blueprint.reading import dump, load, read
from speechbrain_growth.blueprint.sizes import Sizes, as_size, key_of
from speechbrain_growth.blueprint.text import in_blocks, without_comments
from speechbrain_growth.blueprint.wording import READING, in_words
from speechbrain_growth.errors import GrowthError

REFERENCE = re.compile(r"<([^<>\[\].]+)")
ABSENT = object()  # what stands at a key that there is not


class Blueprint:
    """Builds parts of a YAML file, at the sizes of the file or at others.

    The file is read once, when the run begins; one with the key ``base`` changes
    the file that is named there. Only the keys that are asked for are built: no
    seed is set, no folder is made, and no logger or checkpointer is built. The
    random-number state of the caller stays the same.

    Arguments
    ---------
    hparams_file : str
        Path of the YAML.
    overrides : str or dict
        From ``speechbrain.parse_arguments``.

    Raises
    ------
    GrowthError
        If the file cannot be read, names a class by the path of an earlier
        version, or lacks the key of an override.

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

    def __init__(
        self, hparams_file: str, overrides: Union[str, dict, None] = None
    ) -> None:
        self._found = found = read(hparams_file, overrides)
        self.path, self.written, self.changes = found[:3]
        self.overrides = as_logged(self.changes)
        self._tree, self._parts, self._prototypes = self._parse({}), {}, {}
        if "modules" not in self._tree:
            raise GrowthError(
                f"{hparams_file}: there is no key 'modules'; it must name the "
                "modules in signal order"
            )

    @property
    def sizes(self) -> Sizes:
        """Every number that the modules are built from, by YAML key.

        A size that refers to another one follows it, and is left out.
        """
        return copy.deepcopy(self._sizes)

    @functools.cached_property
    def _sizes(self):
        """The sizes, found once."""
        values = {k: as_size(v) for k, v in self._reached("modules").items()}
        return {k: v for k, v in values.items() if v is not None}

    def _reached(self, *keys):
        """The values of some keys, and of all keys that these refer to."""
        reached, waiting = set(), list(keys)
        while waiting:
            key = waiting.pop()
            if key in self._found.tree and key not in reached:
                reached.add(key)
                waiting += REFERENCE.findall(dump(self._found.tree[key]))
        return {
            key: self._found.tree[key]
            for key in self._found.tree
            if key in reached
        }

    def value(self, key: str, default: Any = None) -> Any:
        """Returns a plain value of the file.

        Arguments
        ---------
        key : str
            Top-level key.
        default : object
            What to return if the file has no such key.

        Returns
        -------
        object
        """
        return self._tree.get(key, default)

    def where(self, key: str) -> str:
        """Returns the file and the line of a key, as a message begins.

        Arguments
        ---------
        key : str
            Top-level key.

        Returns
        -------
        str
            Empty if the command line gave its value.
        """
        return where(self._found, key)

    def located(self, error: GrowthError) -> GrowthError:
        """Returns an error with the places of the growths that it is about.

        Arguments
        ---------
        error : GrowthError
            Each of its problems may begin with ``growth[N]``.

        Returns
        -------
        GrowthError
        """
        return type(error)(located(self._found, error.problems))

    def build(
        self, *keys: str, sizes: Optional[Sizes] = None, seed: int = 0
    ) -> List[Any]:
        """Builds top-level keys of the file, and the keys that these refer to.

        Arguments
        ---------
        *keys : str
            The keys; one within another is written as in a reference, such as
            ``checkpointer[recoverables]``.
        sizes : dict
            Values that replace those of the file.
        seed : int
            Seed of the random numbers that building draws.

        Returns
        -------
        list
            The objects, in the order of the keys.
        """
        # Reading takes much longer than building, and sizes come again
        known = keys, repr(sizes)
        if known not in self._parts:
            self._parts[known] = self._part(keys, sizes or {})
        part = self._parts[known]
        building = self._building(*keys, sizes=sizes)
        with torch.random.fork_rng(devices=[]), building:
            torch.default_generator.manual_seed(seed)  # that of the CPU only
            built = load_hyperpyyaml(part)
        return [built[key] for key in keys]

    def _part(self, keys, sizes):
        """The text of some keys, without references."""
        tree = self._parse(sizes)
        found = {key: _node(tree, key) for key in keys}
        missing = [key for key, node in found.items() if node is ABSENT]
        if missing:
            raise GrowthError(
                f"{self.path}: there is no key {' and no '.join(missing)}; a "
                "run that grows needs it"
            )
        return dump(in_blocks(found))

    def load(self) -> Dict[str, Any]:
        """Builds every key of the file, and sets its seed.

        Returns
        -------
        dict
            As from ``hyperpyyaml.load_hyperpyyaml``.

        Raises
        ------
        GrowthError
            If something cannot be built.
        """
        with self._building():
            return load_hyperpyyaml(self._stream({}))

    def text(self, changes: Optional[Dict[str, Any]] = None) -> str:
        """Returns the YAML with all changes in it, as a file would have it.

        Arguments
        ---------
        changes : dict
            Values that replace those of the file.

        Returns
        -------
        str
        """
        return _changed(self._found.text, changes)

    def resolved(self, changes: Optional[Dict[str, Any]] = None) -> str:
        """Returns the same as ``text``, with the values of all references.

        Arguments
        ---------
        changes : dict
            Values that replace those of the file.

        Returns
        -------
        str
        """
        return resolve_references(self._stream(changes or {})).getvalue()

    def tree(self, sizes: Optional[Sizes] = None) -> Dict[str, Any]:
        """Returns the YAML as a tree, with what references name in their place.

        Arguments
        ---------
        sizes : dict
            Values that replace those of the file.

        Returns
        -------
        dict
            Where several references name one thing, it is the same object.
        """
        return self._parse(sizes or {})

    def modules(
        self, sizes: Optional[Sizes] = None, seed: int = 0
    ) -> torch.nn.ModuleDict:
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

        Raises
        ------
        GrowthError
            If something in ``modules`` is no module.
        """
        (found,) = self.build("modules", sizes=sizes, seed=seed)
        return as_modules(found, self.path)

    def prototype(self, sizes: Sizes) -> torch.nn.ModuleDict:
        """Returns what ``modules`` built at some sizes, the same each time.

        It is there to be copied, which takes less time than to build it again,
        and stays in memory.

        Arguments
        ---------
        sizes : dict
            Values that replace those of the file.

        Returns
        -------
        torch.nn.ModuleDict
            Not to be changed, nor run: a layer may keep what it computes.
        """
        known = key_of(sizes)
        if known not in self._prototypes:
            self._prototypes[known] = self.modules(sizes)
        return self._prototypes[known]

    def _parse(self, sizes):
        """The tree with references resolved and values replaced."""
        # Sizes that do not change keep their type: one may be a tuple
        own = self._sizes if sizes else {}
        changed = {k: v for k, v in sizes.items() if v != own.get(k)}
        try:
            tree = load(self.resolved(changed))
        except READING as error:
            raise GrowthError(f"{self.path}: {in_words(error)}")
        problems = [f"{self.path}: {p}" for p in code_in_tuples(tree)]
        if problems:
            raise GrowthError(problems)
        return tree

    @functools.cached_property
    def _bare(self):
        """The YAML without comments."""
        return dump(without_comments(load(self._found.text)))

    def _stream(self, changes):
        """The YAML as a file that HyperPyYAML reads."""
        stream = io.StringIO(_changed(self._bare, changes))
        stream.name = self.path  # included files are found relative to it
        return stream

    @contextlib.contextmanager
    def _building(self, *keys, sizes=None):
        """Raises any error as a GrowthError that names the key of this file."""
        try:
            yield
        except GrowthError as error:
            raise self.located(error)
        except Exception as error:  # the classes of the file may raise any
            words = in_words(error)
            tree = self._parse(sizes or {})
            for key in self._reached(
                *keys
            ):  # the first that fails is the cause
                try:
                    load_hyperpyyaml(dump(in_blocks({key: tree[key]})))
                except Exception as cause:
                    words = f"{key}: {in_words(cause)}"
                    break
            raise GrowthError(f"{self.path}: {words}")


def _changed(text, changes):
    """The text of a YAML with other values."""
    return dump(merge(load(text), changes)) if changes else text


def _node(tree, key):
    """What stands at a key, written as references write it."""
    for part in re.findall(r"[^\[\]]+", key):
        if not isinstance(tree, dict) or part not in tree:
            return ABSENT
        tree = tree[part]
    return tree
