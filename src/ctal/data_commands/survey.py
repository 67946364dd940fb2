"""Statistics of all samples of a dataset, and the samples that cannot be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm  # type: ignore[import-untyped]  # ships no types

from ctal.data import DenseDataset
from ctal.data_commands.inspection import Inspected, Inspection, Problem
from ctal.data_commands.tallies import Tally
from ctal.errors import InputError
from ctal.io.cores import usable_cores
from ctal.io.signals import leave_stopping_to_the_main_process
from ctal.tasks import Task

T = TypeVar("T")

_MOST_WORKERS = 8


@dataclass
class MapSurvey:
    """The maps of one task: number of samples with a map, of their pixels, and statistics."""

    samples: int = 0
    pixels: int = 0
    labelled: int = 0
    tally: Tally | None = None


class Survey:
    """Statistics of the samples of one dataset.

    Args:
        dataset: The dataset.
        tasks: The tasks of the dataset to inspect.

    Attributes:
        samples: Number of readable samples.
        pixels: Number of their pixels.
        sizes: Number of samples of each (H, W).
        maps: Statistics of each task's maps, in the order of the tasks.
        problems: The samples that cannot be used.
    """

    def __init__(self, dataset: DenseDataset, tasks: Sequence[Task]) -> None:
        self.dataset = dataset
        self.tasks = list(tasks)
        self.samples = 0
        self.pixels = 0
        self.sizes: Counter[tuple[int, int]] = Counter()
        self.maps = {task.name: MapSurvey() for task in tasks}
        self.problems: list[Problem] = []
        self._image = np.zeros((2, 3))

    def complete(self, title: str, workers: int | None) -> None:
        """Read all samples in `workers` processes, with a progress bar of this title."""
        for found in walk(Inspection(self.dataset, self.tasks), title, workers):
            if isinstance(found, Problem):
                self.problems.append(found)
            else:
                self._add(found)

    def plain(self) -> dict[str, Any]:
        """Return all statistics for JSON; shares are in 0..1."""
        mean, square = self._image / max(1, self.pixels)
        return {
            "samples": self.samples,
            "sizes": {f"{height}x{width}": n for (height, width), n in self.sizes.most_common()},
            "picture": {
                "mean": mean.tolist(),
                "std": np.sqrt(np.maximum(square - mean**2, 0)).tolist(),
            },
            "tasks": {task.name: self._plain_task(task) for task in self.tasks},
        }

    def labelled_share(self, task: Task) -> float:
        """Return the labelled share of the pixels of the samples with the map."""
        return self.maps[task.name].labelled / max(1, self.maps[task.name].pixels)

    def _plain_task(self, task: Task) -> dict[str, Any]:
        maps = self.maps[task.name]
        return {
            "unit": task.unit,
            "samples": maps.samples,
            "labelled": self.labelled_share(task),
            **(maps.tally.plain(task) if maps.tally else {}),
        }

    def _add(self, found: Inspected) -> None:
        self.samples += 1
        self.pixels += found.size[0] * found.size[1]
        self.sizes[found.size] += 1
        self._image += found.image
        for name, (labelled, counts) in found.maps.items():
            maps = self.maps[name]
            maps.samples += 1
            maps.pixels += found.size[0] * found.size[1]
            maps.labelled += labelled
            maps.tally = counts if maps.tally is None else maps.tally + counts


def walk(dataset: Dataset[T], title: str, workers: int | None) -> Iterator[T]:
    """Yield all items of a dataset in order, read by worker processes, with a progress bar.

    Args:
        dataset: The dataset.
        title: Title of the progress bar, which is shown on a terminal only.
        workers: Number of worker processes. 0: read in this process. None: one per core, at most 8.

    Raises:
        InputError: The number of workers is negative.
    """
    if workers is not None and workers < 0:
        raise InputError(f"workers: expected an integer >= 0, got {workers}")
    count = min(_MOST_WORKERS, usable_cores()) if workers is None else workers
    loader = DataLoader(
        dataset,
        batch_size=None,
        num_workers=count,
        collate_fn=_identity,
        worker_init_fn=leave_stopping_to_the_main_process,
    )
    yield from tqdm(loader, desc=title, unit="sample", leave=False, disable=None)


def _identity(item: T) -> T:
    return item
