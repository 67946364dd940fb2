"""Run a network on streams of images of any size: in batches, resized copies and tiles."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import Any, TypedDict

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as TF

from ctal.errors import InputError, PredictionError
from ctal.inference.devices import usable_device
from ctal.inference.postprocessing import LARGE, Allocate, Strip, decoded, resized_strips
from ctal.inference.spinning import warn_of_spinning_threads
from ctal.inference.tiling import can_tile, tile_strips
from ctal.networks import Network
from ctal.networks.copies import SizedCopies
from ctal.networks.encoders.encoder import STRIDES
from ctal.networks.memory import set_memory_format
from ctal.networks.resizing import nearest_size
from ctal.networks.test_time import TestTimeAugmentation
from ctal.tasks import Task
from ctal.tasks.entropy import EntropyMap, requested_entropy_maps, with_entropies

Deferred = Callable[[], dict[str, Tensor]]
"""Computes the decoded maps of an image, after the network has run."""


class Options(TypedDict, total=False):
    """Keyword arguments of `Model.predict`."""

    keep_aspect_ratio: bool
    tiled: bool
    flip: bool
    scales: Sequence[float]
    batch_size: int
    entropy: bool


class Runner:
    """Runs a network on images of any size.

    Attributes:
        network: The network, in evaluation mode. Do not modify it: copies for other sizes are kept.
        device: The device it runs on.
        lock: Held while the network runs, so that threads may share it.
    """

    def __init__(self, network: Network, device: str | torch.device) -> None:
        set_memory_format(network, torch.channels_last)
        self.network = network.eval()
        self.lock = threading.RLock()
        self._copies = SizedCopies(network)
        self.to(device)
        if self.device.type == "cpu":
            warn_of_spinning_threads()

    def to(self, device: str | torch.device) -> None:
        """Move the network to a device; `usable_device` reports unavailable devices."""
        with self.lock:
            self.device = usable_device(device)
            self.network.to(self.device)
            self._copies.clear()

    def __getstate__(self) -> dict[str, Any]:
        """Pickle without the lock, which is valid in one process, and without resized copies."""
        return {"network": self.network, "device": self.device}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["network"], state["device"])  # type: ignore[misc]

    def stream(
        self,
        images: Iterable[Tensor],
        *,
        empty: Allocate,
        keep_aspect_ratio: bool = False,
        tiled: bool = False,
        flip: bool = False,
        scales: Sequence[float] = (1.0,),
        batch_size: int = 8,
        entropy: bool = False,
    ) -> Iterator[Deferred]:
        """Run the network on images one by one, as `Model.stream_deferred` does."""
        averaged = TestTimeAugmentation(flip, scales)
        outputs: list[Task | EntropyMap] = list(self.network.tasks)
        outputs += requested_entropy_maps(self.network.tasks) if entropy else []
        for waiting, error in _batches(images, batch_size):
            plan = partial(self._plan, keep_aspect_ratio=keep_aspect_ratio, tiled=tiled)
            for (size, in_tiles), group in groupby(waiting, plan):
                run = partial(self._averaged, size=size, augmentation=averaged, entropy=entropy)
                some = list(group)
                parts: Iterator[Iterator[Strip]]
                if in_tiles:
                    parts = (tile_strips(run, pixels, size, batch_size) for pixels in some)
                else:
                    parts = map(resized_strips, _each(run, some), map(_size, some))
                for pixels, strips in zip(some, parts, strict=True):
                    deferred = partial(decoded, strips, outputs, _size(pixels), empty)
                    # the network runs for each row of tiles
                    yield partial(dict, deferred()) if in_tiles else deferred
            if error is not None:
                raise error

    def _plan(
        self, pixels: Tensor, keep_aspect_ratio: bool, tiled: bool
    ) -> tuple[tuple[int, int], bool]:
        """Return the size of the network for an image, and whether the image is cut into tiles."""
        size = self.network.image_size
        if keep_aspect_ratio:
            size = nearest_size(_size(pixels), size, STRIDES[-1])
        return size, tiled and can_tile(_size(pixels), size)

    @torch.inference_mode()
    def _averaged(
        self,
        images: Sequence[Tensor] | Tensor,
        size: tuple[int, int],
        augmentation: TestTimeAugmentation,
        entropy: bool,
    ) -> dict[str, Tensor]:
        """Final raw maps (B, channels, *size) of images of any sizes, the mean over copies."""
        raw = augmentation.predict(
            self._raw,
            lambda size: torch.cat([_resized(pixels, size) for pixels in images]),
            size,
            self.network.tasks,
        )
        return with_entropies(raw, self.network.tasks) if entropy else raw

    @torch.inference_mode()
    def _raw(self, images: Tensor) -> dict[str, Tensor]:
        """Return final raw maps, float32, of images of one size, (B, 3, H, W) uint8 or in 0..1."""
        with self.lock:
            network = self._copies.of_size((images.shape[-2], images.shape[-1]))
            pixels = TF.to_dtype(images.to(self.device), torch.float32, scale=True)
            raw = network(pixels.to(next(network.parameters()).dtype)).final
        maps = {name: values.float() for name, values in raw.items()}
        for name, values in maps.items():
            if not values.isfinite().all():
                raise PredictionError(
                    f"the network's output {name!r} is not finite (NaN or infinity); its training "
                    "may have diverged: use an earlier checkpoint"
                )
        return maps


def _batches(
    images: Iterable[Tensor], batch_size: int
) -> Iterator[tuple[list[Tensor], InputError | None]]:
    """Yield batches of images, smaller ones for large images, and the error that ended reading."""
    waiting: list[Tensor] = []
    iterator = iter(images)
    while True:
        try:
            waiting.append(next(iterator))
        except StopIteration:
            break
        except InputError as error:  # the images before it are predicted first
            yield waiting, error
            return
        if len(waiting) == batch_size or sum(x[0].numel() for x in waiting) > LARGE:
            yield waiting, None
            waiting = []
    yield waiting, None


def _resized(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize an image to the size of the network, (1, 3, H, W) in 0..1."""
    # large images are resized as uint8, since float32 would take four times the memory
    images = pixels if pixels[0].numel() > LARGE else TF.to_dtype(pixels, torch.float32, scale=True)
    resized = TF.resize(images[None], list(size), antialias=True)
    return TF.to_dtype(resized, torch.float32, scale=True).clamp(0, 1)


def _each(
    run: Callable[[Sequence[Tensor]], dict[str, Tensor]], images: Sequence[Tensor]
) -> Iterator[dict[str, Tensor]]:
    """Yield the raw maps of each image of a batch; the images before one that fails too."""
    try:
        raw = run(images)
    except PredictionError:
        if len(images) == 1:
            raise
        for pixels in images:
            yield run([pixels])
        return
    for index in range(len(images)):
        yield {name: maps[index : index + 1] for name, maps in raw.items()}


def _size(pixels: Tensor) -> tuple[int, int]:
    return pixels.shape[-2], pixels.shape[-1]


def check_options(options: Options) -> None:
    """Check arguments of `Model.predict` before the first image.

    Raises:
        InputError: a value is out of range, or two of them exclude each other.
    """
    if options.get("keep_aspect_ratio") and options.get("tiled"):
        raise InputError(
            "keep_aspect_ratio and tiled: expected one of them, got both; all tiles have the "
            "size of the network"
        )
    TestTimeAugmentation(options.get("flip", False), options.get("scales", (1.0,)))
    batch_size = options.get("batch_size", 8)
    if batch_size < 1:
        raise InputError(f"batch_size: expected an integer >= 1, got {batch_size}")
