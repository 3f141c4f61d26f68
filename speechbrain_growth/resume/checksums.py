"""Writes and checks checksums of a folder, in the format of ``sha256sum``.

Authors
 * The speechbrain_growth authors 2026
"""

import hashlib
import os
import pathlib
from concurrent.futures import ThreadPoolExecutor

from speechbrain_growth.files import to_disk

CHECKSUMS = "SHA256SUMS"
CHUNK = 1 << 20  # bytes
WAITING = 4  # threads that wait for the disk, which serves them together


def seal(folder):
    """Writes the checksums of a folder's files, and waits for the disk.

    ``sha256sum -c SHA256SUMS`` checks them as well.

    Arguments
    ---------
    folder : str or pathlib.Path
        Must hold files only.

    Example
    -------
    >>> folder = getfixture("tmpdir")
    >>> _ = (folder / "model.ckpt").write("weights")
    >>> seal(folder)
    >>> damage(folder)
    []
    >>> _ = (folder / "model.ckpt").write("weighty")
    >>> damage(folder)
    ['model.ckpt is not what was written']
    """
    folder = pathlib.Path(folder)
    lines = [
        f"{_digest(path)}  {path.name}\n"
        for path in sorted(folder.iterdir())
        if path.name != CHECKSUMS
    ]
    (folder / CHECKSUMS).write_text("".join(lines), encoding="utf-8")
    with ThreadPoolExecutor(WAITING) as pool:
        list(pool.map(to_disk, folder.iterdir()))  # raises what one raises
    to_disk(folder)


def damage(folder, must=True):
    """Compares a folder's files with their checksums.

    Arguments
    ---------
    folder : str or pathlib.Path
        Its files.
    must : bool
        Whether it is damaged if it has no checksums.

    Returns
    -------
    list of str
        What is wrong; empty if no file has changed, been added or been
        removed.
    """
    folder, problems = pathlib.Path(folder), []
    if not must and not os.path.lexists(folder / CHECKSUMS):
        return []
    try:
        lines = (folder / CHECKSUMS).read_bytes().splitlines()
    except OSError:
        return [f"{CHECKSUMS} is missing"]
    unnamed = set(os.listdir(folder)) - {CHECKSUMS}
    for line in lines:
        digest, _, name = line.decode("utf-8", "replace").partition("  ")
        unnamed.discard(name)
        if not name or os.path.basename(name) != name:
            problems.append(f"{CHECKSUMS} is not what was written")
        elif not (folder / name).is_file():
            problems.append(f"{name} is missing")
        else:
            try:
                if _digest(folder / name) != digest:
                    problems.append(f"{name} is not what was written")
            except OSError as error:
                problems.append(f"{name} cannot be read: {error.strerror}")
    problems += [f"{name} is not in {CHECKSUMS}" for name in sorted(unnamed)]
    return problems


def _digest(path):
    """SHA-256 of a file, as hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as fin:
        for chunk in iter(lambda: fin.read(CHUNK), b""):
            digest.update(chunk)
    return digest.hexdigest()
