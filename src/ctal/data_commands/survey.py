"""What all samples of a dataset hold, and which of them cannot be used."""

from __future__ import annotations

import os
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
from ctal.io.signals import leave_stopping_to_the_main_process
from ctal.tasks import Task

T = TypeVar("T")

_MOST_WORKERS = 8


@dataclass
class MapSurvey:
    """The maps of one task: samples that have one, their labelled pixels, what these hold."""

    samples: int = 0
    labelled: int = 0
    tally: Tally | None = None


class Survey:
    """What the samples of one dataset hold.

    Args:
        dataset: the dataset.
        tasks: those of its tasks to look at.

    Attributes:
        samples: samples that could be read.
        pixels: their pixels.
        sizes: how many of them have which (H, W).
        maps: what is known of each task's maps, in the order of the tasks.
        problems: the samples that cannot be used.
    """

    def __init__(self, dataset: DenseDataset, tasks: Sequence[Task]) -> None:
        self.dataset = dataset
        self.tasks = list(tasks)
        self.samples = 0
        self.pixels = 0
        self.sizes: Counter[tuple[int, int]] = Counter()
        self.maps = {task.name: MapSurvey() for task in tasks}
        self.problems: list[Problem] = []
        self._picture = np.zeros((2, 3))

    def complete(self, title: str, workers: int | None) -> None:
        """Reads all samples, in `workers` processes; the title stands before the progress bar."""
        for found in walk(Inspection(self.dataset, self.tasks), title, workers):
            if isinstance(found, Problem):
                self.problems.append(found)
            else:
                self._add(found)

    def plain(self) -> dict[str, Any]:
        """All that is known, for JSON; shares are of 1."""
        mean, square = self._picture / max(1, self.pixels)
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
        """Of all pixels; those of samples without the map count as unlabelled."""
        return self.maps[task.name].labelled / max(1, self.pixels)

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
        self._picture += found.image
        for name, (labelled, counts) in found.maps.items():
            maps = self.maps[name]
            maps.samples += 1
            maps.labelled += labelled
            maps.tally = counts if maps.tally is None else maps.tally + counts


def walk(dataset: Dataset[T], title: str, workers: int | None) -> Iterator[T]:
    """All items of a dataset in their order, read by several processes, with a progress bar.

    Args:
        dataset: the dataset.
        title: what stands before the bar, which is shown on a terminal only.
        workers: processes that read; 0: this one does. None: one per core, 8 at most.

    Raises:
        InputError: a negative number of workers.
    """
    if workers is not None and workers < 0:
        raise InputError(f"workers: expected a number from 0 on, got {workers}")
    count = min(_MOST_WORKERS, os.cpu_count() or 1) if workers is None else workers
    loader = DataLoader(
        dataset,
        batch_size=None,
        num_workers=count,
        collate_fn=_as_it_is,
        worker_init_fn=leave_stopping_to_the_main_process,
    )
    yield from tqdm(loader, desc=title, unit="sample", leave=False, disable=None)


def _as_it_is(item: T) -> T:
    return item
