"""The parts of a batch that are scored: the batch itself, or its images one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torchvision.transforms.v2 import functional as TF

from ctal.errors import InputError
from ctal.evaluation.protocol import Protocol
from ctal.networks import Network, Predictions
from ctal.networks.copies import SizedCopies
from ctal.networks.resizing import resize_raw
from ctal.tasks import Task

Part = tuple[dict[str, Tensor], dict[str, Any]]
"""Final raw maps by task name, and the "image" and targets that they belong to."""


class ScoredParts:
    """Predicts batches as a protocol says, and yields them in parts to score.

    Args:
        network: The network, with a list `tasks`.
        forward: Runs it.
    """

    def __init__(self, network: nn.Module, forward: Callable[[Tensor], Predictions]) -> None:
        self._forward = forward
        self._tasks = cast("list[Task]", network.tasks)
        self._copies = SizedCopies(network) if isinstance(network, Network) else None

    def clear(self) -> None:
        """Drop the copies of the network at other sizes, whose weights may change."""
        if self._copies is not None:
            self._copies.clear()

    def __call__(self, batch: Mapping[str, Any], protocol: Protocol) -> Iterator[Part]:
        """Predict a batch and yield its parts.

        Args:
            batch: Stacked images and targets of their size, which are one part; or lists of them,
                each of its own size (`ctal.data.pipeline.listed`), which are a part each.
            protocol: The protocol.

        Raises:
            InputError: The network cannot have another size.
        """
        images = batch["image"]
        if isinstance(images, Tensor) and protocol.augmentation().is_identity:
            yield self._forward(images).final, dict(batch)
            return
        size = self._size(images)
        resized = partial(_resized, images)
        raw = protocol.augmentation().predict(self._run, resized, size, self._tasks)
        if isinstance(images, Tensor):
            yield raw, dict(batch)
            return
        for index, image in enumerate(images):
            maps = {
                name: resize_raw(values[index : index + 1].float(), image.shape[-2:])
                for name, values in raw.items()
            }
            yield maps, {name: values[index][None] for name, values in batch.items()}

    def _size(self, images: Tensor | Sequence[Tensor]) -> tuple[int, int]:
        if self._copies is not None:
            return self._copies.network.image_size
        if isinstance(images, Tensor):
            return images.shape[-2], images.shape[-1]
        raise InputError(
            "scoring.resolution: expected a subclass of ctal.networks.Network, whose image_size is "
            "known, to score at the images' own size, got another one"
        )

    def _run(self, images: Tensor) -> dict[str, Tensor]:
        size = images.shape[-2], images.shape[-1]
        if self._copies is None or size == self._copies.network.image_size:
            return self._forward(images).final
        return self._copies.of_size(size)(images.as_subclass(Tensor)).final


def _resized(images: Tensor | Sequence[Tensor], size: tuple[int, int]) -> Tensor:
    """Return images at a size, (B, 3, H, W), as `Model.predict` resizes them."""
    each = [image.as_subclass(Tensor)[None] for image in images]
    return torch.cat([TF.resize(image, list(size), antialias=True).clamp(0, 1) for image in each])
