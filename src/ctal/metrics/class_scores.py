"""Scores of each class of class maps, (B, H, W) int64, 255 where unlabelled."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics.classification import MulticlassConfusionMatrix

from ctal.maps import UNLABELLED_CLASS


class ClassScores(MulticlassConfusionMatrix):
    """IoU and accuracy of each class, from one confusion matrix of the dataset.

    The IoU of a class is the intersection over the union of its predicted and its labelled pixels;
    NaN for a class with neither. Its accuracy is the share of its labelled pixels that are
    predicted as this class (its recall); NaN for a class without labels. Predictions on unlabelled
    pixels do not count.

    Args:
        num_classes: Number of classes.
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes, ignore_index=UNLABELLED_CLASS, validate_args=False)

    def compute(self) -> Tensor:
        """Return the IoU and the accuracy of all classes, (2, num_classes) float64."""
        counts = super().compute().cpu().double()  # rows are labels
        hits, labelled, predicted = counts.diagonal(), counts.sum(dim=1), counts.sum(dim=0)
        # 0 / 0 is NaN
        return torch.stack([hits / (labelled + predicted - hits), hits / labelled])
