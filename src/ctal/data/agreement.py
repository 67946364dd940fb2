"""Checks of the arguments of a data module: numbers in range, and the tasks of splits."""

from __future__ import annotations

from collections.abc import Sequence

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


def missing_tasks(tasks: Sequence[Task], carried: Sequence[Task], split: str) -> list[str]:
    """Compare the tasks of a split with those of the training split.

    Args:
        tasks: The tasks of the training split that are used.
        carried: The tasks of the split.
        split: Its name, for the message.

    Returns:
        The names of the tasks that the split lacks: they are unlabelled there.

    Raises:
        InputError: The split has none of the tasks, or one with other arguments.
    """
    others = {task.name: task for task in carried}
    missing = [task.name for task in tasks if task.name not in others]
    if len(missing) == len(tasks):
        raise InputError(
            f"data.{split}: expected some of the tasks of data.train, {', '.join(missing)}, got "
            f"{', '.join(others) or 'none'}"
        )
    for task in tasks:
        other = others.get(task.name, task)
        if task != other:
            raise InputError(f"data.{split}: expected the task {task} of data.train, got {other}")
    return missing
