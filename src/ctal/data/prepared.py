"""Data sets packed into memory-mapped arrays: read without decoding, resizing or deriving."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.tv_tensors import Image

from ctal.data.base import DenseDataset, Sample
from ctal.descriptions import build_task
from ctal.errors import InputError
from ctal.tasks import Task

DESCRIPTION = "dataset.json"
"""The file that says what the arrays beside it are."""

FORMAT = {"format": "ctal prepared arrays", "version": 1}
"""What DESCRIPTION begins with; another version is another layout."""


class PreparedArrays(DenseDataset):
    """What `ctal data prepare` wrote: a data set at one size, its values those of training.

    `image.npy` holds the pictures (N, 3, H, W) uint8, `maps/<task>.npy` the maps (N, ..., H, W):
    class ids, edges and answers as uint8, depth and normals as float32, so that not one bit
    differs from what the original data set would give. `dataset.json` names tasks and samples and
    says which samples lack which map. The arrays are mapped into memory: processes share them, and
    a set larger than the memory can be read.

    Args:
        folder: the folder of one split.

    Attributes:
        size: (H, W) of all samples.
        names: the samples' names, those of the original data set.

    Raises:
        InputError: no such folder, one of another kind or version, or a truncated file.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        content = _read_description(self.folder)
        file = self.folder / DESCRIPTION
        try:
            self.tasks: list[Task] = [build_task(entry) for entry in content["tasks"]]
            self.names = [str(name) for name in content["names"]]
            height, width = map(int, content["size"])
            self._missing = {
                task.name: frozenset(map(int, content["missing"].get(task.name, ())))
                for task in self.tasks
            }
        except InputError as error:
            raise InputError(f"{file}: {error}") from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(
                f"{file}: expected a whole description, got a broken {error}"
            ) from error
        self.size = (height, width)
        count = len(self.names)
        self._arrays = {
            name: _mapped(self.folder / path, (count, *shape), dtype)
            for name, path, shape, dtype in layout(self.tasks, self.size)
        }

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.names)

    def sample_name(self, index: int) -> str:
        """The name that the original data set gave the sample."""
        return self.names[index]

    def __getitem__(self, index: int) -> Sample:
        """Copies one sample out of the arrays."""
        place = range(len(self))[index]  # which says what is out of range, and knows -1
        sample: Sample = {"image": Image(self._copy("image", place).float() / 255)}
        for task in self.tasks:
            if place not in self._missing[task.name]:
                values = self._copy(task.name, place).to(task.map_type.value_type)
                sample[task.name] = task.map_type(values)
        return sample

    def __reduce__(self) -> tuple[Any, ...]:
        """Lets a process that starts anew map the files itself, and not receive their content."""
        return type(self), (self.folder,)

    def _copy(self, name: str, index: int) -> Tensor:
        return torch.from_numpy(np.array(self._arrays[name][index]))


class ArrayFile(NamedTuple):
    """One array of prepared samples: its key in a sample, its file, a sample's shape, its type."""

    key: str
    path: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def layout(tasks: Sequence[Task], size: tuple[int, int]) -> list[ArrayFile]:
    """The arrays that samples of these tasks and this (H, W) are kept in."""
    arrays = [ArrayFile("image", "image.npy", (3, *size), np.dtype("u1"))]
    for task in tasks:
        numbers = task.map_type.value_type.is_floating_point
        shape = (*task.map_type.leading, *size)
        # class ids fit a byte, 255 being the mark of an unlabelled pixel
        dtype = np.dtype("<f4" if numbers else "u1")
        arrays.append(ArrayFile(task.name, f"maps/{task.name}.npy", shape, dtype))
    return arrays


def _read_description(folder: Path) -> dict[str, Any]:
    file = folder / DESCRIPTION
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{file}: expected a folder that `ctal data prepare` wrote ({error.strerror})"
        ) from error
    except ValueError as error:
        raise InputError(f"{file}: expected a description in JSON, got: {error}") from error
    found = {key: content.get(key) for key in FORMAT} if isinstance(content, dict) else content
    if found != FORMAT:
        raise InputError(
            f"{file}: expected {FORMAT}, got {str(found)[:100]}; prepare the data set again"
        )
    return dict(content)


def _mapped(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"{path}: expected a whole array, got: {reason}; prepare the data set again"
        ) from error
    if array.shape != shape or array.dtype != dtype:
        raise InputError(
            f"{path}: expected {dtype} of the shape {shape}, as {DESCRIPTION} says, "
            f"got {array.dtype} of the shape {array.shape}; prepare the data set again"
        )
    return array
