"""Metrics of surface normals, (B, 3, H, W), (0, 0, 0) where unlabelled; angles in degrees.

The metrics of Fouhey, Gupta and Hebert, "Data-Driven 3D Primitives for Single Image Understanding",
ICCV 2013.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric

from ctal.maps.labelled import angles, labelled_normals
from ctal.metrics.pooled import PooledMean


def labelled_angles(prediction: Tensor, target: Tensor) -> Tensor:
    """Return the angles of the labelled pixels of a batch, (N,) degrees, float64.

    In float32 the angle of a pixel depends in its last bit on the size of the batch, since the arc
    tangents of a vector register and of the remainder differ.
    """
    device = torch.device("cpu") if target.device.type == "mps" else target.device  # no float64
    p, t = (vectors.to(device, torch.float64) for vectors in (prediction, target))
    return angles(p, t)[labelled_normals(t)]


class MeanAngle(PooledMean):
    """Mean angle, degrees."""

    unit = "°"

    def pixel_values(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the angles."""
        return labelled_angles(prediction, target)


class RootMeanSquareAngle(PooledMean):
    """sqrt(mean angle^2), degrees."""

    unit = "°"

    def pixel_values(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the squared angles."""
        return labelled_angles(prediction, target).square()

    def finish(self, mean: Tensor) -> Tensor:
        """Return the root of the mean square."""
        return mean.sqrt()


class WithinAngle(PooledMean):
    """Share of pixels with an angle below `limit` degrees, 0..1.

    Args:
        limit: Limit, degrees.
    """

    higher_is_better = True
    plot_upper_bound = 1.0  # torchmetrics' mark of a share

    def __init__(self, limit: float) -> None:
        super().__init__()
        self.limit = limit

    def pixel_values(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return whether the angle is below the limit."""
        return labelled_angles(prediction, target) < self.limit


class MedianAngle(Metric):
    """Median angle over all labelled pixels, degrees, accurate to 0.005; NaN without labels.

    Angles are counted in bins of 0.01 degrees, since the counts of several processes can be added
    and take 144 kB for a dataset of any size. For an even number of pixels, the median is the mean
    of the middle two, as in numpy.
    """

    full_state_update = False
    higher_is_better = False
    unit = "°"
    bins_per_degree = 100
    counts: Tensor

    def __init__(self) -> None:
        super().__init__()
        bins = torch.zeros(180 * self.bins_per_degree, dtype=torch.int64)
        self.add_state("counts", bins, dist_reduce_fx="sum")

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Count the pixels of one batch."""
        bins = len(self.counts)
        # NaN, from a network that diverged, has no bin and counts as the largest error
        degrees = labelled_angles(prediction, target).nan_to_num(nan=180.0)
        found = (degrees * self.bins_per_degree).long()
        # the last bin includes 180 degrees
        self.counts += torch.bincount(found.clamp(max=bins - 1), minlength=bins).to(self.counts)

    def compute(self) -> Tensor:
        """Return the median over all batches, a float64 scalar on the CPU."""
        running = self.counts.cumsum(0).cpu()  # Apple's GPUs (mps) have no float64
        pixels = int(running[-1])
        if pixels == 0:
            return torch.full((), torch.nan, dtype=torch.float64)
        middle = torch.tensor([(pixels + 1) // 2, pixels // 2 + 1])
        centres = (torch.searchsorted(running, middle).double() + 0.5) / self.bins_per_degree
        return centres.mean()
