"""The files of the scores of a checkpoint: of the split, of its classes, of each image."""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from ctal.compat import trainer_command
from ctal.evaluation.details import ClassScore, ImageScore, relative_errors
from ctal.io.atomic import write_text
from ctal.io.run_folder import RunFolder
from ctal.training.scored import ScoredModule

Indexed = tuple[int, ImageScore]
"""The index of a sample in its dataset, and its scores."""


class ScoreFiles(Callback):
    """Write `scores_val` or `scores_test` after a validation or test outside training.

    The `.json` has the scores of the split and of each class, and the protocol. The `.csv` has a
    line for each image, the one with the highest error first (see
    `ctal.evaluation.details.relative_errors`).
    """

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the scores, except after the validation of a training epoch."""
        if trainer_command(trainer) == "validate":
            self._write(trainer, pl_module, "val")

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the scores."""
        self._write(trainer, pl_module, "test")

    def _write(self, trainer: Trainer, module: LightningModule, split: str) -> None:
        if not isinstance(module, ScoredModule):
            return
        folder = RunFolder(trainer.default_root_dir)
        # all processes take part in these two
        classes = module.details.classes() if module.details else None
        images = _of_all_processes(trainer, module.details.images) if module.details else None
        if not trainer.is_global_zero:
            return
        content: dict[str, Any] = {
            "split": split,
            "checkpoint": None if trainer.ckpt_path is None else str(trainer.ckpt_path),
            "samples": module.samples,
            "scoring": module.protocol.plain(),
            "scores": {key: _finite(value) for key, value in module.scores.items()},
        }
        if classes is not None:
            content["classes"] = {name: [*map(_entry, rows)] for name, rows in classes.items()}
        if images is not None:
            dataset = trainer.datamodule.datasets[split]  # type: ignore[attr-defined]
            named = [(dataset.sample_name(index), image) for index, image in images]
            write_text(folder.image_scores(split), image_table(named))
        _note_other_protocol(folder.scores(split), content["scoring"])
        # last: a run with this file is complete
        write_text(folder.scores(split), json.dumps(content, indent=2, allow_nan=False) + "\n")


def _note_other_protocol(path: Path, scoring: dict[str, Any]) -> None:
    """Print a line if the scores that are replaced had other options of `scoring`."""
    try:
        before = json.loads(path.read_text(encoding="utf-8"))["scoring"]
    except (OSError, ValueError, LookupError, TypeError):
        return  # none, or of a version before 0.2
    if before != scoring:
        sys.stderr.write(f"{path}: replaced; the previous scores used other options of `scoring`\n")


def image_table(images: list[tuple[str, ImageScore]]) -> str:
    """Return the CSV of the scores of images, the one with the highest error first.

    Args:
        images: the name and the scores of each image.

    Returns:
        The columns "image", "relative_error" and a column for each metric. A score that is not
        defined for an image is empty.
    """
    errors = relative_errors([scores for _, scores in images])
    rows = sorted(
        zip(errors, images, strict=True),
        key=lambda row: (math.isnan(row[0]), -row[0] if not math.isnan(row[0]) else 0.0),
    )
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["image", "relative_error", *(images[0][1].scores if images else ())])
    for error, (name, image) in rows:
        table.writerow([name, *map(_cell, [error, *image.scores.values()])])
    return text.getvalue()


def _of_all_processes(trainer: Trainer, images: list[ImageScore]) -> list[Indexed]:
    """Return the scores of the images of all processes, by the order of the dataset."""
    # EvaluationSampler gives a process every n-th sample
    own = [
        (trainer.global_rank + place * trainer.world_size, image)
        for place, image in enumerate(images)
    ]
    if trainer.world_size == 1:
        return own
    parts: list[list[Indexed]] = [[] for _ in range(trainer.world_size)]
    torch.distributed.all_gather_object(parts, own)
    return sorted((entry for part in parts for entry in part), key=lambda entry: entry[0])


def _entry(row: ClassScore) -> dict[str, Any]:
    return {
        "class": row.name,
        "iou": _finite(row.iou),
        "accuracy": _finite(row.accuracy),
    }


def _finite(value: float) -> float | None:
    """Return a value as JSON has it, without NaN (a map without a label) and infinity."""
    return value if math.isfinite(value) else None


def _cell(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6g}"
