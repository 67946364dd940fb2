"""Using a trained network: a picture of any size in, decoded maps of its own size out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, overload

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import functional as TF

from ctal.errors import InputError
from ctal.networks import Network
from ctal.networks.encoder import STRIDES
from ctal.networks.memory import set_memory_format
from ctal.networks.resizing import nearest_size, shared_copy
from ctal.reading import Picture, as_rgb
from ctal.restoring import LARGE, Allocate, decoded, in_memory, resized_strips, to_array
from ctal.sharing import push, write_saved
from ctal.tasks import Task
from ctal.tiles import can_tile, tile_strips

Maps = dict[str, NDArray[Any]]
"""Decoded maps by task name, in the tasks' units."""

_COPIES = 4  # upright and lying pictures of two cameras


class Model:
    """A network ready for use: a picture in, decoded maps of the picture's own size out.

    Attributes:
        network: the network, in evaluation mode. Copies for other shapes are kept; leave it as is.
        tasks: its tasks, in its order; each has a `name` and a `unit`.
        device: where it runs.
        about: what is known of its training (`ctal.sharing.provenance`).
    """

    def __init__(
        self,
        network: Network,
        device: str | torch.device = "cpu",
        about: dict[str, Any] | None = None,
    ) -> None:
        set_memory_format(network, torch.channels_last)
        self.network = network.eval().to(device)
        self.tasks: list[Task] = network.tasks
        self.device = torch.device(device)
        self.about = about or {}
        self._copies: dict[tuple[int, int], Network] = {}

    @overload  # arrays and names are iterable too, and mean a picture all the same
    def predict(  # type: ignore[overload-overlap]
        self, image: Picture, *, own_shape: bool = False, tiled: bool = False, batch_size: int = 8
    ) -> Maps: ...
    @overload
    def predict(
        self,
        image: Iterable[Picture],
        *,
        own_shape: bool = False,
        tiled: bool = False,
        batch_size: int = 8,
    ) -> Iterator[Maps]: ...
    def predict(
        self,
        image: Picture | Iterable[Picture],
        *,
        own_shape: bool = False,
        tiled: bool = False,
        batch_size: int = 8,
    ) -> Maps | Iterator[Maps]:
        """Predicts every task's map for a picture, a batch, or a stream, at each one's own size.

        A picture is resized to the size of the network, bilinearly and with antialiasing; one of
        another shape than the network's is thereby stretched. Depths and normals are what the
        network says of the stretched picture: they are not corrected for it.
        With `own_shape`, a copy of the network is resized to the multiples of 32 that have nearly
        the shape of the picture and the number of pixels of the network (`Network.resize`).
        With `tiled`, a picture that is larger than the network is seen in overlapping tiles of the
        network's size, at its own resolution: finer borders, but no tile knows of the others.
        Raw maps are brought back bilinearly and decoded last, so the borders of classes are
        smooth and normals have length 1.

        Args:
            image: a file's path or a PIL picture of any kind (see `ctal.reading.to_rgb`); a tensor
                or array, (3, H, W), or a batch (B, 3, H, W), RGB, uint8 or floating-point in 0..1;
                or any iterable of pictures (frames of a video, a list of paths), of any sizes.
            own_shape: resize the network to the picture's shape rather than stretch the picture.
            tiled: see large pictures at their own resolution, tile by tile.
            batch_size: how many pictures or tiles the network sees at once.

        Returns:
            {task name: array} in the tasks' units: (H, W) int64 class ids, (H, W) float32 metres or
            probabilities, (H, W, 3) float32 unit normals, with a leading B for a batch. For an
            iterable, an iterator of them, which reads no more than `batch_size` pictures ahead.

        Raises:
            InputError: a picture cannot be read or has another form than those above (in a stream:
                after the maps of all pictures before it), `own_shape` is asked of a network that
                cannot be resized, or together with `tiled`.
        """
        if own_shape and tiled:
            raise InputError("own_shape and tiled: expected one of them; tiles have one shape")
        if batch_size < 1:
            raise InputError(f"batch_size: expected a number from 1 on, got {batch_size}")
        options: dict[str, Any] = {
            "own_shape": own_shape,
            "tiled": tiled,
            "batch_size": batch_size,
        }
        if not isinstance(image, str | Path | Image.Image | Tensor | np.ndarray):
            pixels = (as_rgb(picture) for picture in image)
            return (_to_arrays(maps) for maps in self.stream(pixels, **options))
        if not isinstance(image, str | Path | Image.Image) and image.ndim == 4:
            if len(image) == 0:
                raise InputError("image: expected one or more pictures, got a batch of no pictures")
            found = self.stream((as_rgb(picture) for picture in image), **options)
            return _stacked([_to_arrays(maps) for maps in found])
        return _to_arrays(next(self.stream([as_rgb(image)], **options)))

    def stream(
        self,
        pictures: Iterable[Tensor],
        *,
        own_shape: bool = False,
        tiled: bool = False,
        batch_size: int = 8,
        empty: Allocate = in_memory,
    ) -> Iterator[dict[str, Tensor]]:
        """Decoded maps, in the form of the tasks' labels, of pictures from `as_rgb`, one by one.

        Args:
            pictures: (3, H, W) each.
            own_shape: as in `predict`.
            tiled: as in `predict`.
            batch_size: as in `predict`.
            empty: makes the tensors for maps of pictures of more than `LARGE` pixels.
        """
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
                    yield decoded(strips, self.tasks, _size(pixels), empty)
            if error is not None:
                raise error

    def decoded(self, pixels: Tensor, *, own_shape: bool = False) -> dict[str, Tensor]:
        """The decoded maps, in the form of the tasks' labels, of one picture from `as_rgb`."""
        return next(self.stream([pixels], own_shape=own_shape))

    def save_pretrained(self, folder: str | Path) -> None:
        """Writes the network to a folder, which `ctal.load` and any person's machine reads.

        It then holds `model.safetensors`, `config.json` and a model card, `README.md`, of tasks,
        data, training, scores, cost and licences as far as they are known; complete the card before
        giving it away.

        Raises:
            InputError: the place cannot be written.
        """
        write_saved(self.network, self.about, Path(folder))

    def push_to_hub(self, hub_id: str, *, private: bool = False) -> str:
        """Writes what `save_pretrained` writes to a repository of the model hub.

        Args:
            hub_id: `owner/name`; the repository is made when missing.
            private: whether a new one is seen by its owner only.

        Returns:
            The repository's address.

        Raises:
            InputError: the hub cannot be reached, or does not let you write there.
        """
        return push(self.network, self.about, hub_id, private)

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


def _to_arrays(maps: dict[str, Tensor]) -> Maps:
    return {name: to_array(prediction) for name, prediction in maps.items()}


def _stacked(found: list[Maps]) -> Maps:
    return {name: np.stack([maps[name] for maps in found]) for name in found[0]}
