"""Yes or no: what all tasks share whose label is one bit per pixel."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from ctal.errors import InputError
from ctal.maps.labelled import labelled_classes
from ctal.tasks.base import Task
from ctal.tasks.colours import colorize

CERTAIN = 20.0
"""Log-odds of a sure answer: in float32 its probability is 1, and that of the other one 2e-9."""


class BinaryTask(Task):
    """A yes or no for every pixel.

    The label is 1 for yes, 0 for no and 255 where there is none, (B, H, W) int64; the prediction is
    the probability of yes, (B, H, W) float32.

    Attributes:
        answers: what 0 and 1 stand for, in words.
        colormap: the colours of probabilities; none of them is black, which means "no label".
    """

    unit = "probability"
    error_limit = 1.0
    variance_factor = 1.0
    answers: ClassVar[tuple[str, str]]
    colormap: ClassVar[str]

    def valid(self, target: Tensor) -> Tensor:
        """Which pixels are not 255."""
        return labelled_classes(target)

    def check(self, target: Tensor) -> None:
        """Looks for values other than 0, 1 and 255."""
        wrong = target[(target != 0) & (target != 1) & self.valid(target)]
        if wrong.numel():
            no, yes = self.answers
            raise InputError(
                f"{self.name}: expected 0 ({no}), 1 ({yes}) or 255 (no label), "
                f"got {sorted(set(wrong.tolist()))[:10]} (in {wrong.numel()} pixels)"
            )

    def error(self, prediction: Tensor, target: Tensor) -> Tensor:
        """|probability - target|."""
        difference = (prediction.float() - target).abs()
        return torch.where(self.valid(target), difference, torch.nan)

    def visualize(self, prediction: Tensor, reference: Tensor | None = None) -> Tensor:
        """The colours span 0..1, whatever the reference; black where unlabelled."""
        known = torch.where(self.valid(prediction), prediction.float(), torch.nan)
        return colorize(known, 0.0, 1.0, self.colormap)
