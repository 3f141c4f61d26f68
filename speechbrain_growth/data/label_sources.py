"""Says what the labels of an utterance are: its phones, or subwords.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
import logging
import os
import re
import shutil
import tempfile
from typing import Any, Iterator, List, Sequence

import sentencepiece

from speechbrain.tokenizers.SentencePiece import SentencePiece
from speechbrain.utils.distributed import run_on_main
from speechbrain_growth.data.annotations import read_items
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.files import aside

KINDS = ("bpe", "unigram")
NAME = re.compile(rf"\d+_({'|'.join(KINDS)})\.model")  # as SpeechBrain's
SPACE = "\u2581"  # SentencePiece's mark of the beginning of a word
PAGE = "docs/export.md has how a vocabulary grows"


class Phones:
    """Labels that an annotation spells, with spaces between them.

    Arguments
    ---------
    field : str
        The field of an utterance that has them.

    Attributes
    ----------
    error_rate : str
        What the rate of errors is called.
    known : list of str
        Labels that are known before the data are read.

    Example
    -------
    >>> Phones().split("sil ah sil")
    ['sil', 'ah', 'sil']
    """

    error_rate = "PER"

    def __init__(self, field: str = "phn") -> None:
        self.field = field
        self.known: List[str] = []

    def prepare(self, annotation: str, folder: str, earlier: str = "") -> None:
        """Needs nothing; arguments as for ``Subwords``."""

    def split(self, text: str) -> List[str]:
        """Returns the labels of a text."""
        return text.split()

    def compared(self, labels: Sequence[str]) -> List[str]:
        """Returns what errors are counted in: the labels."""
        return list(labels)


class Subwords:
    """Subwords of the words of an utterance, by SpeechBrain's ``SentencePiece``.

    The tokenizer is trained once, in the folder of the checkpoints, under
    SpeechBrain's name, such as ``60_bpe.model``. SentencePiece numbers its
    pieces anew whenever it is trained; so it only splits texts here, and the
    label encoder says which output a piece has.

    Arguments
    ---------
    field : str
        The field of an utterance that has its words.
    vocab_size : int
        SentencePiece's number of pieces. One of them stands for unknown
        characters; as no label is one, the blank may have its output.
    model_type : str
        ``bpe`` (https://arxiv.org/abs/1508.07909) or ``unigram``
        (https://arxiv.org/abs/1804.10959).

    Attributes
    ----------
    error_rate : str
        What the rate of errors is called.
    known : list of str
        All pieces, in SentencePiece's order; empty before ``prepare``.

    Raises
    ------
    GrowthError
        If an argument is something else.

    Example
    -------
    >>> folder = getfixture("tmpdir")
    >>> _ = (folder / "train.json").write('{"a": {"wrd": "the other one"}}')
    >>> labels = Subwords("wrd", vocab_size=12)
    >>> labels.prepare(str(folder / "train.json"), str(folder))
    >>> labels.split("the hen")
    ['▁', 'the', '▁', 'he', 'n']
    >>> labels.compared(labels.split("the hen"))
    ['the', 'hen']
    """

    error_rate = "WER"

    def __init__(
        self, field: str, vocab_size: int, model_type: str = "bpe"
    ) -> None:
        problems = []
        if type(vocab_size) is not int or vocab_size < 2:
            problems.append(
                f"vocab_size is {vocab_size!r}; it must be a whole number "
                "above 1"
            )
        if model_type not in KINDS:
            problems.append(
                f"model_type is {model_type!r}; it must be {' or '.join(KINDS)}"
            )
        if problems:
            raise GrowthError(problems)
        self.field, self.vocab_size = field, vocab_size
        self.model_type = model_type
        self.file = f"{vocab_size}_{model_type}.model"
        self.known: List[str] = []
        self._processor: Any = None

    def prepare(self, annotation: str, folder: str, earlier: str = "") -> None:
        """Trains the tokenizer, or takes that of an earlier run; loads it.

        All processes must call it; one of them writes.

        Arguments
        ---------
        annotation : str
            JSON annotation with the texts to train on.
        folder : str
            Where the tokenizer is kept. If it is there already, it is loaded.
        earlier : str
            Output folder of a run whose tokenizer is taken; empty for none.

        Raises
        ------
        GrowthError
            If there is another tokenizer, if the texts do not allow so many
            pieces, or if the file is damaged. Nothing is written then.
        """
        run_on_main(self._provide, args=[annotation, folder, earlier])
        path = os.path.join(folder, self.file)
        processor = sentencepiece.SentencePieceProcessor()
        try:
            with _quiet():
                processor.load(path)
            # A file that was cut off may be one of fewer pieces
            whole = processor.vocab_size() == self.vocab_size
        except (RuntimeError, OSError):
            whole = False
        if not whole:
            raise GrowthError(
                f"{path}: the tokenizer is damaged or cut off; remove the "
                "file, and the same command writes it again"
            )
        self._processor = processor
        self.known = [
            processor.id_to_piece(index)
            for index in range(self.vocab_size)
            if not processor.is_unknown(index)
        ]

    def split(self, text: str) -> List[str]:
        """Returns the pieces of a text; a character that no piece has stays."""
        return self._processor.encode_as_pieces(text)

    def compared(self, labels: Sequence[str]) -> List[str]:
        """Returns what errors are counted in: the words of some pieces."""
        return "".join(labels).replace(SPACE, " ").split()

    def _provide(self, annotation, folder, earlier):
        """Writes the tokenizer completely, or not at all."""
        path, found = os.path.join(folder, self.file), tokenizers_in(folder)
        if found:
            self._check(
                found, folder, "use these, or another output_folder; " + PAGE
            )
        elif earlier:
            source = os.path.join(earlier, "save")
            self._check(
                tokenizers_in(source),
                f"init_from: {source}",
                "use these, or make the vocabulary larger first; " + PAGE,
            )
            with aside(path) as temporary:
                shutil.copyfile(os.path.join(source, self.file), temporary)
        else:
            self._train(annotation, path)

    def _check(self, found, where, advice):
        """Raises if there is no tokenizer, or another one."""
        if found != [self.file]:
            raise GrowthError(
                f"{where} holds {', '.join(found) or 'no tokenizer'}, but "
                f"vocab_size {self.vocab_size} and model_type "
                f"{self.model_type} are those of {self.file}; {advice}"
            )

    def _train(self, annotation, path):
        """Trains elsewhere, as SentencePiece may be killed while it writes."""
        items = read_items(annotation).values()
        if not any((item.get(self.field) or "").strip() for item in items):
            raise GrowthError(
                f"{annotation}: no utterance has a text {self.field}, which "
                "subwords are made of; use a corpus that has it"
            )
        with tempfile.TemporaryDirectory() as scratch:
            try:
                with _quiet():
                    made = SentencePiece(
                        scratch,
                        self.vocab_size,
                        annotation_train=annotation,
                        annotation_read=self.field,
                        model_type=self.model_type,
                        annotation_format="json",
                    )
            except RuntimeError as error:
                raise GrowthError(f"{annotation}: {self._in_words(str(error))}")
            with aside(path) as temporary:
                shutil.copyfile(f"{made.prefix_model_file}.model", temporary)

    def _in_words(self, error):
        """What SentencePiece says, for people."""
        high = re.search(r"size too high .* <= (\d+)", error)
        low = re.search(r"required_chars\. \d+ vs (\d+)", error)
        if not high and not low:
            return f"SentencePiece cannot be trained: {error}"
        return f"vocab_size is {self.vocab_size}, but the words allow " + (
            f"{high[1]} pieces at most; use {high[1]} or less"
            if high
            else f"{low[1]} at least, one for each character; use {low[1]} or "
            "more"
        )


def tokenizers_in(folder: str) -> List[str]:
    """Returns the names of the files of tokenizers in a folder.

    Arguments
    ---------
    folder : str
        Need not exist.

    Returns
    -------
    list of str

    Example
    -------
    >>> folder = getfixture("tmpdir")
    >>> for name in ("60_bpe.model", "60_bpe.model.tmp", "model.yaml"):
    ...     _ = (folder / name).write("")
    >>> tokenizers_in(str(folder))
    ['60_bpe.model']
    """
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return sorted(filter(NAME.fullmatch, names))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Leaves out what SentencePiece prints; its errors are also raised."""
    logger = logging.getLogger(SentencePiece.__module__)
    level = logger.level
    logger.setLevel(logging.WARNING)
    sentencepiece.set_min_log_level(3)
    try:
        yield
    finally:
        logger.setLevel(level)
        sentencepiece.set_min_log_level(0)  # the default; it cannot be asked
