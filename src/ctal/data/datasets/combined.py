"""Several datasets as one, each with its own tasks."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from ctal.data.base import DenseDataset, Sample
from ctal.errors import InputError
from ctal.tasks import Task


class CombinedDataset(DenseDataset):
    """The samples of several datasets, one dataset after the other.

    Shuffled batches mix them. A task that a dataset does not have is unlabelled in its samples, so
    that a dataset with classes and another one with depth train one network. A dataset that is
    listed twice counts twice.

    Example in YAML::

        class_path: ctal.data.CombinedDataset
        init_args:
          datasets:
            - class_path: ctal.data.FolderDataset
              init_args: {root: streets, ...}   # semseg
            - class_path: ctal.data.FolderDataset
              init_args: {root: rooms, ...}     # semseg and depth

    Args:
        datasets: The datasets. Tasks with the same name must be equal: map the labels of both to
            the same classes, or give one of the tasks another `name`.

    Attributes:
        tasks: The tasks of all datasets, in the order of their first dataset.

    Raises:
        InputError: There is no dataset, a dataset is empty, or two tasks with the same name differ.
    """

    def __init__(self, datasets: list[DenseDataset]) -> None:
        if not datasets:
            raise InputError("datasets: expected at least one dataset, got an empty list")
        for place, dataset in enumerate(datasets):
            if len(dataset) == 0:
                raise InputError(
                    f"datasets[{place}]: expected a dataset with samples, got an empty "
                    f"{type(dataset).__name__}"
                )
        self.datasets = list(datasets)
        self.tasks = united_tasks([dataset.tasks for dataset in self.datasets])
        self._ends = list(accumulate(len(dataset) for dataset in self.datasets))

    def __len__(self) -> int:
        """Return the number of samples of all datasets."""
        return self._ends[-1]

    def __getitem__(self, index: int) -> Sample:
        """Read one sample, which has the maps of its own dataset only.

        Raises:
            InputError: A file of the sample cannot be used; the message names it.
        """
        place, inside = self._located(index)
        dataset = self.datasets[place]
        carried = {"image", *(task.name for task in dataset.tasks)}
        return {key: value for key, value in dataset[inside].items() if key in carried}

    def sample_name(self, index: int) -> str:
        """Return the name of one sample: the number of its dataset, and its name there."""
        place, inside = self._located(index)
        return f"{place}:{self.datasets[place].sample_name(inside)}"

    def unused_files(self) -> list[tuple[Path, str]]:
        """Return the files that no sample of the datasets uses."""
        found = {path: reason for each in self.datasets for path, reason in each.unused_files()}
        return list(found.items())

    def _located(self, index: int) -> tuple[int, int]:
        """Return the number of the dataset of a sample, and the sample's index in it."""
        index = range(len(self))[index]  # negative indices, and IndexError beyond the end
        place = bisect_right(self._ends, index)
        return place, index - (self._ends[place - 1] if place else 0)


def united_tasks(lists: Sequence[Sequence[Task]]) -> list[Task]:
    """Return all tasks of several datasets, each once.

    Raises:
        InputError: Two tasks with the same name differ.
    """
    tasks: dict[str, tuple[int, Task]] = {}
    for place, carried in enumerate(lists):
        for task in carried:
            first, known = tasks.setdefault(task.name, (place, task))
            if known != task:
                raise InputError(
                    f"datasets[{place}]: expected the task {known} of datasets[{first}], got "
                    f"{task}; map the labels to the same classes, or give one of them another name"
                )
    return [task for _, task in tasks.values()]
