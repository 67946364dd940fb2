"""Cross entropy with class weights, ignored classes and label smoothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self

import torch
import torch.nn.functional as F
from torch import Tensor

from ctal.errors import InputError
from ctal.losses.base import IgnoringLoss, check_number, listed, without
from ctal.losses.masking import masked_mean
from ctal.losses.pixels import PixelMean
from ctal.losses.small_maps import cross_entropy_of_small

_IGNORED = -100  # in place of the class of an unlabelled pixel


@dataclass(frozen=True)
class CrossEntropy(IgnoringLoss, PixelMean):
    """Cross entropy of softmax(raw), the default of tasks with classes.

    With class weights w it is the sum of w_y * loss over the labelled pixels, divided by the sum of
    w_y, y the label of a pixel (as `torch.nn.CrossEntropyLoss`).

    Args:
        class_weights: a weight for each class; "balanced": n / (c * n_k) for class k, with n_k its
            number of pixels in the train split, n that of all classes and c the number of classes
            that occur (as scikit-learn has it), at the training's image size; None: 1.
        label_smoothing: share of the target that is spread over all classes (Szegedy et al.,
            "Rethinking the Inception Architecture", CVPR 2016).
        ignored_classes: pixels of these classes, such as the background, do not count.

    Raises:
        InputError: an argument is out of range.
    """

    class_weights: Sequence[float] | Literal["balanced"] | None = None
    label_smoothing: float = 0.0
    ignored_classes: Sequence[int] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.label_smoothing < 1:
            raise InputError(
                f"label_smoothing: expected a number >= 0 and below 1, got {self.label_smoothing}"
            )
        if self.class_weights in (None, "balanced"):
            return
        weights = listed(self.class_weights, float, "class_weights")
        object.__setattr__(self, "class_weights", weights)
        for weight in weights:
            check_number("class_weights", weight)

    def __call__(self, raw: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Return the loss of a batch (see `ClassLoss`)."""
        weights = self._weights(raw)
        valid = without(valid, target, self.ignored_classes)
        values = F.cross_entropy(
            raw, target, weight=weights, label_smoothing=self.label_smoothing, reduction="none"
        )
        if weights is None:
            return masked_mean(values, valid)
        total = torch.where(valid, weights[target], 0.0).sum()
        return torch.where(valid, values, 0.0).sum() / torch.where(total > 0, total, 1.0)

    def totals(self, raw: Tensor, target: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Return the sums of losses and weights (see `PixelMean`)."""
        weights = self._weights(raw)
        valid = without(valid, target, self.ignored_classes)
        total = F.cross_entropy(
            raw,
            torch.where(valid, target, _IGNORED),
            weight=weights,
            ignore_index=_IGNORED,
            label_smoothing=self.label_smoothing,
            reduction="sum",
        )
        count = valid if weights is None else torch.where(valid, weights[target], 0.0)
        return total, count.sum()

    def small_totals(
        self, raw: Tensor, target: Tensor, valid: Tensor
    ) -> tuple[Tensor, Tensor, Tensor] | None:
        """Return totals and gradient of small maps on a CPU (see `PixelMean`)."""
        if self.label_smoothing or raw.device.type != "cpu":
            return None
        weights = self._weights(raw)
        valid = without(valid, target, self.ignored_classes)
        return cross_entropy_of_small(
            raw,
            torch.where(valid, target, -1),
            raw.new_ones(raw.shape[1]) if weights is None else weights,
        )

    def _weights(self, raw: Tensor) -> Tensor | None:
        if self.needs_counts:
            raise InputError(
                "class_weights: 'balanced' needs the counts of the train split; use `ctal fit`, or "
                "with_counts(counts)"
            )
        return None if self.class_weights is None else raw.new_tensor(self.class_weights)

    @property
    def needs_counts(self) -> bool:
        """Whether the class weights are to be balanced."""
        return self.class_weights == "balanced"

    def with_counts(self, counts: Sequence[int]) -> Self:
        """Return the loss with class weights from the number of pixels of each class.

        A class without pixels gets the weight 1, which only label smoothing uses.
        """
        if not self.needs_counts:
            return self
        counted = [0 if k in self.ignored_classes else n for k, n in enumerate(counts)]
        mean = sum(counted) / max(sum(n > 0 for n in counted), 1)
        return replace(self, class_weights=[mean / n if n else 1.0 for n in counted])

    def check(self, num_classes: int) -> None:
        """Check that there is a weight for each class, and that ignored classes exist."""
        super().check(num_classes)
        weights = self.class_weights
        if weights not in (None, "balanced") and len(weights or ()) != num_classes:
            raise InputError(
                f"class_weights: expected {num_classes} weights, one per class, got "
                f"{len(weights or ())}"
            )
