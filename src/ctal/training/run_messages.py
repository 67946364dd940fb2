"""Messages about the weights of a run, where it is resumed, and why it ends early."""

from __future__ import annotations

import sys

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping, Timer

from ctal.errors import counted
from ctal.profiling.cost import parameters
from ctal.training.module import MultiTaskModule
from ctal.training.trainer_checks import callbacks_of


class RunMessages(Callback):
    """Print the weights of a run, the epoch in which it is resumed, and why it ends early."""

    def __init__(self) -> None:
        self._trained = False

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print where the weights are from, and how many are trained."""
        if trainer.is_global_zero and isinstance(pl_module, MultiTaskModule):
            _print_weights(pl_module)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the epoch in which a run is resumed."""
        self._trained = True
        if trainer.ckpt_path:
            _print(trainer, f"resuming in epoch {trainer.current_epoch + 1}")

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print why there were no steps, or fewer than planned."""
        if getattr(trainer, "fast_dev_run", False):
            _print(trainer, "the trial run has ended without an error; nothing was saved")
        elif not self._trained:
            by_steps = 0 <= trainer.max_steps <= trainer.global_step
            limit = "max_steps" if by_steps else "max_epochs"
            value = getattr(trainer, limit)
            line = f"already trained up to trainer.{limit}={value}; increase it to train longer"
            _print(trainer, line)
        elif reason := _stopped(trainer):
            _print(trainer, f"stopped early, {reason}")


def _print_weights(model: MultiTaskModule) -> None:
    """Print where the weights of a network are from, and the number of its parameters."""
    weights = model.network.parameters()
    every = parameters(model.network) / 1e6
    trained = sum(weight.numel() for weight in weights if weight.requires_grad) / 1e6
    frozen = f", of which {trained:.1f} M are trained" if trained < every else ""
    if model.initialization:
        sys.stderr.write(f"{model.initialization}\n")
    sys.stdout.write(f"{type(model.network).__name__}: {every:.1f} M parameters{frozen}\n")


def _stopped(trainer: Trainer) -> str:
    """Return when and why a callback has stopped a training, or ""."""
    for callback in callbacks_of(trainer) if trainer.should_stop else ():
        if isinstance(callback, EarlyStopping) and callback.stopping_reason_message:
            why = callback.stopping_reason_message.partition(" Signaling")[0].rstrip(".")
            if callback.wait_count >= callback.patience:
                times = counted(callback.wait_count, "validation")
                why = f"{callback.monitor} has not improved in {times}"
            return f"after epoch {callback.stopped_epoch + 1}: {why}"
        if isinstance(callback, Timer) and (callback.time_remaining() or 0) <= 0:
            return f"after {counted(trainer.global_step, 'step')}: trainer.max_time is reached"
    return ""


def _print(trainer: Trainer, line: str) -> None:
    if trainer.is_global_zero:
        sys.stderr.write(f"{line}\n")
