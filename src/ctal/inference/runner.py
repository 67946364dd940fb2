"""A network at work: streams of pictures through it, in batches, copies and tiles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import groupby

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as TF

from ctal.errors import InputError
from ctal.inference.postprocessing import LARGE, Allocate, decoded, resized_strips
from ctal.inference.tiling import can_tile, tile_strips
from ctal.networks import Network
from ctal.networks.encoders.encoder import STRIDES
from ctal.networks.memory import set_memory_format
from ctal.networks.resizing import nearest_size, shared_copy

_COPIES = 4  # upright and lying pictures of two cameras


class Runner:
    """Runs a network on pictures of any size.

    Attributes:
        network: the network, in evaluation mode. Copies for other shapes are kept; leave it as is.
        device: where it runs.
    """

    def __init__(self, network: Network, device: str | torch.device) -> None:
        set_memory_format(network, torch.channels_last)
        self.network = network.eval().to(device)
        self.device = torch.device(device)
        self._copies: dict[tuple[int, int], Network] = {}

    def stream(
        self,
        pictures: Iterable[Tensor],
        *,
        own_shape: bool,
        tiled: bool,
        batch_size: int,
        empty: Allocate,
    ) -> Iterator[dict[str, Tensor]]:
        """Decoded maps of pictures, one by one, as `Model.stream` tells."""
        for waiting, error in _batches(pictures, batch_size):
            plan = partial(self._plan, own_shape=own_shape, tiled=tiled)
            for (size, in_tiles), group in groupby(waiting, plan):
                some = list(group)
                if in_tiles:
                    parts = (tile_strips(self._raw, pixels, size, batch_size) for pixels in some)
                else:
                    raw = self._raw(torch.cat([_resized(pixels, size) for pixels in some]))
                    parts = (resized_strips(_of(raw, i), _size(x)) for i, x in enumerate(some))
                for pixels, strips in zip(some, parts, strict=True):
                    yield decoded(strips, self.network.tasks, _size(pixels), empty)
            if error is not None:
                raise error

    def _plan(self, pixels: Tensor, own_shape: bool, tiled: bool) -> tuple[tuple[int, int], bool]:
        """The size of the network for a picture, and whether the picture is cut into tiles."""
        size = self.network.image_size
        if own_shape:
            size = nearest_size(_size(pixels), size, STRIDES[-1])
        return size, tiled and can_tile(_size(pixels), size)

    @torch.inference_mode()
    def _raw(self, images: Tensor) -> dict[str, Tensor]:
        """Final raw maps of pictures of one size, (B, 3, H, W) uint8 or in 0..1."""
        network = self._of_size((images.shape[-2], images.shape[-1]))
        return network(TF.to_dtype(images.to(self.device), torch.float32, scale=True)).final

    def _of_size(self, size: tuple[int, int]) -> Network:
        """The network at a size, made from the loaded one, or kept."""
        if size == self.network.image_size:
            return self.network
        # the last one used goes to the end, so that the first is the one to drop
        network = self._copies.pop(size, None)
        if network is None:
            network = shared_copy(self.network)  # never from another copy: that resamples twice
            network.resize(size)
        self._copies[size] = network
        if len(self._copies) > _COPIES:
            del self._copies[next(iter(self._copies))]
        return network


def _batches(
    pictures: Iterable[Tensor], batch_size: int
) -> Iterator[tuple[list[Tensor], InputError | None]]:
    """Some pictures at a time, fewer if they are large, and the error that ended the reading."""
    waiting: list[Tensor] = []
    iterator = iter(pictures)
    while True:
        try:
            waiting.append(next(iterator))
        except StopIteration:
            break
        except InputError as error:  # what was read before it shall not be lost
            yield waiting, error
            return
        if len(waiting) == batch_size or sum(x[0].numel() for x in waiting) > LARGE:
            yield waiting, None
            waiting = []
    yield waiting, None


def _resized(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """A picture (1, 3, H, W) in 0..1 at the size of the network."""
    # a large one is resized as it is, in whole numbers: as floats it would take four times as much
    images = pixels if pixels[0].numel() > LARGE else TF.to_dtype(pixels, torch.float32, scale=True)
    resized = TF.resize(images[None], list(size), antialias=True)
    return TF.to_dtype(resized, torch.float32, scale=True).clamp(0, 1)


def _of(raw: dict[str, Tensor], index: int) -> dict[str, Tensor]:
    return {name: maps[index : index + 1] for name, maps in raw.items()}


def _size(pixels: Tensor) -> tuple[int, int]:
    return pixels.shape[-2], pixels.shape[-1]
