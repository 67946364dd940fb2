"""Files of a run other than checkpoints: settings, training cost, images of predictions."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.cli import SaveConfigCallback
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor

from ctal.compat import trainer_command
from ctal.errors import InputError
from ctal.io.atomic import write_text
from ctal.io.run_folder import RunFolder
from ctal.profiling.cost import machine
from ctal.training.module import MultiTaskModule
from ctal.visualization.joint import labeled_panel
from ctal.visualization.panels import save_png


class ConfigFile(SaveConfigCallback):
    """Write config.yaml to the run's folder when the training starts.

    Lightning writes it earlier, so a refused run would replace that of the previous run, and
    into the folder of the logger, which differs for some loggers.
    """

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write nothing yet."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the file."""
        super().setup(trainer, pl_module, "fit")

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the file if it is missing, after a training that had no steps left."""
        super().setup(trainer, pl_module, "fit")

    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write all settings atomically."""
        settings = self.parser.dump(self.config, skip_unset=False)
        write_text(RunFolder(trainer.default_root_dir).config, settings)


class TrainingCost(Callback):
    """Record the cost of a training, over all resumed parts, for the file `training.json`.

    "seconds" of wall-clock time, including validation and compilation;
    "steps"; "device"; "peak_memory_mib", the peak of allocated memory on a CUDA device, including
    samples stored there, None on other devices; and "validated", whether there is a val split.
    """

    def __init__(self) -> None:
        self._before = 0.0  # seconds of the parts that this one resumes
        self._peak = 0.0
        self._start: float | None = None
        self._on_cuda = False

    def state_dict(self) -> dict[str, float]:
        """Return the cost so far, which every checkpoint stores."""
        now = 0.0 if self._start is None else time.perf_counter() - self._start
        return {"seconds": self._before + now, "peak_memory_mib": self._peak_mib()}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        """Load the cost of the resumed run."""
        self._before = state_dict["seconds"]
        self._peak = state_dict["peak_memory_mib"]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock, after data and weights have been loaded."""
        self._start = time.perf_counter()
        self._on_cuda = trainer.strategy.root_device.type == "cuda"
        if self._on_cuda:
            torch.cuda.reset_peak_memory_stats()

    def write(self, trainer: Trainer, *, validated: bool) -> None:
        """Write the file of a completed training."""
        taken, device = self.state_dict(), trainer.strategy.root_device
        cuda = device.type == "cuda"
        content = {
            **taken,
            "peak_memory_mib": taken["peak_memory_mib"] if cuda else None,
            "steps": trainer.global_step,
            "device": machine(device),
            "validated": validated,
        }
        path = RunFolder(trainer.default_root_dir).training
        write_text(path, json.dumps(content, indent=2) + "\n")

    def _peak_mib(self) -> float:
        used = torch.cuda.max_memory_allocated() if self._on_cuda else 0
        return max(self._peak, used / 2**20)


class ImagePanels(Callback):
    """Log predictions for the first images of val to TensorBoard, or write them to a file.

    Args:
        every_n_epochs: number of epochs between panels; one is always logged in the last epoch.
        count: number of images, at most the batch size.
        file: whether to write each panel to val.png in the run's folder, over the last one.

    Raises:
        InputError: an argument is below 1.
    """

    def __init__(self, every_n_epochs: int = 5, count: int = 4, file: bool = False) -> None:
        for key, value in (("every_n_epochs", every_n_epochs), ("count", count)):
            if value < 1:
                raise InputError(f"images.{key}: expected an integer >= 1, got {value}")
        self.every_n_epochs = every_n_epochs
        self.count = count
        self.file = file

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Log the panel on the first batch of a validation."""
        done = trainer.current_epoch + 1
        last = done == trainer.max_epochs or trainer.global_step == trainer.max_steps
        due = batch_idx == 0 and (last or done % self.every_n_epochs == 0)
        if not (due and trainer_command(trainer) == "fit" and trainer.is_global_zero):
            return
        if not isinstance(pl_module, MultiTaskModule):
            return
        board = trainer.logger if isinstance(trainer.logger, TensorBoardLogger) else None
        if board is None and not self.file:
            return
        first = {key: value[: self.count] for key, value in batch.items()}
        drawn = validation_panel(pl_module, first)
        if board is not None:
            board.experiment.add_image("val/predictions", drawn, trainer.global_step)
        if self.file:
            save_png(drawn, RunFolder(trainer.default_root_dir).val_panel)


def validation_panel(module: MultiTaskModule, batch: Mapping[str, Tensor]) -> Tensor:
    """Draw the ground truth and the predictions of a network for some images.

    Args:
        module: the module whose network predicts.
        batch: a few samples, stacked.

    Returns:
        (3, H', W') uint8.
    """
    images = batch["image"].as_subclass(Tensor)
    with torch.no_grad():
        final = module(images).final
    decoded = {task.name: task.decode(final[task.name].float()).cpu() for task in module.tasks}
    labels = {name: batch[name].cpu() for name in ("image", *decoded)}
    samples, maps = (
        [{name: batch[index] for name, batch in batches.items()} for index in range(len(images))]
        for batches in (labels, decoded)
    )
    return labeled_panel(module.tasks, samples, maps)
