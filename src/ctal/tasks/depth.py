"""Depth in meters along the optical axis."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from ctal.errors import InputError
from ctal.losses import L1, DepthLoss
from ctal.losses.base import check_criterion
from ctal.maps import DepthMap
from ctal.maps.labelled import labelled_depth
from ctal.tasks.base import TRAINING_ONLY, Task, masked
from ctal.tasks.colours import colorize
from ctal.tasks.criterion import CriterionTask
from ctal.tasks.keys import ScaleKey

if TYPE_CHECKING:
    from torchmetrics import Metric


@dataclass(frozen=True)
class Depth(CriterionTask):
    """Metric depth.

    Args:
        name: key of the task's map in samples and outputs.
        criterion: its loss, see `ctal.losses`; None: `L1`, the mean absolute error.

    Attributes:
        nearest: the minimum of predictions in meters, since metrics use ratios and logarithms; no
            camera measures a millimeter.
    """

    name: str = "depth"
    criterion: DepthLoss | None = field(default=None, compare=False, metadata=TRAINING_ONLY)

    map_type = DepthMap
    unit = "m"
    error_unit = "m"
    error_limit = 1.0
    nearest: ClassVar[float] = 1e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        check_criterion(self.criterion, DepthLoss)

    @property
    def channels(self) -> int:
        """Return 1, the depth itself."""
        return 1

    def labels(self, target: Tensor) -> tuple[Tensor, Tensor]:
        """Return meters, 0 where unlabelled, and which pixels are labelled."""
        valid = self.valid(target)
        return masked(target, valid), valid

    @property
    def used_criterion(self) -> DepthLoss:
        """Return the criterion, by default `L1`, the mean of |raw - target|."""
        return self.criterion or L1()

    def decode(self, raw: Tensor) -> Tensor:
        """Return meters, (B, 1, H, W) float32, at least `nearest`."""
        return raw.float().clamp(min=self.nearest)

    def encode(self, target: Tensor) -> Tensor:
        """Return the target itself."""
        return target

    def valid(self, target: Tensor) -> Tensor:
        """Return which pixels are above 0 and finite."""
        return labelled_depth(target)

    def check(self, target: Tensor) -> None:
        """Check that all depths are finite and not negative."""
        wrong = target[~(torch.isfinite(target) & (target >= 0))]
        if wrong.numel():
            raise InputError(
                f"{self.name}: expected meters > 0, or 0 where there is no label, got "
                f"{wrong[0].item():g} (one of {wrong.numel()} such pixels)"
            )

    def metrics(self) -> dict[str, Metric]:
        """Create absolute, relative, squared and log error, and the fractions within 1.25^k."""
        from ctal import metrics  # here, since torchmetrics takes a second to import

        return {
            "abs_error": metrics.AbsoluteError(self.unit),
            "rel_error": metrics.RelativeError(),
            "rmse": metrics.RootMeanSquareError(self.unit),
            "log_rmse": metrics.RootMeanSquareLogError(),
            **{f"delta_{k}": metrics.WithinRatio(1.25**k) for k in (1, 2, 3)},
        }

    def error(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Compute |prediction - target| in meters."""
        difference = (prediction - target).abs().squeeze(1)
        return torch.where(self.valid(target), difference, torch.nan)

    def visualize(self, prediction: Tensor, reference: Tensor | None = None) -> Tensor:
        """Visualize from yellow (near) to dark violet (far); black where unlabelled.

        The colors span the labelled depths of the reference; 0..1 m where it has none.
        """
        key = self.key(prediction, reference)
        return colorize(self._labelled(prediction), key.low, key.high, key.colormap)

    def key(self, prediction: Tensor, reference: Tensor | None = None) -> ScaleKey:
        """Return the scale of depths in the colors of `visualize`."""
        low, high = self._range(prediction if reference is None else reference)
        return ScaleKey(low, high, "viridis_r", self.unit, ("near", "far"))

    def _range(self, depth: Tensor) -> tuple[float, float]:
        """Return the smallest and the largest labelled value of a map; 0 and 1 without labels."""
        known = self._labelled(depth)
        known = known[~known.isnan()]
        return (known.min().item(), known.max().item()) if known.numel() else (0.0, 1.0)

    def _labelled(self, depth: Tensor) -> Tensor:
        """Return one depth map (1, H, W) as (H, W), with NaN where unlabelled."""
        return torch.where(self.valid(depth.unsqueeze(0))[0], depth[0], torch.nan)


def is_metric_depth(task: Task) -> bool:
    """Return whether a task is depth in meters, not a subclass such as inverse depth."""
    return isinstance(task, Depth) and task.unit == Depth.unit
