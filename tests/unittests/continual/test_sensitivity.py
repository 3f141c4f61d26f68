"""Tests that shares of columns are those of formulas in float64

Authors
 * The speechbrain_growth authors 2026
"""

from functools import partial

import pytest
import torch
from torch import nn

from speechbrain_growth import (
    MLP,
    Columns,
    GrowthError,
    fisher_sensitivity,
    perturbation_sensitivity,
)


def net_and_inputs():
    """Three columns with a hidden layer, and inputs"""
    torch.manual_seed(0)
    column = partial(MLP, inputs=4, hidden=[6], outputs=3)
    return Columns(3, column, "linear", into=["output"]), torch.randn(50, 4)


def weights_into_output(net):
    """For each column its activations' weight into the last output"""
    lateral = net.laterals["2"].output.from_column
    own = net.columns["2"].output
    return [lateral[0].weight, lateral[1].weight, own.weight]


def arriving(net, inputs):
    """What arrives at the output layer of each column, in float64"""
    with torch.no_grad():
        return [one.hidden_0(inputs).double() for one in net.columns.values()]


def shares(numbers):
    """As shares of their sum, by column"""
    return {str(n): one / sum(numbers) for n, one in enumerate(numbers)}


def test_the_fisher_information_of_a_linear_output_is_its_formula():
    net, inputs = net_and_inputs()
    with torch.no_grad():
        likely = net(inputs).double().softmax(1)
    found = []
    for weight, one in zip(weights_into_output(net), arriving(net, inputs)):
        weight = weight.detach().double()
        # E_y of the square of d log p(y) / dh is W' (diag(p) - p p') W
        about = likely @ weight
        each = likely @ weight.square() - about.square()
        found.append(float((each.mean(0) * one.var(0)).sum()))
    measured = fisher_sensitivity(net, "output", lambda: net(inputs))
    assert measured == pytest.approx(shares(found), rel=1e-4)
    assert sum(measured.values()) == pytest.approx(1)


def test_noise_through_a_linear_output_is_its_formula():
    net, inputs = net_and_inputs()
    inputs = inputs.repeat(40, 1)
    clean = net(inputs).detach()

    def score():
        """Half of it is left where the mean square error is 1"""
        with torch.no_grad():
            return float(1 / (1 + (net(inputs) - clean).square().mean()))

    found = [
        float(weight.detach().double().square().sum() * one.var())
        for weight, one in zip(weights_into_output(net), arriving(net, inputs))
    ]
    measured = perturbation_sensitivity(net, "output", score)
    assert measured == pytest.approx(shares(found), rel=0.05)


def test_a_column_that_nothing_reads_has_no_share():
    net, inputs = net_and_inputs()
    nn.init.zeros_(net.laterals["2"].output.from_column[1].weight)
    labels = net(inputs).argmax(1)

    def score():
        """Accuracy"""
        with torch.no_grad():
            return float((net(inputs).argmax(1) == labels).double().mean())

    for measured in (
        fisher_sensitivity(net, "output", lambda: net(inputs)),
        perturbation_sensitivity(net, "output", score),
    ):
        assert measured["1"] == 0 and sum(measured.values()) == 1
        assert measured["0"] > 0.05 and measured["2"] > 0.05


def test_a_column_that_only_another_one_reads_has_a_share():
    torch.manual_seed(0)
    column = partial(MLP, inputs=4, hidden=[6, 6], outputs=3)
    into, inputs = ["hidden_1.linear", "output"], torch.randn(50, 4)
    net = Columns(3, column, "linear", into)
    for lateral in net.laterals["2"].values():
        nn.init.zeros_(lateral.from_column[0].weight)
    measured = fisher_sensitivity(net, into[0], lambda: net(inputs))
    assert measured["0"] > 0.01
    nn.init.zeros_(net.laterals["1"]["hidden_1-linear"].from_column[0].weight)
    again = fisher_sensitivity(net, into[0], lambda: net(inputs))
    assert again["0"] == 0


def test_the_net_is_left_as_it_was():
    net, inputs = net_and_inputs()
    net.train()
    before = net(inputs).detach()
    modes = [module.training for module in net.modules()]
    fisher_sensitivity(net, "output", lambda: net(inputs))
    perturbation_sensitivity(net, "output", lambda: 1.0)
    assert [module.training for module in net.modules()] == modes
    assert torch.equal(net(inputs), before)
    assert all(weight.grad is None for weight in net.parameters())


def test_the_fisher_information_is_that_of_eval_mode():
    torch.manual_seed(0)

    def column():
        """One with dropout"""
        return nn.Sequential(nn.Linear(4, 6), nn.Dropout(), nn.Linear(6, 3))

    net, inputs = Columns(2, column, "linear", into=["2"]), torch.randn(9, 4)
    measured = fisher_sensitivity(net.train(), "2", lambda: net(inputs))
    assert net.training
    again = fisher_sensitivity(net.eval(), "2", lambda: net(inputs))
    assert measured == again


def test_what_cannot_be_measured_is_refused():
    net, inputs = net_and_inputs()
    with pytest.raises(GrowthError, match="enters hidden_0; use one of output"):
        fisher_sensitivity(net, "hidden_0", lambda: net(inputs))
    with pytest.raises(GrowthError, match="the score is 0; give one"):
        perturbation_sensitivity(net, "output", lambda: 0.0)
    alone = Columns(2, partial(nn.Linear, 4, 3))
    with pytest.raises(GrowthError, match="have no laterals"):
        fisher_sensitivity(alone, "", lambda: alone(inputs))
