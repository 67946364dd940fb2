"""Labelled pixels of maps, and angles between maps of vectors."""

from __future__ import annotations

import torch
from torch import Tensor

from ctal.maps.types import UNLABELLED_CLASS


def labelled_classes(target: Tensor) -> Tensor:
    """Return the pixels of a class map (B, H, W) that have a label: (B, H, W), bool."""
    return target != UNLABELLED_CLASS


def labelled_depth(target: Tensor) -> Tensor:
    """Return the pixels of a depth map (B, 1, H, W) that have a label: (B, H, W), bool."""
    return ((target > 0) & torch.isfinite(target)).squeeze(1)


def labelled_normals(target: Tensor) -> Tensor:
    """Return the pixels of a normal map (B, 3, H, W) that have a label: (B, H, W), bool."""
    return (target != 0).any(dim=1) & torch.isfinite(target).all(dim=1)


def unit(vectors: Tensor, shortest: float = 1e-12) -> Tensor:
    """Divide a map of vectors (B, 3, H, W) by their lengths, or by `shortest` where it is longer.

    The gradient at 0 is finite. On a CPU this is many times faster than `F.normalize`, whose norm
    is slow over a dimension other than the last.
    """
    return vectors / vectors.square().sum(dim=1, keepdim=True).clamp(min=shortest**2).sqrt()


def angles(prediction: Tensor, target: Tensor) -> Tensor:
    """Compute the angles between two maps of vectors (B, 3, H, W): (B, H, W), degrees, 0..180.

    2 atan2(|u - v|, |u + v|) of the unit vectors u and v, which is accurate at all angles; the arc
    cosine of the product has an error of 0.02 degrees near 0 in float32 (W. Kahan, "How Futile are
    Mindless Assessments of Roundoff in Floating-Point Computation?", 2006).

    A zero vector has an angle of 90 degrees to all others, so predicting zeros is not rewarded.
    """
    u, v = unit(prediction), unit(target)
    difference, total = (u - v).square().sum(dim=1), (u + v).square().sum(dim=1)
    return torch.rad2deg(2 * torch.atan2(difference.sqrt(), total.sqrt()))
