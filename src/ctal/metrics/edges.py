"""The metric of edge maps: the F-measure of Martin, Fowlkes and Malik (PAMI 2004)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics import Metric

from ctal.errors import InputError
from ctal.maps.labelled import labelled_classes
from ctal.metrics.matching import count_matches
from ctal.metrics.non_maxima import crests
from ctal.metrics.thinning import thin, thin_at_thresholds

THRESHOLDS = np.arange(1, 100, dtype=np.float32) / np.float32(100)
"""0.01, 0.02, ... 0.99."""


class OdsF(Metric):
    """F-measure of edges at the best threshold for the whole dataset (ODS), 0..1.

    For each of 99 thresholds, the edges of an image are the local maxima of the predicted
    probability (`ctal.metrics.non_maxima`) that reach the threshold, thinned. They are matched one
    to one with the pixels of the true edges within `max_distance` (`ctal.metrics.matching`). Over
    the dataset, precision P is the matched share of the predicted edge pixels, recall R that of the
    true ones, and the score is the highest F = 2 P R / (P + R). As in the BSDS benchmark, P and R
    are interpolated linearly between thresholds ("optimal dataset scale", ODS).

    True edges are thinned too: lines of one pixel are unchanged, and lines that became wider when
    the label was resized count once. Predictions on unlabelled pixels are ignored. The score is NaN
    if there is no true edge.

    It takes 0.03 to 0.08 s for an image of 321x481 on one CPU core.

    Verified against the C++ code of the BSDS benchmark on borders of NYUv2's classes
    (`tools/edge_metric_report.py`). For the same edges, that code finds up to 0.3 % fewer pairs
    (see `ctal.metrics.matching`): P, R and F differ by at most 0.002 at any threshold, the score by
    at most 0.0006, or 0.0015 if it is above 0.98. The same bounds hold for the score if that code
    performs all steps; P then differs by up to 0.004 on drawn lines blurred without noise
    (`ctal.metrics.non_maxima`). Its 8-bit predictions change the score by 0.001.

    Args:
        max_distance: Fraction of the diagonal of the map; 0.0075 in BSDS and PASCAL-Context, 0.011
            in NYUv2.

    Raises:
        InputError: `max_distance` is not between 0 and 1.
    """

    full_state_update = False
    higher_is_better = True
    plot_upper_bound = 1.0  # torchmetrics' mark of a share
    paired: Tensor
    found: Tensor
    true: Tensor

    def __init__(self, max_distance: float = 0.0075) -> None:
        super().__init__()
        if not 0 < max_distance < 1:
            raise InputError(
                "max_distance: expected a fraction of the image's diagonal, between 0 and 1, "
                f"got {max_distance!r}"
            )
        self.max_distance = max_distance
        for name in ("paired", "found"):
            counts = torch.zeros(len(THRESHOLDS), dtype=torch.int64)
            self.add_state(name, counts, dist_reduce_fx="sum")
        self.add_state("true", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Count the edge pixels of one batch.

        Args:
            prediction: The probability of an edge, (B, H, W); NaN counts as 0.
            target: 1 on an edge, 0 elsewhere, 255 where unlabelled, (B, H, W).
        """
        prediction, target = prediction.cpu(), target.cpu()  # most steps run on the CPU
        known = labelled_classes(target)
        with torch.autocast("cpu", enabled=False):  # bfloat16 would smooth with 8 bits
            strength = torch.where(known, crests(prediction), 0.0).numpy()
        true = (target == 1).numpy()
        for index in known.any(dim=(1, 2)).nonzero().flatten().tolist():
            paired, found, count = edge_counts(strength[index], true[index], self.max_distance)
            self.paired += torch.from_numpy(paired).to(self.paired)
            self.found += torch.from_numpy(found).to(self.found)
            self.true += count

    def compute(self) -> Tensor:
        """Return the highest F over all batches, a float64 scalar on the CPU."""
        paired, found, true = (
            state.cpu().double() for state in (self.paired, self.found, self.true)
        )
        if true == 0:
            return torch.full((), torch.nan, dtype=torch.float64)
        precision, recall = paired / found.clamp(min=1), paired / true
        share = torch.linspace(0, 1, 100, dtype=torch.float64)[:, None]
        p = torch.lerp(precision[:-1], precision[1:], share)
        r = torch.lerp(recall[:-1], recall[1:], share)
        return (2 * p * r / (p + r)).nan_to_num().max()


def edge_counts(
    strength: NDArray[np.float32], true: NDArray[np.bool_], max_distance: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Count the edge pixels of one image: matched and predicted, (99,) by threshold, and true ones.

    Args:
        strength: The local maxima, (H, W), 0 elsewhere.
        true: The true edges, (H, W).
        max_distance: Fraction of the diagonal.
    """
    pixels, present = thin_at_thresholds(strength, THRESHOLDS)
    lines = thin(true)
    reach = max_distance * float(np.hypot(*lines.shape))
    paired = count_matches(pixels, present, lines, reach)
    return paired, present.sum(axis=0, dtype=np.int64), int(lines.sum())
