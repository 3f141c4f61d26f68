"""MNIST, Fashion-MNIST and digits as tensors in memory.

MNIST and Fashion-MNIST are four canonical IDX files each, gzipped or not, in the
data folder or below it as torchvision keeps them (``MNIST/raw``). Files that are
not there are downloaded from the first mirror that answers. An interrupted
download resumes, and gets its final name when its checksum is right. A file with
another checksum is refused, and the message names it. digits are the 1797 images
of 8 x 8 pixels that come with scikit-learn; they need no folder and no network,
and are enlarged to 28 x 28, so that a model for the other two also takes them.

MNIST: LeCun et al. 1998, https://doi.org/10.1109/5.726791
Fashion-MNIST: Xiao et al. 2017, https://arxiv.org/abs/1708.07747
digits: Alpaydin & Kaynak 1998, https://doi.org/10.24432/C50P49

Authors
 * The speechbrain_growth authors 2026
"""

import gzip
import hashlib
import http.client
import os
import re
import urllib.error
import urllib.request
import zlib
from typing import Dict, NamedTuple, Tuple

import numpy as np
import torch
from tqdm import tqdm

from speechbrain.utils.logger import get_logger

logger = get_logger(__name__)

BLOCK = 1 << 20  # bytes that are read at a time
SIDE = 28  # pixels of an image, in each direction
PIXELS = SIDE * SIDE
FILES = {
    ("train", "images"): "train-images-idx3-ubyte.gz",
    ("train", "labels"): "train-labels-idx1-ubyte.gz",
    ("test", "images"): "t10k-images-idx3-ubyte.gz",
    ("test", "labels"): "t10k-labels-idx1-ubyte.gz",
}


class Source(NamedTuple):
    """Where a data set comes from.

    Arguments
    ---------
    mirrors : tuple of str
        Addresses that a file's name is put behind.
    checksums : dict
        SHA-256 of each file, gzipped and not, by name.
    folder : str
        The folder in which torchvision keeps it.
    """

    mirrors: Tuple[str, ...]
    checksums: Dict[str, str]
    folder: str


# cspell:disable
SOURCES = {
    "mnist": Source(
        (
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        {
            "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
        "MNIST",
    ),
    "fashion_mnist": Source(
        (
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        ),
        {
            "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
        "FashionMNIST",
    ),
}
# cspell:enable
DATASETS = (*SOURCES, "digits")


class DataError(ValueError):
    """Files of a data set that are missing or are not the canonical ones.

    Arguments
    ---------
    problems : list of str
        One message for each file.
    """

    def __init__(self, problems):
        super().__init__("\n  - ".join(problems))


def prepare_mnist(data_folder, dataset, skip_prep=False):
    """Downloads missing files of a data set, and checks those that are there.

    Arguments
    ---------
    data_folder : str
        Where the four files are, or are downloaded to.
    dataset : str
        ``mnist``, ``fashion_mnist`` or ``digits``, in any usual spelling; the
        last needs no files.
    skip_prep : bool
        If True, nothing is downloaded and no checksum compared.

    Raises
    ------
    DataError
        Naming every file that cannot be downloaded or has another checksum.
    """
    dataset = _known(dataset)
    if skip_prep or dataset == "digits":
        return
    source, problems = SOURCES[dataset], []
    for name in FILES.values():
        path = _place(data_folder, dataset, name)
        if os.path.exists(path):
            problems += _wrong(path, dataset)
        elif not problems:  # a wrong file must be removed by hand first
            problems += fetch(path, source, dataset)
    if problems:
        raise DataError(problems)


def load_mnist(data_folder, dataset, valid_size=5000):
    """Reads a data set, with validation images taken from the training part.

    Arguments
    ---------
    data_folder : str
        Where the four files are.
    dataset : str
        ``mnist``, ``fashion_mnist`` or ``digits``.
    valid_size : int
        Images held out for validation, the same ones whatever the seed. Of
        digits, at most a tenth is.

    Returns
    -------
    dict
        For ``train``, ``valid`` and ``test``: images, one of 784 floats in a
        row, and labels. Pixels have mean 0 and variance 1 over the training
        part.

    Raises
    ------
    DataError
        If a file is missing, or cannot be read.

    Example
    -------
    >>> parts = load_mnist("", "digits")
    >>> {part: images.shape for part, (images, _) in parts.items()}
    {'train': torch.Size([1258, 784]), 'valid': torch.Size([179, 784]), 'test': torch.Size([360, 784])}
    >>> parts["train"][0].mean().abs() < 1e-4
    tensor(True)
    """
    dataset = _known(dataset)
    if dataset == "digits":
        (images, labels), test = _digits()
        valid_size = min(valid_size, len(images) // 8)
    else:
        images, labels = _canonical(data_folder, dataset, "train")
        test = _canonical(data_folder, dataset, "test")
    if type(valid_size) is not int or not 0 < valid_size < len(images):
        raise DataError(
            [
                f"valid_size is {valid_size}; 1 to {len(images) - 1} of the "
                f"{len(images)} training images can be held out"
            ]
        )
    order = torch.randperm(
        len(images), generator=torch.Generator().manual_seed(0)
    )
    valid, train = order.split([valid_size, len(images) - valid_size])
    parts = {
        "train": (images[train], labels[train]),
        "valid": (images[valid], labels[valid]),
        "test": test,
    }
    floats = {part: images.float() for part, (images, _) in parts.items()}
    std, mean = torch.std_mean(floats["train"])
    for images in floats.values():
        images.sub_(mean).div_(std)
    return {part: (floats[part], parts[part][1]) for part in parts}


def random_shift(images, pixels):
    """Moves each image by a random number of pixels, in both directions.

    Arguments
    ---------
    images : torch.Tensor
        Images of (batch, 784) pixels.
    pixels : int
        How far at most.

    Returns
    -------
    torch.Tensor
        As many images; what comes in from outside is as dark as the darkest
        pixel.

    Example
    -------
    >>> moved = random_shift(torch.eye(784)[:2], 1)
    >>> moved.shape
    torch.Size([2, 784])
    """
    count, wide = len(images), SIDE + 2 * pixels
    padded = torch.nn.functional.pad(
        images.view(count, SIDE, SIDE), [pixels] * 4, value=images.min().item()
    )
    first = torch.randint(2 * pixels + 1, (count, 2)) @ torch.tensor([wide, 1])
    inside = torch.arange(wide**2).view(wide, wide)[:SIDE, :SIDE].flatten()
    chosen = (first[:, None] + inside).to(images.device)
    return padded.view(count, -1).gather(1, chosen)


def read_idx(path, shape):
    """Reads unsigned bytes in the IDX format.

    Arguments
    ---------
    path : str
        A file, which is gzipped if its name ends with ``.gz``.
    shape : tuple
        Sizes that are expected; None where any size is accepted.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    DataError
        If it is no such file, or has not as many bytes as its header says.

    Example
    -------
    >>> path = getfixture("tmpdir") / "labels.gz"
    >>> _ = path.write_binary(
    ...     gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 5]))
    ... )
    >>> read_idx(str(path), (None,))
    array([7, 5], dtype=uint8)
    """
    try:
        with (gzip.open if path.endswith(".gz") else open)(path, "rb") as fin:
            head = fin.read(4 + 4 * len(shape))
            sizes = _sizes(head, len(shape))
            fits = sizes is not None and all(
                wanted in (None, size) for wanted, size in zip(shape, sizes)
            )
            count = int(np.prod(sizes, dtype=object)) if fits else 0
            values = _read(fin, count + 1) if fits else b""
    except (OSError, EOFError, zlib.error) as error:
        raise DataError([f"{path}: {error}"])
    if not fits:
        raise DataError(
            [
                f"{path}: this is no IDX file of unsigned bytes of sizes "
                f"{_in_words(shape)}"
            ]
        )
    if len(values) != count:
        more = "more" if len(values) > count else "fewer"
        raise DataError(
            [f"{path}: there are {more} bytes than {_in_words(sizes)}"]
        )
    return np.frombuffer(values, dtype=np.uint8).reshape(sizes)


def _read(stream, most):
    """The next bytes of a stream."""
    values = bytearray()
    # A header may promise more bytes than there are, or than memory holds
    while len(values) < most:
        block = stream.read(min(BLOCK, most - len(values)))
        if not block:
            break
        values += block
    return values


def _sizes(head, ndim):
    """Sizes in an IDX header; None if it is not one of unsigned bytes."""
    if head[:4] != bytes([0, 0, 8, ndim]) or len(head) != 4 + 4 * ndim:
        return None
    return tuple(int(size) for size in np.frombuffer(head[4:], dtype=">u4"))


def fetch(path, source, dataset):
    """Downloads one file, and resumes an earlier download of it.

    Arguments
    ---------
    path : str
        Its final path. The file gets it when it is complete and right.
    source : Source
        Its mirrors, and its checksum.
    dataset : str
        For the message.

    Returns
    -------
    list of str
        What is wrong; empty if the file is there.
    """
    name, partial = os.path.basename(path), f"{path}.part"
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    answers = []
    for mirror in source.mirrors:
        try:
            _download(mirror + name, partial)
        except (OSError, http.client.HTTPException) as error:
            answers.append(f"{mirror}: {error}")
            continue
        if _sha256(partial) == source.checksums[name]:
            os.replace(partial, path)
            return []
        os.remove(partial)
        answers.append(f"{mirror}: sent another file")
    folder = os.path.abspath(os.path.dirname(path))
    return [
        f"{name} of {dataset} is not in {folder} and could not be downloaded. "
        f"Put the four files {', '.join(FILES.values())} there, gzipped or "
        "not, or name their folder with --data_folder; --dataset=digits needs "
        "no files. Tried:" + "".join(f"\n      {answer}" for answer in answers)
    ]


def _download(address, partial):
    """Resumes where the partial file ends, if the server supports it."""
    have = os.path.getsize(partial) if os.path.exists(partial) else 0
    request = urllib.request.Request(address)
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        answer = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing is left to send
            return
        raise
    with answer:
        resumes = answer.status == 206
        left = int(answer.headers.get("Content-Length", 0))
        have = have if resumes else 0
        bar = tqdm(
            desc=os.path.basename(address),
            initial=have,
            total=have + left or None,
            unit="B",
            unit_scale=True,
        )
        with bar, open(partial, "ab" if resumes else "wb") as fout:
            for block in iter(lambda: answer.read(1 << 16), b""):
                fout.write(block)
                bar.update(len(block))
            if left and bar.n < have + left:
                raise OSError("the connection broke off")


def _wrong(path, dataset):
    """Messages about a file with a wrong checksum; empty if it is right."""
    name = os.path.basename(path)
    try:
        found = _sha256(path)
    except OSError as error:
        return [f"{path}: {error.strerror}"]
    if found == SOURCES[dataset].checksums[name]:
        return []
    known = {
        checksum: f"{other} of {one}"
        for one, source in SOURCES.items()
        for other, checksum in source.checksums.items()
    }
    is_ = known.get(found, "truncated, altered, or another file")
    return [
        f"{path}: this is not {name} of {dataset} but {is_}; its checksum "
        f"(SHA-256) begins with {found[:8]} and should with "
        f"{SOURCES[dataset].checksums[name][:8]}. Remove it to download it anew"
    ]


def _sha256(path):
    """Checksum of a file."""
    digest = hashlib.sha256()
    with open(path, "rb") as fin:
        for block in iter(lambda: fin.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def _known(dataset):
    """The name of a data set, of whatever spelling; raises if there is none."""
    letters = re.sub("[-_ ]", "", str(dataset).lower())
    for name in DATASETS:
        if name.replace("_", "") == letters:
            return name
    raise DataError(
        [f"dataset is {dataset!r}; it must be {' or '.join(DATASETS)}"]
    )


def _place(data_folder, dataset, name):
    """Where a file is, gzipped or not; where it belongs if it is not there."""
    paths = [
        os.path.join(data_folder, folder, one)
        for folder in ("", os.path.join(SOURCES[dataset].folder, "raw"), "raw")
        for one in (name, name[: -len(".gz")])
    ]
    return next(filter(os.path.exists, paths), paths[0])


def _canonical(data_folder, dataset, part):
    """Images and labels of one part, as they are in the files."""
    paths = [
        _place(data_folder, dataset, FILES[part, kind])
        for kind in ("images", "labels")
    ]
    images = read_idx(paths[0], (None, SIDE, SIDE))
    labels = read_idx(paths[1], (None,))
    if len(images) != len(labels) or labels.max(initial=0) > 9:
        raise DataError(
            [
                f"{paths[1]}: {len(labels)} labels up to "
                f"{labels.max(initial=0)} do not fit {len(images)} images of "
                "10 classes"
            ]
        )
    return (
        torch.from_numpy(images.reshape(-1, PIXELS).copy()),
        torch.from_numpy(labels.astype(np.int64)),
    )


def _digits():
    """Training and test part of digits; every fifth image is for the test."""
    from sklearn.datasets import load_digits  # only digits need scikit-learn

    images, labels = load_digits(return_X_y=True)
    threefold = np.kron(images.reshape(-1, 8, 8), np.ones((1, 3, 3)))
    padded = np.pad(threefold, ((0, 0), (2, 2), (2, 2)))
    images = torch.from_numpy(padded.reshape(-1, PIXELS))
    labels = torch.from_numpy(labels.astype(np.int64))
    test = torch.arange(len(images)) % 5 == 0
    return (images[~test], labels[~test]), (images[test], labels[test])


def _in_words(sizes):
    """Sizes as people write them."""
    return " x ".join("N" if n is None else str(n) for n in sizes)
