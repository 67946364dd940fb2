"""A trained network for prediction: decoded maps for images of any size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, Unpack, overload

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ctal.errors import InputError
from ctal.explanation import Affinities, Observation, capture_affinities, checked_pixel
from ctal.inference.postprocessing import Allocate, in_memory, stacked, to_arrays
from ctal.inference.runner import Deferred, Options, Runner, check_options
from ctal.inference.shareable import Shareable
from ctal.io.images import ImageLike, as_rgb
from ctal.networks import Network
from ctal.tasks import Task

Maps = dict[str, NDArray[Any]]
"""Decoded maps by task name, in the units of the tasks."""


class Model(Shareable):
    """A network for prediction, which returns decoded maps of an image's own size.

    Threads may share a model: the network runs for one of them at a time. A model can be pickled
    and sent to other processes.

    Attributes:
        network: The network, in evaluation mode. Do not modify it: copies for other sizes are kept.
        tasks: Its tasks, in its order; each has a `name` and a `unit`.
        device: The device it runs on.
        about: Metadata of its training (`ctal.sharing.provenance`).
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
        self.about = about or {}

    @property
    def device(self) -> torch.device:
        """The device that the network runs on."""
        return self._runner.device

    def __repr__(self) -> str:
        """Return class, tasks, size and device of the network."""
        H, W = self.network.image_size
        tasks = ", ".join(task.name for task in self.tasks)
        return f"Model({type(self.network).__name__}, tasks=[{tasks}], {H}x{W}, {self.device})"

    def to(self, device: str | torch.device) -> Self:
        """Move the network to a device, in place.

        Args:
            device: The device, such as "cuda" or "cpu".

        Returns:
            The model itself.

        Raises:
            InputError: The device is not available.
        """
        self._runner.to(device)
        return self

    @overload  # arrays and file names are iterable too, but mean one image
    def predict(  # type: ignore[overload-overlap]
        self, image: ImageLike, **options: Unpack[Options]
    ) -> Maps: ...
    @overload
    def predict(self, image: Iterable[ImageLike], **options: Unpack[Options]) -> Iterator[Maps]: ...
    def predict(
        self,
        image: ImageLike | Iterable[ImageLike],
        *,
        keep_aspect_ratio: bool = False,
        tiled: bool = False,
        flip: bool = False,
        scales: Sequence[float] = (1.0,),
        batch_size: int = 8,
        entropy: bool = False,
    ) -> Maps | Iterator[Maps]:
        """Predict the maps of all tasks for an image, a batch or a stream, at the images' own size.

        An image is resized to the size of the network, bilinearly with antialiasing, which
        stretches an image of another aspect ratio. Depths and normals are those of the stretched
        image; they are not corrected.
        With `keep_aspect_ratio`, a copy of the network is resized to multiples of 32 that have
        nearly the aspect ratio of the image and the number of pixels of the network
        (`Network.resize`).
        With `tiled`, an image larger than the network is predicted in overlapping tiles of the
        network's size at its own resolution: borders are finer, but a tile has no context beyond
        itself.
        Raw maps are resized to the image bilinearly and decoded last, so borders of classes are
        smooth and normals have length 1.

        Args:
            image: A file, a PIL image (see `ctal.io.images.to_rgb`), or RGB pixels: a tensor or
                array (3, H, W), uint8 or floating point in 0..1, an array (H, W, 3) uint8, or a
                batch of these with a leading B; or an iterable of images of any sizes (frames of
                a video, a list of files).
            keep_aspect_ratio: Resize the network to the image's aspect ratio instead of
                stretching the image.
            tiled: Predict large images at their own resolution, tile by tile.
            flip: Average with the prediction for the mirrored image (`ctal.networks.test_time`).
            scales: Average over these sizes of the network, relative to its own.
            batch_size: Number of images or tiles per forward pass.
            entropy: Also return the entropy of the class probabilities of each pixel, divided by
                its maximum: (H, W) float32 in 0..1, as `semseg_entropy` for a task `semseg`.

        Returns:
            {task name: array} in the units of the tasks: (H, W) int64 class ids, (H, W) float32
            meters or probabilities, (H, W, 3) float32 unit normals, with a leading B for a batch.
            For an iterable, an iterator of them that reads at most `batch_size` images ahead.

        Raises:
            InputError: An image cannot be read or has another form than those above (in a stream,
                after the maps of all images before it), the network cannot be resized, both
                `keep_aspect_ratio` and `tiled` are given, the network's output is not finite, or
                it has no classes for an entropy.
        """
        options: Options = {
            "keep_aspect_ratio": keep_aspect_ratio,
            "tiled": tiled,
            "flip": flip,
            "scales": scales,
            "batch_size": batch_size,
            "entropy": entropy,
        }
        check_options(options)
        if isinstance(image, Iterable) and not isinstance(
            image, str | Path | Image.Image | Tensor | np.ndarray
        ):
            pixels = (as_rgb(item) for item in image)
            return (to_arrays(maps) for maps in self.stream(pixels, **options))
        if isinstance(image, Tensor | np.ndarray) and image.ndim == 4:
            if len(image) == 0:
                raise InputError("image: expected a batch of one image or more, got an empty batch")
            found = self.stream((as_rgb(item) for item in image), **options)
            return stacked([to_arrays(maps) for maps in found])
        return to_arrays(next(self.stream([as_rgb(image)], **options)))

    def stream(
        self,
        images: Iterable[Tensor],
        *,
        empty: Allocate = in_memory,
        **options: Unpack[Options],
    ) -> Iterator[dict[str, Tensor]]:
        """Predict decoded maps, in the form of the tasks' labels, of images one by one.

        Args:
            images: (3, H, W) each, as `as_rgb` returns them.
            empty: Allocates the maps of images of more than `LARGE` pixels.
            **options: As in `predict`.
        """
        for deferred in self.stream_deferred(images, empty=empty, **options):
            yield deferred()

    def stream_deferred(
        self,
        images: Iterable[Tensor],
        *,
        empty: Allocate = in_memory,
        **options: Unpack[Options],
    ) -> Iterator[Deferred]:
        """Run the network as `stream`; yield functions that postprocess, for other threads."""
        yield from self._runner.stream(images, empty=empty, **options)

    def decoded(self, pixels: Tensor) -> dict[str, Tensor]:
        """Predict decoded maps, in the form of the tasks' labels, of one image from `as_rgb`."""
        return next(self.stream([pixels]))

    def explain(self, image: ImageLike, pixel: Sequence[int]) -> dict[str, Affinities]:
        """Compute the affinities of one pixel in every CTAL module (see `ctal.explanation`).

        The image is resized to the size of the network, as in `predict`. The affinities are those
        of the pixel of the module's grid that contains the center of the given pixel.

        Args:
            image: As in `predict`.
            pixel: (x, y) in pixels of the image, from 0: column and row.

        Returns:
            {name of a CTAL module in the network: the affinities of the pixel}.

        Raises:
            InputError: The image cannot be read, the pixel is outside it, or the network has no
                CTAL module.
        """
        pixels = as_rgb(image)
        size = (pixels.shape[-2], pixels.shape[-1])
        pixel = checked_pixel(pixel, size)
        with self.capture_affinities() as seen:
            self.decoded(pixels)
        return {name: observation.at_image(pixel, size) for name, observation in seen.items()}

    @contextmanager
    def capture_affinities(self) -> Iterator[dict[str, Observation]]:
        """Record the inputs of every CTAL module, as `ctal.explanation.capture_affinities` does.

        Predictions of other threads wait until the context ends, so that it records its own.
        """
        with self._runner.lock, capture_affinities(self.network) as seen:
            yield seen
