"""Stopping within a step that accumulates gradients of several batches."""

import os
import signal

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer

from ctal.errors import Interrupted
from ctal.io.run_folder import RunFolder
from ctal.training.checkpointing import RunCheckpoints, WholeCheckpointIO


class Line(LightningModule):
    """Fit a line, and request a stop after a batch."""

    def __init__(self, stop_after=None, number=None):
        super().__init__()
        torch.manual_seed(0)
        self.layer = torch.nn.Linear(1, 1)
        self.stop_after, self.number = stop_after, number

    def training_step(self, batch, batch_idx):
        if batch_idx == self.stop_after:
            os.kill(os.getpid(), self.number)
        # of its number and not its content, since skipping batches is done by the data module
        return (self.layer(torch.tensor([batch_idx + 1.0])) - 1).square().mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.01)


def train(folder, checkpoint=None, **stop):
    checkpoints, module = RunCheckpoints(), Line(**stop)
    trainer = Trainer(
        max_epochs=1,
        accelerator="cpu",
        accumulate_grad_batches=2,
        logger=False,
        callbacks=[checkpoints],
        plugins=[WholeCheckpointIO()],
        default_root_dir=folder,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    with checkpoints.stopped_by_signals(RunFolder(folder)):
        trainer.fit(
            module, torch.utils.data.DataLoader(range(6)), ckpt_path=checkpoint, weights_only=True
        )
    return module.layer.weight.item()


@pytest.mark.filterwarnings("ignore::UserWarning:lightning", "ignore::FutureWarning:lightning")
@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1], ids=lambda n: n.name
)
@pytest.mark.parametrize("stop_after", [0, 1, 2])
def test_no_gradient_is_lost(tmp_path, stop_after, number):
    straight = train(tmp_path / "straight")
    with pytest.raises(Interrupted, match="resume"):
        train(tmp_path / "stopped", stop_after=stop_after, number=number)
    last = tmp_path / "stopped" / "checkpoints" / "last.ckpt"
    steps = torch.load(last, weights_only=True)["global_step"]
    assert steps == 1 + stop_after // 2  # the current step is finished first
    assert train(tmp_path / "stopped", last) == straight
