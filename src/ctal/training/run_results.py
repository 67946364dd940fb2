"""Checkpoints of a run: the one to start from, the best one, and their scores."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lightning.pytorch import Trainer

from ctal.errors import InputError, counted
from ctal.evaluation.metric_info import measures
from ctal.io.atomic import write_whole
from ctal.io.run_folder import RunFolder
from ctal.training.module import MultiTaskModule


def find_checkpoint(folder: RunFolder, given: str | Path | None, *, fitting: bool) -> Path | None:
    """Return the checkpoint that `--ckpt_path` names: a file, "best" or "last", or none.

    Args:
        folder: the folder of the run.
        given: the value of the option, if any.
        fitting: whether the command trains; without a value it starts a new run, the other
            commands score the best checkpoint.

    Raises:
        InputError: the checkpoint is not found, or a new run would replace another one.
    """
    if given is None and fitting:
        check_free(folder)
        return None
    name = given or "best"
    path = folder.checkpoint(str(name)) if name in ("best", "last") else Path(name)
    if not path.is_file():
        raise InputError(f"ckpt_path: expected a checkpoint, best or last; {path} is not found")
    return path


def check_free(folder: RunFolder) -> None:
    """Check that a folder has no run yet.

    Raises:
        InputError: it already has a run.
    """
    if folder.last.is_file():
        raise InputError(
            f"{folder.path}: already has a run; resume it with --ckpt_path last, or choose another "
            "folder with --trainer.default_root_dir"
        )


@contextmanager
def held_folder(folder: RunFolder, *, new: bool) -> Iterator[None]:
    """Lock a run's folder against other commands.

    Args:
        folder: the folder.
        new: whether a new run starts in it, which must not replace another one.

    Raises:
        InputError: another command runs in the folder, or it already has a run.
    """
    with folder.locked():
        if new:
            check_free(folder)  # a run may have started since the arguments were parsed
        yield


def keep_best(folder: RunFolder, trainer: Trainer, *, validated: bool) -> None:
    """Keep the last checkpoint as the best one of a run without validation.

    Args:
        folder: the folder of the run, whose training has ended.
        trainer: the trainer of the run; its first process writes files.
        validated: whether the run has a val split.

    Raises:
        InputError: the run has a val split, but no best checkpoint.
    """
    if not validated and trainer.is_global_zero and folder.last.is_file():
        write_whole(folder.best, lambda file: file.write(folder.last.read_bytes()))
        sys.stdout.write(f"{folder.best}: the last epoch, not scored, since data.val is missing\n")
    if validated and not folder.best.is_file() and "val/score" not in trainer.callback_metrics:
        raise InputError(
            f"{folder.path}: the training ended before its first validation; increase "
            "trainer.max_steps or max_time, or leave out data.val"
        )
    if validated and not folder.best.is_file():
        raise InputError(
            f"{folder.path}: val/score was never finite, so there is no best checkpoint: the "
            "training diverged (then use a lower learning rate of model.optimizer), or val has "
            "no labels"
        )


def check_split(datasets: Mapping[str, object], split: str) -> None:
    """Check that there is a dataset to score on.

    Raises:
        InputError: the split has no dataset.
    """
    if datasets[split] is None:
        others = [name for name in ("test", "val") if datasets.get(name) is not None]
        command = {"test": "ctal test", "val": "ctal validate"}
        advice = f", or run `{command[others[0]]}` to score on {others[0]}" if others else ""
        raise InputError(
            f"data.{split}: expected a dataset to score on, got none; add it to the "
            f"configuration{advice}"
        )


def print_scores(model: MultiTaskModule, checkpoint: Path | None, *, classes: bool) -> None:
    """Print the scores of a checkpoint, and of each class if requested, fractions in percent."""
    epoch = f" of epoch {model.loaded_epoch}" if model.loaded_epoch else ""
    lines = [f"{checkpoint}{epoch}, {counted(model.samples, 'image')}, {model.protocol.title()}"]
    for measure in measures(model.tasks):
        score = model.scores[measure.key] * (100 if measure.share else 1)
        lines.append(f"{measure.task:<12} {measure.title():<24} {score:10.4g}")
    for name, rows in (model.details.classes() if classes and model.details else {}).items():
        if all(math.isnan(row.iou) for row in rows):
            continue  # the split has no labels of this task
        lines += ["", f"{name:<37} {'IoU %':>10} {'accuracy %':>10}"]
        lines += [
            f"{row.name:<37} {100 * row.iou:10.4g} {100 * row.accuracy:10.4g}" for row in rows
        ]
    sys.stdout.write("\n".join(lines) + "\n")
