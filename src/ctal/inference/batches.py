"""Prediction in batches of columns, as engines for many machines have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import torch
from numpy.typing import NDArray

from ctal.errors import InputError
from ctal.inference.loading import load
from ctal.inference.model import Maps
from ctal.inference.runner import Options, check_options
from ctal.io.bundled import DEFAULT
from ctal.tasks.entropy import requested_entropy_maps

Columns = dict[str, NDArray[Any]]
"""Columns of a batch by name, each with an entry per image."""


class BatchPredictor:
    """Adds columns of maps to batches with a column of images, for `map_batches` of Ray Data.

    Example::

        import ctal, ray

        images = ray.data.read_images("photos", include_paths=True, mode="RGB")
        maps = images.map_batches(
            ctal.BatchPredictor,
            fn_constructor_kwargs={"source": "nyuv2-lite2"},
            batch_size=8,
            concurrency=2,  # two workers, each with a copy of the network
        )
        maps.write_parquet("maps")

    Each worker loads the network once. An instance can be pickled. The maps of an image are those
    of `Model.predict`.

    Args:
        source: A trained network, as in `ctal.load`.
        device: The device of each worker, such as "cuda" together with `num_gpus=1`.
        column: The name of the column of images.
        keep_images: Keep the column of images, which usually takes most of the memory.
        image_size: As in `ctal.load`.
        threads: Number of threads of each worker on a CPU; by default those of the process. Ray
            sets one for each CPU that it reserves for a worker.
        **options: As in `Model.predict`.

    Raises:
        InputError: The network cannot be loaded, a value is out of range, or an entropy is
            requested of a network without classes.
    """

    def __init__(
        self,
        source: str | Path = DEFAULT,
        device: str = "cpu",
        *,
        column: str = "image",
        keep_images: bool = False,
        image_size: Sequence[int] | None = None,
        threads: int | None = None,
        **options: Unpack[Options],
    ) -> None:
        check_options(options)
        if threads is not None:
            if threads < 1:
                raise InputError(f"threads: expected an integer >= 1, got {threads}")
            torch.set_num_threads(threads)
        self.model = load(source, device, image_size=image_size)
        self.column = column
        self.keep_images = keep_images
        self.options = options
        self._names = [task.name for task in self.model.tasks]
        if options.get("entropy"):
            self._names += [unsure.name for unsure in requested_entropy_maps(self.model.tasks)]

    def __call__(self, batch: Mapping[str, NDArray[Any]]) -> Columns:
        """Return the columns of a batch with one of maps for each task, under the task's name.

        Args:
            batch: Columns of arrays. The images are (B, H, W, 3) uint8, or B such arrays of
                different sizes.

        Raises:
            InputError: There is no such column, a task has the name of a column, or an image has
                another form; its index in the batch is named.
        """
        if self.column not in batch:
            raise InputError(f"column: expected one of {', '.join(batch)}, got {self.column!r}")
        kept = {k: v for k, v in batch.items() if self.keep_images or k != self.column}
        if taken := [name for name in self._names if name in kept]:
            raise InputError(
                f"batch: expected no column {taken[0]!r}, the name of a task; rename it"
            )
        images = (np.asarray(image) for image in batch[self.column])
        found: list[Maps] = list(self.model.predict(images, **self.options))
        return {**kept, **{name: stacked([maps[name] for maps in found]) for name in self._names}}


def stacked(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return arrays as one with a leading axis, or as objects if their sizes differ."""
    if len({array.shape for array in arrays}) == 1:
        return np.stack(arrays)
    column = np.empty(len(arrays), dtype=object)
    for index, array in enumerate(arrays):  # assigning a list would try to stack them
        column[index] = array
    return column
