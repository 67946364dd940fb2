"""Looking at one sample: is it of the right form, and what does it hold?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.tv_tensors import Image

from ctal.data import DenseDataset, Sample
from ctal.data_commands.tallies import Tally, tally
from ctal.errors import InputError
from ctal.tasks import Task


@dataclass(frozen=True)
class Problem:
    """Why a sample, or a whole data set, cannot be used."""

    name: str
    reason: str


@dataclass(frozen=True)
class Inspected:
    """What one sample holds.

    Attributes:
        size: (H, W).
        picture: (2, 3): sums of the channels and of their squares, over all pixels.
        maps: labelled pixels and their counts, for each map that the sample has.
    """

    size: tuple[int, int]
    picture: NDArray[np.float64]
    maps: dict[str, tuple[int, Tally]]


class Inspection(Dataset[Inspected | Problem]):
    """Reads the samples of a data set, and goes on after one that cannot be used.

    Args:
        dataset: the data set.
        tasks: those of its tasks to look at.
    """

    def __init__(self, dataset: DenseDataset, tasks: Sequence[Task]) -> None:
        self.dataset = dataset
        self.tasks = list(tasks)

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.dataset)

    def __getitem__(self, index: int) -> Inspected | Problem:
        """What the sample holds, or why it cannot be used."""
        try:
            return inspect_sample(self.dataset[index], self.tasks)
        except (InputError, OSError) as error:  # OSError: of a data set that lets it through
            return Problem(self.dataset.sample_name(index), " ".join(str(error).split()))


def inspect_sample(sample: Sample, tasks: Sequence[Task]) -> Inspected:
    """Checks and counts one sample.

    Raises:
        InputError: it is not of the form that `DenseDataset` describes.
    """
    check_picture(sample.get("image"))
    picture = sample["image"].as_subclass(Tensor).double()
    height, width = picture.shape[-2:]
    maps = {}
    for task in tasks:
        if task.name not in sample:
            continue
        label_map = sample[task.name]
        check_map(task, label_map, (height, width))
        valid = task.valid(label_map.unsqueeze(0))[0].as_subclass(Tensor)
        values = label_map.as_subclass(Tensor).reshape(-1, height, width)[:, valid].numpy()
        maps[task.name] = (int(valid.sum()), tally(task, values))
    sums = torch.stack([picture.sum((1, 2)), picture.square().sum((1, 2))])
    return Inspected((height, width), sums.numpy(), maps)


def check_picture(picture: Any) -> None:
    """Refuses what is no `Image`, (3, H, W) float32 in 0..1."""
    if not isinstance(picture, Image) or picture.dtype != torch.float32 or picture.ndim != 3:
        raise InputError(f"image: expected an Image, (3, H, W) float32, got {_form(picture)}")
    low, high = picture.min().item(), picture.max().item()
    if picture.shape[0] != 3 or not (low >= 0 and high <= 1):  # not (...), so that NaN fails too
        raise InputError(
            f"image: expected 3 channels in 0..1, got {picture.shape[0]} from {low:g} to {high:g}"
        )


def check_map(task: Task, label_map: Any, size: tuple[int, int]) -> None:
    """Refuses a map of another type, size or range than its task's."""
    kind = task.map_type
    shape = (*kind.leading, *size)
    right = isinstance(label_map, kind) and label_map.dtype == kind.value_type
    if not right or tuple(label_map.shape) != shape:
        raise InputError(
            f"{task.name}: expected a {kind.__name__}, {kind.value_type} of the shape {shape} "
            f"(the picture's size), got {_form(label_map)}"
        )
    task.check(label_map)


def _form(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a {type(value).__name__}, {value.dtype} of the shape {tuple(value.shape)}"
    return "none" if value is None else f"a {type(value).__name__}"
