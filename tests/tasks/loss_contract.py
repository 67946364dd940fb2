"""Requirements on all losses for unlabelled pixels, and maps to test them."""

import pytest
import torch

from ctal.tasks import Depth, Task
from ctal.tasks.binary import BinaryTask
from ctal.tasks.classes import ClassTask


def labels(task: Task, seed: int = 0, batch: int = 2, size: tuple[int, int] = (4, 6)):
    """Return a batch of targets, about a third of it unlabelled.

    For other kinds of tasks, the targets are decoded from a random raw map.
    """
    generator = torch.Generator().manual_seed(seed)
    known = torch.rand(batch, *size, generator=generator) > 0.3
    if isinstance(task, ClassTask | BinaryTask):
        classes = 2 if isinstance(task, BinaryTask) else task.channels
        return torch.where(known, torch.randint(classes, known.shape, generator=generator), 255)
    if isinstance(task, Depth):
        return (torch.rand(known.shape, generator=generator) * 9 + 0.5).where(known, 0.0)[:, None]
    target = task.decode(torch.randn(batch, task.channels, *size, generator=generator))
    known = known[:, None] if target.ndim == 4 else known
    return torch.where(known, target, task.map_type.unlabelled)


def raw_map(task: Task, seed: int = 1, batch: int = 2, size: tuple[int, int] = (4, 6)):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, task.channels, *size, generator=generator)


def assert_costs_nothing_without_labels(task):
    target = torch.full_like(labels(task), task.map_type.unlabelled)
    raw = raw_map(task).requires_grad_()
    loss = task.loss(raw, target)
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(raw.grad, torch.zeros_like(raw))


def assert_unlabelled_pixels_do_not_count(task):
    target = labels(task)
    unlabelled = ~task.valid(target)
    assert 0 < unlabelled.sum() < unlabelled.numel()
    clean = raw_map(task).requires_grad_()
    spoilt = clean.detach().masked_fill(unlabelled[:, None], torch.nan).requires_grad_()
    spoilt_target = target
    if target.is_floating_point():
        spoilt_target = target.masked_fill(unlabelled[:, None], torch.nan)
    loss, expected = task.loss(spoilt, spoilt_target), task.loss(clean, target)
    loss.backward()
    expected.backward()
    assert loss.item() == expected.item() > 0
    assert torch.equal(spoilt.grad, clean.grad)
    assert not spoilt.grad.movedim(1, -1)[unlabelled].any()


def assert_an_image_without_label_adds_nothing(task, labelled):
    target, raw = labels(task, batch=4), raw_map(task, batch=4)
    target[[index for index in range(4) if index not in labelled]] = task.map_type.unlabelled
    raw.requires_grad_()
    loss = task.loss(raw, target)
    loss.backward()
    alone = raw.detach()[labelled].requires_grad_()
    if labelled:
        expected = task.loss(alone, target[labelled])
        expected.backward()
        assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
        assert loss.item() > 0
    else:
        assert loss.item() == 0
    gradient = torch.zeros_like(raw)
    gradient[labelled] = alone.grad if labelled else 0
    torch.testing.assert_close(raw.grad, gradient)
