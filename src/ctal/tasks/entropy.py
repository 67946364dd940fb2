"""Entropies of class probabilities, as further maps of a prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ctal.errors import InputError
from ctal.tasks.base import Task, half_in_steps

ENTROPY = "_entropy"
"""Ending of the name of a map of entropies, after the name of its task."""


@dataclass(frozen=True)
class EntropyMap:
    """A map of entropies, which is decoded like that of a task.

    Attributes:
        name: its key in a prediction.
        unit: that of its values, 0..1.
    """

    name: str
    unit: ClassVar[str] = "share of the maximum"

    def decode(self, raw: Tensor) -> Tensor:
        """Return (B, 1, H, W) as (B, H, W)."""
        return raw.squeeze(1)

    def compact(self, prediction: Tensor) -> Tensor:
        """Return float16, in multiples of 1/256, which take a third of the space of all digits."""
        return half_in_steps(prediction, 256)


def entropy_maps(tasks: Sequence[Task]) -> list[EntropyMap]:
    """Return the maps of entropies of tasks with probabilities (`Task.entropy`)."""
    return [
        EntropyMap(task.name + ENTROPY)
        for task in tasks
        if task.entropy(torch.zeros(1, task.channels, 1, 1)) is not None
    ]


def requested_entropy_maps(tasks: Sequence[Task]) -> list[EntropyMap]:
    """Return the result of `entropy_maps`, one map or more.

    Raises:
        InputError: no task has probabilities.
    """
    found = entropy_maps(tasks)
    if not found:
        names = ", ".join(task.name for task in tasks)
        raise InputError(f"entropy: expected a network with classes, got {names}")
    return found


def with_entropies(raw: Mapping[str, Tensor], tasks: Sequence[Task]) -> dict[str, Tensor]:
    """Return raw maps (B, channels, H, W) and, under names of `entropy_maps`, (B, 1, H, W)."""
    found = {task.name + ENTROPY: task.entropy(raw[task.name]) for task in tasks}
    return {**raw, **{name: values for name, values in found.items() if values is not None}}
