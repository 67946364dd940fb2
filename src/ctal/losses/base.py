"""Base classes of losses, and the checks that they share."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import torch
from torch import Tensor

from ctal.errors import InputError


class Criterion(ABC):
    """Base of all losses that a task accepts as `criterion`; the kinds derive from it.

    A loss is a frozen dataclass of plain values, so that a configuration can name it.
    """

    @abstractmethod
    def __call__(self, raw: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Return the loss of a batch, a float32 scalar; the kinds describe the arguments."""


class ClassLoss(Criterion):
    """Loss of class scores, a criterion of `SemanticSegmentation`, `HumanParts` and `Saliency`."""

    @abstractmethod
    def __call__(self, raw: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Return the loss of a batch, a float32 scalar; 0 with a gradient of 0 without labels.

        Args:
            raw: (B, classes, H, W) float32 scores before softmax; 0 where unlabelled.
            target: (B, H, W) int64 class ids; 0 where unlabelled.
            valid: (B, H, W) bool, whether a pixel is labelled.
        """

    @property
    def needs_counts(self) -> bool:
        """Whether it needs the number of pixels of each class in the train split."""
        return False

    def with_counts(self, counts: Sequence[int]) -> Self:
        """Return the loss with class weights from the number of pixels of each class."""
        return self

    def check(self, num_classes: int) -> None:
        """Check the arguments against the number of classes.

        Raises:
            InputError: an argument does not fit it.
        """


class IgnoringLoss(ClassLoss):
    """Base of the class losses with a field `ignored_classes`."""

    ignored_classes: Sequence[int]

    def __post_init__(self) -> None:
        ignored = listed(self.ignored_classes, int, "ignored_classes")
        object.__setattr__(self, "ignored_classes", ignored)

    def check(self, num_classes: int) -> None:
        """Check that ignored classes exist and leave others.

        Raises:
            InputError: they do not.
        """
        wrong = [value for value in self.ignored_classes if not 0 <= value < num_classes]
        if wrong or len(set(self.ignored_classes)) >= num_classes:
            raise InputError(
                f"ignored_classes: expected ids in 0..{num_classes - 1}, and one class that is not "
                f"ignored, got {list(self.ignored_classes)}"
            )


class BinaryLoss(Criterion):
    """Loss of log-odds, a criterion of `Edges` and `Saliency`."""

    @abstractmethod
    def __call__(self, raw: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Return the loss of a batch, a float32 scalar; 0 with a gradient of 0 without labels.

        Args:
            raw: (B, H, W) float32, log-odds of 1 against 0; 0 where unlabelled.
            target: (B, H, W) int64, 0 or 1; 0 where unlabelled.
            valid: (B, H, W) bool, whether a pixel is labelled.
        """


class NormalLoss(Criterion):
    """Loss of unit vectors, a criterion of `SurfaceNormals`."""

    @abstractmethod
    def __call__(self, raw: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Return the loss of a batch, a float32 scalar; 0 with a gradient of 0 without labels.

        Args:
            raw: (B, 3, H, W) float32, unit vectors (shorter where the output is below 1e-4); 0
                where unlabelled.
            target: (B, 3, H, W) float32, unit vectors; 0 where unlabelled.
            valid: (B, H, W) bool, whether a pixel is labelled.
        """


class DepthLoss(Criterion):
    """Loss of depth, a criterion of `Depth` and `InverseDepth`."""

    @abstractmethod
    def __call__(self, raw: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        """Return the loss of a batch, a float32 scalar; 0 with a gradient of 0 without labels.

        Args:
            raw: (B, 1, H, W) float32, meters, of any sign; 0 where unlabelled.
            target: (B, 1, H, W) float32, meters; 0 where unlabelled.
            valid: (B, H, W) bool, whether a pixel is labelled.
        """


def listed(values: Any, kind: type, name: str) -> tuple[Any, ...]:
    """Return a list of an argument as a tuple.

    Raises:
        InputError: it is not a list of numbers of this kind.
    """
    kinds = (int,) if kind is int else (int, float)
    is_list = isinstance(values, Sequence) and not isinstance(values, str)
    if not is_list or any(type(value) not in kinds for value in values):
        raise InputError(f"{name}: expected a list of {kind.__name__}, got {values!r}")
    return tuple(kind(value) for value in values)


def check_number(name: str, value: float, *, positive: bool = False) -> None:
    """Check that an argument is finite and >= 0.

    Args:
        name: the argument.
        value: its value.
        positive: whether 0 is refused too.

    Raises:
        InputError: it is not.
    """
    if not 0 <= value < math.inf or (positive and value == 0):
        raise InputError(
            f"{name}: expected a number {'above' if positive else '>='} 0, got {value}"
        )


def without(valid: Tensor, target: Tensor, ignored: Sequence[int]) -> Tensor:
    """Return which labelled pixels (B, H, W) are of no ignored class."""
    if not ignored:
        return valid
    return valid & ~torch.isin(target, torch.tensor(ignored, device=target.device))


def check_criterion(criterion: object, *kinds: type) -> None:
    """Check that a task's loss is None, its default, or of one of its kinds.

    Raises:
        InputError: it is not.
    """
    if criterion is not None and not isinstance(criterion, kinds):
        expected = " or ".join(f"ctal.losses.{kind.__name__}" for kind in kinds)
        raise InputError(f"criterion: expected a {expected}, got {criterion!r}")
