"""What `ctal predict` writes: arrays, panels, point clouds and videos."""

from __future__ import annotations

import json
import tempfile
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ctal.cli.point_cloud import save_ply
from ctal.data.geometry import Camera
from ctal.errors import InputError
from ctal.inference.model import Model, check_shapes
from ctal.inference.postprocessing import LARGE, to_array
from ctal.io.atomic import write_whole
from ctal.io.images import read_image
from ctal.io.sources import Source
from ctal.io.video import Frame, write_video
from ctal.tasks import Task
from ctal.tasks.depth import is_metric_depth
from ctal.visualization.panels import Cell, panel, save_png

_PAINTED = 2048  # the longer side of what is painted: a panel shows less


@dataclass(frozen=True)
class Writer:
    """Predicts for a source and writes what was predicted.

    Attributes:
        model: the network.
        output: the folder to write to.
        own_shape: as in `Model.predict`.
        tiled: as in `Model.predict`.
        overlay: lay the painted maps over the picture rather than beside it.
        camera: of the pictures, for a point cloud.

    Raises:
        InputError: there is a camera, and the network has no depth in metres.
    """

    model: Model
    output: Path
    own_shape: bool = False
    tiled: bool = False
    overlay: bool = False
    camera: Camera | None = None

    def __post_init__(self) -> None:
        """Looks at what would be found out only after the first prediction."""
        check_shapes(self.own_shape, self.tiled)
        if self.camera is not None and not any(map(is_metric_depth, self.model.tasks)):
            names = ", ".join(task.name for task in self.model.tasks)
            raise InputError(
                f"intrinsics: a point cloud needs depth in metres, the network has {names}"
            )

    def write(self, source: Source, name: str) -> None:
        """Predicts for a source and writes its files (`output_files`).

        Raises:
            InputError: the source cannot be read, a file not be written.
        """
        if source.moves:
            frames = self._painted_frames(source.frames())
            target = self.output / f"{name}.mp4"
            write_video(target, frames, endless=source.camera is not None)
        else:
            self._write_picture(source.path, name)

    def _write_picture(self, source: Path, name: str) -> None:
        picture = read_image(source)
        maps = next(self._maps(iter([picture])))
        content: dict[str, Any] = {key: to_array(prediction) for key, prediction in maps.items()}
        units = json.dumps({task.name: task.unit for task in self.model.tasks})
        content |= {"units": np.array(units), "source": np.array(str(source))}
        write_whole(self.output / f"{name}.npz", lambda file: np.savez_compressed(file, **content))
        for task in self.model.tasks:
            if self.camera is not None and is_metric_depth(task):
                place = self.output / f"{name}.ply"
                save_ply(maps[task.name][0], picture, self.camera, place)
        titles = [_title(task, maps[task.name]) for task in self.model.tasks]
        step = -(-max(picture.shape) // _PAINTED) if picture[0].numel() > LARGE else 1
        small = {key: prediction[..., ::step, ::step] for key, prediction in maps.items()}
        cells: list[Cell] = []
        heads: list[str] = []
        painted = self._painted(picture[:, ::step, ::step], small, small)
        legends = [[], *(task.legend(small[task.name]) for task in self.model.tasks)]
        for layer, title, legend in zip(painted, ["picture", *titles], legends, strict=True):
            cells += [layer, legend] if legend else [layer]
            heads += [title, ""] if legend else [title]
        save_png(panel([cells], heads), self.output / f"{name}.png")

    def _painted_frames(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        waiting: deque[Frame] = deque()  # frames that the network was given, but has not answered

        def pixels() -> Iterator[Tensor]:
            for frame in frames:
                waiting.append(frame)
                yield frame.pixels

        first: dict[str, Tensor] = {}
        titles = [f"{task.name} [{task.unit}]" for task in self.model.tasks]
        for maps in self._maps(pixels()):
            frame = waiting.popleft()
            first = first or maps  # whose range sets the colours: they shall not flicker
            painted = self._painted(frame.pixels, maps, first)
            # no legends: what is seen, and so their lines, would change from frame to frame
            yield Frame(panel([painted], ["picture", *titles]), frame.seconds)

    def _maps(self, pictures: Iterator[Tensor]) -> Iterator[dict[str, Tensor]]:
        return self.model.stream(
            pictures, own_shape=self.own_shape, tiled=self.tiled, empty=self._on_disk
        )

    def _on_disk(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """A tensor in a file without a name, which is gone when the tensor is."""
        self.output.mkdir(parents=True, exist_ok=True)
        kind = torch.empty(0, dtype=dtype).numpy().dtype
        with tempfile.TemporaryFile(dir=self.output) as file:
            return torch.from_numpy(np.memmap(file, dtype=kind, shape=tuple(shape)))

    def _painted(
        self, picture: Tensor, maps: Mapping[str, Tensor], references: Mapping[str, Tensor]
    ) -> list[Tensor]:
        """The picture, (3, H, W) uint8, and beside or over it the painted map of every task."""
        tasks: list[Task] = self.model.tasks
        painted = [task.visualize(maps[task.name], references[task.name]) for task in tasks]
        if self.overlay:
            half = picture // 2
            painted = [half + layer // 2 for layer in painted]
        return [picture, *painted]


def output_files(source: Source, name: str, intrinsics: bool) -> list[str]:
    """The names of the files that a source's prediction is written to."""
    # not with_suffix, which would cut "photo.2024" down to "photo"
    endings = ["mp4"] if source.moves else ["npz", "png", *(["ply"] if intrinsics else [])]
    return [f"{name}.{ending}" for ending in endings]


def _title(task: Task, prediction: Tensor) -> str:
    low, high = prediction.min().item(), prediction.max().item()
    return f"{task.name} [{task.unit}]\n{low:.3g} to {high:.3g}"
