"""Focal loss."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import sigmoid_focal_loss

from ctal.errors import InputError
from ctal.losses.base import IgnoringLoss, check_number, without
from ctal.losses.masking import masked_mean


@dataclass(frozen=True)
class Focal(IgnoringLoss):
    """Focal loss of one class against the others, summed over classes: rare and hard pixels count.

    The mean over labelled pixels of torchvision's `sigmoid_focal_loss` (Lin et al., "Focal Loss for
    Dense Object Detection", ICCV 2017), each class as a yes or no with sigmoid(raw).

    Args:
        gamma: exponent of (1 - p); 0 is a binary cross entropy.
        alpha: weight of the pixels of a class, in 0..1; those of other classes have 1 - alpha;
            None: 1 for both.
        ignored_classes: pixels of these classes, such as the background, do not count.

    Raises:
        InputError: an argument is out of range.
    """

    gamma: float = 2.0
    alpha: float | None = None
    ignored_classes: Sequence[int] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("gamma", self.gamma)
        if self.alpha is not None and not 0 < self.alpha < 1:
            raise InputError(f"alpha: expected a number between 0 and 1, got {self.alpha}")

    def __call__(self, raw: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Return the loss of a batch (see `ClassLoss`)."""
        answers = F.one_hot(target, raw.shape[1]).movedim(-1, 1).to(raw.dtype)
        alpha = -1.0 if self.alpha is None else self.alpha  # torchvision's "none"
        values = sigmoid_focal_loss(raw, answers, alpha, self.gamma, reduction="none")
        return masked_mean(values.sum(dim=1), without(valid, target, self.ignored_classes))
