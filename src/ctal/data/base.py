"""The dataset interface: samples of typed maps, and the tasks that they carry."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from torch.utils.data import Dataset
from torchvision.tv_tensors import TVTensor

from ctal.errors import InputError
from ctal.tasks import Task

Sample: TypeAlias = dict[str, TVTensor]
"""{"image": tv_tensors.Image (3, H, W) float32 RGB in 0..1, task name: its map (H, W), ...}."""


class DenseDataset(Dataset[Sample], ABC):
    """Images with a map per task.

    A new dataset is a subclass in one file. All maps of a sample have its image's size. A task's
    map may be missing from a sample; its pixels then count as unlabelled.

    Attributes:
        tasks: The tasks whose maps the samples carry.
    """

    tasks: list[Task]

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of samples."""

    @abstractmethod
    def __getitem__(self, index: int) -> Sample:
        """Read and check one sample.

        Raises:
            InputError: A file of the sample cannot be used; the message names it.
        """

    @abstractmethod
    def sample_name(self, index: int) -> str:
        """Return the name of one sample, for lists and messages."""

    def unused_files(self) -> list[tuple[Path, str]]:
        """Return images and maps that no sample uses, each with the reason; none by default."""
        return []


class NamedSamples(DenseDataset):
    """A dataset with a list of the names of its samples.

    Attributes:
        names: The name of each sample.
    """

    names: list[str]

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.names)

    def sample_name(self, index: int) -> str:
        """Return the name of one sample."""
        return self.names[index]


def check_length(dataset: DenseDataset, split: str) -> None:
    """Check that a dataset has samples; `split` names it in the message.

    Raises:
        InputError: The dataset is empty.
    """
    if len(dataset) == 0:
        raise InputError(
            f"data.{split}: expected a dataset with samples, got an empty {type(dataset).__name__}"
        )


def chosen_tasks(
    carried: Sequence[Task], names: Sequence[str] | None, split: str | None = None
) -> list[Task]:
    """Return the named tasks of a dataset, in the order of the names; None means all.

    Args:
        carried: The tasks of the dataset.
        names: Names of tasks.
        split: The split of the dataset, for the message of an error.

    Raises:
        InputError: A name is unknown or repeated, or no name is given.
    """
    by_name = {task.name: task for task in carried}
    chosen = list(by_name) if names is None else list(names)
    unknown = [name for name in chosen if name not in by_name]
    if unknown or not chosen or len(set(chosen)) < len(chosen):
        where = f" (the tasks of data.{split})" if split else ""
        raise InputError(
            f"tasks: expected distinct names from {', '.join(by_name)}{where}, got "
            f"{', '.join(map(str, chosen)) or 'none'}"
        )
    return [by_name[name] for name in chosen]
