"""Inspection of one sample: validity, and statistics of its content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from ctal.data import DenseDataset, Sample
from ctal.data.checks import check_sample
from ctal.data_commands.tallies import Tally, tally
from ctal.errors import InputError
from ctal.tasks import Task


@dataclass(frozen=True)
class Problem:
    """The reason why a sample, or a whole dataset, cannot be used."""

    name: str
    reason: str


@dataclass(frozen=True)
class Inspected:
    """Statistics of one sample.

    Attributes:
        size: (H, W).
        image: (2, 3): sums of the channels and of their squares, over all pixels.
        maps: Number and statistics of the labelled pixels, for each map of the sample.
    """

    size: tuple[int, int]
    image: NDArray[np.float64]
    maps: dict[str, tuple[int, Tally]]


class Inspection(Dataset[Inspected | Problem]):
    """Statistics of each sample of a dataset, or the reason why it cannot be used.

    Args:
        dataset: The dataset.
        tasks: The tasks of the dataset to inspect.
    """

    def __init__(self, dataset: DenseDataset, tasks: Sequence[Task]) -> None:
        self.dataset = dataset
        self.tasks = list(tasks)

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.dataset)

    def __getitem__(self, index: int) -> Inspected | Problem:
        """Return the statistics of a sample, or the reason why it cannot be used."""
        try:
            return inspect_sample(self.dataset[index], self.tasks)
        except (InputError, OSError) as error:  # OSError: custom datasets may not convert it
            return Problem(self.dataset.sample_name(index), " ".join(str(error).split()))


def inspect_sample(sample: Sample, tasks: Sequence[Task]) -> Inspected:
    """Check one sample and count its pixels.

    Raises:
        InputError: The sample does not meet the requirements of `DenseDataset`.
    """
    check_sample(sample, tasks)
    image = sample["image"].as_subclass(Tensor).double()
    height, width = image.shape[-2:]
    maps = {}
    for task in tasks:
        if task.name not in sample:
            continue
        label_map = sample[task.name]
        valid = task.valid(label_map.unsqueeze(0))[0].as_subclass(Tensor)
        values = label_map.as_subclass(Tensor).reshape(-1, height, width)[:, valid].numpy()
        maps[task.name] = (int(valid.sum()), tally(task, values))
    sums = torch.stack([image.sum((1, 2)), image.square().sum((1, 2))])
    return Inspected((height, width), sums.numpy(), maps)
