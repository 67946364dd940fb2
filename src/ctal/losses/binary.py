"""Losses of binary labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import sigmoid_focal_loss

from ctal.errors import InputError
from ctal.losses.base import BinaryLoss, check_number
from ctal.losses.dice import UNLABELLED, dice_loss
from ctal.losses.masking import masked_mean


@dataclass(frozen=True)
class BinaryCrossEntropy(BinaryLoss):
    """-w y ln p - (1 - w) (1 - y) ln (1 - p), mean over labelled pixels, p = sigmoid(raw).

    The form of Xie and Tu, "Holistically-Nested Edge Detection", ICCV 2015, equation 2.

    Args:
        positive_weight: w, between 0 and 1; "balanced": the share of pixels of 0 in each batch, as
            in the paper, so that both labels have the same total weight, and a batch with only one
            of them has a loss of 0; None: no weights (1 for both labels).

    Raises:
        InputError: the weight is out of range.
    """

    positive_weight: float | Literal["balanced"] | None = None

    def __post_init__(self) -> None:
        weight = self.positive_weight
        if weight in (None, "balanced"):
            return
        if not isinstance(weight, int | float) or not 0 < weight < 1:
            raise InputError(
                f"positive_weight: expected a number between 0 and 1, or 'balanced', got {weight!r}"
            )

    def __call__(self, raw: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Return the loss of a batch (see `BinaryLoss`)."""
        answers = target.to(raw.dtype)
        entropy = F.binary_cross_entropy_with_logits(raw, answers, reduction="none")
        weight: Any = self.positive_weight
        if weight is None:
            return masked_mean(entropy, valid)
        if weight == "balanced":
            weight = 1 - masked_mean(answers, valid)
        return masked_mean(torch.where(target == 1, weight, 1 - weight) * entropy, valid)


@dataclass(frozen=True)
class BinaryFocal(BinaryLoss):
    """Focal loss, mean over labelled pixels: rare and hard pixels count.

    torchvision's `sigmoid_focal_loss` (Lin et al., "Focal Loss for Dense Object Detection", ICCV
    2017).

    Args:
        gamma: exponent of (1 - p), p the probability of the label; 0 is a cross entropy.
        alpha: weight of pixels of 1, in 0..1; those of 0 have 1 - alpha; None: 1 for both.

    Raises:
        InputError: an argument is out of range.
    """

    gamma: float = 2.0
    alpha: float | None = None

    def __post_init__(self) -> None:
        check_number("gamma", self.gamma)
        if self.alpha is not None and not 0 < self.alpha < 1:
            raise InputError(f"alpha: expected a number between 0 and 1, got {self.alpha}")

    def __call__(self, raw: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Return the loss of a batch (see `BinaryLoss`)."""
        alpha = -1.0 if self.alpha is None else self.alpha  # torchvision's "none"
        answers = target.to(raw.dtype)
        values = sigmoid_focal_loss(raw, answers, alpha, self.gamma, reduction="none")
        return masked_mean(values, valid)


@dataclass(frozen=True)
class BinaryDice(BinaryLoss):
    """1 - Dice of p = sigmoid(raw): 1 - 2 sum(p y) / sum(p + y) over the pixels of the batch.

    The loss of segmentation_models_pytorch (extra `losses`), after Milletari et al., "V-Net", 3DV
    2016. A batch without a pixel of 1 has a loss of 0. It says little about single pixels; use it
    with a cross entropy in `BinaryLossSum`.

    Args:
        smooth: s in (overlap + s) / (half of both sums + s).

    Raises:
        InputError: the argument is out of range, or the package is not installed.
    """

    smooth: float = 0.0

    def __post_init__(self) -> None:
        check_number("smooth", self.smooth)
        dice_loss()

    def __call__(self, raw: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Return the loss of a batch (see `BinaryLoss`)."""
        loss: Tensor = dice_loss()("binary", smooth=self.smooth, ignore_index=UNLABELLED)(
            raw, torch.where(valid, target, UNLABELLED)
        )
        return loss
