"""Freezing the encoder: for good, or for the first epochs."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.strategies import DDPStrategy
from torch import nn

from ctal.errors import InputError
from ctal.networks.encoders.parts import encoder_parts
from ctal.training.module import MultiTaskModule


class FreezeEncoder(Callback):
    """Keep the encoder as it is: its weights, and the statistics of its BatchNorm layers.

    A frozen encoder computes as in evaluation, so its dropout and stochastic depth are off too. It
    gets neither gradients nor weight decay. A `PyramidNeck` of a plain vision transformer is
    trained, since its weights are random at first. All is a function of the epoch, so a resumed
    run continues as one that was never interrupted.

    Args:
        epochs: number of epochs from the start during which the encoder is frozen; None: all.

    Raises:
        InputError: `epochs` is below 1.
    """

    def __init__(self, epochs: int | None = None) -> None:
        if epochs is not None and epochs < 1:
            raise InputError(f"FreezeEncoder.epochs: expected an integer >= 1, got {epochs}")
        self.epochs = epochs
        self._parts: list[nn.Module] = []
        self._trained: list[nn.Parameter] = []  # some encoders have constant parameters
        self._frozen = False

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Find the encoder, and freeze it if it is for good, before processes share gradients.

        Raises:
            InputError: the network has no encoder.
        """
        if stage != "fit" or not isinstance(pl_module, MultiTaskModule) or self._parts:
            return
        self._parts = encoder_parts(pl_module.network)
        self._trained = [
            parameter
            for part in self._parts
            for parameter in part.parameters()
            if parameter.requires_grad
        ]
        if self.epochs is None:
            self._set(frozen=True)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check that several processes can train with weights that get gradients later.

        Raises:
            InputError: they cannot.
        """
        several = isinstance(trainer.strategy, DDPStrategy)
        finds = getattr(trainer.strategy.model, "find_unused_parameters", False)
        if several and self.epochs is not None and not finds:
            raise InputError(
                "trainer.strategy: expected ddp_find_unused_parameters_true for FreezeEncoder with "
                "epochs, since the encoder gets gradients later; set it, or leave out epochs"
            )

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Freeze or unfreeze the encoder, in an epoch that was resumed in its middle too."""
        frozen = self.epochs is None or trainer.current_epoch < self.epochs
        # Lightning sets modes when a training starts
        if frozen != self._frozen or any(part.training == frozen for part in self._parts):
            self._set(frozen=frozen)

    def _set(self, *, frozen: bool) -> None:
        self._frozen = frozen
        for part in self._parts:
            part.train(not frozen)
        for parameter in self._trained:
            parameter.requires_grad_(not frozen)
