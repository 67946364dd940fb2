"""Validation of samples, shared by training, evaluation and `ctal data check`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torchvision.tv_tensors import Image

from ctal.data.base import DenseDataset, Sample
from ctal.errors import InputError
from ctal.tasks import Task


def checked_sample(dataset: DenseDataset, index: int, tasks: Sequence[Task]) -> Sample:
    """Read one sample and check its form.

    Args:
        dataset: The dataset.
        index: Index of the sample.
        tasks: The tasks whose maps are checked.

    Raises:
        InputError: The sample cannot be read, or does not have the form that `DenseDataset`
            describes; the message names it.
    """
    try:
        sample = dataset[index]
    except OSError as error:  # custom datasets may not convert it
        raise InputError(f"{dataset.sample_name(index)}: {error}") from error
    try:
        check_sample(sample, tasks)
    except InputError as error:
        raise InputError(f"{dataset.sample_name(index)}: {error}") from error
    return sample


def check_sample(sample: Any, tasks: Sequence[Task]) -> None:
    """Check the image of a sample, and the type, range and size of its maps.

    Raises:
        InputError: The sample has another form.
    """
    if not isinstance(sample, Mapping):
        raise InputError(f"sample: expected a dict of an image and maps, got {_form(sample)}")
    check_image(sample.get("image"))
    for task in tasks:
        if task.name in sample:
            check_map(task, sample[task.name], tuple(sample["image"].shape[-2:]))


def check_image(image: Any) -> None:
    """Check that a value is an `Image`, (3, H, W) float32 in 0..1.

    Raises:
        InputError: The type, shape, data type or range differs.
    """
    if not isinstance(image, Image) or image.dtype != torch.float32 or image.ndim != 3:
        raise InputError(f"image: expected an Image, (3, H, W) float32, got {_form(image)}")
    if image.shape[0] != 3 or not image.numel():
        raise InputError(f"image: expected (3, H, W), got the shape {tuple(image.shape)}")
    low, high = (bound.item() for bound in image.as_subclass(Tensor).aminmax())
    if not (low >= 0 and high <= 1):  # not (...), so that NaN fails too
        hint = "; divide by 255" if 1 < high <= 255 else ""
        raise InputError(f"image: expected values in 0..1, got {low:g} to {high:g}{hint}")


def check_map(task: Task, label_map: Any, size: tuple[int, ...]) -> None:
    """Check that a map has the type and values of its task, and the image's size (H, W).

    Raises:
        InputError: The type, shape, data type or a value differs.
    """
    kind = task.map_type
    shape = (*kind.leading, *size)
    right = isinstance(label_map, kind) and label_map.dtype == kind.value_type
    if not right or tuple(label_map.shape) != shape:
        raise InputError(
            f"{task.name}: expected a {kind.__name__}, {kind.value_type} of the shape {shape} "
            f"(the image's size), got {_form(label_map)}"
        )
    task.check(label_map)


def _form(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a {type(value).__name__}, {value.dtype} of the shape {tuple(value.shape)}"
    return "none" if value is None else f"a {type(value).__name__}"
