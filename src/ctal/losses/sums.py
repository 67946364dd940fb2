"""Weighted sums of losses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from ctal.errors import InputError
from ctal.losses.base import ClassLoss, DepthLoss, check_number, listed


@dataclass(frozen=True)
class ClassLossSum(ClassLoss):
    """Sum of losses of class scores, such as a cross entropy and Dice.

    Args:
        losses: the losses.
        weights: a weight for each; None: 1.

    Raises:
        InputError: there is no loss, or another number of weights.
    """

    losses: Sequence[ClassLoss]
    weights: Sequence[float] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "losses", tuple(self.losses))
        object.__setattr__(self, "weights", _weights(self.losses, self.weights))

    def __call__(self, raw: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Return the loss of a batch (see `ClassLoss`)."""
        return _sum([loss(raw, target, valid) for loss in self.losses], self.weights or ())

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
class DepthLossSum(DepthLoss):
    """Sum of losses of depth, such as `ScaleInvariantLog` and `GradientMatching`.

    Args:
        losses: the losses.
        weights: a weight for each; None: 1.

    Raises:
        InputError: there is no loss, or another number of weights.
    """

    losses: Sequence[DepthLoss]
    weights: Sequence[float] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "losses", tuple(self.losses))
        object.__setattr__(self, "weights", _weights(self.losses, self.weights))

    def __call__(self, raw: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Return the loss of a batch (see `DepthLoss`)."""
        return _sum([loss(raw, target, valid) for loss in self.losses], self.weights or ())


def _weights(losses: Sequence[object], weights: Sequence[float] | None) -> tuple[float, ...]:
    if not losses:
        raise InputError("losses: expected one or more, got none")
    found = listed([1.0] * len(losses) if weights is None else weights, float, "weights")
    if len(found) != len(losses):
        raise InputError(f"weights: expected {len(losses)}, one per loss, got {len(found)}")
    for weight in found:
        check_number("weights", weight)
    return found


def _sum(values: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    pairs = zip(values, weights, strict=True)
    return torch.stack([weight * value for value, weight in pairs]).sum()
