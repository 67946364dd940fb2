"""Edges: boundaries of objects or parts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ctal.errors import InputError
from ctal.losses import BinaryCrossEntropy, BinaryLoss
from ctal.losses.base import check_criterion
from ctal.maps import EdgeMap
from ctal.tasks.base import TRAINING_ONLY, masked
from ctal.tasks.binary import CERTAIN, BinaryTask

if TYPE_CHECKING:
    from torchmetrics import Metric


@dataclass(frozen=True)
class Edges(BinaryTask):
    """Edge detection; its default loss is a binary cross entropy weighted by the label.

    Args:
        positive_weight: weight w of edge pixels in the default loss, between 0 and 1; all others
            have 1 - w. Few pixels are edges, so with equal weights a network learns to predict
            none.
        max_distance: maximum distance of a predicted edge from the true one in the metric odsF, as
            a fraction of the image's diagonal: 0.0075 is usual, 0.011 for NYUv2.
        name: key of the task's map in samples and outputs.
        criterion: its loss, see `ctal.losses`; None: `BinaryCrossEntropy(positive_weight)`.

    Raises:
        InputError: a number is out of range.
    """

    positive_weight: float = 0.95
    max_distance: float = 0.0075
    name: str = "edges"
    criterion: BinaryLoss | None = field(default=None, compare=False, metadata=TRAINING_ONLY)

    map_type = EdgeMap
    answers = ("no edge", "edge")
    colormap = "Blues"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.positive_weight < 1:
            raise InputError(
                f"positive_weight: expected a number between 0 and 1, got {self.positive_weight!r}"
            )
        check_criterion(self.criterion, BinaryLoss)
        self.metrics()  # validates max_distance

    @property
    def channels(self) -> int:
        """Return 1, the log-odds of an edge."""
        return 1

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        """Compute the criterion, by default a weighted cross entropy.

        The default is -w y ln p - (1 - w) (1 - y) ln (1 - p), mean over labelled pixels, with the
        target y, p = sigmoid(raw) and a constant weight w as in Kokkinos, "UberNet", CVPR 2017.
        """
        valid = self.valid(target)
        criterion = self.criterion or BinaryCrossEntropy(self.positive_weight)
        return criterion(masked(raw, valid).squeeze(1), torch.where(valid, target, 0), valid)

    def decode(self, raw: Tensor) -> Tensor:
        """Return the probability of an edge, (B, H, W) float32."""
        return raw.float().sigmoid().squeeze(1)

    def encode(self, target: Tensor) -> Tensor:
        """Return the log-odds of a certain label, (B, 1, H, W) float32; 0 where unlabelled."""
        sure = torch.where(target == 1, CERTAIN, -CERTAIN)
        return torch.where(self.valid(target), sure, 0.0).unsqueeze(1)

    def metrics(self) -> dict[str, Metric]:
        """Create the F-measure at the best threshold of the dataset."""
        from ctal import metrics  # late, since importing torchmetrics takes a second

        return {"odsf": metrics.OdsF(self.max_distance)}
