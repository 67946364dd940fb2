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


def scored_parts(
    network: nn.Module,
    forward: Callable[[Tensor], Predictions],
    batch: Mapping[str, Any],
    protocol: Protocol,
) -> Iterator[Part]:
    """Predict a batch as a protocol says, and yield it in parts to score.

    Args:
        network: The network, with a list `tasks`.
        forward: Runs it.
        batch: Stacked images and targets of its size, which are one part; or lists of them, each
            of the size of its image (`ctal.data.pipeline.unstacked`), which are a part each.
        protocol: The protocol.

    Raises:
        InputError: The network cannot have another size.
    """
    tasks = cast("list[Task]", network.tasks)
    images = batch["image"]
    if isinstance(images, Tensor) and protocol.augmentation().copies == 1:
        yield forward(images).final, dict(batch)
        return
    size = _size_of(network, images)
    run = partial(_run, SizedCopies(network) if isinstance(network, Network) else None, forward)
    resized = partial(_resized, images)
    raw = protocol.augmentation().predict(run, resized, size, tasks)
    if isinstance(images, Tensor):
        yield raw, dict(batch)
        return
    for index, image in enumerate(images):
        maps = {
            name: resize_raw(values[index : index + 1].float(), image.shape[-2:])
            for name, values in raw.items()
        }
        yield maps, {name: values[index][None] for name, values in batch.items()}


def _size_of(network: nn.Module, images: Tensor | Sequence[Tensor]) -> tuple[int, int]:
    if isinstance(network, Network):
        return network.image_size
    if isinstance(images, Tensor):
        return images.shape[-2], images.shape[-1]
    raise InputError(
        "scoring.resolution: expected a subclass of ctal.networks.Network, which has an "
        f"image_size, got {type(network).__name__}"
    )


def _run(
    copies: SizedCopies | None, forward: Callable[[Tensor], Predictions], images: Tensor
) -> dict[str, Tensor]:
    size = images.shape[-2], images.shape[-1]
    if copies is None or size == copies.network.image_size:
        return forward(images).final
    return copies.of_size(size)(images.as_subclass(Tensor)).final  # type: ignore[no-any-return]


def _resized(images: Tensor | Sequence[Tensor], size: tuple[int, int]) -> Tensor:
    """Return images at a size, (B, 3, H, W), as `Model.predict` resizes them."""
    each = [image.as_subclass(Tensor)[None] for image in images]
    return torch.cat([TF.resize(image, list(size), antialias=True).clamp(0, 1) for image in each])
