"""Losses that are a mean over pixels, which can be computed for one image after the other."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor


class PixelMean(ABC):
    """A loss of the form: sum of the values of all labelled pixels / sum of their weights.

    It is an addition to a `Criterion`. The loss of a batch is that of `__call__` up to rounding:
    the totals of its images are added before they are divided, and it is 0 if the weights are 0.
    """

    @abstractmethod
    def totals(self, raw: Tensor, target: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Return the sum of the values and the sum of the weights, float32 scalars.

        Args:
            raw: as in `__call__`, but with any finite value where unlabelled.
            target: as in `__call__`.
            valid: as in `__call__`.
        """

    def small_totals(
        self, raw: Tensor, target: Tensor, valid: Tensor
    ) -> tuple[Tensor, Tensor, Tensor] | None:
        """Return `totals` of enlarged raw maps, and the gradient of the first by `raw`.

        For losses with a faster way than autograd on maps of the size of the labels; None
        if there is none for these arguments.

        Args:
            raw: (B, channels, h, w) float32, finite; they are enlarged bilinearly.
            target: as in `__call__`, (B, H, W).
            valid: as in `__call__`.
        """
        return None


def defines_both(kind: type, first: str, second: str) -> bool:
    """Return whether a class has two methods, and no subclass overrides only one of them."""
    owners = [next((c for c in kind.__mro__ if name in vars(c)), None) for name in (first, second)]
    return owners[0] is not None and owners[0] is owners[1]


def as_pixel_mean(criterion: object) -> PixelMean | None:
    """Return a loss if it is a mean over pixels, otherwise None."""
    if isinstance(criterion, PixelMean) and defines_both(type(criterion), "__call__", "totals"):
        return criterion
    return None
