"""Metrics of depth maps, (B, 1, H, W) in metres, 0 where unlabelled.

The absolute error, and four metrics of Eigen, Puhrsch and Fergus, "Depth Map Prediction from a
Single Image using a Multi-Scale Deep Network", NeurIPS 2014; p is the prediction and t the target
of a pixel, and a prediction must be > 0 (`Depth.decode` sees to it).
"""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from ctal.maps.labelled import labelled_depth
from ctal.metrics.pooled import PooledMean


class DepthMetric(PooledMean):
    """Base of the depth metrics: compares the predictions and targets of labelled pixels."""

    def pixel_values(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Picks the labelled pixels and compares them."""
        valid = labelled_depth(target)
        # in the device and the float64 of the states
        p, t = (depth.squeeze(1)[valid].to(self.total) for depth in (prediction, target))
        return self.compare(p, t)

    @abstractmethod
    def compare(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The number of each pixel, from its two depths, (N,) float64."""


class AbsoluteError(DepthMetric):
    """mean |p - t|, metres."""

    def compare(self, prediction: Tensor, target: Tensor) -> Tensor:
        """|p - t|."""
        return (prediction - target).abs()


class RelativeError(DepthMetric):
    """mean |p - t| / t."""

    def compare(self, prediction: Tensor, target: Tensor) -> Tensor:
        """|p - t| / t."""
        return (prediction - target).abs() / target


class RootMeanSquareError(DepthMetric):
    """sqrt(mean (p - t)^2), metres."""

    def compare(self, prediction: Tensor, target: Tensor) -> Tensor:
        """(p - t)^2."""
        return (prediction - target).square()

    def finish(self, mean: Tensor) -> Tensor:
        """The root of the mean square."""
        return mean.sqrt()


class RootMeanSquareLogError(RootMeanSquareError):
    """sqrt(mean (ln p - ln t)^2)."""

    def compare(self, prediction: Tensor, target: Tensor) -> Tensor:
        """(ln p - ln t)^2."""
        return super().compare(prediction.log(), target.log())


class WithinRatio(DepthMetric):
    """Share of pixels with max(p / t, t / p) < limit, 0..1.

    Args:
        limit: ratio above 1; the field's delta_k has 1.25^k.
    """

    higher_is_better = True
    plot_upper_bound = 1.0  # torchmetrics' mark of a share

    def __init__(self, limit: float) -> None:
        super().__init__()
        self.limit = limit

    def compare(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Whether the ratio is below the limit."""
        return torch.maximum(prediction / target, target / prediction) < self.limit
