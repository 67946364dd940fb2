"""Freezing of the encoder, for the whole run or for the first epochs."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.strategies import DDPStrategy
from torch import nn

from ctal.errors import InputError
from ctal.networks.encoders.parts import encoder_parts
from ctal.training.module import MultiTaskModule


class FreezeEncoder(Callback):
    """Freeze the encoder, including the statistics of its BatchNorm layers.

    A frozen encoder is in evaluation mode, which disables dropout and stochastic depth too. It gets
    neither gradients nor weight decay. The `PyramidNeck` of a plain vision transformer is trained,
    since it is randomly initialized. Freezing depends only on the epoch, so a resumed run is
    identical to an uninterrupted one.

    Args:
        epochs: number of epochs during which the encoder is frozen; None: all.

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
        """Find the encoder, and freeze it before DDP is set up if `epochs` is None.

        Raises:
            InputError: The network has no encoder.
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
        """Check that the DDP strategy supports weights that are unfrozen later.

        Raises:
            InputError: The strategy does not find unused parameters.
        """
        several = isinstance(trainer.strategy, DDPStrategy)
        finds = getattr(trainer.strategy.model, "find_unused_parameters", False)
        if several and self.epochs is not None and not finds:
            raise InputError(
                "trainer.strategy: expected ddp_find_unused_parameters_true for FreezeEncoder with "
                "epochs, since the encoder gets gradients later; set it, or omit epochs"
            )

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Freeze or unfreeze the encoder, also in an epoch resumed after some of its batches."""
        frozen = self.epochs is None or trainer.current_epoch < self.epochs
        # Lightning sets the training mode at the start
        if frozen != self._frozen or any(part.training == frozen for part in self._parts):
            self._set(frozen=frozen)

    def _set(self, *, frozen: bool) -> None:
        self._frozen = frozen
        for part in self._parts:
            part.train(not frozen)
        for parameter in self._trained:
            parameter.requires_grad_(not frozen)
