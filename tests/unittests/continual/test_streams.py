"""Tests for streams, the batches of their tasks, and the task matrix

Authors
 * The speechbrain_growth authors 2026
"""

import math

import pytest
import torch
from hypothesis import (
    given,
    settings,
    strategies as st,
)

from speechbrain_growth import (
    GrowthError,
    Permuted,
    Rotated,
    Sequence,
    Split,
    TaskMatrix,
    Windows,
    task_loader,
)
from speechbrain_growth.continual.sampling import (
    TaskBatches,
    batches_of,
    one_by_one,
    reservoir,
)

STREAMS = [
    Permuted(tasks=3, samples=8, seed=1),
    Rotated(tasks=3, samples=8),
    Split(tasks=5, samples=4),
]


def parts(number=40, seed=0):
    """Images of 4 x 4 pixels with ten classes"""
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(number, 16, generator=generator)
    return {
        part: (images + shift, torch.arange(number) % 10)
        for part, shift in (("train", 0), ("valid", 1), ("test", 2))
    }


@pytest.mark.parametrize("stream", STREAMS, ids=lambda s: type(s).__name__)
def test_a_stream_is_a_function_of_its_seed(stream):
    one, other = stream.of(parts()), stream.of(parts())
    for part, dataset in one.items():
        assert len(dataset.tasks) == stream.tasks
        every = torch.arange(len(dataset))
        for found, again in zip(dataset[every], other[part][every]):
            assert torch.equal(found, again)
    every = torch.arange(len(one["train"]))
    alone = [one["train"][int(i)] for i in every]
    together = one["train"][every]
    for place in range(3):
        assert torch.equal(
            torch.stack([item[place] for item in alone]), together[place]
        )


def test_permuted_images_have_the_same_pixels_in_one_order_for_each_task():
    stream = Permuted(tasks=3, seed=2)
    images = parts()["train"][0]
    shown = [stream.seen(images, task) for task in (1, 2, 3)]
    assert torch.equal(shown[0], images)
    assert not torch.equal(shown[1], shown[2])
    order = (images[0][None] == shown[1][0][:, None]).int().argmax(1)
    assert torch.equal(images[:, order], shown[1])


def test_rotated_images_are_turned_by_torch():
    stream = Rotated(degrees=180, tasks=3)
    images = parts()["train"][0]
    for task, turns in ((1, 0), (2, 1), (3, 2)):
        turned = torch.rot90(images.view(-1, 4, 4), turns, (1, 2))
        other = torch.rot90(images.view(-1, 4, 4), -turns, (1, 2))
        found = stream.seen(images, task).view(-1, 4, 4)
        far = [(found - one).abs().max().item() for one in (turned, other)]
        assert min(far) < 1e-5


def test_split_gives_each_task_its_classes_and_masks_the_others():
    stream = Split(tasks=5)
    dataset = stream.of(parts())["train"]
    for task, indices in enumerate(dataset.tasks, start=1):
        _, labels, tasks = dataset[indices]
        assert set(labels.tolist()) == set(stream.classes(task))
        assert set(tasks.tolist()) == {task}
    scores = stream.only(torch.zeros(2, 10), torch.tensor([1, 5]))
    assert scores[0].isfinite().nonzero()[:, 0].tolist() == [0, 1]
    assert scores[1].isfinite().nonzero()[:, 0].tolist() == [8, 9]
    free = Split(tasks=5, heads=False)
    assert free.only(torch.zeros(1, 10), torch.tensor([1])).isfinite().all()


def test_a_sequence_takes_each_task_from_its_data_set():
    stream = Sequence(["a", "b", "a"])
    dataset = stream.of(parts(seed=0), parts(seed=1))["train"]
    means = [dataset[one][0].sum().item() for one in dataset.tasks]
    assert math.isclose(means[0], means[2], rel_tol=1e-4)
    assert not math.isclose(means[0], means[1], rel_tol=1e-4)
    assert not stream.same_outputs


def test_windows_give_each_item_once_in_the_order_of_the_tasks():
    stream = Windows(Permuted(tasks=2, samples=10), batches=2)
    loader = task_loader(stream.of(parts())["train"], 3, shuffle=True)
    batches, tasks, sizes = batches_of(loader), [], []
    for epoch in range(1, 6):
        batches.set_epoch(epoch)
        sizes.append(len(loader))
        for _, _, task in loader:
            tasks += task.tolist()
    assert sizes == [2, 2, 2, 1, 0] and tasks == [1] * 10 + [2] * 10


@pytest.mark.parametrize(
    "wrong, message",
    [
        (lambda: Permuted(tasks=0), "tasks is 0"),
        (lambda: Permuted(samples=-1), "samples is -1"),
        (lambda: Split(tasks=3), "10 classes are not 3 equal tasks"),
        (lambda: Permuted(samples=41).of(parts()), "task 1 has 40 items"),
        (lambda: Split(tasks=5, samples=9).of(parts()), "task 1 has 8 items"),
        (lambda: TaskBatches([torch.arange(2)], 0), "batch_size is 0"),
        (lambda: batches_of(torch.utils.data.DataLoader([1])), "no tasks"),
    ],
)
def test_a_mistake_is_named(wrong, message):
    with pytest.raises(GrowthError, match=message):
        wrong()


def test_an_epoch_has_another_order_and_the_same_items():
    batches = TaskBatches([torch.arange(9), torch.arange(9, 12)], 4, True)
    orders = []
    for epoch in (1, 2, 1):
        batches.set_epoch(epoch)
        orders.append(torch.cat(list(batches)).tolist())
    assert orders[0] == orders[2] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(9))


def test_half_of_each_batch_is_remembered():
    batches = TaskBatches([torch.arange(9), torch.arange(9, 19)], 4, True)
    batches.chosen, batches.memory = (2,), torch.tensor([1, 5])
    found = list(batches)
    assert len(found) == len(batches) == 5
    for batch in found:
        assert (batch < 9).sum() == (batch >= 9).sum() == 2
        assert set(batch[batch < 9].tolist()) <= {1, 5}
    assert sorted(torch.cat(found)[torch.cat(found) >= 9].tolist()) == list(
        range(9, 19)
    )


def test_every_item_is_remembered_equally_often():
    tasks = {1: torch.arange(20), 2: torch.arange(20, 60)}
    counts = torch.zeros(60)
    for seed in range(600):
        counts[reservoir(tasks, 6, seed)] += 1
    # Each has 600 * 6 / 60 = 60 expected, with a deviation of 7.3
    assert counts.min() > 30 and counts.max() < 90


def test_a_memory_holds_what_an_earlier_one_held_or_what_is_new():
    first = reservoir({1: torch.arange(50)}, 8, 3)
    both = reservoir({1: torch.arange(50), 2: torch.arange(50, 99)}, 8, 3)
    assert set(both[both < 50].tolist()) <= set(first.tolist())


@pytest.mark.parametrize("size", [1, 5, 8])
def test_processes_share_a_batch_and_get_as_many(size, monkeypatch):
    found = []
    for rank in (0, 1, 2):
        for name, value in (
            ("is_initialized", True),
            ("get_world_size", 3),
            ("get_rank", rank),
        ):
            monkeypatch.setattr(
                torch.distributed, name, lambda value=value: value
            )
        batches = TaskBatches([torch.arange(10)], size)
        assert torch.cat(list(batches)).tolist() == list(range(10))
        batches.spread = True
        found.append(list(batches))
    assert len({len(one) for one in found}) == 1
    for batches in zip(*found):
        assert len({len(one) for one in batches}) == 1
    every = torch.cat([torch.cat(one) for one in found])
    assert set(every.tolist()) == set(range(10))


def test_items_one_by_one():
    loader = task_loader(Permuted(tasks=2).of(parts())["train"], 4)
    found = [labels.tolist() for _, labels, _ in one_by_one(loader, 2, 3)]
    assert [len(one) for one in found] == [1, 1, 1]


def test_a_matrix_by_hand():
    matrix = TaskMatrix(
        [[10, 10, 10], [90, 12, 11], [70, 80, 13], [75, 60, 85]]
    )
    assert matrix.acc == pytest.approx((75 + 60 + 85) / 3)
    assert matrix.bwt == pytest.approx(((75 - 90) + (60 - 80)) / 2)
    assert matrix.forgetting == pytest.approx(((90 - 75) + (80 - 60)) / 2)
    assert matrix.fwt([91, 82, 83]) == pytest.approx((-1 - 2 + 2) / 3)
    assert matrix.intransigence([95, 85, 85]) == pytest.approx((5 + 5 + 0) / 3)


def test_forgetting_is_from_the_best_and_not_from_the_tasks_own_row():
    matrix = TaskMatrix([[0, 0], [80, 0], [70, 90], [60, 90]][:3])
    assert matrix.forgetting == 10 and matrix.bwt == -10
    later = TaskMatrix([[0, 0, 0], [80, 0, 0], [85, 90, 0], [70, 88, 90]])
    assert later.forgetting == pytest.approx((15 + 2) / 2)
    assert later.bwt == pytest.approx((-10 - 2) / 2)


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_an_error_rate_gives_the_same_as_its_accuracy(data):
    tasks = data.draw(st.integers(2, 4))
    row = st.lists(st.floats(0, 100), min_size=tasks, max_size=tasks)
    rows = data.draw(st.lists(row, min_size=tasks + 1, max_size=tasks + 1))
    single = data.draw(row)
    higher = TaskMatrix(rows)
    lower = TaskMatrix([[100 - v for v in one] for one in rows], "lower")
    assert higher.bwt == pytest.approx(lower.bwt)
    assert higher.forgetting == pytest.approx(lower.forgetting)
    assert higher.fwt(single) == pytest.approx(
        lower.fwt([100 - v for v in single])
    )
    assert higher.acc == pytest.approx(100 - lower.acc)


def test_a_matrix_needs_a_number_for_each_task():
    with pytest.raises(GrowthError, match="found 1 numbers for 2 tasks"):
        TaskMatrix([[0, 0], [1, 2], [3, 4]]).fwt([1])
