"""Metrics of saliency maps: probabilities (B, H, W) against 1, 0, and 255 where unlabelled.

A picture is made into masks by 256 thresholds, k / 255 for k = 0..255, those of an 8-bit picture:
salient is what reaches the threshold. Each mask is compared with the label, the numbers are
averaged over the pictures that have a labelled pixel, and the best threshold for the data
set gives the score. The masks come from one histogram of each picture. Precision, recall and IoU at
every threshold, maxF and maxIoU are equal to the last bit to those that are made with PySODMetrics
1.6.2, without its stretching of each prediction to 0..1.

This is how the multitask literature does it since Maninis, Radosavovic and Kokkinos, "Attentive
Single-Tasking of Multiple Tasks", CVPR 2019. Other codes take the mean over pictures of their
F-measures, or pool the pixels of all pictures; their numbers differ.
"""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from ctal.maps.labelled import labelled_classes
from ctal.metrics.pooled import FloatSums

LEVELS = 256


class ThresholdMetric(FloatSums):
    """Base: the mean over images of numbers at each threshold; NaN without any salient pixel."""

    full_state_update = False
    higher_is_better = True
    plot_upper_bound = 1.0  # torchmetrics' mark of a share
    numbers: int
    totals: Tensor
    pictures: Tensor
    salient: Tensor

    def __init__(self) -> None:
        super().__init__()
        totals = torch.zeros(self.numbers, LEVELS, dtype=torch.float64)
        self.add_state("totals", totals, dist_reduce_fx="sum")
        for name in ("pictures", "salient"):
            self.add_state(name, torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    @abstractmethod
    def compare(self, hits: Tensor, found: Tensor, true: Tensor) -> Tensor:
        """The numbers of one picture at each threshold, (numbers, 256).

        Args:
            hits: pixels that are salient and found to be, by threshold, (256,) float64.
            found: pixels that are found to be salient, (256,) float64.
            true: pixels that are salient, a float64 scalar.
        """

    @abstractmethod
    def finish(self, means: Tensor) -> Tensor:
        """The score at each threshold, (256,), from the means over pictures, (numbers, 256)."""

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Adds the pictures of one batch; a pixel whose probability is NaN is never found."""
        known = labelled_classes(target)
        for index in known.any(dim=(1, 2)).nonzero().flatten().tolist():
            probability = prediction[index][known[index]].float()
            salient = target[index][known[index]] == 1
            found, hits = (_reaching(values) for values in (probability, probability[salient]))
            # in the device and the float64 of the states
            counts = (count.to(self.totals) for count in (hits, found, salient.sum()))
            self.totals += self.compare(*counts)
            self.pictures += 1
            self.salient += salient.sum()

    def compute(self) -> Tensor:
        """Return the highest score of all thresholds, a float64 scalar; NaN if none is defined."""
        best = self.finish(self.totals / self.pictures).max()
        # predicting nothing would find everything
        return torch.where(self.salient > 0, best, torch.nan)


class MaxF(ThresholdMetric):
    """F-measure of the mean precision and the mean recall over pictures, at the best threshold.

    F = (1 + b) P R / (b P + R) with b = 0.3 (Achanta et al., "Frequency-tuned Salient Region
    Detection", CVPR 2009). P and R of a picture are 0 where nothing is found or nothing salient.
    """

    numbers = 2
    beta_squared = 0.3

    def compare(self, hits: Tensor, found: Tensor, true: Tensor) -> Tensor:
        """Precision and recall."""
        return torch.stack([hits / found.clamp(min=1), hits / true.clamp(min=1)])

    def finish(self, means: Tensor) -> Tensor:
        """F; 0 where both are 0."""
        precision, recall = means
        total = self.beta_squared * precision + recall
        return torch.where(total == 0, 0.0, (1 + self.beta_squared) * precision * recall / total)


class MaxIoU(ThresholdMetric):
    """Mean over pictures of the salient pixels' intersection over union, at the best threshold.

    The "mIoU" of saliency in the multitask literature. 1 for a picture without a salient pixel in
    which none is found.
    """

    numbers = 1

    def compare(self, hits: Tensor, found: Tensor, true: Tensor) -> Tensor:
        """Intersection over union."""
        union = found + true - hits
        return torch.where(union == 0, 1.0, hits / union.clamp(min=1))[None]

    def finish(self, means: Tensor) -> Tensor:
        """The mean itself."""
        return means[0]


def _reaching(probabilities: Tensor) -> Tensor:
    """How many of (N,) probabilities reach each of the 256 thresholds, (256,) int64."""
    levels = (probabilities * (LEVELS - 1)).floor()
    counts = torch.bincount(levels[~levels.isnan()].long(), minlength=LEVELS)
    return counts.flip(0).cumsum(0).flip(0)
