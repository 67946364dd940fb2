"""Base class of tasks whose loss is a criterion of prepared maps."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from ctal.losses import Criterion
from ctal.tasks.base import Task, masked


class CriterionTask(Task):
    """A task whose loss is its criterion of a prepared raw map and prepared labels."""

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        """Compute `used_criterion` over labelled pixels."""
        labels, valid = self.labels(target)
        return self.used_criterion(self.prepare(masked(raw, valid)), labels, valid)

    @abstractmethod
    def labels(self, target: Tensor) -> tuple[Tensor, Tensor]:
        """Return a target as its criterion has it, and which pixels (B, H, W) are labelled."""

    def prepare(self, raw: Tensor) -> Tensor:
        """Return a raw map as its criterion has it."""
        return raw

    @property
    @abstractmethod
    def used_criterion(self) -> Criterion:
        """Return the criterion, its default too."""
