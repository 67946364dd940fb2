"""Panels of `ctal predict`: of an image, and of the frames of a video."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as TF

from ctal.inference.domain import note_on_domain
from ctal.inference.model import Model
from ctal.io.video import Frame
from ctal.tasks import Task
from ctal.tasks.classes import ClassTask
from ctal.tasks.entropy import ENTROPY
from ctal.tasks.keys import ClassKey, ScaleKey
from ctal.visualization.predictions import Column, prediction_columns, prediction_panel

_LONGEST = 1280  # the longer side of a visualized map, twice that in a panel
_SMOOTHING = 2.0  # seconds in which the range of a video's colors follows its frames


@dataclass(frozen=True)
class Panels:
    """Draws images beside their maps.

    Attributes:
        model: the network of the maps.
        overlay: blend the maps with the image.
        entropy: draw the entropies of the maps too.
    """

    model: Model
    overlay: bool = False
    entropy: bool = False

    def of_image(self, image: Tensor, maps: Mapping[str, Tensor]) -> Tensor:
        """Return the panel of an image (3, H, W), with a note if the model is unsure."""
        step = -(-max(image.shape) // _LONGEST)
        reduced = TF.pil_to_tensor(TF.to_pil_image(image).reduce(step))
        small = {key: prediction[..., ::step, ::step] for key, prediction in maps.items()}
        columns = self._columns(reduced, small, small)
        return prediction_panel(columns, note_on_domain(self.model.about, small))

    def of_frames(self, frames: Iterator[tuple[Frame, Mapping[str, Tensor]]]) -> Iterator[Frame]:
        """Yield the panels of frames with their maps, all of one size.

        The range of the colors adapts over a few seconds, and the list of classes is that of the
        task, so that neither flickers.
        """
        smooth = SmoothRanges(self.model.tasks)
        titles = {task.title: _all_classes(task) for task in self.model.tasks}
        for frame, maps in frames:
            columns = self._columns(frame.pixels, maps, smooth.references(maps, frame.seconds))
            steady = [Column(c.title, c.image, titles.get(c.title) or c.key) for c in columns]
            yield Frame(prediction_panel(steady), frame.seconds)

    def _columns(
        self, image: Tensor, maps: Mapping[str, Tensor], references: Mapping[str, Tensor]
    ) -> Sequence[Column]:
        if not self.entropy:
            maps = {name: values for name, values in maps.items() if not name.endswith(ENTROPY)}
        return prediction_columns(image, self.model.tasks, maps, references, overlay=self.overlay)


@dataclass
class SmoothRanges:
    """Ranges of the colors of maps of numbers, which follow the frames of a video slowly.

    After t seconds, a range has moved by 1 - exp(-t / 2) of the way to that of a frame.
    """

    tasks: Sequence[Task]
    ranges: dict[str, Tensor] = field(default_factory=dict)
    seconds: float = 0.0

    def references(self, maps: Mapping[str, Tensor], seconds: float) -> dict[str, Tensor]:
        """Return the maps that set the colors of a frame: for numbers, two pixels with a range."""
        share = 1 - math.exp(-max(0.0, seconds - self.seconds) / _SMOOTHING)
        self.seconds = seconds
        found = dict(maps)
        for task in self.tasks:
            key = task.key(maps[task.name])
            if isinstance(key, ScaleKey):
                ends = torch.tensor([key.low, key.high])
                ends = torch.lerp(self.ranges.get(task.name, ends), ends, share)
                self.ranges[task.name] = ends
                found[task.name] = ends.reshape(*[1] * (maps[task.name].ndim - 1), 2)
        return found


def _all_classes(task: Task) -> ClassKey | None:
    """Return all classes of a task, in their order and without shares; None for other tasks."""
    if not isinstance(task, ClassTask):
        return None
    found = task.key(torch.arange(task.channels)[None])
    return ClassKey([(color, name, None) for color, name, _ in found.entries])
