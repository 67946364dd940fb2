"""Outputs of `ctal predict`: arrays, panels, point clouds and videos."""

from __future__ import annotations

import json
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ctal.cli.point_cloud import check_center, save_ply
from ctal.cli.predict_panels import Panels
from ctal.cli.predict_resume import fingerprint, is_complete, record_of
from ctal.errors import InputError
from ctal.inference.model import Model
from ctal.inference.postprocessing import in_columns, to_arrays
from ctal.inference.runner import Deferred, Options, check_options
from ctal.io.atomic import write_whole
from ctal.io.npz import write_npz
from ctal.io.sources import Source
from ctal.io.video import Frame, write_video
from ctal.tasks import Task
from ctal.tasks.depth import is_metric_depth
from ctal.tasks.entropy import EntropyMap, entropy_maps, requested_entropy_maps
from ctal.visualization.panels import save_png

if TYPE_CHECKING:
    from ctal.data.camera import Camera


@dataclass(frozen=True)
class Writer:
    """Predicts the maps of a source and writes them.

    Attributes:
        model: the network.
        output: the folder to write to.
        options: arguments of `Model.predict`.
        overlay: blend the visualized maps with the image instead of showing them beside it.
        camera: intrinsics of the images, for a point cloud.
        full_precision: store arrays as `Model.predict` returns them, not in smaller types.

    Raises:
        InputError: a camera is given, but the network has no depth in meters, or entropies are
            requested, but it has no classes.
    """

    model: Model
    output: Path
    options: Options
    overlay: bool = False
    camera: Camera | None = None
    full_precision: bool = False

    def __post_init__(self) -> None:
        """Check what would otherwise fail after the first prediction."""
        check_options(self.options)
        if self.options.get("entropy"):
            requested_entropy_maps(self.model.tasks)
        if self.camera is not None and not any(map(is_metric_depth, self.model.tasks)):
            names = ", ".join(task.name for task in self.model.tasks)
            raise InputError(
                f"intrinsics: expected a network with depth in meters for a point cloud, got "
                f"{names}"
            )

    @property
    def panels(self) -> Panels:
        """The panels of images and frames."""
        return Panels(self.model, self.overlay, self.options.get("entropy", False))

    @cached_property
    def image_options(self) -> Options:
        """Arguments of `Model.predict` for still images, whose panels have a note.

        The note on unfamiliar images needs the entropies, requested or not.
        """
        noted = "domain" in self.model.about and bool(entropy_maps(self.model.tasks))
        return {**self.options, "entropy": noted or self.options.get("entropy", False)}

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The settings on which the outputs of a source depend, for their record."""
        c = self.camera
        return {
            "network": fingerprint(self.model.network),
            **{key: value for key, value in self.options.items() if key != "batch_size"},
            "overlay": self.overlay,
            "full_precision": self.full_precision,
            "intrinsics": None if c is None else [c.fx, c.fy, c.cx, c.cy],
        }

    def files(self, source: Source, name: str) -> list[Path]:
        """Return the files written for a source, in their order."""
        return [self.output / file for file in output_files(source, name, self.camera is not None)]

    def is_complete(self, source: Source, name: str) -> bool:
        """Return whether the outputs of a source are complete (see `predict_resume.is_complete`).

        Raises:
            InputError: An output exists that is not of this source with these settings.
        """
        return is_complete(source, self.files(source, name), record_of(source, self.settings))

    def write_video(self, source: Source, name: str) -> None:
        """Predict the maps of the frames of a source, and write a video of panels.

        Raises:
            InputError: the source cannot be read, or the file cannot be written.
        """
        frames = self._panels(source.frames())
        target = self.output / f"{name}.mp4"
        record = record_of(source, self.settings)
        write_video(target, frames, endless=source.camera is not None, comment=record)

    def write_image(
        self,
        source: Source,
        name: str,
        image: Tensor,
        deferred: Deferred,
        check: Callable[[], None],
    ) -> None:
        """Write the files of an image (`output_files`); several threads may do so.

        Args:
            source: the source of the image.
            name: the name of its files.
            image: (3, H, W) uint8.
            deferred: returns its maps.
            check: called between the steps, to stop by an exception.

        Raises:
            InputError: a file cannot be written, or the center of the camera is outside the image.
        """
        if self.camera is not None:
            check_center(self.camera, image)  # before the first file is written
        maps = deferred()
        content = self._arrays(maps) | {"source": np.array(str(source.path))}
        content["record"] = np.array(record_of(source, self.settings))
        write_whole(self.output / f"{name}.npz", lambda file: write_npz(file, content, check))
        check()
        for task in self.model.tasks:
            if self.camera is not None and is_metric_depth(task):
                place = self.output / f"{name}.ply"
                save_ply(maps[task.name][0], image, self.camera, place)
                check()
        save_png(self.panels.of_image(image, maps), self.output / f"{name}.png")

    def _arrays(self, maps: Mapping[str, Tensor]) -> dict[str, NDArray[Any]]:
        """Return the maps of an image as arrays, and their units and classes."""
        tasks: list[Task | EntropyMap] = [*self.model.tasks]
        tasks += entropy_maps(self.model.tasks) if self.options.get("entropy") else []
        found = {task.name: maps[task.name] for task in tasks}
        if self.full_precision:
            arrays = to_arrays(found)
        else:
            arrays = {task.name: in_columns(task.compact(found[task.name])) for task in tasks}
        units = {task.name: task.unit for task in tasks}
        names = {task.name: getattr(task, "class_names", None) for task in tasks}
        classes = {name: list(given) for name, given in names.items() if given}
        notes = {"units": units, "class_names": classes}
        return {**arrays, **{key: np.array(json.dumps(note)) for key, note in notes.items()}}

    def _panels(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        waiting: deque[Frame] = deque()  # frames without a prediction yet

        def pixels() -> Iterator[Tensor]:
            for frame in frames:
                waiting.append(frame)
                yield frame.pixels

        maps = self.model.stream(pixels(), empty=self.on_disk, **self.options)
        yield from self.panels.of_frames((waiting.popleft(), found) for found in maps)

    def on_disk(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Allocate a tensor in a temporary file, which is removed with the tensor."""
        self.output.mkdir(parents=True, exist_ok=True)
        kind = torch.empty(0, dtype=dtype).numpy().dtype
        with tempfile.TemporaryFile(dir=self.output) as file:
            return torch.from_numpy(np.memmap(file, dtype=kind, shape=tuple(shape)))


def output_files(source: Source, name: str, intrinsics: bool) -> list[str]:
    """Return the names of the files written for a source, in their order."""
    # not with_suffix, which would cut "photo.2024" down to "photo"
    endings = ["mp4"] if source.moves else ["npz", *(["ply"] if intrinsics else []), "png"]
    return [f"{name}.{ending}" for ending in endings]
