"""Saliency: pixels of the objects that attract attention first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from ctal.losses import BinaryLoss, ClassLoss
from ctal.losses.base import check_criterion
from ctal.maps import ClassMap
from ctal.tasks.base import TRAINING_ONLY, masked, masked_mean
from ctal.tasks.binary import CERTAIN, BinaryTask

if TYPE_CHECKING:
    from torchmetrics import Metric


@dataclass(frozen=True)
class Saliency(BinaryTask):
    """Salient object detection.

    Args:
        name: key of the task's map in samples and outputs.
        criterion: its loss, of two classes or of the log-odds of "salient", see `ctal.losses`;
            None: a cross entropy that balances the two labels of each batch.
    """

    name: str = "saliency"
    criterion: ClassLoss | BinaryLoss | None = field(
        default=None, compare=False, metadata=TRAINING_ONLY
    )

    map_type = ClassMap
    answers = ("not salient", "salient")
    colormap = "cividis"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_criterion(self.criterion, ClassLoss, BinaryLoss)
        if isinstance(self.criterion, ClassLoss):
            self.criterion.check(self.channels)

    @property
    def channels(self) -> int:
        """Return 2: a score for "not salient" and one for "salient"."""
        return 2

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        """Compute the criterion, by default a balanced cross entropy.

        The default is -(1 - s) y ln p - s (1 - y) ln (1 - p), mean over labelled pixels. y is the
        target, p the salient channel of softmax(raw), and s the fraction of salient pixels among
        the labelled ones of the batch. So both labels have the same total weight, s (1 - s), and a
        batch with only one of them gives 0 (Xie and Tu, "Holistically-Nested Edge Detection", ICCV
        2015, equation 2).
        """
        valid = self.valid(target)
        answer = torch.where(valid, target, 0)
        scores = masked(raw, valid)
        if isinstance(self.criterion, BinaryLoss):
            return self.criterion(scores[:, 1] - scores[:, 0], answer, valid)
        if self.criterion is not None:
            return self.criterion(scores, answer, valid)
        entropy = F.cross_entropy(scores, answer, reduction="none")
        share = answer.sum() / valid.sum().clamp(min=1)
        return masked_mean(torch.where(answer == 1, 1 - share, share) * entropy, valid)

    def decode(self, raw: Tensor) -> Tensor:
        """Return the probability that a pixel is salient, (B, H, W) float32."""
        return raw.float().softmax(dim=1)[:, 1]

    def encode(self, target: Tensor) -> Tensor:
        """Return the log-odds of a certain label in its channel, (B, 2, H, W); 0 elsewhere."""
        answers = torch.arange(2, device=target.device)[:, None, None]
        return CERTAIN * (target.unsqueeze(1) == answers).float()

    def metrics(self) -> dict[str, Metric]:
        """Create the F-measure and the IoU at the best threshold of the dataset."""
        from ctal import metrics  # late, since importing torchmetrics takes a second

        return {"maxf": metrics.MaxF(), "miou": metrics.MaxIoU()}
