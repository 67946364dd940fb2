"""Datasets stored as memory-mapped arrays: read without decoding, resizing or deriving."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.tv_tensors import Image

from ctal.data.base import NamedSamples, Sample
from ctal.errors import InputError
from ctal.tasks import Task
from ctal.tasks.serialization import build_task, import_modules

DESCRIPTION = "dataset.json"
"""The file that describes the arrays in the same folder."""

FORMAT = {"format": "ctal prepared arrays", "version": 1}
"""The first entries of DESCRIPTION; the version changes with the layout."""


class PreparedArrays(NamedSamples):
    """A dataset written by `ctal data prepare`, resized to one size.

    `image.npy` holds the images (N, 3, H, W) uint8, `maps/<task>.npy` the maps (N, ..., H, W):
    class ids, edges and binary maps as uint8, depth and normals as float32. Samples are
    bit-identical to those of the original dataset in training. `dataset.json` lists tasks, samples
    and missing maps. The arrays are memory-mapped: processes share them, and a dataset larger than
    the memory can be read.

    Args:
        folder: The folder of one split.
        imports: Modules to import first, which define custom tasks. The folder names the classes of
            its tasks, but must not choose the code that is executed.

    Attributes:
        size: (H, W) of all samples.
        source: Name of the class of the original dataset; None if not stored.
        names: Names of the samples in the original dataset.

    Raises:
        InputError: The folder is not found, has another format or version, or a file is truncated.
    """

    def __init__(self, folder: str | Path, imports: list[str] | None = None) -> None:
        self.folder = Path(folder)
        self._imports = list(imports or [])
        import_modules(self._imports)
        file = self.folder / DESCRIPTION
        content = read_description(file)
        try:
            self.tasks, self.names, self.size, self._missing = _parsed(content)
        except InputError as error:
            raise InputError(f"{file}: {error}") from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(
                f"{file}: expected a complete description, got a broken {error}; "
                "prepare the dataset again"
            ) from error
        self.source = source_name(content)
        self._arrays = {
            array.key: _mapped(self.folder / array.path, (len(self), *array.shape), array.dtype)
            for array in layout(self.tasks, self.size)
        }
        self._checked: set[int] = set()

    def __getitem__(self, index: int) -> Sample:
        """Copy one sample from the arrays, and check it on the first access.

        Raises:
            InputError: A map has values out of its task's range, so its file was modified.
        """
        place = range(len(self))[index]  # supports negative indices and raises IndexError
        sample: Sample = {"image": Image(self._copy("image", place).float() / 255)}
        for task in self.tasks:
            if place not in self._missing[task.name]:
                values = self._copy(task.name, place).to(task.map_type.value_type)
                sample[task.name] = task.map_type(values)
                if place not in self._checked:  # once, since it takes longer than reading
                    self._check(task, sample[task.name], self.names[place])
        self._checked.add(place)
        return sample

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle only the arguments, so that spawned processes map the files themselves."""
        return type(self), (self.folder, self._imports)

    def _copy(self, name: str, index: int) -> Tensor:
        return torch.from_numpy(np.array(self._arrays[name][index]))

    def _check(self, task: Task, label_map: Tensor, name: str) -> None:
        try:
            task.check(label_map)
        except InputError as error:
            file = self.folder / map_file(task.name)
            raise InputError(f"{file}: sample {name}: {error}; prepare again") from error


def source_name(content: dict[str, Any]) -> str | None:
    """Return the class name of the original dataset; None if the description lacks it."""
    with suppress(KeyError, TypeError):
        return str(content["source"]["class_path"]).rpartition(".")[2]
    return None


class ArrayFile(NamedTuple):
    """One array of prepared samples: key in a sample, file, shape of a sample, and data type."""

    key: str
    path: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def layout(tasks: Sequence[Task], size: tuple[int, int]) -> list[ArrayFile]:
    """Return the arrays that store samples with these tasks and this (H, W)."""
    arrays = [ArrayFile("image", "image.npy", (3, *size), np.dtype("u1"))]
    for task in tasks:
        numbers = task.map_type.value_type.is_floating_point
        shape = (*task.map_type.leading, *size)
        # class ids fit into a byte; 255 marks unlabelled pixels
        dtype = np.dtype("<f4" if numbers else "u1")
        arrays.append(ArrayFile(task.name, map_file(task.name), shape, dtype))
    return arrays


def map_file(name: str) -> str:
    """Return the path of a task's maps in the folder."""
    return f"maps/{name}.npy"


def read_description(file: Path) -> dict[str, Any]:
    """Read `DESCRIPTION` and check its format and version only.

    Raises:
        InputError: The file cannot be read, or has another format or version.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{file}: expected a folder written by `ctal data prepare` ({error.strerror})"
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: expected a description in JSON, got: {error}") from error
    found = {key: content.get(key) for key in FORMAT} if isinstance(content, dict) else content
    if found != FORMAT:
        raise InputError(
            f"{file}: expected {FORMAT}, got {str(found)[:100]}; prepare the dataset again"
        )
    return dict(content)


def _parsed(
    content: dict[str, Any],
) -> tuple[list[Task], list[str], tuple[int, int], dict[str, frozenset[int]]]:
    """Return tasks, sample names, size, and for each task the indices of samples without its map.

    Raises:
        InputError: The description of a task is invalid.
        KeyError, TypeError, ValueError: Another entry is invalid.
    """
    tasks = [build_task(entry) for entry in content["tasks"]]
    if not tasks or len({task.name for task in tasks}) < len(tasks):
        raise ValueError(f"list of tasks {[task.name for task in tasks]}")
    names, size = content["names"], content["size"]
    if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise ValueError(f"list of names {str(names)[:50]}")
    height, width = size
    if not all(type(length) is int and length > 0 for length in (height, width)):
        raise ValueError(f"size {size}")
    places = set(range(len(names)))
    missing = {task.name: frozenset(content["missing"][task.name]) for task in tasks}
    if not all(lacking <= places for lacking in missing.values()):
        raise ValueError(f"list of missing maps, beyond the {len(names)} samples")
    return tasks, names, (height, width), missing


def _mapped(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # numpy raises any exception on a broken header
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"{path}: expected a complete array, got: {reason}; prepare the dataset again"
        ) from error
    if array.shape != shape or array.dtype != dtype:
        raise InputError(
            f"{path}: expected {dtype} of the shape {shape}, as in {DESCRIPTION}, "
            f"got {array.dtype} of the shape {array.shape}; prepare the dataset again"
        )
    return array
