"""Trivial baseline: constant predictions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ctal.comparison.row import Row
from ctal.data import DenseDataModule
from ctal.data.pipeline import OwnSizes, collate
from ctal.errors import InputError
from ctal.evaluation.protocol import Protocol
from ctal.tasks import Task

Batch = Mapping[str, Tensor]
"""An "image" (B, 3, H, W) and labels by task name."""


def trivial_row(data: DenseDataModule, split: str, protocol: Protocol) -> Row:
    """Return the row of constant maps, scored by the protocol of the networks.

    Args:
        data: the data; the constants are computed from its training labels.
        split: the split to score on.
        protocol: the protocol of scoring.

    Raises:
        InputError: as `trivial_scores`.
    """
    scored = _batches(data, split, own_sizes=protocol.resolution == "image")
    scores = trivial_scores(data.tasks, _batches(data, "train"), scored, protocol)
    return Row("trivial", "constant maps", [scores], {})


def _batches(
    data: DenseDataModule, split: str, *, own_sizes: bool = False
) -> Iterator[dict[str, Any]]:
    """Yield the samples of a split in batches of one, resized unless at own sizes."""
    found = data.datasets[split]
    dataset = OwnSizes(found, data.tasks) if own_sizes and found else data.prepared(split)
    for index in range(len(dataset)):
        yield collate([dataset[index]], tasks=data.tasks)


def trivial_scores(
    tasks: Sequence[Task],
    train: Iterable[Batch],
    test: Iterable[Batch],
    protocol: Protocol | None = None,
) -> dict[str, float]:
    """Return the scores of one constant map per task: majority class, mean depth or mean normal.

    Args:
        tasks: the tasks to score.
        train: batches, without augmentation, from whose labels the constants are computed.
        test: batches to evaluate on.
        protocol: the protocol of scoring; its choice of pixels applies to constant maps too.

    Returns:
        {"<task>/<metric>": number}, with the same metrics as for networks.

    Raises:
        InputError: A task has no labelled pixel in `train`.
    """
    protocol = protocol or Protocol()
    raw = constant_maps(tasks, train)
    metrics = {task.name: task.metrics() for task in tasks}
    for batch in test:
        for task in tasks:
            target = batch[task.name]
            height, width = target.shape[-2:]
            constant = raw[task.name][None, :, None, None].expand(len(target), -1, height, width)
            pair = protocol.judged(task, task.decode(constant), target)
            for metric in metrics[task.name].values():
                metric.update(*pair)
    return {
        f"{task.name}/{name}": float(metric.compute())
        for task in tasks
        for name, metric in metrics[task.name].items()
    }


def constant_maps(tasks: Sequence[Task], train: Iterable[Batch]) -> dict[str, Tensor]:
    """Return the mean of `Task.encode` over all labelled pixels, {task name: (channels,)}."""
    totals = {task.name: torch.zeros(task.channels, dtype=torch.float64) for task in tasks}
    counts = dict.fromkeys(totals, 0)
    for batch in train:
        for task in tasks:
            target = batch[task.name]
            valid = task.valid(target)
            # (B, channels, H, W) -> (labelled pixels, channels)
            encoded = task.encode(target).movedim(1, -1)[valid]
            totals[task.name] += encoded.sum(dim=0, dtype=torch.float64)
            counts[task.name] += int(valid.sum())
    for name, count in counts.items():
        if count == 0:
            raise InputError(f"{name}: the training images have no labelled pixel")
    return {name: (total / counts[name]).float() for name, total in totals.items()}
