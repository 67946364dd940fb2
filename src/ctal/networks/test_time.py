"""Test-time augmentation: the mean prediction over mirrored and scaled copies of an image."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from ctal.errors import InputError
from ctal.networks.encoders.encoder import STRIDES
from ctal.networks.resizing import resize_raw
from ctal.tasks import Task

Run = Callable[[Tensor], Mapping[str, Tensor]]
"""Runs the network, at the size of the images: (B, 3, H, W) to raw maps by task name."""


@dataclass(frozen=True)
class TestTimeAugmentation:
    """Averages raw maps over copies of an image; by default there is only the image itself.

    The raw maps of a mirrored copy are mirrored back (`Task.mirrored`), those of a scaled copy are
    resized back. A scaled copy shows the same view with more or fewer pixels, so metric depth does
    not change with the scale. Raw maps, not decoded ones, are averaged, as overlapping tiles are:
    class scores before the softmax, depths in meters, vectors of normals of any length.

    Args:
        flip: Add the horizontally mirrored copy of each image.
        scales: Sizes of the copies relative to the size of the network. Sizes are rounded to
            multiples of 32. Without 1, the image itself is not one of the copies.

    Raises:
        InputError: A scale is not a positive number, or there is none.
    """

    __test__ = False  # not a test of pytest

    flip: bool = False
    scales: Sequence[float] = (1.0,)

    def __post_init__(self) -> None:
        """Check the scales."""
        scales = tuple(float(scale) for scale in self.scales)
        if not scales or not all(0 < scale < math.inf for scale in scales):
            raise InputError(
                f"scales: expected one or more numbers > 0, such as 0.75 1 1.25, got {self.scales}"
            )
        object.__setattr__(self, "scales", scales)

    @property
    def copies(self) -> int:
        """Number of copies of an image, and of forward passes for it."""
        return len(self.scales) * (1 + self.flip)

    @property
    def is_identity(self) -> bool:
        """Whether the image itself is the only copy."""
        return not self.flip and self.scales == (1.0,)

    def title(self) -> str:
        """Return the augmentation in words; empty without one."""
        parts = ["flip"] if self.flip else []
        if self.scales != (1.0,):
            parts.append("scales " + ", ".join(f"{scale:g}" for scale in self.scales))
        return " and ".join(parts)

    def predict(
        self,
        run: Run,
        resized: Callable[[tuple[int, int]], Tensor],
        size: tuple[int, int],
        tasks: Sequence[Task],
    ) -> dict[str, Tensor]:
        """Return the mean raw maps of a batch of images.

        Args:
            run: Runs the network at the size of its input.
            resized: Returns the images at a size (H, W), as (B, 3, H, W).
            size: (H, W) of the network, and of the result.
            tasks: The tasks of the network.

        Returns:
            {task name: (B, channels, H, W)}.

        Raises:
            InputError: A task does not define how its raw maps are mirrored.
        """
        if self.is_identity:
            return dict(run(resized(size)))
        total: dict[str, Tensor] = {}
        for raw in self._views(run, resized, size, tasks):
            total = {name: total[name] + maps if total else maps for name, maps in raw.items()}
        return {name: maps / self.copies for name, maps in total.items()}

    def _views(
        self,
        run: Run,
        resized: Callable[[tuple[int, int]], Tensor],
        size: tuple[int, int],
        tasks: Sequence[Task],
    ) -> Iterator[dict[str, Tensor]]:
        """Yield the raw maps of each copy, mirrored and resized back to the size of the network."""
        for scale in self.scales:
            images = resized(scaled(size, scale))
            for mirror in (False, True)[: 1 + self.flip]:
                raw = run(images.flip(-1) if mirror else images)
                maps = {task.name: raw[task.name].float() for task in tasks}
                if mirror:
                    maps = {task.name: task.mirrored(maps[task.name]) for task in tasks}
                yield maps if scale == 1 else {n: resize_raw(x, size) for n, x in maps.items()}


def scaled(size: tuple[int, int], scale: float) -> tuple[int, int]:
    """Return a size times a scale, in multiples of 32; the size itself for a scale of 1."""
    step = STRIDES[-1]
    if scale == 1:
        return size
    height, width = (max(1, round(side * scale / step)) * step for side in size)
    return height, width
