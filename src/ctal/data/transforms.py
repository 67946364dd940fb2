"""Transforms of whole samples, beside torchvision's v2 ones, which work on them as they are."""

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
    """The sample at (H, W): the picture averaged, the maps by nearest neighbours.

    No value of a map changes, since the field of view stays.
    """
    return {name: TF.resize(value, list(size), antialias=True) for name, value in sample.items()}


class RandomZoomCrop(v2.Transform):
    """Magnifies a sample by a random factor s and cuts its original size out at a random place.

    A magnified sample is what a camera of s times the focal length sees. A network is not told the
    focal length, so its depths are those of the dataset's own camera: what is s times as large
    in the picture counts as s times nearer, and metric depth is divided by s. Normals stay. A crop
    away from the centre moves the principal point, which no map depends on. With s < 1 the sample
    becomes smaller than it was; the border is black and unlabelled.

    Args:
        scale: the range of s; s is uniform in it.

    Raises:
        InputError: the range is empty or not positive.
    """

    def __init__(self, scale: tuple[float, float] = (1.0, 1.5)) -> None:
        super().__init__()
        low, high = scale
        if not 0 < low <= high < math.inf:
            raise InputError(f"scale: expected two numbers, 0 < low <= high, got {scale}")
        self.scale = (low, high)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draws factor and place, the same for the picture and its maps."""
        image = next(value for value in flat_inputs if isinstance(value, Image))
        height, width = image.shape[-2:]
        factor = float(torch.empty(()).uniform_(*self.scale))
        size = [max(1, round(height * factor)), max(1, round(width * factor))]
        return {
            "size": size,
            # what whole pixels made of it
            "factor": math.sqrt(size[0] * size[1] / (height * width)),
            "crop": [_edge(size[0] - height), _edge(size[1] - width), height, width],
        }

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """The picture or one map; anything else passes through."""
        if not isinstance(inpt, Image | Map):
            return inpt
        zoomed = TF.resize(inpt, params["size"], antialias=True)
        if isinstance(zoomed, Map):
            zoomed = zoomed.zoomed(params["factor"])
        return TF.crop(zoomed, *params["crop"])


def _edge(surplus: int) -> int:
    """A random start for a crop that is `surplus` shorter (longer, if < 0) than what it is from."""
    return int(torch.randint(min(surplus, 0), max(surplus, 0) + 1, ()))
