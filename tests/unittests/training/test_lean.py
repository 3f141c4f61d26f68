"""The lean loop gives what SpeechBrain's own gives, batch by batch.

Authors
 * The speechbrain_growth authors 2026
"""

import pytest
import torch
from torch.utils.data import TensorDataset

import speechbrain as sb
from speechbrain.utils.checkpoints import Checkpointer
from speechbrain_growth.data.tensors import TensorBatches
from speechbrain_growth.training.lean import LeanBrain

ITEMS, SIZE = 23, 4


class Killed(Exception):
    """Stands for a process that ends at once."""


class Noting:
    """Notes the items of each batch, and fits a line to them"""

    def compute_forward(self, batch, stage):
        """A line through the origin"""
        return self.modules.net(batch[0])

    def on_stage_end(self, stage, stage_loss, epoch=None):
        """Notes the mean loss of an epoch"""
        self.losses.append(stage_loss)

    def compute_objectives(self, predictions, batch, stage):
        """Squared error"""
        if stage == sb.Stage.TRAIN:
            self.seen.append(batch[1].flatten().tolist())
        return (predictions - batch[1]).square().mean()


class Lean(Noting, LeanBrain):
    """What is tested"""


class Stock(Noting, sb.Brain):
    """What it is compared with"""


def data():
    """Items that are their own number"""
    numbers = torch.arange(float(ITEMS))[:, None]
    return TensorDataset(numbers / ITEMS, numbers)


def brain(kind, folder=None, **options):
    """A brain with one weight"""
    torch.manual_seed(0)
    net = torch.nn.Linear(1, 1)
    checkpointer = folder and Checkpointer(folder, {"net": net})
    made = kind(
        {"net": net},
        lambda parameters: torch.optim.SGD(parameters, lr=1e-3),
        run_opts={"noprogressbar": True, **options},
        checkpointer=checkpointer,
    )
    made.seen, made.losses = [], []
    return made


def fit(made, epochs=(1, 2), shuffle=True):
    """Trains, and returns the weights"""
    made.fit(
        epochs,
        data(),
        train_loader_kwargs={"batch_size": SIZE, "shuffle": shuffle},
    )
    return made.modules.net.state_dict()


@pytest.mark.parametrize("norm", [5.0, float("inf")])
@pytest.mark.parametrize("shuffle", [True, False])
def test_same_batches_and_weights_as_the_stock_brain(shuffle, norm):
    lean, stock = (brain(kind, max_grad_norm=norm) for kind in (Lean, Stock))
    ours, theirs = fit(lean, shuffle=shuffle), fit(stock, shuffle=shuffle)
    assert lean.seen == stock.seen
    assert lean.optimizer_step == stock.optimizer_step == 12
    torch.testing.assert_close(ours, theirs)
    assert lean.losses == pytest.approx(stock.losses, rel=1e-6)
    one, other = lean.seen[:6], lean.seen[6:]
    assert (one == other) is not shuffle
    assert sorted(sum(one, [])) == list(range(ITEMS))


def test_a_limit_of_the_norm_is_kept():
    weights = [fit(brain(Lean, max_grad_norm=n)) for n in (1e-9, 5.0)]
    assert not torch.equal(weights[0]["weight"], weights[1]["weight"])
    torch.manual_seed(0)
    still = torch.nn.Linear(1, 1).state_dict()
    torch.testing.assert_close(weights[0], still)


OPTIONS = [
    {"grad_accumulation_factor": 2},
    {"precision": "bf16"},
    {"skip_nonfinite_grads": True},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_options_work_as_in_the_stock_brain(options):
    options = {"max_grad_norm": float("inf"), **options}
    lean, stock = (brain(kind, **options) for kind in (Lean, Stock))
    torch.testing.assert_close(fit(lean), fit(stock), rtol=0, atol=0)
    assert lean.optimizer_step == stock.optimizer_step


@pytest.mark.parametrize("kind", [Lean, Stock])
def test_a_loss_that_is_not_finite_ends_the_run(kind):
    made = brain(kind, nonfinite_patience=2)
    made.compute_objectives = lambda outputs, *_: outputs.sum() * float("nan")
    with pytest.raises(ValueError, match="not finite"):
        fit(made)
    assert made.step == 3


def test_goes_on_in_the_middle_of_an_epoch(tmp_path):
    whole = brain(Lean)
    weights = fit(whole)
    first = brain(Lean, tmp_path, ckpt_interval_steps=4)
    first.on_fit_batch_end = lambda *_: kill_at(first, 6)
    with pytest.raises(Killed):
        fit(first, epochs=[1])
    second = brain(Lean, tmp_path)
    torch.testing.assert_close(fit(second), weights, rtol=0, atol=0)
    assert first.seen[:4] + second.seen == whole.seen


def kill_at(made, step):
    """Ends a run at a step"""
    if made.step == step:
        raise Killed


def test_each_epoch_has_an_order_that_can_be_had_again():
    batches = TensorBatches(ITEMS, SIZE, shuffle=True, seed=3)
    orders = []
    for epoch in (1, 2, 1):
        batches.set_epoch(epoch)
        orders.append(torch.cat(list(batches)))
        assert len(list(batches)) == len(batches) == 6
    assert torch.equal(orders[0], orders[2])
    assert not torch.equal(orders[0], orders[1])
