"""Metrics of class maps, (B, H, W) int64, 255 where unlabelled."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics.classification import MulticlassJaccardIndex

from ctal.maps import UNLABELLED_CLASS
from ctal.maps.labelled import labelled_classes
from ctal.metrics.pooled import PooledMean


class MeanIoU(MulticlassJaccardIndex):
    """Mean over classes of intersection over union, from one confusion matrix of the dataset.

    Predictions on unlabelled pixels are ignored. Classes that occur neither in the labels nor in
    the predictions are excluded from the mean (torchmetrics' "macro"). NaN if the labels contain
    fewer than two classes, since any prediction would be correct.

    Args:
        num_classes: Number of classes.
    """

    def __init__(self, num_classes: int) -> None:
        # validate_args computes unique values of every batch: slow, and `Task.check` covers it
        super().__init__(num_classes, ignore_index=UNLABELLED_CLASS, validate_args=False)

    def compute(self) -> Tensor:
        """Return the mean over classes, a scalar."""
        classes = (self.confmat.sum(dim=1) > 0).sum()  # rows are labels
        return torch.where(classes > 1, super().compute(), torch.nan)


class PixelAccuracy(PooledMean):
    """Share of labelled pixels whose class is correct, 0..1.

    NaN if the labels contain fewer than two classes, as in `MeanIoU`.
    """

    higher_is_better = True
    plot_upper_bound = 1.0  # torchmetrics' mark of a share
    lowest: Tensor
    highest: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("lowest", torch.tensor(UNLABELLED_CLASS), dist_reduce_fx="min")
        self.add_state("highest", torch.tensor(-1), dist_reduce_fx="max")

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Add the pixels of one batch."""
        super().update(prediction, target)
        labels = target[labelled_classes(target)]
        if labels.numel():
            low, high = labels.aminmax()
            self.lowest = torch.minimum(self.lowest, low.to(self.lowest))
            self.highest = torch.maximum(self.highest, high.to(self.highest))

    def compute(self) -> Tensor:
        """Return the share over all batches, a float64 scalar."""
        return torch.where(self.lowest < self.highest, super().compute(), torch.nan)

    def pixel_values(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return 1 where the class is correct, else 0."""
        return (prediction == target)[labelled_classes(target)]
