"""A label encoder whose file is never cut off.

Authors
 * The speechbrain_growth authors 2026
"""

import os

from speechbrain.dataio.encoder import CTCTextEncoder


class SafeTextEncoder(CTCTextEncoder):
    """SpeechBrain's encoder for CTC, safe from kills and full disks.

    SpeechBrain reads a file that was cut off as one with fewer labels.

    Example
    -------
    >>> path = getfixture("tmpdir") / "label_encoder.txt"
    >>> encoder = SafeTextEncoder()
    >>> encoder.update_from_iterable(["sil", "ah"], sequence_input=False)
    >>> encoder.insert_blank()
    >>> encoder.save(str(path))
    >>> again = SafeTextEncoder()
    >>> again.load(str(path))
    >>> again.expect_len(3)
    >>> again.encode_sequence(["ah"])
    [1]
    """

    def save(self, path: str) -> None:
        """Writes all labels, or leaves the earlier file.

        Arguments
        ---------
        path : str
            The file.
        """
        temporary = f"{path}.{os.getpid()}.tmp"
        try:
            super().save(temporary)
            os.replace(temporary, path)
        finally:
            if os.path.exists(temporary):
                os.remove(temporary)
