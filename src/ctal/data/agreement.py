"""Checks of the arguments of a data module: numbers in range, and splits with the same tasks."""

from __future__ import annotations

from collections.abc import Sequence

from ctal.data.base import chosen_tasks
from ctal.errors import InputError
from ctal.tasks import Task


def check_loading(
    batch_size: int,
    num_workers: int,
    seed: int,
    image_size: Sequence[int] | None,
    *,
    cache: bool,
    on_device: bool,
) -> None:
    """Check the numbers of a data module, and that samples can be kept on a device.

    Raises:
        InputError: A number is out of range, or `on_device` is without `cache` or with workers.
    """
    for key, value, least in [
        ("batch_size", batch_size, 1),
        ("num_workers", num_workers, 0),
        ("seed", seed, 0),
        *[("image_size", length, 1) for length in image_size or ()],
    ]:
        if value < least:
            raise InputError(f"{key}: expected an integer >= {least}, got {value}")
    if on_device and (num_workers or not cache):
        raise InputError(
            "on_device: expected cache: true and num_workers: 0, since workers cannot share "
            f"tensors on a device, got cache: {str(cache).lower()} and {num_workers} workers"
        )


def check_same_tasks(tasks: Sequence[Task], carried: Sequence[Task], split: str) -> None:
    """Check that a split has the tasks of the training split, with the same arguments.

    Raises:
        InputError: A task is missing, or has other arguments.
    """
    others = chosen_tasks(carried, [task.name for task in tasks], split)
    for task, other in zip(tasks, others, strict=True):
        if task != other:
            raise InputError(f"{split}: expected the task {task} of train, got {other}")
