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
    """F-measure of edges at the one threshold that is best for the whole data set, 0..1.

    For each of 99 thresholds the edges of a picture are the crests of the predicted probability
    (`ctal.metrics.non_maxima`) that reach it, thinned. They are paired one to one with the pixels
    of the true edges, at a distance of at most `max_distance` (`ctal.metrics.matching`). Over the
    data set, precision P is the share of found and recall R the share of true edge pixels that have
    a partner, and the score is the highest F = 2 P R / (P + R). As in the BSDS benchmark, P
    and R are interpolated linearly between thresholds ("optimal data set scale", ODS).

    True edges are thinned too: lines of one pixel stay as they are, and those that became wider
    when the label was resized count once. What is found on unlabelled pixels does not count. NaN
    when no true edge was seen.

    It takes 0.03 to 0.08 s for a picture of 321x481 on one CPU core.

    Checked against the C++ code of the BSDS benchmark on borders of NYUv2's classes
    (`tools/edge_metric_report.py`). Of the same edges it pairs up to 0.3 % fewer, for which
    `ctal.metrics.matching` has the reason: P, R and F differ by at most 0.002 at any threshold, the
    score by at most 0.0006, or 0.0015 where it is above 0.98. The same holds for the score with all
    steps by that code; P then differs by up to 0.004 on drawn lines blurred without noise
    (`ctal.metrics.non_maxima`). That it reads predictions of 8 bits changes the score by 0.001.

    Args:
        max_distance: fraction of the diagonal of the map; 0.0075 in BSDS and PASCAL-Context, 0.011
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
                "max_distance: expected a fraction of the picture's diagonal, between 0 and 1, "
                f"got {max_distance!r}"
            )
        self.max_distance = max_distance
        for name in ("paired", "found"):
            counts = torch.zeros(len(THRESHOLDS), dtype=torch.int64)
            self.add_state(name, counts, dist_reduce_fx="sum")
        self.add_state("true", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Counts the edge pixels of one batch.

        Args:
            prediction: the probability of an edge, (B, H, W); NaN counts as 0.
            target: 1 on an edge, 0 elsewhere, 255 where unlabelled, (B, H, W).
        """
        prediction, target = prediction.cpu(), target.cpu()  # little of it gains by a GPU
        known = labelled_classes(target)
        with torch.autocast("cpu", enabled=False):  # which would smooth with 8 bits
            strength = torch.where(known, crests(prediction), 0.0).numpy()
        true = (target == 1).numpy()
        for index in known.any(dim=(1, 2)).nonzero().flatten().tolist():
            paired, found, count = edge_counts(strength[index], true[index], self.max_distance)
            self.paired += torch.from_numpy(paired).to(self.paired)
            self.found += torch.from_numpy(found).to(self.found)
            self.true += count

    def compute(self) -> Tensor:
        """The highest F over all batches so far, a float64 scalar on the CPU."""
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
    """Edge pixels of one picture: pairs and found ones by threshold, (99,) each, and true ones.

    Args:
        strength: the crests, (H, W), 0 elsewhere.
        true: the true edges, (H, W).
        max_distance: fraction of the diagonal.
    """
    pixels, present = thin_at_thresholds(strength, THRESHOLDS)
    lines = thin(true)
    reach = max_distance * float(np.hypot(*lines.shape))
    paired = count_matches(pixels, present, lines, reach)
    return paired, present.sum(axis=0, dtype=np.int64), int(lines.sum())
