"""Metrics of depth maps, (B, 1, H, W) in meters, 0 where unlabelled.

The absolute error, and four metrics of Eigen, Puhrsch and Fergus, "Depth Map Prediction from a
Single Image using a Multi-Scale Deep Network", NeurIPS 2014; p is the prediction and t the target
of a pixel, and predictions must be > 0 (`Depth.decode` ensures it).
"""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from ctal.maps.labelled import labelled_depth
from ctal.metrics.pooled import PooledMean


class DepthMetric(PooledMean):
    """Base class of depth metrics, which compare predictions and targets of labelled pixels."""

    def pixel_values(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Compare the labelled pixels."""
        valid = labelled_depth(target)
        # to the device and the float64 of the states
        p, t = (depth.squeeze(1)[valid].to(self.total) for depth in (prediction, target))
        return self.compare(p, t)

    @abstractmethod
    def compare(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Compute the value of each pixel from its two depths, (N,) float64."""


class AbsoluteError(DepthMetric):
    """mean |p - t|, in the unit of the depths.

    Args:
        unit: that unit, for tables.
    """

    def __init__(self, unit: str = "m") -> None:
        super().__init__()
        self.unit = unit

    def compare(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return |p - t|."""
        return (prediction - target).abs()


class RelativeError(DepthMetric):
    """mean |p - t| / t."""

    def compare(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return |p - t| / t."""
        return (prediction - target).abs() / target


class RootMeanSquareError(DepthMetric):
    """sqrt(mean (p - t)^2), in the unit of the depths.

    Args:
        unit: that unit, for tables.
    """

    def __init__(self, unit: str = "m") -> None:
        super().__init__()
        self.unit = unit

    def compare(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return (p - t)^2."""
        return (prediction - target).square()

    def finish(self, mean: Tensor) -> Tensor:
        """Return the root of the mean square."""
        return mean.sqrt()


class RootMeanSquareLogError(RootMeanSquareError):
    """sqrt(mean (ln p - ln t)^2)."""

    def __init__(self) -> None:
        super().__init__(unit="")

    def compare(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return (ln p - ln t)^2."""
        return super().compare(prediction.log(), target.log())


class WithinRatio(DepthMetric):
    """Share of pixels with max(p / t, t / p) below `limit`, 0..1.

    Args:
        limit: Ratio above 1; 1.25^k for the usual delta_k.
    """

    higher_is_better = True
    plot_upper_bound = 1.0  # torchmetrics' mark of a share

    def __init__(self, limit: float) -> None:
        super().__init__()
        self.limit = limit

    def compare(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return whether the ratio is below the limit."""
        return torch.maximum(prediction / target, target / prediction) < self.limit
