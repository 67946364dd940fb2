"""Validation and test steps of the training module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import nn

from ctal.evaluation.details import Details
from ctal.evaluation.evaluator import Scores, Scoring
from ctal.evaluation.protocol import Protocol
from ctal.networks import Predictions
from ctal.tasks import Task
from ctal.training.losses import TaskLosses
from ctal.training.scored_parts import ScoredParts


class ScoredModule(LightningModule):
    """Evaluation of a network on all of its tasks; `MultiTaskModule` adds the training.

    A subclass sets the attributes and calls `prepare_scoring`.

    Attributes:
        network: the network.
        tasks: its tasks.
        losses: the losses of the tasks.
        scores: all metrics of the last validation or test, {"<task>/<metric>": value}.
        samples: the number of images in `scores`.
        details: scores of classes and images of the last validation or test, if requested.
    """

    network: nn.Module
    tasks: list[Task]
    losses: TaskLosses

    def prepare_scoring(self) -> None:
        """Create the metrics of the tasks."""
        self._scoring = Scoring(self.tasks)
        self._parts = ScoredParts(self.network, self)
        self.scores: dict[str, float] = {}
        self.samples = 0
        self.details: Details | None = None

    def score_by(self, protocol: Protocol, *, details: bool = False) -> None:
        """Use a protocol for the following validations and tests.

        A protocol at the images' own size requires batches of `DenseDataModule.keep_sizes`.

        Args:
            protocol: the protocol.
            details: also compute the scores of every class and image.

        Raises:
            InputError: an option of the protocol applies to no task.
        """
        protocol.check(self.tasks)
        self._scoring.protocol = protocol
        self._scoring.details = self.details = Details(self.tasks) if details else None

    @property
    def protocol(self) -> Protocol:
        """The protocol of validations and tests."""
        return self._scoring.protocol

    def on_validation_epoch_start(self) -> None:
        """Reset the scores of classes and images."""
        if self.details is not None:
            self.details.reset()

    def on_test_epoch_start(self) -> None:
        """Reset the scores of classes and images."""
        self.on_validation_epoch_start()

    def validation_step(self, batch: Mapping[str, Any], batch_idx: int) -> None:
        """Update the metrics with one batch."""
        for final, part in self._parts(batch, self.protocol):
            losses = self.losses.weighted(self.losses(Predictions(final, initial=[]), part))
            self._scoring.update(final, part, torch.stack([*losses.values()]).sum())

    def on_validation_epoch_end(self) -> None:
        """Compute, log and reset the metrics of the split."""
        taken = self._take_scores("val")
        self.log("val/score", taken.score, prog_bar=True)

    def test_step(self, batch: Mapping[str, Any], batch_idx: int) -> None:
        """Update the metrics with one batch."""
        self.validation_step(batch, batch_idx)

    def on_test_epoch_end(self) -> None:
        """Compute, log and reset the metrics of the split."""
        self._take_scores("test")

    def _take_scores(self, split: str) -> Scores:
        self._parts.clear()  # the network may change before the next split
        taken = self._scoring.take()
        self.scores, self.samples = taken.metrics, taken.samples
        self.log_dict({f"{split}/{key}": value for key, value in self.scores.items()})
        self.log(f"{split}/loss", taken.loss)
        return taken
