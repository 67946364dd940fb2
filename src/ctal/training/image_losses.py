"""Losses of raw maps at the resolution of the heads, one image at a time.

A loss needs maps at the size of the labels, 16 times as large as those of the heads and more. With
initial predictions at four scales, they take half of the time of a step on a CPU: each operation
reads and writes maps that do not fit in the cache. Here, an image is enlarged, its loss and
gradient are computed while it is in the cache, and only the gradient of the small map is kept.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ctal.losses.pixels import PixelMean, as_pixel_mean
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
            return self._task.loss(_enlarged(wide, size), self._target)
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
        total, weight = torch.zeros((), device=raw.device), torch.zeros((), device=raw.device)
        gradient = torch.empty(raw.shape, device=raw.device)  # float32
        with torch.autocast(raw.device.type, enabled=False):
            for n in range(len(raw)):
                image = slice(n, n + 1)
                small = raw[image].float().contiguous()
                full = _enlarged(small, valid.shape[-2:]).requires_grad_()
                with torch.enable_grad():
                    prepared = task.prepare(full)
                    part, count = criterion.totals(prepared, target[image], valid[image])
                (slope,) = torch.autograd.grad(part, full)
                gradient[image] = _reduced(slope, small.shape[-2:])
                total += part.detach()
                weight += count
        weight = torch.where(weight > 0, weight, 1.0)
        ctx.save_for_backward(gradient.div_(weight).to(raw.dtype))
        return total / weight

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Scale the gradient."""
        (gradient,) = ctx.saved_tensors
        return (grads[0] * gradient).to(gradient.dtype), None, None, None, None


def _enlarged(maps: Tensor, size: tuple[int, ...]) -> Tensor:
    """Resize maps bilinearly, as `Network.forward` does."""
    if tuple(maps.shape[-2:]) == tuple(size):
        return maps
    return F.interpolate(maps, size=tuple(size), mode="bilinear", align_corners=False)


def _reduced(slope: Tensor, size: tuple[int, ...]) -> Tensor:
    """Compute the gradient of `_enlarged` as two matrix products, several times as fast."""
    rows, columns = (
        _weights(small, full, slope) for small, full in zip(size, slope.shape[-2:], strict=True)
    )
    return rows.mT @ slope @ columns


def _weights(small: int, full: int, like: Tensor) -> Tensor:
    """Return the matrix (full, small) of linear interpolation along one axis."""
    unit = torch.eye(small, dtype=like.dtype, device=like.device)
    if small == full:
        return unit
    return F.interpolate(unit[None], size=full, mode="linear", align_corners=False)[0].mT
