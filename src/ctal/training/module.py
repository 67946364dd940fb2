"""Training: joins a network, its tasks and batches of labelled pictures, and knows none by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, cast

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn
from torch.optim import Optimizer

from ctal.data.sampling import derived_seed
from ctal.evaluation.evaluator import Scores, Scoring
from ctal.networks import Network, Predictions, describe
from ctal.networks.memory import set_memory_format
from ctal.networks.normalization import normalization_errors
from ctal.tasks import Task
from ctal.training.checkpointing import check_same_network
from ctal.training.losses import TaskLosses
from ctal.training.module_checks import check_arguments, check_compiled, check_same_weighting
from ctal.training.optim import Interval, Optimization
from ctal.training.parameter_groups import ParameterGroups
from ctal.weighting import Weighting, make_weighting

Batch = Mapping[str, Tensor]


class MultiTaskModule(LightningModule):
    """Trains and scores a network on all of its tasks.

    The loss of a batch is the sum over tasks t of

        w_t * (loss_t(final prediction) + mean over scales of loss_t(initial prediction)),

    unless a weighting makes another scalar of these terms, or an aggregator combines gradients.

    It logs `train/loss`, `train/<task>` (not weighted), `train/weight/<task>` (that of a weighting
    or aggregator), `val/<task>/<metric>` (over the whole split, not a mean over batches),
    `val/loss` (of the final predictions, with the w_t alone, per picture) and `val/score`,
    by which the best checkpoint is chosen: the geometric mean over tasks of the primary metric, or
    of its inverse where lower is better. Higher is better. A task's unit only scales it by a
    constant, so it orders checkpoints as the mean relative gain over *any* reference does, to first
    order: no single-task network has to be trained before.

    Random numbers of a step (dropout) follow from the seed, the epoch, the batch's place in it
    and the process, so a resumed run draws the same ones as a run that was never interrupted.

    Args:
        network: any module with a list `tasks` that turns (B, 3, H, W) pictures in 0..1 into
            `ctal.networks.Predictions`.
        task_weights: weight w_t of each task in the loss, by its name; 1 for those not given.
        weighting: makes, from the tasks, what weighs their losses once more, as a class of
            `ctal.weighting` does; None: nothing.
        aggregator: makes what combines the tasks' gradients, as a class of `torchjd.aggregation`
            does (see `ctal.weighting.gradients`); None: they are added.
        optimizer: makes the optimizer from the parameters.
        parameter_groups: learning rates and weight decays of the encoder against the rest; None:
            the optimizer's for all.
        lr_scheduler: makes the learning rate's schedule from the optimizer; None is `Cosine`, from
            the optimizer's rate to 0. docs/train.md lists others.
        lr_interval: step the schedule each "step" or "epoch"; None: each step for the schedules of
            `ctal.training`, OneCycleLR and CyclicLR, each epoch for others.
        compiled: compile the network with `torch.compile` in this mode, "default" or, on CUDA,
            "reduce-overhead" for CUDA graphs; None: do not. The first steps then take minutes.

    Attributes:
        scores: every number of the last validation or test, {"<task>/<metric>": value}.
        samples: the number of pictures that `scores` was computed from.

    Raises:
        InputError: `task_weights` names a task that the network does not have, both `weighting` and
            `aggregator` are given, or one of them cannot be used.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        task_weights: dict[str, float] | None = None,
        weighting: Callable[[Sequence[Task]], Weighting] | None = None,
        aggregator: Callable[[], nn.Module] | None = None,
        optimizer: OptimizerCallable = lambda p: torch.optim.Adam(p, lr=1e-4, weight_decay=1e-4),
        parameter_groups: ParameterGroups | None = None,
        lr_scheduler: LRSchedulerCallable | None = None,
        lr_interval: Interval | None = None,
        compiled: Literal["default", "reduce-overhead"] | None = None,
    ) -> None:
        super().__init__()
        check_arguments(network, compiled=compiled, aggregator=aggregator)
        set_memory_format(network, torch.channels_last)
        if compiled:
            network.compile(mode=compiled)  # in place: names of weights stay
        self.network = network
        self.tasks = cast("list[Task]", network.tasks)
        self.losses = TaskLosses(self.tasks, task_weights or {})
        self.weighting = make_weighting(self.tasks, weighting, aggregator)
        self.optimization = Optimization(optimizer, lr_scheduler, parameter_groups, lr_interval)
        self._scoring = Scoring(self.tasks)
        self._seed: int | None = None
        self._compiled = compiled
        self.scores: dict[str, float] = {}
        self.samples = 0

    def forward(self, images: Tensor) -> Predictions:
        """Raw predictions of the network for pictures (B, 3, H, W) in 0..1."""
        # without its subclass, on which compiled graphs of torch 2.14 fail (tv_tensors.Image)
        with normalization_errors(images):
            return self.network(images.as_subclass(Tensor))

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss that is minimised, a scalar."""
        losses = self.losses(self(batch["image"]), batch)
        total = self.weighting(self.losses.weighted(losses))
        size = len(batch["image"])
        self.log_dict({f"train/{name}": loss for name, loss in losses.items()}, batch_size=size)
        self.log("train/loss", total, prog_bar=True, batch_size=size)
        return total

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        """Differentiates the loss of a batch in the weighting's way."""
        self.weighting.backward(loss, self.parameters())

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Complete the gradients of the step, and log its learning rate and task weights."""
        self.weighting.finish_gradients()
        self.log("train/learning_rate", optimizer.param_groups[0]["lr"])
        weights = self.weighting.weights
        if weights is not None:
            names = [f"train/weight/{task.name}" for task in self.tasks]
            self.log_dict(dict(zip(names, weights, strict=True)))

    def on_fit_start(self) -> None:
        """Takes the seed of the run, unless a resumed run brought it along.

        Raises:
            InputError: the weighting, or the way of compiling, does not work with the trainer's
                settings.
        """
        check_compiled(self._compiled, self.trainer)
        self.weighting.check(self.trainer, self.network)
        self._seed = torch.initial_seed() if self._seed is None else self._seed

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Makes the step's random numbers a function of its place in the run (see the class)."""
        seed = self._seed or 0
        torch.manual_seed(derived_seed(seed, self.current_epoch, batch_idx, self.global_rank))
        self.weighting.start_batch(self.current_epoch)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Feeds one batch to the metrics."""
        final = self(batch["image"]).final
        losses = self.losses.weighted(self.losses(Predictions(final, initial=[]), batch))
        self._scoring.update(final, batch, torch.stack([*losses.values()]).sum())

    def on_validation_epoch_end(self) -> None:
        """Computes, logs and resets the metrics of the split."""
        taken = self._take_scores("val")
        self.log("val/score", taken.score, prog_bar=True)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Feeds one batch to the metrics."""
        self.validation_step(batch, batch_idx)

    def on_test_epoch_end(self) -> None:
        """Computes, logs and resets the metrics of the split."""
        self._take_scores("test")

    def configure_optimizers(self) -> Any:
        """The optimizer and its schedule, in the form that Lightning takes them.

        Raises:
            InputError: the optimizer refuses its arguments, or is not that of the run to be
                resumed, or the schedule needs the length of a run without an end.
        """
        optimizer, schedule = self.optimization.configure(self, self.network, self.trainer)
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adds how to build the network again, seed, optimizer and weighting, as plain values."""
        checkpoint["seed"] = self._seed
        checkpoint.update(self.optimization.state())
        checkpoint["weighting"] = self.weighting.title
        if isinstance(self.network, Network):
            checkpoint["ctal"] = describe(self.network)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Takes the seed of the interrupted run.

        Raises:
            InputError: the checkpoint is that of another network, or of another weighting.
        """
        check_same_weighting(checkpoint, self.weighting.title)
        check_same_network(checkpoint, self.network, self.state_dict())
        self._seed = checkpoint.get("seed")
        self.optimization.load_state(checkpoint)

    def _take_scores(self, split: str) -> Scores:
        taken = self._scoring.take()
        self.scores, self.samples = taken.metrics, taken.samples
        self.log_dict({f"{split}/{key}": value for key, value in self.scores.items()})
        self.log(f"{split}/loss", taken.loss)
        return taken
