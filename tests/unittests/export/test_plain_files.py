"""Tests that the state_dict of any class is made larger, in a file

Authors
 * The speechbrain_growth authors 2026
"""

import pytest
import torch
from digits_net import Net
from sklearn.datasets import load_digits

from speechbrain_growth.__main__ import main

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A network that was trained for a moment, its file and the images"""
    digits = load_digits()
    images = torch.tensor(digits.data, dtype=torch.float32) / 16
    classes = torch.tensor(digits.target)
    torch.manual_seed(0)
    net = Net(8)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    for _ in range(60):
        loss = torch.nn.functional.cross_entropy(net(images), classes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    path = tmp_path_factory.mktemp("net") / "net.pt"
    torch.save(net.state_dict(), path)
    return net.eval(), path, images, classes


def line(path, out, **changes):
    """A command line that grows the file, with changes"""
    options = {
        "class": "digits_net.Net",
        "from": "hidden=8",
        "to": "hidden=12",
        "example": "4,64",
        "out": str(out),
        **changes,
    }
    found = ["grow", str(path)]
    for key, value in options.items():
        found += [f"--{key}", *value.split(" ")] if value else []
    return found


def test_it_computes_what_the_small_one_does(trained, tmp_path, capsys):
    net, path, images, classes = trained
    main(line(path, tmp_path / "new.pt"))
    larger = Net(12).eval()
    state = torch.load(tmp_path / "new.pt", weights_only=True)
    larger.load_state_dict(state, strict=True)
    with torch.no_grad():
        before, after = net(images), larger(images)
    assert torch.allclose(before, after, atol=1e-5)
    right = (after.argmax(1) == classes).float().mean()
    assert right > 0.8
    words = capsys.readouterr().out
    assert "hidden 8 -> 12; 626 -> 934 parameters" in words
    larger.last.weight.data[:, 8:] = 0  # the new units are read
    assert not torch.allclose(before, larger(images), atol=1e-2)


REFUSED = {
    "smaller": ({"to": "hidden=4"}, "--to hidden=4: it is 8 now; growth only"),
    "nothing larger": ({"to": "hidden=8"}, "nothing becomes larger"),
    "not an argument before": (
        {"to": "width=12"},
        "--to width: it is not among --from, which has hidden",
    ),
    "no such class": (
        {"class": "digits_net.Nett"},
        "--class digits_net.Nett: ",
    ),
    "no such module": (
        {"class": "digits_nets.Net"},
        "No module named 'digits_nets'",
    ),
    "no class": (
        {"class": "digits_net.NUMBER"},
        "it must be a subclass of torch.nn.Module",
    ),
    "other arguments": (
        {"from": "hidden=8 width=3"},
        "Net(hidden=8, width=3) cannot be built: ",
    ),
    "not these weights": (
        {"from": "hidden=7"},
        "net.pt cannot be loaded: Error(s) in loading state_dict for Net",
    ),
    "outputs": (
        {"from": "hidden=8 classes=10", "to": "classes=12"},
        "the outputs would grow",
    ),
    "an input that does not fit": (
        {"example": "4,63"},
        "example: the old model raises RuntimeError on it",
    ),
    "no shape": ({"example": "four"}, "--example four: it must be numbers"),
    "no class at all": ({"class": ""}, "give --class, --from, --to and"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_grow_is_refused(case, trained, tmp_path):
    changes, message = REFUSED[case]
    with pytest.raises(SystemExit) as end:
        main(line(trained[1], tmp_path / "new.pt", **changes))
    assert message in str(end.value.code)
    assert str(end.value.code).startswith("error: ")
    assert not list(tmp_path.iterdir())


def test_a_file_is_not_written_over(trained, tmp_path):
    (tmp_path / "new.pt").write_text("mine")
    with pytest.raises(SystemExit, match="it exists; name another file"):
        main(line(trained[1], tmp_path / "new.pt"))
    assert (tmp_path / "new.pt").read_text() == "mine"


@pytest.mark.parametrize("held", [[1, 2], {"model": {}}, "text"])
def test_a_file_that_holds_something_else(held, tmp_path):
    torch.save(held, tmp_path / "net.pt")
    with pytest.raises(SystemExit, match="net.pt cannot be loaded"):
        main(line(tmp_path / "net.pt", tmp_path / "new.pt"))
