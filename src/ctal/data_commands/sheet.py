"""Contact sheets: samples of datasets as used in training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as TF

from ctal.data import Sample
from ctal.tasks import Task
from ctal.visualization.panels import Cell, panel
from ctal.visualization.selection import evenly_spaced


def contact_sheet(tasks: Sequence[Task], samples: Mapping[str, Sample]) -> Tensor:
    """Draw a row for each sample: its image and the visualized map of every task.

    A column of numbers has one value range, printed in its title, so that colors are comparable
    between samples.

    Args:
        tasks: The tasks to show.
        samples: Samples of one size, by the titles of their rows; a map may be missing.

    Returns:
        (3, H', W') uint8.
    """
    shown = list(samples.values())
    columns: list[list[Cell]] = [[TF.to_dtype(s["image"], torch.uint8, scale=True) for s in shown]]
    titles = ["image"]
    for task in tasks:
        together = _together(task, shown)
        columns.append(
            [
                task.visualize(sample[task.name], together) if task.name in sample else "no map"
                for sample in shown
            ]
        )
        titles.append(_title(task, together))
    rows = [list(row) for row in zip(*columns, strict=True)]
    return panel(rows, titles, list(samples))


def chosen(length: int, number: int, seed: int | None) -> list[int]:
    """Return up to `number` sorted indices in 0..length-1: evenly spaced, or drawn with a seed."""
    if seed is None:
        return evenly_spaced(length, number)
    return sorted(np.random.default_rng(seed).permutation(length)[:number].tolist())


def _together(task: Task, samples: Sequence[Sample]) -> Tensor | None:
    """Return the maps of all samples side by side as one map."""
    maps = [sample[task.name].as_subclass(Tensor) for sample in samples if task.name in sample]
    return torch.cat(maps, dim=-1) if maps else None


def _title(task: Task, together: Tensor | None) -> str:
    """Return the task, its unit and, for maps of numbers, their range."""
    title = f"{task.name} [{task.unit}]"
    if together is None:
        return f"{title}\nno map"
    valid = task.valid(together.unsqueeze(0))[0]
    if not valid.any():
        return f"{title}\nno label"
    known = together.reshape(-1, *valid.shape)[:, valid]
    if len(known) > 1 or not known.is_floating_point():
        return f"{title}\n{100 * valid.float().mean().item():.0f} % labelled"
    return f"{title}\n{known.min().item():.3g} to {known.max().item():.3g}"
