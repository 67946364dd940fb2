"""Progress of trainings and evaluations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar

from ctal.compat import processed_batches, trainer_command
from ctal.errors import counted
from ctal.evaluation.metric_info import measures
from ctal.io.progress import Display, display
from ctal.tasks import Task
from ctal.training.trainer_checks import listed


class Progress(ProgressBar):
    """Display of epoch, step, time left, loss and the latest scores on val.

    One bar covers the whole training. Lightning's default bar depends on the installed packages:
    if `rich` is among them, it displays nothing where stdout is not a terminal.
    """

    def __init__(self) -> None:
        super().__init__()
        self._enabled = True
        self._display: Display | None = None

    def enable(self) -> None:
        """Display the progress."""
        self._enabled = True

    def disable(self) -> None:
        """Display nothing; Lightning calls it in all processes but the first."""
        self._enabled = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the display, where an interrupted run stopped."""
        self._open("training", training_batches(trainer), processed_batches(trainer))

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Display the step."""
        self._show_training(
            trainer, pl_module, f"step {batch_idx + 1}/{trainer.num_training_batches}"
        )

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End the display with the scores of the last validation."""
        tasks: Any = pl_module.tasks  # of a MultiTaskModule
        steps = counted(trainer.global_step, "step")
        self._close(f"{steps}{numbers(trainer.callback_metrics, tasks, units=True)}")

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the display, unless a training validates."""
        if trainer_command(trainer) == "validate":
            self._open("scoring val", _sum(trainer.num_val_batches))

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Display the batch."""
        place = f"batch {batch_idx + 1}/{_sum(trainer.num_val_batches)}"
        if trainer_command(trainer) == "validate":
            self._show(batch_idx + 1, place)
        elif not trainer.sanity_checking:
            self._show_training(trainer, pl_module, f"validation {place}")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End the display, unless a training validates."""
        if trainer_command(trainer) == "validate":
            self._close()

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the display."""
        self._open("scoring test", _sum(trainer.num_test_batches))

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Display the batch."""
        self._show(batch_idx + 1, f"batch {batch_idx + 1}/{_sum(trainer.num_test_batches)}")

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End the display."""
        self._close()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """End the display, so that a message starts on a new line."""
        self._close()

    def _open(self, title: str, total: int | None, done: int = 0) -> None:
        self._close()
        if self._enabled:
            self._display = display(title, total, done)

    def _show_training(self, trainer: Trainer, module: LightningModule, place: str) -> None:
        epoch, epochs = trainer.current_epoch + 1, trainer.max_epochs
        of_all = "" if epochs in (None, -1) else f"/{epochs}"
        tasks: Any = module.tasks  # of a MultiTaskModule
        if self._display is not None:
            self._display.show(
                processed_batches(trainer),
                lambda: f"epoch {epoch}{of_all}, {place}{numbers(trainer.callback_metrics, tasks)}",
            )

    def _show(self, done: int, place: str) -> None:
        if self._display is not None:
            self._display.show(done, lambda: place)

    def _close(self, detail: str = "") -> None:
        if self._display is not None:
            self._display.close(detail)
        self._display = None


def with_progress(settings: Any) -> list[Any]:
    """Return the callbacks in the settings of a trainer, and the display of progress.

    A progress bar among the callbacks replaces it; `enable_progress_bar: false` turns it off.
    """
    callbacks = listed(settings.callbacks)
    given = any(isinstance(callback, ProgressBar) for callback in callbacks)
    return callbacks if given or settings.enable_progress_bar is False else [*callbacks, Progress()]


def training_batches(trainer: Trainer) -> int | None:
    """Return the number of batches of a whole training, None if it has no limit."""
    per_epoch, limits = trainer.num_training_batches, []
    if trainer.max_epochs not in (None, -1):
        limits.append(trainer.max_epochs * per_epoch)
    if trainer.max_steps != -1:
        limits.append(trainer.max_steps * trainer.accumulate_grad_batches)
    total = min(limits, default=math.inf)
    return int(total) if math.isfinite(total) else None


def numbers(metrics: Any, tasks: Sequence[Task], *, units: bool = False) -> str:
    """Return the loss of the step and the primary scores of the last validation, if known.

    Args:
        metrics: those that the module has logged.
        tasks: the tasks.
        units: whether to add the units, for which a terminal of 80 characters has no room.
    """
    loss = metrics.get("train/loss")
    shown = [] if loss is None else [f"loss {float(loss):.3g}"]
    for measure in measures(tasks):
        if measure.primary and f"val/{measure.key}" in metrics:
            value = float(metrics[f"val/{measure.key}"]) * (100 if measure.share else 1)
            unit = f" {measure.unit}" if units and measure.unit else ""
            shown.append(f"{measure.task} {value:.3g}{unit}")
    return "".join(f", {text}" for text in shown)


def _sum(batches: Sequence[int | float] | int | float) -> int | None:
    """Return the number of batches of all loaders; None without a limit."""
    total = sum(batches) if isinstance(batches, Sequence) else batches
    return int(total) if math.isfinite(total) else None
