"""`ReduceLROnPlateau` in a resumed run equals that of an uninterrupted run."""

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from ctal.training.checkpointing import RunCheckpoints, WholeCheckpointIO
from ctal.training.optim import PlateauSteps


class Stuck(LightningModule):
    """Module whose loss never decreases."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()))

    def training_step(self, batch, batch_idx):
        return 0 * self.weight

    def validation_step(self, batch, batch_idx):
        self.log("val/loss", 1.0)

    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.parameters(), lr=1.0)
        scheduler = ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
        return [optimizer], [{"scheduler": scheduler, "monitor": "val/loss"}]


def train(folder, epochs, checkpoint=None):
    loader = torch.utils.data.DataLoader(range(2))
    trainer = Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        callbacks=[RunCheckpoints(), PlateauSteps()],
        plugins=[WholeCheckpointIO()],
        default_root_dir=folder,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Stuck(), loader, loader, ckpt_path=checkpoint, weights_only=True)
    scheduler = trainer.lr_scheduler_configs[0].scheduler
    return trainer.optimizers[0].param_groups[0]["lr"], scheduler.last_epoch


@pytest.mark.filterwarnings("ignore::UserWarning:lightning", "ignore::FutureWarning:lightning")
@pytest.mark.parametrize("stops", [(2,), (1, 3), (1, 2, 3, 4)])
def test_a_resumed_run_steps_as_often(tmp_path, stops):
    straight = train(tmp_path / "straight", 5)
    assert straight == (0.25, 5)
    checkpoint = None
    for epochs in (*stops, 5):
        resumed = train(tmp_path / "resumed", epochs, checkpoint)
        checkpoint = tmp_path / "resumed" / "checkpoints" / "last.ckpt"
    assert resumed == straight
