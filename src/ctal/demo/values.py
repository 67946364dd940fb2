"""Texts of the values of maps, which the page shows under the pointer."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as TF

from ctal.tasks import Task
from ctal.tasks.classes import ClassTask
from ctal.tasks.keys import ScaleKey, SphereKey

_FINEST = 160  # pixels of the grid along the longer side
_LEVELS = 400  # of a scale
_TILTED = 0.38  # a component beyond it is named: 22.5 degrees

Texts = tuple[list[str], Tensor]
"""Texts, and (h, w) indices into them."""


def value_texts(task: Task, prediction: Tensor) -> Texts | None:
    """Return the values of a decoded map as texts; None for a task without a key."""
    if isinstance(task, ClassTask):
        return [*task.shown_names(), "no label"], prediction.clamp(max=task.channels)
    match task.key(prediction):
        case ScaleKey() as key:
            span = max(key.high - key.low, 1e-6)
            places = (prediction.reshape(prediction.shape[-2:]) - key.low) / span
            values = [key.low + span * level / _LEVELS for level in range(_LEVELS + 1)]
            unit = f" {key.unit}" if key.unit else f" {task.name}"
            return [f"{v:.2f}{unit}" for v in values], (places * _LEVELS).round().clamp(0, _LEVELS)
        case SphereKey():
            signs = (prediction > _TILTED).int() - (prediction < -_TILTED).int() + 1
            texts = [_facing(x, y, z) for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1)]
            return texts, signs[0] * 9 + signs[1] * 3 + signs[2]
    return None


def texts_at(
    tasks: Sequence[Task], maps: Mapping[str, Tensor], place: tuple[int, int]
) -> list[str]:
    """Return the texts of all tasks at (x, y) of their maps."""
    x, y = place
    found = [value_texts(task, maps[task.name]) for task in tasks]
    return [texts[int(index[y, x])] for texts, index in filter(None, found)]


def values_html(tasks: Sequence[Task], maps: Mapping[str, Tensor]) -> str:
    """Return an element whose attribute `data-values` has the texts of a small grid, as JSON."""
    height, width = maps[tasks[0].name].shape[-2:]
    share = min(1.0, _FINEST / max(height, width))
    size = [max(1, round(side * share)) for side in (height, width)]
    entries: list[dict[str, Any]] = []
    for task in tasks:
        if (found := value_texts(task, maps[task.name])) is None:
            continue
        texts, index = found
        small = TF.resize(index[None].float(), size, InterpolationMode.NEAREST_EXACT)[0]
        numbers = small.to(torch.int16).numpy().astype("<u2").tobytes()
        entries.append({"texts": texts, "index": base64.b64encode(numbers).decode()})
    content = json.dumps({"height": size[0], "width": size[1], "tasks": entries})
    return f'<div hidden data-values="{html.escape(content)}"></div>'


def _facing(x: int, y: int, z: int) -> str:
    """Return a direction in words, from the signs of a normal (x right, y down, z forward)."""
    sides = [("left", "", "right")[x + 1], ("up", "", "down")[y + 1]]
    sides.append(("the camera", "", "away")[z + 1])
    return f"faces {', '.join(filter(None, sides)) or 'the camera'}"
