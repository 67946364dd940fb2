"""Losses of depth."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ctal.errors import InputError
from ctal.losses.base import DepthLoss, check_number
from ctal.losses.masking import masked_mean
from ctal.losses.pixels import PixelMean


@dataclass(frozen=True)
class L1(DepthLoss, PixelMean):
    """|raw - target|, mean over labelled pixels: the default of `Depth`."""

    def __call__(self, raw: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Return the loss of a batch (see `DepthLoss`)."""
        return masked_mean((raw - target).abs().squeeze(1), valid)

    def totals(self, raw: Tensor, target: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Return the sum of the errors and the number of pixels (see `PixelMean`)."""
        return torch.where(valid.unsqueeze(1), raw - target, 0.0).abs().sum(), valid.sum()


@dataclass(frozen=True)
class BerHu(DepthLoss):
    """Reverse Huber: |x| up to c, (x^2 + c^2) / (2 c) above, x = raw - target.

    c is a share of the largest |x| in the batch (Laina et al., "Deeper Depth Prediction with Fully
    Convolutional Residual Networks", 3DV 2016).

    Args:
        share: that share, 0.2 in the paper.

    Raises:
        InputError: `share` is not between 0 and 1.
    """

    share: float = 0.2

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise InputError(f"share: expected a number above 0, at most 1, got {self.share}")

    def __call__(self, raw: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Return the loss of a batch (see `DepthLoss`)."""
        size = torch.where(valid, (raw - target).abs().squeeze(1), 0.0)
        limit = self.share * (size.detach().max() if size.numel() else size.sum())
        safe = torch.where(limit > 0, limit, 1.0)
        values = torch.where(size <= limit, size, (size.square() + limit.square()) / (2 * safe))
        return masked_mean(values, valid)


@dataclass(frozen=True)
class ScaleInvariantLog(DepthLoss):
    """sqrt(mean d^2 - v (mean d)^2) of each image, d = ln raw - ln target; mean over images.

    The scale-invariant error of Eigen et al., "Depth Map Prediction from a Single Image", NeurIPS
    2014, equation 4, under a root as in Lee et al., "From Big to Small" (BTS), 2019, which
    multiplies it by 10: use a task weight. It measures relative errors, so it suits outdoor scenes.

    Args:
        variance_focus: v; 1 ignores the scale of an image altogether, 0 is the error of logarithms.
        smallest: below this depth (meters) the logarithm is replaced by its tangent, so that a
            prediction of 0 or less has a finite loss and a gradient.

    Raises:
        InputError: an argument is out of range.
    """

    variance_focus: float = 0.85
    smallest: float = 0.1

    def __post_init__(self) -> None:
        check_number("smallest", self.smallest, positive=True)
        if not 0 <= self.variance_focus <= 1:
            raise InputError(
                f"variance_focus: expected a number in 0..1, got {self.variance_focus}"
            )

    def __call__(self, raw: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Return the loss of a batch (see `DepthLoss`)."""
        ratio = _log_ratio(raw, target, valid, self.smallest).flatten(1)
        counts = valid.flatten(1).sum(dim=1)
        pixels = counts.clamp(min=1)
        mean, square = ratio.sum(dim=1) / pixels, ratio.square().sum(dim=1) / pixels
        variance = square - self.variance_focus * mean.square()
        positive = variance > 0  # the root has no gradient at 0
        roots = torch.where(positive, torch.where(positive, variance, 1.0).sqrt(), 0.0)
        return roots.sum() / (counts > 0).sum().clamp(min=1)


@dataclass(frozen=True)
class GradientMatching(DepthLoss):
    """Differences of d between neighbors, d = ln raw - ln target: sharp edges, smooth surfaces.

    The sum over scales s of the mean over labelled pixels of |d(x + s, y) - d(x, y)| +
    |d(x, y + s) - d(x, y)|, on every s-th pixel, s = 1, 2, 4, ... Li and Snavely, "MegaDepth", CVPR
    2018, equation 3. It does not know the depth itself: use it with another loss in
    `DepthLossSum`.

    Args:
        scales: number of scales.
        smallest: as of `ScaleInvariantLog`.

    Raises:
        InputError: an argument is out of range.
    """

    scales: int = 4
    smallest: float = 0.1

    def __post_init__(self) -> None:
        check_number("smallest", self.smallest, positive=True)
        if self.scales < 1:
            raise InputError(f"scales: expected an integer >= 1, got {self.scales}")

    def __call__(self, raw: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Return the loss of a batch (see `DepthLoss`)."""
        ratio = _log_ratio(raw, target, valid, self.smallest)
        steps = [2**scale for scale in range(self.scales)]
        parts = [_gradients(ratio[:, ::s, ::s], valid[:, ::s, ::s]) for s in steps]
        return torch.stack(parts).sum()


def _log_ratio(raw: Tensor, target: Tensor, valid: Tensor, smallest: float) -> Tensor:
    """Return ln raw - ln target, (B, H, W); 0 where unlabelled."""
    difference = _log(raw, smallest) - _log(target, smallest)
    return torch.where(valid, difference.squeeze(1), 0.0)


def _log(depth: Tensor, smallest: float) -> Tensor:
    """Return ln depth, and its tangent at `smallest` below that."""
    tangent = math.log(smallest) + (depth - smallest) / smallest
    return torch.where(depth > smallest, depth.clamp(min=smallest).log(), tangent)


def _gradients(values: Tensor, valid: Tensor) -> Tensor:
    """Return the sum of differences between labelled neighbors over the number of pixels."""
    total = values.sum() * 0
    for dim in (1, 2):
        length = values.shape[dim]
        one, other = (
            (values.narrow(dim, start, length - 1), valid.narrow(dim, start, length - 1))
            for start in (0, min(1, length - 1))
        )
        difference = (one[0] - other[0]).abs()
        total = total + torch.where(one[1] & other[1], difference, 0.0).sum()
    return total / valid.sum().clamp(min=1)
