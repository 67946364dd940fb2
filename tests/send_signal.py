"""Callback that sends a signal to its own process at a chosen step."""

from __future__ import annotations

import os
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer


class SendSignal(Callback):
    def __init__(self, number: int, step: int) -> None:
        self.number = number
        self.step = step

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step == self.step:
            os.kill(os.getpid(), self.number)
