"""A resumed run trains on batches that are bit-identical to those of an uninterrupted run."""

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torchvision.transforms import v2

from ctal.data import DenseDataModule, RandomZoomCrop
from ctal.errors import InputError

EPOCHS, BATCHES = 3, 5


class TinyModule(LightningModule):
    """Predict depth from color, and record the batches."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = torch.nn.Conv2d(3, 1, 1)
        self.batches = []

    def training_step(self, batch, batch_idx):
        self.batches.append((self.current_epoch, batch_idx, batch["depth"].clone()))
        return (self.layer(batch["image"]) - batch["depth"]).abs().mean()

    def validation_step(self, batch, batch_idx):
        self.log("val", self.layer(batch["image"]).mean())

    def configure_optimizers(self):
        optimizer = torch.optim.Adam(self.parameters(), lr=0.1)
        # requests the number of batches, and so the loader, before the run's state is restored
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        return [optimizer], [{"scheduler": schedule, "interval": "step"}]


def train(dataset, folder, num_workers, kind, checkpoint=None, *, batch_size=2, epochs=EPOCHS):
    data = DenseDataModule(
        dataset,
        dataset,
        batch_size=batch_size,
        num_workers=num_workers,
        augmentation=[v2.RandomHorizontalFlip(), RandomZoomCrop()],
        seed=5,
    )
    module = TinyModule()
    trainer = Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        callbacks=[ModelCheckpoint(folder, "{step}", save_top_k=-1, **kind)],
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, data, ckpt_path=checkpoint, weights_only=True)
    return module


@pytest.mark.filterwarnings("ignore::UserWarning:lightning", "ignore::FutureWarning:lightning")
# in the middle of an epoch; after its last batch, before validation; and at its very end
@pytest.mark.parametrize(
    ("kind", "steps"),
    [
        ({"every_n_train_steps": 3}, [3, 6, 9]),
        ({"every_n_train_steps": 5}, [5, 10]),
        ({"every_n_epochs": 1}, [5, 10]),
        ({"every_n_epochs": 1, "save_on_train_epoch_end": True}, [5, 10]),
    ],
)
@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_resumed_run_repeats_an_uninterrupted_one(
    memory_dataset, tmp_path, num_workers, kind, steps
):
    dataset = memory_dataset(2 * BATCHES)
    straight = train(dataset, tmp_path, num_workers, kind)
    assert len(straight.batches) == EPOCHS * BATCHES
    for step in steps:
        checkpoint = tmp_path / f"step={step}.ckpt"
        resumed = train(dataset, tmp_path / "resumed", num_workers, kind, checkpoint)
        expected = straight.batches[step:]
        assert [b[:2] for b in resumed.batches] == [b[:2] for b in expected]
        for (*_, ours), (*_, theirs) in zip(resumed.batches, expected, strict=True):
            assert torch.equal(ours, theirs)
        assert torch.equal(resumed.layer.weight, straight.layer.weight)


@pytest.mark.filterwarnings("ignore::UserWarning:lightning", "ignore::FutureWarning:lightning")
def test_the_batch_size_may_change_between_epochs(memory_dataset, tmp_path):
    """The order of an epoch depends on its number, not on the batches before."""
    dataset, kind = memory_dataset(2 * BATCHES), {"every_n_epochs": 1}
    straight = train(dataset, tmp_path / "a", 0, kind, batch_size=5)
    train(dataset, tmp_path / "b", 0, kind, epochs=1)
    first = tmp_path / "b" / f"step={BATCHES}.ckpt"
    train(dataset, tmp_path / "c", 0, kind, first, batch_size=5, epochs=2)
    second = tmp_path / "c" / f"step={BATCHES + 2}.ckpt"
    for checkpoint, epochs in ((first, 2), (second, 1)):
        resumed = train(dataset, tmp_path / "d", 0, kind, checkpoint, batch_size=5)
        assert len(resumed.batches) == 2 * epochs
        for (*ours, depth), (*theirs, expected) in zip(
            resumed.batches, straight.batches[-2 * epochs :], strict=True
        ):
            assert ours == theirs
            assert torch.equal(depth, expected)


@pytest.mark.filterwarnings("ignore::UserWarning:lightning", "ignore::FutureWarning:lightning")
def test_the_batch_size_may_not_change_within_an_epoch(memory_dataset, tmp_path):
    dataset = memory_dataset(2 * BATCHES)
    train(dataset, tmp_path, 0, {"every_n_train_steps": 3}, epochs=1)
    with pytest.raises(InputError, match=r"stopped after 3 of 5 batches .* now have 2; resume"):
        train(dataset, tmp_path, 0, {"every_n_epochs": 1}, tmp_path / "step=3.ckpt", batch_size=5)
