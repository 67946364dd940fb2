"""Using a trained network: a picture of any size in, decoded maps of its own size out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ctal.errors import InputError
from ctal.explanation import Affinities, checked_pixel, observing
from ctal.inference.postprocessing import Allocate, in_memory, to_array
from ctal.inference.runner import Runner
from ctal.io.images import ImageLike, as_rgb
from ctal.networks import Network
from ctal.sharing import push, write_saved
from ctal.tasks import Task

Maps = dict[str, NDArray[Any]]
"""Decoded maps by task name, in the tasks' units."""


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
        self._runner = Runner(network, device)
        self.network = network
        self.tasks: list[Task] = network.tasks
        self.device = self._runner.device
        self.about = about or {}

    @overload  # arrays and names are iterable too, and mean a picture all the same
    def predict(  # type: ignore[overload-overlap]
        self, image: ImageLike, *, own_shape: bool = False, tiled: bool = False, batch_size: int = 8
    ) -> Maps: ...
    @overload
    def predict(
        self,
        image: Iterable[ImageLike],
        *,
        own_shape: bool = False,
        tiled: bool = False,
        batch_size: int = 8,
    ) -> Iterator[Maps]: ...
    def predict(
        self,
        image: ImageLike | Iterable[ImageLike],
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
            image: a file's path or a PIL image (see `ctal.io.images.to_rgb`); a tensor
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
        check_shapes(own_shape, tiled)
        if batch_size < 1:
            raise InputError(f"batch_size: expected a number from 1 on, got {batch_size}")
        options: dict[str, Any] = {
            "own_shape": own_shape,
            "tiled": tiled,
            "batch_size": batch_size,
        }
        if isinstance(image, Iterable) and not isinstance(
            image, str | Path | Image.Image | Tensor | np.ndarray
        ):
            pixels = (as_rgb(picture) for picture in image)
            return (_to_arrays(maps) for maps in self.stream(pixels, **options))
        if isinstance(image, Tensor | np.ndarray) and image.ndim == 4:
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
        yield from self._runner.stream(
            pictures, own_shape=own_shape, tiled=tiled, batch_size=batch_size, empty=empty
        )

    def decoded(self, pixels: Tensor) -> dict[str, Tensor]:
        """The decoded maps, in the form of the tasks' labels, of one picture from `as_rgb`."""
        return next(self.stream([pixels]))

    def save_pretrained(self, folder: str | Path, *, half: bool = False) -> None:
        """Writes the network to a folder, which `ctal.load` and any person's machine reads.

        It then holds `model.safetensors`, `config.json` and a model card, `README.md`, of tasks,
        data, training, scores, cost and licences as far as they are known; complete the card before
        giving it away.

        Args:
            folder: the folder, made when missing; files of these names in it are replaced.
            half: write numbers in float16, rounded to 3 digits, in half the space. The network
                that is loaded computes in float32, as any.

        Raises:
            InputError: the place cannot be written, or float16 cannot hold a number.
        """
        write_saved(self.network, self.about, Path(folder), half=half)

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

    def explain(self, image: ImageLike, pixel: Sequence[int]) -> dict[str, Affinities]:
        """What a pixel of a picture gets from which pixels of which tasks: `ctal.explanation`.

        The picture is resized to the size of the network, as in `predict`; what is told is of the
        pixel of the CTAL module's grid in which the centre of the picture's pixel then lies.

        Args:
            image: as in `predict`.
            pixel: (x, y) in pixels of the picture, from 0: its column and its row.

        Returns:
            {name of a CTAL module in the network: the affinities of the pixel}.

        Raises:
            InputError: the picture cannot be read, the pixel is not in it, or the network has no
                CTAL module.
        """
        pixels = as_rgb(image)
        size = (pixels.shape[-2], pixels.shape[-1])
        pixel = checked_pixel(pixel, size)
        with observing(self.network) as seen:
            self.decoded(pixels)
        return {name: observation.at_picture(pixel, size) for name, observation in seen.items()}


def _to_arrays(maps: dict[str, Tensor]) -> Maps:
    return {name: to_array(prediction) for name, prediction in maps.items()}


def _stacked(found: list[Maps]) -> Maps:
    return {name: np.stack([maps[name] for maps in found]) for name in found[0]}


def check_shapes(own_shape: bool, tiled: bool) -> None:
    """Raises InputError if both ways to see pictures of other shapes are asked for."""
    if own_shape and tiled:
        raise InputError("own_shape and tiled: expected one of them; tiles have one shape")
