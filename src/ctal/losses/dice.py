"""Dice loss."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ctal.errors import InputError
from ctal.losses.base import IgnoringLoss, check_number

UNLABELLED = 255


@dataclass(frozen=True)
class Dice(IgnoringLoss):
    """1 - Dice of softmax(raw), mean over classes: small classes count as much as large ones.

    The loss of segmentation_models_pytorch (extra `losses`), after Milletari et al., "V-Net", 3DV
    2016. Pixels of the whole batch are pooled. A class without pixels in the batch adds 0 to the
    mean. It says little about single pixels; use it with a cross entropy in `ClassLossSum`.

    Args:
        smooth: s in (overlap + s) / (half of both sums + s).
        ignored_classes: classes, such as the background, that are left out of the mean; their
            pixels count as wrong for the others.

    Raises:
        InputError: an argument is out of range, or the package is not installed.
    """

    smooth: float = 0.0
    ignored_classes: Sequence[int] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("smooth", self.smooth)
        dice_loss()

    def __call__(self, raw: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Return the loss of a batch (see `ClassLoss`)."""
        kept = [k for k in range(raw.shape[1]) if k not in self.ignored_classes]
        loss = dice_loss()("multiclass", classes=kept, smooth=self.smooth, ignore_index=UNLABELLED)
        return loss(raw, torch.where(valid, target, UNLABELLED))


def dice_loss() -> Any:
    """Import the loss when one is made: not every installation has it.

    Raises:
        InputError: it is not installed.
    """
    try:
        from segmentation_models_pytorch.losses import DiceLoss
    except ImportError as error:
        raise InputError(
            "Dice: expected segmentation_models_pytorch, which is not installed; run pip install "
            "'ctal[losses]'"
        ) from error
    return DiceLoss
