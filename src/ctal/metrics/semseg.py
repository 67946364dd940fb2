"""Metrics of class maps, (B, H, W) int64, 255 where unlabelled."""

from __future__ import annotations

from torch import Tensor
from torchmetrics.classification import MulticlassJaccardIndex

from ctal.maps import UNLABELLED_CLASS
from ctal.metrics.pooled import PooledMean


def labelled_classes(target: Tensor) -> Tensor:
    """Which pixels of a class map (B, H, W) have a label: (B, H, W), bool."""
    return target != UNLABELLED_CLASS


class MeanIoU(MulticlassJaccardIndex):
    """Mean over classes of intersection over union, from ONE confusion matrix of the data set.

    What is predicted on unlabelled pixels does not count, and a class that neither the labels nor
    the predictions hold is left out of the mean (torchmetrics' "macro"). NaN without any label.

    Args:
        num_classes: number of classes.
    """

    def __init__(self, num_classes: int) -> None:
        # validate_args looks for unique values in every batch: slow, and `Task.check` did it
        super().__init__(num_classes, ignore_index=UNLABELLED_CLASS, validate_args=False)


class PixelAccuracy(PooledMean):
    """Share of labelled pixels whose class is right, 0..1."""

    higher_is_better = True
    plot_upper_bound = 1.0  # torchmetrics' mark of a share

    def pixel_values(self, prediction: Tensor, target: Tensor) -> Tensor:
        """1 where the class is right, else 0."""
        return (prediction == target)[labelled_classes(target)]
