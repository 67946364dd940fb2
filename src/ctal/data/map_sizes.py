"""The size of a label map, compared with that of its image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from torchvision.transforms.v2 import functional as TF
from torchvision.tv_tensors import Image, TVTensor

from ctal.errors import InputError
from ctal.maps import Map

MapType = TypeVar("MapType", bound=TVTensor)

_TOLERANCE = 0.02  # of the aspect ratio: 1296x968 and 640x480, as in ScanNet, differ by 0.004


def check_size(
    label_map: Map, path: Path, wanted: Sequence[int], image_path: Path, *, resized: bool = False
) -> None:
    """Check that a map has the (height, width) of its image.

    Args:
        label_map: The map.
        path: Its file, for the message.
        wanted: The size of the image.
        image_path: The file of the image, for the message.
        resized: Whether another size with the same aspect ratio is allowed.

    Raises:
        InputError: The sizes or, if `resized`, the aspect ratios differ.
    """
    height, width = label_map.shape[-2:]
    if (height, width) == tuple(wanted):
        return
    ours, others = height * wanted[1], width * wanted[0]
    alike = abs(ours - others) <= _TOLERANCE * max(ours, others)
    if resized and alike:
        return
    expected = "the aspect ratio" if resized else "the size"
    hint = "; set `resize: true` if they show the same view" if alike else ""
    if (width, height) == tuple(wanted):
        hint = "; if the image has an EXIF orientation, rotate the map as viewers show the image"
    raise InputError(
        f"{path}: expected {wanted[0]}x{wanted[1]} pixels (height x width), {expected} "
        f"of its image {image_path}, got {height}x{width}{hint}"
    )


def fitted(label_map: MapType, image: Image) -> MapType:
    """Resize a map to the size of its image by nearest neighbor, if they differ."""
    size = list(image.shape[-2:])
    if list(label_map.shape[-2:]) == size:
        return label_map
    return TF.resize(label_map, size)
