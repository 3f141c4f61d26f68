"""What docs/evidence.md and the first page say is what the result files hold.

Authors
 * The speechbrain_growth authors 2026
"""

import json
from pathlib import Path

import pytest
import test_coarse_frames as coarse
from readme_tables import groups, interval
from test_mnist_lab_book import saved

from speechbrain_growth.experiments.forecast.carry_over import carry_over
from speechbrain_growth.experiments.forecast.checks import common_fit
from speechbrain_growth.experiments.forecast.sources import network_of, read_all

ROOT = Path(__file__).resolve().parents[3]
RECIPES = ROOT / "recipes"
CTC = RECIPES / "TIMIT" / "ASR" / "growing_CTC" / "runs"
PAGE, FIRST = ROOT / "docs" / "evidence.md", ROOT / "README.md"
RHOS = [
    "TIMIT/ASR/growing_CTC/runs/owned_rho.json",
    "TIMIT/ASR/growing_CTC/runs/crossing.json",
    "MNIST/classification/growing_MLP/runs/owned_fashion.json",
    "MNIST/classification/growing_MLP/runs/carry_over_fashion.json",
]


@pytest.mark.parametrize("file", RHOS)
def test_the_page_has_every_rho(file):
    text = PAGE.read_text("utf-8")
    report = json.loads((RECIPES / file).read_text("utf-8"))
    rhos = [kind["rho"] for kind in report["carry_over"]]
    assert len(rhos) >= 2
    for rho in rhos:
        assert f"{rho['mean']:.2f} ± {rho['half']:.2f}" in text


def law_of(*places):
    """The law of networks whose runs are in reports."""
    found = read_all([str(CTC / place) for place in places])
    return common_fit(
        [network_of(place, runs, "macs") for place, runs in found.items()]
    )


def rho_of(law, group, epochs):
    """Its rho over seeds, if it is as small, then as large as the law's first."""
    losses = group["values"]["test"].values()
    return interval(
        [carry_over(law, law.floors[:2], epochs, loss) for loss in losses]
    )


def test_the_page_has_rho_where_the_rate_falls_over_epochs():
    law = law_of("controls.json/small*", "controls.json/large*")
    for name in ("grow", "grow_late"):
        group = groups(CTC / "controls.json")[name]
        (first,), (last,) = group["growths"], group["epochs"]
        rho = rho_of(law, group, [first, last - first])
        assert rho in PAGE.read_text("utf-8")


def test_the_page_has_rho_of_the_rnn_alone():
    law = law_of(
        "coarse_frames.json/[os]*",  # small
        "frames_rnn.json/rnn*",
        "coarse_frames.json/[fl]*",  # all wide
    )
    found = groups(CTC / "what_grows.json", ["Started from an earlier run"])
    scratch = groups(CTC / "frames_rnn.json")["rnn_large"]
    epochs = [
        group["macs"]["mean"] / group["epoch_macs"]
        for group in (found["owned"], scratch)  # as many new MACs as scratch
    ]
    assert rho_of(law, found["rnn"], epochs) in PAGE.read_text("utf-8")


def test_the_pages_say_what_an_owned_cnn_saves():
    page, shares = PAGE.read_text("utf-8"), []
    for row in saved().splitlines()[2:]:
        share, low, _, high = row.split("|")[4].replace("%", "").split()
        shares.append(int(share))
        assert f"{share} % {low} to {high}" in page
    words = f"saves {min(shares)} to {max(shares)} % of the new MACs"
    assert words in " ".join(FIRST.read_text("utf-8").split())


def test_the_pages_say_what_the_best_network_gains():
    page, first = (
        " ".join(file.read_text("utf-8").split()) for file in (PAGE, FIRST)
    )
    rows = [row.split("|") for row in coarse.on_the_best_network().split("\n")]
    gains = {
        (row[1].strip(), row[2].strip()): float(row[-2].split()[0])
        for row in rows[3:]
    }
    fine, between, small, wide = (
        f"{gains[name]:.1f}"
        for name in (
            ("wide RNN", "10 ms"),
            ("wide RNN", "14 ms"),
            ("small", "10 ms"),
            ("all wide", "10 ms"),
        )
    )
    words = f"{fine} points better than that network with fine frames, "
    words += (
        f"{between} than with 14 ms, {small} than small, {wide} than all wide"
    )
    assert words in page
    assert f"leave {fine} to {between} points fewer phone errors" in first
    saving = coarse.saved().split("|")[-2].strip()
    assert saving.replace("%", "").replace(" (", " % (", 1) in page


def test_the_first_page_says_what_as_many_macs_gave():
    last = coarse.any_time().splitlines()[-1].split("|")[-2]
    gain = -float(last.split()[0])
    assert f"with as many {gain:.1f} points better" in FIRST.read_text("utf-8")


def test_the_pages_say_what_width_cost_at_the_crossing():
    found = groups(CTC / "crossing.json")
    test = {name: found[name]["test"]["mean"] for name in found}
    worse = [
        test[grown] - test[never]
        for grown in ("grow_3", "fresh_3")
        for never in ("small_3", "tiny_3")
    ]
    words = f"{min(worse):.1f} to {max(worse):.1f} points worse"
    for page in (PAGE, FIRST):
        assert words in " ".join(page.read_text("utf-8").split())
