"""What a data set is: samples of typed maps, and the tasks they carry."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TypeAlias

from torch.utils.data import Dataset
from torchvision.tv_tensors import TVTensor

from ctal.errors import InputError
from ctal.tasks import Task

Sample: TypeAlias = dict[str, TVTensor]
"""{"image": tv_tensors.Image (3, H, W) float32 RGB in 0..1, task name: its map (H, W), ...}."""


class DenseDataset(Dataset[Sample], ABC):
    """Pictures with a map per task; it knows nothing of networks.

    A new data set is a subclass in one file. All maps of a sample have its picture's size; a task's
    map may be missing from a sample, whose pixels then count as unlabelled.

    Attributes:
        tasks: the tasks whose maps the samples carry.
    """

    tasks: list[Task]

    @abstractmethod
    def __len__(self) -> int:
        """Number of samples."""

    @abstractmethod
    def __getitem__(self, index: int) -> Sample:
        """Reads and checks one sample.

        Raises:
            InputError: a file of the sample cannot be used; the message names it.
        """

    @abstractmethod
    def sample_name(self, index: int) -> str:
        """A name for one sample, by which a person finds it again."""


def check_length(dataset: DenseDataset, split: str) -> None:
    """Refuses a data set without samples; `split` says whose it is.

    Raises:
        InputError: there are none.
    """
    if len(dataset) == 0:
        raise InputError(
            f"data.{split}: expected a data set with samples, got a {type(dataset).__name__} "
            "without any"
        )


def chosen_tasks(carried: Sequence[Task], names: Sequence[str]) -> list[Task]:
    """Those of a data set's tasks that are asked for, in the order asked for.

    Raises:
        InputError: a name that is not among them, twice the same, or none at all.
    """
    by_name = {task.name: task for task in carried}
    unknown = [name for name in names if name not in by_name]
    if unknown or not names or len(set(names)) < len(names):
        got = ", ".join(names) or "none"
        raise InputError(f"tasks: expected different ones of {', '.join(by_name)}, got {got}")
    return [by_name[name] for name in names]
