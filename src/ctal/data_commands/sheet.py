"""A contact sheet: some samples of datasets, as training sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as TF

from ctal.data import Sample
from ctal.tasks import Task
from ctal.visualization.panels import Cell, panel


def contact_sheet(tasks: Sequence[Task], samples: Mapping[str, Sample]) -> Tensor:
    """A row for each sample: its picture and the painted map of every task.

    Numbers are painted in one range for the whole column, which its title tells, so that a
    difference in colour is a difference in fact.

    Args:
        tasks: the tasks to show.
        samples: samples of one size, by the titles of their rows; a map may be missing.

    Returns:
        (3, H', W') uint8.
    """
    shown = list(samples.values())
    columns: list[list[Cell]] = [[TF.to_dtype(s["image"], torch.uint8, scale=True) for s in shown]]
    titles = ["picture"]
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
    """Up to `number` places in 0..length-1: spread evenly, or drawn with a seed; in order."""
    number = min(number, length)
    if seed is None:
        return [int(place) for place in np.linspace(0, length - 1, number).round()]
    return sorted(np.random.default_rng(seed).permutation(length)[:number].tolist())


def _together(task: Task, samples: Sequence[Sample]) -> Tensor | None:
    """The maps of all samples as one map, side by side."""
    maps = [sample[task.name].as_subclass(Tensor) for sample in samples if task.name in sample]
    return torch.cat(maps, dim=-1) if maps else None


def _title(task: Task, together: Tensor | None) -> str:
    """The task, its unit and, of a map of numbers, their range."""
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
