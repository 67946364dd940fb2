"""Postprocessing: raw maps to decoded maps of the image's size, in strips for large images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ctal.networks.resizing import resize_raw as resize_raw
from ctal.tasks import Task
from ctal.tasks.entropy import EntropyMap

Strip = tuple[slice, dict[str, Tensor]]
"""Rows of an image, and the raw maps (1, channels, rows, W) of one or more tasks there."""

Allocate = Callable[[Sequence[int], torch.dtype], Tensor]
"""Allocates the tensor of a map of this shape and dtype."""

LARGE = 1 << 24
"""Images with more pixels are processed in parts. At this size, 16 megapixels, the raw maps of 20
channels take 1.3 GB."""

_STRIP = 1 << 21


def in_memory(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """Allocate a tensor in memory."""
    return torch.empty(tuple(shape), dtype=dtype)


def resized_strips(raw: Mapping[str, Tensor], size: tuple[int, int]) -> Iterator[Strip]:
    """Yield the result of `resize_raw` for one image: task by task, or in strips of all tasks.

    Args:
        raw: {task name: (1, channels, h, w)}.
        size: (H, W) of the image.
    """
    H, W = size
    smallest = min(maps.shape[-2] for maps in raw.values())
    if H * W <= LARGE or smallest > H:  # strips are for enlarged maps only
        for name, maps in raw.items():  # one at a time, since they take most of the memory
            yield slice(0, H), {name: resize_raw(maps, size)}
        return
    rows = max(1, _STRIP // W)
    for top in range(0, H, rows):
        part = slice(top, min(top + rows, H))
        yield part, {name: _enlarged(maps, size, part) for name, maps in raw.items()}


def _enlarged(raw: Tensor, size: tuple[int, int], rows: slice) -> Tensor:
    """Compute some rows of `resize_raw(raw, size)` without the others."""
    h = raw.shape[-2]
    y = torch.arange(rows.start, rows.stop, device=raw.device, dtype=torch.float64)
    y = ((y + 0.5) * h / size[0] - 0.5).clamp(0, h - 1)  # their positions among the rows of raw
    above = y.long()
    below = (above + 1).clamp(max=h - 1)
    first, last = int(above[0]), int(below[-1])
    wide = resize_raw(raw[..., first : last + 1, :], (last + 1 - first, size[1]))
    share = (y - above).to(raw.dtype)[:, None]
    return torch.lerp(wide[..., above - first, :], wide[..., below - first, :], share)


def decoded(
    strips: Iterable[Strip],
    tasks: Sequence[Task | EntropyMap],
    size: tuple[int, int],
    empty: Allocate,
) -> dict[str, Tensor]:
    """Decode the raw maps of one image to the form of the tasks' labels, on the CPU.

    Args:
        strips: Raw maps, from top to bottom.
        tasks: The tasks, and the maps of entropies.
        size: (H, W) of the image.
        empty: Allocates maps of more than one strip.
    """
    maps: dict[str, Tensor] = {}
    for rows, raw in strips:
        for task in (task for task in tasks if task.name in raw):
            part = task.decode(raw[task.name])[0].cpu()
            if rows == slice(0, size[0]):
                maps[task.name] = part
                continue
            if task.name not in maps:
                maps[task.name] = empty((*part.shape[:-2], *size), part.dtype)
            maps[task.name][..., rows, :] = part
    return {task.name: maps[task.name] for task in tasks}


def to_array(prediction: Tensor) -> NDArray[Any]:
    """Convert a map (H, W) or (channels, H, W) to an array (H, W) or (H, W, channels)."""
    if prediction.ndim == 3:
        prediction = prediction.permute(1, 2, 0)
        prediction = prediction.squeeze(-1) if prediction.shape[-1] == 1 else prediction
    return np.ascontiguousarray(prediction.numpy())


def in_columns(prediction: Tensor) -> NDArray[Any]:
    """Convert a map as `to_array`, with memory by channel, then column: it compresses better."""
    if prediction.ndim == 3 and prediction.shape[0] > 1:
        return prediction.mT.contiguous().numpy().T
    return to_array(prediction)


def to_arrays(maps: Mapping[str, Tensor]) -> dict[str, NDArray[Any]]:
    """Convert the maps of an image with `to_array`."""
    return {name: to_array(prediction) for name, prediction in maps.items()}


def stacked(found: Sequence[Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Stack the arrays of images of one size."""
    return {name: np.stack([maps[name] for maps in found]) for name in found[0]}
