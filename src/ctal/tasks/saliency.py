"""Saliency: which pixels belong to the objects that catch the eye first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from ctal.maps import ClassMap
from ctal.tasks.base import masked, masked_mean
from ctal.tasks.binary import CERTAIN, BinaryTask

if TYPE_CHECKING:
    from torchmetrics import Metric


@dataclass(frozen=True)
class Saliency(BinaryTask):
    """Whether a pixel is salient; its loss is a cross entropy that balances the two answers.

    Args:
        name: key of the task's map in samples and outputs.
    """

    name: str = "saliency"

    map_type = ClassMap
    answers = ("not salient", "salient")
    colormap = "cividis"

    @property
    def channels(self) -> int:
        """A score for "not salient" and one for "salient"."""
        return 2

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        """-(1 - s) y ln p - s (1 - y) ln (1 - p), mean over labelled pixels.

        y is the target, p the salient channel of softmax(raw), and s the share of salient pixels
        among the labelled ones of the batch. So both answers weigh the same, s (1 - s) in total,
        and a batch with only one of them gives 0 (Xie and Tu, "Holistically-Nested Edge Detection",
        ICCV 2015, equation 2).
        """
        valid = self.valid(target)
        answer = torch.where(valid, target, 0)
        entropy = F.cross_entropy(masked(raw, valid), answer, reduction="none")
        share = answer.sum() / valid.sum().clamp(min=1)
        return masked_mean(torch.where(answer == 1, 1 - share, share) * entropy, valid)

    def decode(self, raw: Tensor) -> Tensor:
        """The probability that a pixel is salient, (B, H, W) float32; softmax is taken once."""
        return raw.float().softmax(dim=1)[:, 1]

    def encode(self, target: Tensor) -> Tensor:
        """The log-odds of a sure answer in its channel, (B, 2, H, W) float32; 0 elsewhere."""
        answers = torch.arange(2, device=target.device)[:, None, None]
        return CERTAIN * (target.unsqueeze(1) == answers).float()

    def metrics(self) -> dict[str, Metric]:
        """The F-measure and the IoU at the best threshold of the data set."""
        from ctal import metrics  # here, since torchmetrics takes a second to import

        return {"maxf": metrics.MaxF(), "miou": metrics.MaxIoU()}
