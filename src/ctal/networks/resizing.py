"""Resizing of a trained network: interface of its parts, resampling, restoring on errors."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ctal.errors import InputError

Module = TypeVar("Module", bound=nn.Module)


@runtime_checkable
class SizedPart(Protocol):
    """A part of a network that is built for one height and width.

    `Network.resize` finds the modules of this form, whatever their class, and calls their `resize`.

    Attributes:
        size: (H, W) of its input, in pixels of its own grid: those of the image for an encoder, a
            quarter of them for CTAL.
    """

    size: tuple[int, int]

    def resize(self, size: tuple[int, int]) -> None:
        """Adapt the part to another (H, W), in place, or raise InputError."""


def scaled_size(
    size: tuple[int, int], old: tuple[int, int], new: tuple[int, int]
) -> tuple[int, int]:
    """Return the size of a part when the size of the images changes from `old` to `new`.

    Raises:
        InputError: it is not an integer.
    """
    scaled = [side * after / before for side, before, after in zip(size, old, new, strict=True)]
    if any(side != int(side) for side in scaled):
        raise InputError(
            f"image_size: expected a size at which features of {size[0]}x{size[1]} at "
            f"{old[0]}x{old[1]} have an integer size, got {new[0]}x{new[1]}"
        )
    return int(scaled[0]), int(scaled[1])


def as_size(value: int | Sequence[int], key: str = "image_size") -> tuple[int, int]:
    """Return a size as (H, W); one number is the side of a square.

    Args:
        value: (H, W), or the side as an integer or in a list, in pixels.
        key: name of the argument, for the error.

    Raises:
        InputError: it is not one or two integers >= 1.
    """
    try:
        sides = (value,) if isinstance(value, int) else tuple(value)
    except TypeError:
        sides = ()
    sides = sides * 2 if len(sides) == 1 else sides
    if len(sides) != 2 or not all(map(_is_side, sides)):
        raise InputError(
            f"{key}: expected height and width in pixels, or one integer >= 1 for a square, "
            f"got {value!r}"
        )
    return int(sides[0]), int(sides[1])


def _is_side(side: Any) -> bool:
    # integers of any library; excludes True, and inf, for which inf % 1 is NaN
    if isinstance(side, bool) or not (isinstance(side, float) or hasattr(side, "__index__")):
        return False
    return bool(side >= 1 and side % 1 == 0)


def nearest_size(image: tuple[int, int], size: tuple[int, int], multiple: int) -> tuple[int, int]:
    """Return a size with about the aspect ratio of an image and the number of pixels of `size`.

    Of `size` and the multiples around the exact size, it has the least difference in the
    logarithm of the aspect ratio, counted twice, and of the number of pixels. No side is shorter
    than `multiple`, so images of extreme aspect ratios are stretched and the number of pixels
    is bounded.

    Args:
        image: (H, W) of the image.
        size: (H, W) with the target number of pixels.
        multiple: the divisor of height and width.
    """
    pixels, shape = math.prod(size), image[0] / image[1]
    longest = max(pixels / multiple, multiple)
    height = min(max(math.sqrt(pixels * shape), multiple), longest)
    heights, widths = (
        [max(round_(side / multiple), 1) * multiple for round_ in (math.floor, math.ceil)]
        for side in (height, pixels / height)
    )

    def difference(found: tuple[int, int]) -> float:
        off = math.log(found[0] / found[1] / shape), math.log(math.prod(found) / pixels)
        return 2 * abs(off[0]) + abs(off[1])

    return min([size, *itertools.product(heights, widths)], key=difference)


def resample(
    field: nn.Parameter, old: tuple[int, int], new: tuple[int, int], *, factor: float
) -> nn.Parameter:
    """Resample weights per pixel to another resolution, as a new parameter.

    Args:
        field: (M, P, ...), P = H * W for the `old` (H, W), row by row.
        old: (H, W) of the field.
        new: (H', W') of the result.
        factor: multiplied with the values.

    Returns:
        (M, P', ...), P' = H' * W', interpolated bilinearly, corners not aligned.
    """
    M, P, *rest = field.shape
    # interpolation with antialiasing does not support half precision on a CPU
    values = field.detach().to(torch.promote_types(field.dtype, torch.float32))
    maps = values.reshape(M, P, -1).mT.reshape(M, -1, *old)  # (M, channels, H, W)
    # A pixel of a coarser grid covers several of the finer one and should have the mean of all of
    # them, which antialiasing computes. Plain bilinear interpolation reads only the four nearest.
    # When enlarging, the two are the same.
    maps = F.interpolate(maps, size=new, mode="bilinear", align_corners=False, antialias=True)
    values = factor * maps.flatten(2).mT.reshape(M, -1, *rest)
    values = values.to(field.dtype, memory_format=torch.contiguous_format)
    return nn.Parameter(values, requires_grad=field.requires_grad)


def shared_copy(module: Module) -> Module:
    """Return a copy that shares the parameters of `module` until either replaces them."""
    return copy.deepcopy(module, {id(parameter): parameter for parameter in module.parameters()})


def resize_raw(raw: Tensor, size: Sequence[int]) -> Tensor:
    """Resize raw maps (B, channels, H, W) to the size (H', W') of an image or of labels."""
    if size[1] == 1 < size[0]:  # torch 2.15 repeats the first row of a single column
        return resize_raw(raw.mT, (1, size[0])).mT
    # antialias has an effect where the image is smaller than the network's size
    return F.interpolate(raw, size=size, mode="bilinear", align_corners=False, antialias=True)


@contextmanager
def restored_on_error(network: nn.Module) -> Iterator[None]:
    """Restore all attributes, parameters and modules of a network if an exception is raised.

    Tensors are not copied: the body must replace them, not change them in place.
    """
    before = [
        (module, {k: copy.copy(v) if isinstance(v, dict) else v for k, v in vars(module).items()})
        for module in network.modules()
    ]
    try:
        yield
    except BaseException:
        for module, attributes in before:
            vars(module).clear()
            vars(module).update(attributes)
        raise
