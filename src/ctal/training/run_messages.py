"""Messages about the weights of a run, where it is resumed, and why it ends early."""

from __future__ import annotations

import sys

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping, Timer
from lightning.pytorch.callbacks.early_stopping import EarlyStoppingReason

from ctal.errors import counted
from ctal.networks import Network
from ctal.profiling.cost import parameters
from ctal.training.freezing import FreezeEncoder
from ctal.training.module import MultiTaskModule
from ctal.training.trainer_checks import callbacks_of


class RunMessages(Callback):
    """Print the weights of a run, the epoch in which it is resumed, and why it ends early."""

    def __init__(self) -> None:
        self._trained = False

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print where the weights are from, and how many are trained."""
        if trainer.is_global_zero and isinstance(pl_module, MultiTaskModule):
            callbacks = callbacks_of(trainer)
            frozen = (each.epochs for each in callbacks if isinstance(each, FreezeEncoder))
            _print_weights(pl_module, next(frozen, None))

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the epoch in which a run is resumed."""
        self._trained = True
        if trainer.ckpt_path:
            _print(trainer, f"resuming in epoch {trainer.current_epoch + 1}")

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print why there were no steps, or fewer than planned."""
        if getattr(trainer, "fast_dev_run", False):
            _print(trainer, "the trial run has ended without an error; nothing was saved")
        elif not self._trained and (limit := _limit(trainer)):
            _print(trainer, f"already trained up to trainer.{limit}; increase it to train longer")
        elif self._trained and not _is_complete(trainer) and (reason := _stopped(trainer)):
            _print(trainer, f"stopped early, {reason}")


def _limit(trainer: Trainer) -> str:
    """Return the limit that a training has reached, with its value, or ""."""
    if 0 <= trainer.max_steps <= trainer.global_step:
        return f"max_steps={trainer.max_steps}"
    if _is_complete(trainer):
        return f"max_epochs={trainer.max_epochs}"
    timers = [callback for callback in callbacks_of(trainer) if isinstance(callback, Timer)]
    return "max_time" if any(map(_is_over, timers)) else ""


def _is_complete(trainer: Trainer) -> bool:
    """Return whether all epochs are trained."""
    epochs = trainer.max_epochs
    return epochs is not None and 0 <= epochs <= trainer.current_epoch


def _print_weights(model: MultiTaskModule, frozen_epochs: int | None) -> None:
    """Print where the weights of a network are from, and the number of its parameters.

    Args:
        model: the module.
        frozen_epochs: epochs for which its encoder is frozen, if it is trained afterwards.
    """
    weights = model.network.parameters()
    every = parameters(model.network) / 1e6
    trained = sum(weight.numel() for weight in weights if weight.requires_grad) / 1e6
    frozen = f", of which {trained:.1f} M are trained" if trained < every else ""
    if frozen_epochs is not None:
        frozen += f", encoder frozen for {counted(frozen_epochs, 'epoch')}"
    name = type(model.network).__name__
    if model.initialization:
        sys.stderr.write(f"{model.initialization}\n")
    sys.stdout.write(f"{name}: {every:.1f} M parameters{frozen}\n")
    if not isinstance(model.network, Network):
        sys.stdout.write(
            f"{name} does not derive from ctal.networks.Network: the run can be resumed and "
            "scored, but ctal predict, compare, explain, export and info cannot load it\n"
        )


def _stopped(trainer: Trainer) -> str:
    """Return when and why a callback has stopped a training, or ""."""
    for callback in callbacks_of(trainer) if trainer.should_stop else ():
        if isinstance(callback, EarlyStopping) and callback.stopping_reason_message:
            why = callback.stopping_reason_message.partition(" Signaling")[0].rstrip(".")
            if callback.stopping_reason is EarlyStoppingReason.PATIENCE_EXHAUSTED:
                times = counted(callback.wait_count, "validation")
                why = f"{callback.monitor} has not improved in {times}"
            number = callback.stopped_epoch + 1
            place = "after" if number == trainer.current_epoch else "in"
            return f"{place} epoch {number}: {why}"
        if isinstance(callback, Timer) and _is_over(callback):
            return f"after {counted(trainer.global_step, 'step')}: the time limit is reached"
    return ""


def _is_over(timer: Timer) -> bool:
    left = timer.time_remaining()
    return left is not None and left <= 0


def _print(trainer: Trainer, line: str) -> None:
    if trainer.is_global_zero:
        sys.stderr.write(f"{line}\n")
