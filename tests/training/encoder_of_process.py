"""A callback that writes the weights of each process at the end of the training."""

import torch
from lightning.pytorch import Callback


class WriteWeights(Callback):
    def on_train_epoch_end(self, trainer, pl_module):
        name = f"weights_{trainer.global_rank}_{trainer.current_epoch}.pt"
        torch.save(pl_module.network.state_dict(), name)
