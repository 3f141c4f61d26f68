"""Label encoders whose files are never cut off.

Authors
 * The speechbrain_growth authors 2026
"""

import os
import shutil
from typing import Iterable

from speechbrain.dataio.encoder import CategoricalEncoder, CTCTextEncoder
from speechbrain.utils.distributed import if_main_process
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.files import aside


class SafeEncoder(CategoricalEncoder):
    """SpeechBrain's encoder of categories, safe from kills and full disks.

    SpeechBrain reads a file that was cut off as one with fewer labels, and
    numbers the labels anew if a file is damaged.

    Example
    -------
    >>> path = getfixture("tmpdir") / "label_encoder.txt"
    >>> encoder = SafeEncoder()
    >>> encoder.append(["FELC0", "MDAB0"], str(path))
    >>> again = SafeEncoder.from_saved(str(path))
    >>> again.append(["FAAA9", "MDAB0"], str(path))
    >>> again.lab2ind
    {'FELC0': 0, 'MDAB0': 1, 'FAAA9': 2}
    """

    def append(self, labels: Iterable[str], path: str) -> None:
        """Adds labels behind those that are known; none gets another number.

        Arguments
        ---------
        labels : iterable of str
            In the order of their numbers; known ones are passed over.
        path : str
            The file; the main process writes it anew if a label was added.
        """
        known = len(self.lab2ind)
        for label in labels:
            self.ensure_label(label)
        if len(self.lab2ind) > known and if_main_process():
            self.save(path)

    def save(self, path: str) -> None:
        """Writes all labels, or leaves the earlier file.

        Arguments
        ---------
        path : str
            The file.
        """
        with aside(path) as temporary:
            super().save(temporary)

    @classmethod
    def copy(cls, earlier: str, path: str) -> None:
        """Copies the file of another run completely, or not at all.

        Arguments
        ---------
        earlier : str
            The file of the other run.
        path : str
            The copy.

        Raises
        ------
        GrowthError
            If the file of the other run is damaged.
        """
        cls().load(earlier)
        with aside(path) as temporary:
            shutil.copyfile(earlier, temporary)

    def load(self, path: str) -> None:
        """Reads the labels.

        Arguments
        ---------
        path : str
            The file.

        Raises
        ------
        GrowthError
            If the file was cut off.
        """
        try:
            super().load(path)
            self._check()
        except (KeyError, RuntimeError, TypeError, ValueError, SyntaxError):
            raise GrowthError(
                f"{path}: the labels are damaged or cut off; remove the file, "
                "and the same command writes it again"
            )

    def _check(self):
        """Raises if what was read cannot be all of a file."""
        # What stands on the last line of the file was read, or KeyError
        if any(type(index) is not int for index in self.ind2lab):
            raise ValueError("an index is no number")

    def load_if_possible(self, path: str, end_of_epoch: bool = False) -> bool:
        """Reads the labels if there is a file.

        Arguments
        ---------
        path : str
            The file.
        end_of_epoch : bool
            Not used.

        Returns
        -------
        bool
            Whether there is a file.
        """
        del end_of_epoch
        if os.path.exists(path):
            self.load(path)
        return os.path.exists(path)


class SafeTextEncoder(SafeEncoder, CTCTextEncoder):
    """SpeechBrain's encoder for CTC, safe from kills and full disks.

    Example
    -------
    >>> path = getfixture("tmpdir") / "label_encoder.txt"
    >>> encoder = SafeTextEncoder()
    >>> encoder.update_from_iterable(["sil", "ah"], sequence_input=False)
    >>> encoder.insert_blank()
    >>> encoder.save(str(path))
    >>> again = SafeTextEncoder()
    >>> again.load(str(path))
    >>> again.expect_len(4)
    >>> again.name_unused(4, str(path))
    >>> SafeTextEncoder.from_saved(str(path)).decode_ndim([1, 3])
    ['ah', '<unused 3>']
    """

    def name_unused(self, outputs: int, path: str) -> None:
        """Gives a label to outputs of which the corpus has no example.

        Arguments
        ---------
        outputs : int
            How many outputs the model has, the blank included.
        path : str
            The file; the main process writes it anew if a label was added.
        """
        unused = range(len(self), outputs)
        self.append([f"<unused {index}>" for index in unused], path)

    def _check(self):
        """Raises if what was read cannot be all of a file."""
        super()._check()
        self.get_blank_index()  # its label is on the last line
