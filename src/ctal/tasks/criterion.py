"""Base class of tasks whose loss is a criterion of prepared maps."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from ctal.losses import Criterion
from ctal.tasks.base import Task


class CriterionTask(Task):
    """A task whose loss is `used_criterion(prepare(masked raw map), *labels(target))`."""

    @abstractmethod
    def labels(self, target: Tensor) -> tuple[Tensor, Tensor]:
        """Return a target as its criterion has it, and which pixels (B, H, W) are labelled."""

    def prepare(self, raw: Tensor) -> Tensor:
        """Return a raw map as its criterion has it, in float32."""
        return raw.float()

    @property
    @abstractmethod
    def used_criterion(self) -> Criterion:
        """Return the criterion, its default too."""
