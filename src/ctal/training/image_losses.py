"""Losses of raw maps at the resolution of the heads, one image at a time.

A loss needs maps at the size of the labels, 16 times as large as those of the heads and more. With
initial predictions at four scales, they take half of the time of a step on a CPU: each operation
reads and writes maps that do not fit in the cache. Here, an image is enlarged, its loss and
gradient are computed while it is in the cache, and only the gradient of the small map is kept.
Cross entropy is computed row by row (`ctal.losses.small_maps`).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ctal.losses.enlarging import enlarged, reduced
from ctal.losses.pixels import PixelMean, as_pixel_mean, defines_both
from ctal.tasks import Task
from ctal.tasks.criterion import CriterionTask


class ImageLosses:
    """Loss of a task for several raw maps and one target.

    Args:
        task: the task.
        target: a batch of labels, (B, H, W) or (B, C, H, W).
    """

    def __init__(self, task: Task, target: Tensor) -> None:
        self._task, self._target = task, target
        self._criterion: PixelMean | None = None
        self._labels: tuple[Tensor, Tensor] | None = None
        # a subclass may override the loss alone
        if isinstance(task, CriterionTask) and type(task).loss is CriterionTask.loss:
            self._criterion = as_pixel_mean(task.used_criterion)
            self._labels = task.labels(target) if self._criterion else None

    def __call__(self, raw: Tensor) -> Tensor:
        """Compute `task.loss` of a raw map (B, channels, h, w) of any size, up to rounding."""
        size = tuple(self._target.shape[-2:])
        # a value that is not finite may be allowed where unlabelled: `loss` decides
        if self._labels is None or not raw.isfinite().all():
            wide = raw.float().contiguous()
            return self._task.loss(enlarged(wide, size), self._target)
        loss: Tensor = _OneByOne.apply(raw, self._task, self._criterion, *self._labels)
        return loss


class _OneByOne(torch.autograd.Function):
    """Sum of the totals of all images, divided by the sum of their weights."""

    @staticmethod
    def forward(
        ctx: Any,
        raw: Tensor,
        task: CriterionTask,
        criterion: PixelMean,
        target: Tensor,
        valid: Tensor,
    ) -> Tensor:
        """Compute the loss, and the gradient of `raw`."""
        with torch.autocast(raw.device.type, enabled=False):
            maps, found = raw.float(), None
            same_maps = type(task).prepare is CriterionTask.prepare
            if same_maps and defines_both(type(criterion), "totals", "small_totals"):
                found = criterion.small_totals(maps, target, valid)
            total, weight, gradient = found or _by_image(maps, task, criterion, target, valid)
        weight = torch.where(weight > 0, weight, 1.0)
        ctx.save_for_backward(gradient.div_(weight).to(raw.dtype))
        return total / weight

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Scale the gradient."""
        (gradient,) = ctx.saved_tensors
        return (grads[0] * gradient).to(gradient.dtype), None, None, None, None


def _by_image(
    maps: Tensor, task: CriterionTask, criterion: PixelMean, target: Tensor, valid: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the totals of all images, and the gradient of the first with respect to the maps."""
    total, weight = torch.zeros((), device=maps.device), torch.zeros((), device=maps.device)
    gradient = torch.empty_like(maps, memory_format=torch.contiguous_format)
    for n in range(len(maps)):
        image = slice(n, n + 1)
        small = maps[image].contiguous()
        full = enlarged(small, valid.shape[-2:]).requires_grad_()
        with torch.enable_grad():
            part, count = criterion.totals(task.prepare(full), target[image], valid[image])
        (slope,) = torch.autograd.grad(part, full)
        gradient[image] = reduced(slope, small.shape[-2:])
        total += part.detach()
        weight += count
    return total, weight, gradient
