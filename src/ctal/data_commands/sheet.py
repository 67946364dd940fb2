"""Contact sheets: samples of datasets as used in training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as TF

from ctal.data import Sample
from ctal.tasks import Task
from ctal.tasks.keys import Key, percent
from ctal.visualization.joint import joined, joint_key
from ctal.visualization.panels import Cell, panel
from ctal.visualization.selection import evenly_spaced


def contact_sheet(tasks: Sequence[Task], samples: Mapping[str, Sample]) -> Tensor:
    """Draw a row for each sample: its image and the visualized map of every task.

    All samples use the same scales, so colors are comparable; their keys are below. The titles
    say which share of the pixels has a label.

    Args:
        tasks: The tasks to show.
        samples: Samples of one size, by the titles of their rows; a map may be missing.

    Returns:
        (3, H', W') uint8.
    """
    shown = list(samples.values())
    columns: list[list[Cell]] = [[TF.to_dtype(s["image"], torch.uint8, scale=True) for s in shown]]
    titles, keys = ["Image"], list[Key | None]([None])
    for task in tasks:
        together = joined(task, shown)
        columns.append(
            [
                task.visualize(sample[task.name], together) if task.name in sample else "no map"
                for sample in shown
            ]
        )
        titles.append(f"{task.title}\n{_labelled(task, together)}")
        keys.append(joint_key(task, shown, together))
    rows = [list(row) for row in zip(*columns, strict=True)]
    return panel(rows, titles, list(samples), keys)


def chosen(length: int, number: int, seed: int | None) -> list[int]:
    """Return up to `number` sorted indices in 0..length-1: evenly spaced, or drawn with a seed."""
    if seed is None:
        return evenly_spaced(length, number)
    return sorted(np.random.default_rng(seed).permutation(length)[:number].tolist())


def _labelled(task: Task, together: Tensor | None) -> str:
    """Return the share of the pixels that have a label, in words."""
    if together is None:
        return "no map"
    known = task.valid(together.unsqueeze(0))
    share = known.double().mean().item()
    if share == 0:
        return "no label"
    return f"{percent(share)} labelled" + ("" if known.all() else ", rest black")
