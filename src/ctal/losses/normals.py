"""Losses of surface normals."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ctal.losses.base import NormalLoss
from ctal.losses.masking import masked_mean
from ctal.losses.pixels import PixelMean

_LARGEST = 1 - 1e-6
"""Largest cosine whose angle is computed: the derivative of arccos is infinite at 1."""


@dataclass(frozen=True)
class Cosine(NormalLoss, PixelMean):
    """1 - cosine of the angle, mean over labelled pixels: the default of `SurfaceNormals`.

    About half the square of the angle (in radians), so large angles count most.
    """

    def __call__(self, raw: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Return the loss of a batch (see `NormalLoss`)."""
        return masked_mean(1 - (raw * target).sum(dim=1), valid)

    def totals(self, raw: Tensor, target: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Return the sum of 1 - cosine and the number of pixels (see `PixelMean`)."""
        count = valid.sum()
        return count - (raw * target).sum(), count  # the target is 0 where unlabelled


@dataclass(frozen=True)
class Angular(NormalLoss):
    """The angle in radians, mean over labelled pixels: what the metric `mean` measures.

    The angular loss of Bae et al., "Estimating and Exploiting the Aleatoric Uncertainty in Surface
    Normal Estimation", ICCV 2021, without uncertainty. Its gradient does not vanish for small
    angles. Angles below 0.08 degrees count as 0.08 degrees and have no gradient.
    """

    def __call__(self, raw: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Return the loss of a batch (see `NormalLoss`)."""
        cosine = (raw * target).sum(dim=1).clamp(-_LARGEST, _LARGEST)
        return masked_mean(cosine.acos(), valid)


@dataclass(frozen=True)
class VectorL1(NormalLoss):
    """|x - x'| + |y - y'| + |z - z'| of unit vectors, mean over labelled pixels.

    The L1 distance of much of the multitask literature (Maninis et al., "Attentive Single-Tasking
    of Multiple Tasks", CVPR 2019). Some programs divide it by 3.
    """

    def __call__(self, raw: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Return the loss of a batch (see `NormalLoss`)."""
        return masked_mean((raw - target).abs().sum(dim=1), valid)
