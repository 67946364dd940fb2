"""Outputs of `ctal predict`: arrays, panels, point clouds and videos."""

from __future__ import annotations

import json
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ctal.cli.point_cloud import save_ply
from ctal.cli.predict_panels import Panels
from ctal.cli.predict_resume import fingerprint, is_complete, record_of
from ctal.errors import InputError
from ctal.inference.model import Model
from ctal.inference.postprocessing import to_array
from ctal.inference.runner import Options, check_options
from ctal.io.atomic import write_whole
from ctal.io.images import read_image
from ctal.io.sources import Source
from ctal.io.video import Frame, write_video
from ctal.tasks.depth import is_metric_depth
from ctal.tasks.entropy import entropy_maps
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

    Raises:
        InputError: a camera is given, but the network has no depth in meters.
    """

    model: Model
    output: Path
    options: Options
    overlay: bool = False
    camera: Camera | None = None

    def __post_init__(self) -> None:
        """Check what would otherwise fail after the first prediction."""
        check_options(self.options)
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
    def entropies(self) -> list[str]:
        """Names of the maps of entropies, which the note on unfamiliar images needs, too."""
        return [unsure.name for unsure in entropy_maps(self.model.tasks)]

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The settings on which the outputs of a source depend, for their record."""
        c = self.camera
        return {
            "network": fingerprint(self.model.network),
            **{key: value for key, value in self.options.items() if key != "batch_size"},
            "overlay": self.overlay,
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

    def write(self, source: Source, name: str) -> None:
        """Predict the maps of a source and write its files (`output_files`).

        Raises:
            InputError: the source cannot be read, or a file cannot be written.
        """
        if source.moves:
            frames = self._panels(source.frames())
            target = self.output / f"{name}.mp4"
            record = record_of(source, self.settings)
            write_video(target, frames, endless=source.camera is not None, comment=record)
        else:
            self._write_image(source, name)

    def _write_image(self, source: Source, name: str) -> None:
        image = read_image(source.path)
        maps = next(self._maps(iter([image])))
        units = {task.name: task.unit for task in self.model.tasks}
        if self.options.get("entropy"):
            units |= dict.fromkeys(self.entropies, "share of the maximum")
        content: dict[str, Any] = {key: to_array(maps[key]) for key in units}
        content |= {"units": np.array(json.dumps(units)), "source": np.array(str(source.path))}
        content["record"] = np.array(record_of(source, self.settings))
        write_whole(self.output / f"{name}.npz", lambda file: np.savez_compressed(file, **content))
        for task in self.model.tasks:
            if self.camera is not None and is_metric_depth(task):
                place = self.output / f"{name}.ply"
                save_ply(maps[task.name][0], image, self.camera, place)
        save_png(self.panels.of_image(image, maps), self.output / f"{name}.png")

    def _panels(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        waiting: deque[Frame] = deque()  # frames without a prediction yet

        def pixels() -> Iterator[Tensor]:
            for frame in frames:
                waiting.append(frame)
                yield frame.pixels

        maps = self._maps(pixels())
        yield from self.panels.of_frames((waiting.popleft(), found) for found in maps)

    def _maps(self, images: Iterator[Tensor]) -> Iterator[dict[str, Tensor]]:
        # requested, or needed for the note; a network without a limit has no note
        needed = self.options.get("entropy") or "domain" in self.model.about
        options: Options = {**self.options, "entropy": bool(needed and self.entropies)}
        return self.model.stream(images, empty=self._on_disk, **options)

    def _on_disk(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
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
