"""Weighted sums of losses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor

from ctal.errors import InputError
from ctal.losses.base import (
    BinaryLoss,
    ClassLoss,
    DepthLoss,
    NormalLoss,
    check_number,
    listed,
)


class _WeightedSum:
    """Base of the sums of losses of a kind; the subclass has the fields."""

    losses: Sequence[Any]
    weights: Sequence[float] | None

    def __post_init__(self) -> None:
        if not self.losses:
            raise InputError("losses: expected one or more, got none")
        count = len(self.losses)
        weights = listed([1.0] * count if self.weights is None else self.weights, float, "weights")
        if len(weights) != count:
            raise InputError(f"weights: expected {count}, one per loss, got {len(weights)}")
        for weight in weights:
            check_number("weights", weight)
        object.__setattr__(self, "losses", tuple(self.losses))
        object.__setattr__(self, "weights", weights)

    def __call__(self, raw: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Return the weighted sum for a batch (see the class of its losses)."""
        pairs = zip(self.losses, self.weights or (), strict=True)
        return torch.stack([weight * loss(raw, target, valid) for loss, weight in pairs]).sum()


@dataclass(frozen=True)
class ClassLossSum(_WeightedSum, ClassLoss):
    """Sum of losses of class scores, such as a cross entropy and Dice.

    Args:
        losses: the losses.
        weights: a weight for each; None: 1.

    Raises:
        InputError: there is no loss, or another number of weights.
    """

    losses: Sequence[ClassLoss]
    weights: Sequence[float] | None = None

    @property
    def needs_counts(self) -> bool:
        """Whether one of them needs the counts."""
        return any(loss.needs_counts for loss in self.losses)

    def with_counts(self, counts: Sequence[int]) -> Self:
        """Return the sum of the losses with class weights from the counts."""
        return replace(self, losses=[loss.with_counts(counts) for loss in self.losses])

    def check(self, num_classes: int) -> None:
        """Check the arguments of each."""
        for loss in self.losses:
            loss.check(num_classes)


@dataclass(frozen=True)
class DepthLossSum(_WeightedSum, DepthLoss):
    """Sum of losses of depth, such as `ScaleInvariantLog` and `GradientMatching`.

    Args:
        losses: the losses.
        weights: a weight for each; None: 1.

    Raises:
        InputError: there is no loss, or another number of weights.
    """

    losses: Sequence[DepthLoss]
    weights: Sequence[float] | None = None


@dataclass(frozen=True)
class BinaryLossSum(_WeightedSum, BinaryLoss):
    """Sum of losses of binary labels, such as `BinaryCrossEntropy` and `BinaryDice`.

    Args:
        losses: the losses.
        weights: a weight for each; None: 1.

    Raises:
        InputError: there is no loss, or another number of weights.
    """

    losses: Sequence[BinaryLoss]
    weights: Sequence[float] | None = None


@dataclass(frozen=True)
class NormalLossSum(_WeightedSum, NormalLoss):
    """Sum of losses of normals, such as `Cosine` and `VectorL1`.

    Args:
        losses: the losses.
        weights: a weight for each; None: 1.

    Raises:
        InputError: there is no loss, or another number of weights.
    """

    losses: Sequence[NormalLoss]
    weights: Sequence[float] | None = None
