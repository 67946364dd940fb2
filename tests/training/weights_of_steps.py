"""Callback that records all weights after every step."""

from typing import ClassVar

import torch
from lightning.pytorch import Callback


class WeightsOfSteps(Callback):
    seen: ClassVar[list[dict[str, torch.Tensor]]] = []

    def on_fit_start(self, trainer, pl_module):
        self.seen.clear()

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        state = pl_module.state_dict()
        self.seen.append({name: value.clone() for name, value in state.items()})
