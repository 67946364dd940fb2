"""Metrics of saliency maps: probabilities (B, H, W) against 1, 0, and 255 where unlabelled.

Each prediction is binarized at 256 thresholds, k / 255 for k = 0..255, those of an 8-bit image:
pixels that reach the threshold are salient. Each mask is compared with the label, the values are
averaged over the images with a labelled pixel, and the score is that of the best threshold for the
dataset. All masks are computed from one histogram per image. Precision, recall and IoU at every
threshold, maxF and maxIoU are bit-identical to those of PySODMetrics 1.6.2 without its rescaling of
each prediction to 0..1.

This is the protocol of the multitask literature since Maninis, Radosavovic and Kokkinos, "Attentive
Single-Tasking of Multiple Tasks", CVPR 2019. Other implementations average the F-measures of the
images, or pool the pixels of all images; their scores differ.
"""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from ctal.maps.labelled import labelled_classes
from ctal.metrics.pooled import FloatSums

LEVELS = 256


class ThresholdMetric(FloatSums):
    """Base class: mean over images of values at each threshold; NaN without salient pixels."""

    full_state_update = False
    higher_is_better = True
    plot_upper_bound = 1.0  # torchmetrics' mark of a share
    numbers: int
    totals: Tensor
    images: Tensor
    salient: Tensor

    def __init__(self) -> None:
        super().__init__()
        totals = torch.zeros(self.numbers, LEVELS, dtype=torch.float64)
        self.add_state("totals", totals, dist_reduce_fx="sum")
        for name in ("images", "salient"):
            self.add_state(name, torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    @abstractmethod
    def compare(self, hits: Tensor, found: Tensor, true: Tensor) -> Tensor:
        """Compute the values of one image at each threshold, (numbers, 256).

        Args:
            hits: Number of true positives by threshold, (256,) float64.
            found: Number of predicted salient pixels by threshold, (256,) float64.
            true: Number of salient pixels, a float64 scalar.
        """

    @abstractmethod
    def finish(self, means: Tensor) -> Tensor:
        """Compute the scores, (256,) by threshold, from the means over images, (numbers, 256)."""

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Add the images of one batch; a pixel whose probability is NaN counts as not salient."""
        known = labelled_classes(target)
        for index in known.any(dim=(1, 2)).nonzero().flatten().tolist():
            probability = prediction[index][known[index]].float()
            salient = target[index][known[index]] == 1
            found, hits = (_reaching(values) for values in (probability, probability[salient]))
            # to the device and the float64 of the states
            counts = (count.to(self.totals) for count in (hits, found, salient.sum()))
            self.totals += self.compare(*counts)
            self.images += 1
            self.salient += salient.sum()

    def compute(self) -> Tensor:
        """Return the highest score of all thresholds, a float64 scalar; NaN if none is defined."""
        best = self.finish(self.totals / self.images).max()
        # without salient pixels, an empty prediction would have a perfect recall
        return torch.where(self.salient > 0, best, torch.nan)


class MaxF(ThresholdMetric):
    """F-measure of the mean precision and the mean recall over images, at the best threshold.

    F = (1 + b) P R / (b P + R) with b = 0.3 (Achanta et al., "Frequency-tuned Salient Region
    Detection", CVPR 2009). P of an image is 0 if no pixel is predicted, R if no pixel is salient.
    """

    numbers = 2
    beta_squared = 0.3

    def compare(self, hits: Tensor, found: Tensor, true: Tensor) -> Tensor:
        """Return precision and recall."""
        return torch.stack([hits / found.clamp(min=1), hits / true.clamp(min=1)])

    def finish(self, means: Tensor) -> Tensor:
        """Return F; 0 if both are 0."""
        precision, recall = means
        total = self.beta_squared * precision + recall
        return torch.where(total == 0, 0.0, (1 + self.beta_squared) * precision * recall / total)


class MaxIoU(ThresholdMetric):
    """Mean over images of the salient pixels' intersection over union, at the best threshold.

    The "mIoU" of saliency in the multitask literature. The IoU of an image is 1 if no pixel is
    salient and none is predicted.
    """

    numbers = 1

    def compare(self, hits: Tensor, found: Tensor, true: Tensor) -> Tensor:
        """Return the intersection over union."""
        union = found + true - hits
        return torch.where(union == 0, 1.0, hits / union.clamp(min=1))[None]

    def finish(self, means: Tensor) -> Tensor:
        """Return the mean itself."""
        return means[0]


def _reaching(probabilities: Tensor) -> Tensor:
    """Count how many of (N,) probabilities reach each of the 256 thresholds, (256,) int64."""
    levels = (probabilities * (LEVELS - 1)).floor()
    counts = torch.bincount(levels[~levels.isnan()].long(), minlength=LEVELS)
    return counts.flip(0).cumsum(0).flip(0)
