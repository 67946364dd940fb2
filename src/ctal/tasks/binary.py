"""Base class of tasks with binary labels."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from ctal.errors import InputError, counted
from ctal.maps.labelled import labelled_classes
from ctal.tasks.base import Task
from ctal.tasks.colours import colorize
from ctal.tasks.keys import ScaleKey

CERTAIN = 20.0
"""Log-odds of a certain label: in float32 its probability is 1, and that of the other 2e-9."""


class BinaryTask(Task):
    """Binary label for every pixel.

    The target is 1, 0 or 255 (no label), (B, H, W) int64; the prediction is the probability of 1,
    (B, H, W) float32.

    Attributes:
        answers: names of 0 and 1.
        colormap: the colors of probabilities, without black, which means "no label".
    """

    unit = "probability"
    error_limit = 1.0
    variance_factor = 1.0
    answers: ClassVar[tuple[str, str]]
    colormap: ClassVar[str]

    def valid(self, target: Tensor) -> Tensor:
        """Return which pixels are not 255."""
        return labelled_classes(target)

    def check(self, target: Tensor) -> None:
        """Check that all values are 0, 1 or 255."""
        wrong = target[(target != 0) & (target != 1) & self.valid(target)]
        if wrong.numel():
            no, yes = self.answers
            raise InputError(
                f"{self.name}: expected 0 ({no}), 1 ({yes}) or 255 (no label), "
                f"got {sorted(set(wrong.tolist()))[:10]} (in {counted(wrong.numel(), 'pixel')})"
            )

    def error(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Compute |probability - target|."""
        difference = (prediction.float() - target).abs()
        return torch.where(self.valid(target), difference, torch.nan)

    def visualize(self, prediction: Tensor, reference: Tensor | None = None) -> Tensor:
        """Visualize with colors from 0 to 1 for any reference; black where unlabelled."""
        known = torch.where(self.valid(prediction), prediction.float(), torch.nan)
        return colorize(known, 0.0, 1.0, self.colormap)

    def key(self, prediction: Tensor, reference: Tensor | None = None) -> ScaleKey:
        """Return the scale of probabilities, with the names of 0 and 1 at its ends."""
        return ScaleKey(0.0, 1.0, self.colormap, "", self.answers)
