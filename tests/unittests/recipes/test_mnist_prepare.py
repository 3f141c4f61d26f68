"""MNIST's files: written, damaged, swapped, served and broken off.

Authors
 * The speechbrain_growth authors 2026
"""

import functools
import gzip
import hashlib
import http.server
import struct
import sys
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch

RECIPE = Path(__file__).resolve().parents[3] / "recipes" / "MNIST"
sys.path.insert(0, str(RECIPE))

import mnist_prepare  # noqa: E402
from mnist_prepare import (  # noqa: E402
    FILES,
    DataError,
    Source,
    load_mnist,
    prepare_mnist,
    random_shift,
    read_idx,
)


def idx(values):
    """An array of bytes in the IDX format, as its authors describe it"""
    head = struct.pack(">HBB", 0, 8, values.ndim)
    sizes = struct.pack(f">{values.ndim}I", *values.shape)
    return gzip.compress(head + sizes + values.tobytes(), mtime=0)


def content(seed):
    """Four files of a small data set, and the arrays that are in them"""
    random = np.random.default_rng(seed)
    arrays, files = {}, {}
    for (part, kind), name in FILES.items():
        count = 60 if part == "train" else 20
        if kind == "images":
            values = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        else:
            values = random.integers(0, 10, count, dtype=np.uint8)
        arrays[part, kind], files[name] = values, idx(values)
    return arrays, files


def plain(files):
    """The same files, not gzipped"""
    return {name[:-3]: gzip.decompress(b) for name, b in files.items()}


def checksums(files):
    """SHA-256 by name"""
    both = {**files, **plain(files)}
    return {name: hashlib.sha256(b).hexdigest() for name, b in both.items()}


ARRAYS, MNIST = content(0)
FASHION = content(1)[1]


@pytest.fixture
def small(monkeypatch):
    """Both data sets are small, and have no mirror unless a test adds one"""

    def sources(*mirrors):
        monkeypatch.setattr(
            mnist_prepare,
            "SOURCES",
            {
                "mnist": Source(mirrors, checksums(MNIST), "MNIST"),
                "fashion_mnist": Source(
                    mirrors, checksums(FASHION), "FashionMNIST"
                ),
            },
        )

    sources("http://localhost:1/")
    return sources


@pytest.fixture
def folder(tmp_path, small):
    """A folder with the four files"""
    for name, values in MNIST.items():
        (tmp_path / name).write_bytes(values)
    return tmp_path


# What is read


def test_what_was_written_is_read(folder):
    prepare_mnist(str(folder), "mnist")
    parts = load_mnist(str(folder), "mnist", valid_size=15)
    test = parts["test"]
    assert torch.equal(test[1], torch.tensor(ARRAYS["test", "labels"]).long())
    # Pixels are the written ones but for one mean and one deviation
    pixels = ARRAYS["test", "images"].reshape(20, 784).astype(float)
    line = np.polyfit(pixels.ravel(), test[0].double().numpy().ravel(), 1)
    np.testing.assert_allclose(np.polyval(line, pixels), test[0], atol=1e-5)
    train = parts["train"][0].double()
    assert abs(train.mean()) < 1e-5 and abs(train.std() - 1) < 1e-5
    for images, _ in parts.values():  # black is black in each part
        assert images.min() == test[0].min()
        assert images.max() == test[0].max()


def test_valid_is_taken_from_train_and_is_always_the_same(folder):
    parts = load_mnist(str(folder), "mnist", valid_size=15)
    torch.manual_seed(99)
    again = load_mnist(str(folder), "mnist", valid_size=15)
    assert torch.equal(parts["valid"][0], again["valid"][0])
    sizes = {part: len(images) for part, (images, _) in parts.items()}
    assert sizes == {"train": 45, "valid": 15, "test": 20}
    both = torch.cat([parts["train"][0], parts["valid"][0]])
    assert len(both.unique(dim=0)) == 60  # no image is in both


@pytest.mark.parametrize("size", [0, -1, 60, 1000])
def test_a_part_must_not_be_empty(folder, size):
    with pytest.raises(DataError, match="valid_size is .* 1 to 59 of the 60"):
        load_mnist(str(folder), "mnist", valid_size=size)


def test_digits_need_no_files():
    prepare_mnist("/no/such/folder", "digits")
    parts = load_mnist("/no/such/folder", "digits")
    digits = pytest.importorskip("sklearn.datasets").load_digits()
    images, labels = parts["test"]
    assert torch.equal(labels, torch.tensor(digits.target[::5]))
    # Each of the 64 pixels is a square of nine; around them is a margin
    squares = images.view(-1, 28, 28)[:, 2:26, 2:26]
    squares = squares.reshape(-1, 8, 3, 8, 3)
    assert torch.equal(squares.amin((2, 4)), squares.amax((2, 4)))
    line = np.polyfit(
        digits.images[::5].ravel(), squares[:, :, 0, :, 0].ravel(), 1
    )
    np.testing.assert_allclose(
        np.polyval(line, digits.images[::5]),
        squares[:, :, 0, :, 0],
        atol=1e-5,
    )
    assert sum(len(labels) for _, labels in parts.values()) == 1797


@pytest.mark.parametrize("below", ["", "MNIST/raw", "raw"])
@pytest.mark.parametrize("zipped", [True, False])
def test_files_are_read_where_people_have_them(small, tmp_path, below, zipped):
    kept = tmp_path / below
    kept.mkdir(parents=True, exist_ok=True)
    files = MNIST if zipped else plain(MNIST)
    for name, values in files.items():
        (kept / name).write_bytes(values)
    prepare_mnist(str(tmp_path), "mnist")  # there is no mirror
    labels = load_mnist(str(tmp_path), "mnist", valid_size=15)["test"][1]
    assert torch.equal(labels, torch.tensor(ARRAYS["test", "labels"]).long())
    assert names_in(kept) == sorted(files)


def test_both_data_sets_may_be_in_one_folder(small, tmp_path):
    for below, files in (("MNIST", MNIST), ("FashionMNIST", FASHION)):
        (tmp_path / below / "raw").mkdir(parents=True)
        for name, values in plain(files).items():
            (tmp_path / below / "raw" / name).write_bytes(values)
    for name, right in (("mnist", MNIST), ("Fashion-MNIST", FASHION)):
        prepare_mnist(str(tmp_path), name)
        labels = load_mnist(str(tmp_path), name, valid_size=15)["test"][1]
        values = gzip.decompress(right[FILES["test", "labels"]])[8:]
        assert bytes(labels.tolist()) == values


# The names as LeCun, Zalando, torchvision, Keras and people write them
NAMES = {
    "mnist": ["mnist", "MNIST", "Mnist"],
    "fashion_mnist": ["fashion_mnist", "fashion-mnist", "FashionMNIST"]
    + ["Fashion-MNIST", "fashionmnist", "FASHION_MNIST", "fashion mnist"],
    "digits": ["digits", "Digits"],
}


@pytest.mark.parametrize(
    "name, known", [(n, known) for known, names in NAMES.items() for n in names]
)
def test_a_data_set_has_several_spellings(small, tmp_path, name, known):
    files = {"mnist": MNIST, "fashion_mnist": FASHION}.get(known, {})
    for file, values in files.items():
        (tmp_path / file).write_bytes(values)
    prepare_mnist(str(tmp_path), name)
    assert load_mnist(str(tmp_path), name, valid_size=15)


# What is moved


@pytest.mark.parametrize("pixels", [1, 3])
def test_images_move_each_on_its_own(pixels):
    torch.manual_seed(0)
    images = torch.rand(400, 28, 28) + 0.5
    images[0, 0, 0] = 0.25  # the darkest pixel
    moved = random_shift(images.flatten(1), pixels).view(-1, 28, 28)
    steps = range(-pixels, pixels + 1)
    found = set()
    for before, after in zip(images, moved):
        fits = []
        for down in steps:
            for right in steps:
                want = before.new_full((28 + 2 * pixels, 28 + 2 * pixels), 0.25)
                top, left = pixels + down, pixels + right
                want[top : top + 28, left : left + 28] = before
                want = want[pixels : pixels + 28, pixels : pixels + 28]
                if torch.equal(want, after):
                    fits.append((down, right))
        assert len(fits) == 1
        found.update(fits)
    assert len(found) == len(steps) ** 2


# What is refused


def test_an_unknown_data_set_is_refused():
    for function in (prepare_mnist, load_mnist):
        with pytest.raises(DataError, match="'mnits'; it must be mnist or fas"):
            function("", "mnits")


NAME = FILES["train", "images"]
DAMAGE = {
    "truncated": (lambda data: data[:-100], "truncated, altered"),
    "altered": (lambda data: data[:50] + b"!" + data[51:], "altered"),
    "empty": (lambda data: b"", "truncated"),
    "another": (lambda data: FASHION[NAME], f"but {NAME} of fashion_mnist;"),
    "swapped": (
        lambda data: MNIST[FILES["test", "images"]],
        f"but {FILES['test', 'images']} of mnist;",
    ),
}


@pytest.mark.parametrize("what", ["truncated", "altered", "empty"])
def test_a_wrong_file_that_is_not_gzipped_is_refused(small, tmp_path, what):
    files = plain(MNIST)
    for name, values in files.items():
        (tmp_path / name).write_bytes(values)
    damage, message = DAMAGE[what]
    (tmp_path / NAME[:-3]).write_bytes(damage(files[NAME[:-3]]))
    with pytest.raises(DataError, match=f"not {NAME[:-3]} of mnist.*{message}"):
        prepare_mnist(str(tmp_path), "mnist")


@pytest.mark.parametrize("what", DAMAGE)
def test_a_wrong_file_is_refused_by_name(folder, what):
    damage, message = DAMAGE[what]
    path = folder / NAME
    path.write_bytes(damage(path.read_bytes()))
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    with pytest.raises(DataError, match=message) as raised:
        prepare_mnist(str(folder), "mnist")
    assert str(path) in str(raised.value)
    assert before == {p.name: p.read_bytes() for p in folder.iterdir()}


def test_all_wrong_files_are_named(folder):
    for name in MNIST:
        (folder / name).write_bytes(FASHION[name])
    with pytest.raises(DataError) as raised:
        prepare_mnist(str(folder), "mnist")
    assert all(
        f"{name} of fashion_mnist" in str(raised.value) for name in MNIST
    )


ZEROS = np.zeros((2, 28, 28), dtype=np.uint8)
HEAD = struct.pack(">HBBIII", 0, 8, 3, 2, 28, 28)
BROKEN = {
    "another magic": (b"\1" + HEAD[1:] + bytes(1568), "no IDX file"),
    "another type": (b"\0\0\x0d" + HEAD[3:] + bytes(1568), "no IDX file"),
    "other sizes": (HEAD[:-1] + b"\x20" + bytes(1568), "sizes N x 28 x 28"),
    "fewer sizes": (struct.pack(">HBBI", 0, 8, 1, 2) + b"12", "no IDX file"),
    "a short head": (HEAD[:7], "no IDX file"),
    "nothing": (b"", "no IDX file"),
    "a pickle": (b"\x80\x04\x95" + bytes(1568), "no IDX file"),
    "too few bytes": (HEAD + bytes(1567), "fewer bytes than 2 x 28 x 28"),
    "endless sizes": (
        struct.pack(">HBBIII", 0, 8, 3, 2**32 - 1, 28, 28) + bytes(1568),
        "fewer bytes than 4294967295 x 28 x 28",
    ),
    "too many bytes": (HEAD + bytes(1569), "more bytes than 2 x 28 x 28"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_no_idx_file_is_refused(tmp_path, what):
    values, message = BROKEN[what]
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(values))
    with pytest.raises(DataError, match=message) as raised:
        read_idx(str(path), (None, 28, 28))
    assert str(path) in str(raised.value)


def test_no_more_is_read_than_the_header_says(tmp_path):
    path = tmp_path / "bomb.gz"
    with gzip.open(path, "wb") as fout:
        fout.write(HEAD)
        for _ in range(50):
            fout.write(bytes(1 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="more bytes than 2 x 28 x 28"):
            read_idx(str(path), (None, 28, 28))
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("values", [b"", b"no gzip", idx(ZEROS)[:-9], None])
def test_what_is_no_gzip_file_is_refused(tmp_path, values):
    path = tmp_path / "file.gz"
    if values is not None:
        path.write_bytes(values)
    with pytest.raises(DataError, match="file.gz"):
        read_idx(str(path), (None, 28, 28))


@pytest.mark.parametrize(
    "labels", [np.zeros(59, np.uint8), np.full(60, 10, np.uint8)]
)
def test_labels_must_fit_the_images(folder, labels):
    (folder / FILES["train", "labels"]).write_bytes(idx(labels))
    with pytest.raises(DataError, match="do not fit 60 images of 10 classes"):
        load_mnist(str(folder), "mnist", valid_size=15)


# What is downloaded


class Mirror(http.server.BaseHTTPRequestHandler):
    """Serves the small data set; can break off, and resume if asked"""

    files, ranges, stop_after, asked = MNIST, True, None, []

    def do_GET(self):
        """Sends a file, or the rest of one"""
        name = self.path.split("/")[-1]
        begin = self.headers.get("Range")
        type(self).asked.append((name, begin))
        data, first = self.files[name], 0
        if begin and self.ranges:
            first = int(begin.split("=")[1].strip("-"))
            if first >= len(data):
                return self.send_error(416)
        self.send_response(206 if first else 200)
        self.send_header("Content-Length", str(len(data) - first))
        self.end_headers()
        stop = None if self.stop_after is None else first + self.stop_after
        self.wfile.write(data[first:stop])

    def log_message(self, *_):
        """Says nothing"""


@pytest.fixture
def serve(small):
    """Starts mirrors with these attributes, one behind the other"""
    running = []

    def start(*kinds):
        mirrors = []
        for kind in kinds:
            handler = type("Kind", (Mirror,), {"asked": [], **kind})
            server = http.server.HTTPServer(("localhost", 0), handler)
            # It looks every so many seconds whether it is to end
            serve = functools.partial(server.serve_forever, 0.01)
            threading.Thread(target=serve, daemon=True).start()
            running.append(server)
            mirrors.append(f"http://localhost:{server.server_port}/data/")
        small(*mirrors)
        return [server.RequestHandlerClass for server in running[-len(kinds) :]]

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def names_in(folder):
    """Names of the files of a folder"""
    return sorted(path.name for path in folder.iterdir())


def test_missing_files_are_downloaded(serve, tmp_path):
    (mirror,) = serve({})
    prepare_mnist(str(tmp_path / "new"), "mnist")
    found = {p.name: p.read_bytes() for p in (tmp_path / "new").iterdir()}
    assert found == MNIST
    prepare_mnist(str(tmp_path / "new"), "mnist")  # now they are there
    assert sorted(name for name, _ in mirror.asked) == sorted(MNIST)


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_download_goes_on(serve, tmp_path, ranges):
    (mirror,) = serve({"stop_after": 1000, "ranges": ranges})
    with pytest.raises(DataError, match="broke off"):
        prepare_mnist(str(tmp_path), "mnist")
    assert names_in(tmp_path) == [f"{NAME}.part"]
    mirror.stop_after = None
    prepare_mnist(str(tmp_path), "mnist")
    assert (tmp_path / NAME).read_bytes() == MNIST[NAME]
    assert names_in(tmp_path) == sorted(MNIST)
    assert mirror.asked[1] == (NAME, "bytes=1000-")


def test_the_next_mirror_is_asked(serve, tmp_path):
    lost, other, right = serve({"files": {}}, {"files": FASHION}, {})
    lost.do_GET = lambda self: self.send_error(403)
    prepare_mnist(str(tmp_path), "mnist")
    assert names_in(tmp_path) == sorted(MNIST)
    assert len(right.asked) == len(other.asked) == 4


@pytest.mark.parametrize("left", [MNIST[NAME], FASHION[NAME], b"?" * 99999])
def test_whatever_an_earlier_try_left_ends_well(serve, tmp_path, left):
    serve({}, {})
    (tmp_path / f"{NAME}.part").write_bytes(left)
    prepare_mnist(str(tmp_path), "mnist")
    assert (tmp_path / NAME).read_bytes() == MNIST[NAME]


def test_a_wrong_download_is_not_kept(serve, tmp_path):
    serve({"files": FASHION})
    with pytest.raises(DataError, match="sent another file"):
        prepare_mnist(str(tmp_path), "mnist")
    assert names_in(tmp_path) == []


def test_without_a_network_one_message_says_what_to_put_where(small, tmp_path):
    with pytest.raises(DataError) as raised:
        prepare_mnist(str(tmp_path / "new"), "mnist")
    message = str(raised.value)
    assert str(tmp_path / "new") in message and "--data_folder" in message
    assert "--dataset=digits" in message and "localhost:1" in message
    assert all(message.count(f"{name}") >= 1 for name in MNIST)
    assert message.count("could not be downloaded") == 1


def test_preparation_can_be_skipped(small, tmp_path):
    prepare_mnist(str(tmp_path), "mnist", skip_prep=True)
    assert names_in(tmp_path) == []


def test_the_checksums_are_the_published_ones():
    """By size and MD5 they were compared once; here: no name is missing"""
    for source in mnist_prepare.SOURCES.values():
        gzipped = set(FILES.values())
        names = {*gzipped, *(name[: -len(".gz")] for name in gzipped)}
        assert set(source.checksums) == names
        assert all(len(digest) == 64 for digest in source.checksums.values())
        assert all(mirror.endswith("/") for mirror in source.mirrors)
