"""Transforms of whole samples, in addition to those of torchvision v2, which also support them."""

from __future__ import annotations

import math
from typing import Any

import torch
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as TF
from torchvision.tv_tensors import Image

from ctal.data.base import Sample
from ctal.errors import InputError
from ctal.maps import Map


def resize(sample: Sample, size: tuple[int, int]) -> Sample:
    """Resize a sample to (H, W): the image with antialiasing, the maps by nearest neighbor.

    The values of maps are unchanged, since the field of view is.
    """
    return {name: TF.resize(value, list(size), antialias=True) for name, value in sample.items()}


class RandomZoomCrop(v2.Transform):
    """Magnify a sample by a random factor s, and crop it to its original size at a random position.

    A magnified sample corresponds to a camera with s times the focal length. A network does not
    know the focal length, so depth is defined for the camera of the dataset: an object that is s
    times as large in the image is s times nearer, and metric depth is divided by s. Normals are
    unchanged. An off-center crop moves the principal point, on which no map depends. With s < 1 the
    content shrinks; the border is black and unlabelled.

    Args:
        scale: Range of s, which is uniformly distributed.

    Raises:
        InputError: The range is empty or not positive.
    """

    def __init__(self, scale: tuple[float, float] = (1.0, 1.5)) -> None:
        super().__init__()
        low, high = scale
        if not 0 < low <= high < math.inf:
            raise InputError(f"scale: expected two numbers, 0 < low <= high, got {scale}")
        self.scale = (low, high)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw factor and position, shared by the image and its maps."""
        image = next(value for value in flat_inputs if isinstance(value, Image))
        height, width = image.shape[-2:]
        factor = float(torch.empty(()).uniform_(*self.scale))
        size = [max(1, round(height * factor)), max(1, round(width * factor))]
        return {
            "size": size,
            # the actual factor after rounding to pixels
            "factor": math.sqrt(size[0] * size[1] / (height * width)),
            "crop": [_edge(size[0] - height), _edge(size[1] - width), height, width],
        }

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Transform the image or one map; other values are returned unchanged."""
        if not isinstance(inpt, Image | Map):
            return inpt
        zoomed = TF.resize(inpt, params["size"], antialias=True)
        if isinstance(zoomed, Map):
            zoomed = zoomed.zoomed(params["factor"])
        return TF.crop(zoomed, *params["crop"])


def _edge(surplus: int) -> int:
    """Draw the start of a crop that is `surplus` pixels shorter (longer if < 0) than its input."""
    return int(torch.randint(min(surplus, 0), max(surplus, 0) + 1, ()))
