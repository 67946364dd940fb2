"""Inverse depth up to a factor, as measured by stereo cameras."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ctal.errors import InputError
from ctal.maps import InverseDepthMap
from ctal.tasks.depth import Depth
from ctal.tasks.keys import ScaleKey


@dataclass(frozen=True)
class InverseDepth(Depth):
    """1 / depth times a factor that depends on the dataset.

    It is not a depth: larger values are nearer and values are not in meters. Benchmarks on
    Cityscapes call it depth nevertheless; their "Abs Err" and "Rel Err" are `abs_error` and
    `rel_error` here. Pixels too far to be measured have no label.

    Args:
        name: key of the task's map in samples and outputs.
        criterion: its loss, see `ctal.losses`; None: `L1`, the mean absolute error.

    Attributes:
        nearest: the minimum of predictions, since metrics use ratios and logarithms.
    """

    name: str = "inverse_depth"

    map_type = InverseDepthMap
    unit = "1/m up to a factor"
    error_unit = "1/m"
    error_limit = 0.05
    nearest: ClassVar[float] = 1e-4

    def check(self, target: Tensor) -> None:
        """Check that all values are finite and not negative."""
        wrong = target[~(torch.isfinite(target) & (target >= 0))]
        if wrong.numel():
            raise InputError(
                f"{self.name}: expected inverse depth > 0, or 0 where there is no label, got "
                f"{wrong[0].item():g} (one of {wrong.numel()} such pixels)"
            )

    def key(self, prediction: Tensor, reference: Tensor | None = None) -> ScaleKey:
        """Return the scale of inverse depths in the colors of `visualize`."""
        low, high = self._range(prediction if reference is None else reference)
        return ScaleKey(low, high, "viridis", "", ("far", "near"))
