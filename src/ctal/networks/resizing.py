"""A trained network at another size: what its parts must offer, and how to do it safely."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
import torch.nn.functional as F
from torch import nn

from ctal.errors import InputError

Module = TypeVar("Module", bound=nn.Module)


@runtime_checkable
class SizedPart(Protocol):
    """A part of a network that is built for one height and width.

    `Network.resize` finds the modules of this form, whatever their class, and calls their `resize`.

    Attributes:
        size: (H, W) of what comes in, in pixels of its own grid: those of the picture for an
            encoder, a quarter of them for CTAL.
    """

    size: tuple[int, int]

    def resize(self, size: tuple[int, int]) -> None:
        """Makes it one for another (H, W), in place, or raises InputError."""


def scaled_size(
    size: tuple[int, int], old: tuple[int, int], new: tuple[int, int]
) -> tuple[int, int]:
    """The size of a part when the pictures go from `old` to `new`.

    Raises:
        InputError: it is no whole number.
    """
    scaled = [side * after / before for side, before, after in zip(size, old, new, strict=True)]
    if any(side != int(side) for side in scaled):
        raise InputError(
            f"image_size: expected one at which features of {size[0]}x{size[1]} at "
            f"{old[0]}x{old[1]} keep a whole number of pixels, got {new[0]}x{new[1]}"
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
    # integers of any library; True is one in Python, and inf % 1 is NaN
    if isinstance(side, bool) or not (isinstance(side, float) or hasattr(side, "__index__")):
        return False
    return bool(side >= 1 and side % 1 == 0)


def nearest_size(picture: tuple[int, int], size: tuple[int, int], multiple: int) -> tuple[int, int]:
    """The size with the shape of a picture and the number of pixels of `size`, nearly.

    Of `size` and the multiples around the exact one, it is that with the least difference in the
    logarithm of the shape, counted twice, and of the number of pixels. No side becomes shorter
    than `multiple`, so a picture of an extreme shape is stretched, and pixels stay bounded.

    Args:
        picture: (H, W) of the picture.
        size: (H, W) whose number of pixels is wanted.
        multiple: what height and width must be multiples of.
    """
    pixels, shape = math.prod(size), picture[0] / picture[1]
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
    """Weights that belong to pixels, at another resolution: a new parameter.

    Args:
        field: (M, P, ...), P = H * W for the `old` (H, W), row by row.
        old: (H, W) of the field.
        new: (H', W') wanted.
        factor: what the values are multiplied by.

    Returns:
        (M, P', ...), P' = H' * W', interpolated bilinearly, corners not aligned.
    """
    M, P, *rest = field.shape
    # interpolation with antialiasing knows no half precision on a CPU
    values = field.detach().to(torch.promote_types(field.dtype, torch.float32))
    maps = values.reshape(M, P, -1).mT.reshape(M, -1, *old)  # (M, channels, H, W)
    # A pixel of a coarser grid stands for several of the finer one, and what it should do is the
    # mean of what those did, all of them: antialiasing takes that mean. Plain bilinear reads the
    # four nearest and leaves the others out. When enlarging, the two are the same.
    maps = F.interpolate(maps, size=new, mode="bilinear", align_corners=False, antialias=True)
    values = factor * maps.flatten(2).mT.reshape(M, -1, *rest)
    values = values.to(field.dtype, memory_format=torch.contiguous_format)
    return nn.Parameter(values, requires_grad=field.requires_grad)


def shared_copy(module: Module) -> Module:
    """A copy that holds the very parameters of `module`, until one of the two puts others there."""
    return copy.deepcopy(module, {id(parameter): parameter for parameter in module.parameters()})


@contextmanager
def restored_on_error(network: nn.Module) -> Iterator[None]:
    """Puts every attribute, parameter and part of a network back if something is raised inside.

    Tensors are not copied: what is done inside must put new ones in their places.
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
