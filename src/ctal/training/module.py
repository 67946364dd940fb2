"""Lightning module that trains any network on its tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, cast

import torch
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn
from torch.optim import Optimizer

from ctal.data.sampling import derived_seed
from ctal.losses import Criterion
from ctal.networks import Network, Predictions, describe
from ctal.networks.normalization import normalization_errors
from ctal.networks.predictions import check_predictions
from ctal.tasks import Task
from ctal.training.checkpointing import check_same_network
from ctal.training.criteria import train_counts
from ctal.training.fast_backward import fast_backward, trains_in_bfloat16
from ctal.training.initialization import prepare_network
from ctal.training.losses import TaskLosses
from ctal.training.module_checks import check_arguments, check_compiled, check_same_weighting
from ctal.training.optim import Interval, Optimization
from ctal.training.parameter_groups import ParameterGroups
from ctal.training.scored import ScoredModule
from ctal.weighting import Weighting, make_weighting

Batch = Mapping[str, Tensor]


class MultiTaskModule(ScoredModule):
    """Training and evaluation of a network on all of its tasks.

    The loss of a batch is the sum over tasks t of

        w_t * (loss_t(final prediction) + mean over scales of loss_t(initial prediction)),

    unless a weighting combines these terms differently or an aggregator combines gradients.

    It logs `train/loss`, `train/<task>` (unweighted), `train/weight/<task>` (with a weighting
    or aggregator), `val/<task>/<metric>` (over the whole split, not a mean over batches),
    `val/loss` (of the final predictions, with the w_t only, per image) and `val/score`,
    which selects the best checkpoint: the geometric mean over tasks of the primary metric, or
    of its inverse where lower is better. Higher is better. A task's unit only scales it by a
    constant, so to first order it ranks checkpoints as the mean relative gain over *any*
    reference does, without training single-task networks first.

    Random numbers of a step (dropout) are a function of the seed, the epoch, the batch index
    and the process, so a resumed run draws the same ones as an uninterrupted run.

    Args:
        network: any module with a list `tasks` that turns (B, 3, H, W) images in 0..1 into
            `ctal.networks.Predictions`.
        init_from: source of the first weights, as in `ctal.networks.initialize_from`. A
            configuration without `network` has that of the source, for its own tasks and size.
        task_weights: weight w_t of each task in the loss, by task name; 1 by default.
        criteria: losses by task name, in place of the tasks' own (see `ctal.losses`).
        weighting: creates a weighting of the losses from the tasks, such as a class of
            `ctal.weighting`; None: no further weighting.
        aggregator: creates an aggregator of the tasks' gradients, such as a class of
            `torchjd.aggregation` (see `ctal.weighting.gradients`); None: gradients are summed.
        optimizer: creates the optimizer from the parameters.
        parameter_groups: learning rates and weight decays of the encoder against the rest; None:
            the optimizer's for all.
        lr_scheduler: makes the learning rate's schedule from the optimizer; None is `Cosine`, from
            the optimizer's rate to 0. docs/train.md lists others.
        lr_interval: step the schedule each "step" or "epoch"; None: each step for the schedules of
            `ctal.training`, OneCycleLR and CyclicLR, each epoch for others.
        compiled: compile the network with `torch.compile` in this mode, "default" or, on CUDA,
            "reduce-overhead" for CUDA graphs; None: do not compile. The first steps of a compiled
            network take minutes.

    Attributes:
        initialization: what was taken from `init_from`, a line; None without it.

    Raises:
        InputError: `task_weights` has an unknown task, both `weighting` and `aggregator` are given,
            or one of them cannot be used.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        init_from: str | None = None,
        task_weights: dict[str, float] | None = None,
        criteria: dict[str, Criterion] | None = None,
        weighting: Callable[[Sequence[Task]], Weighting] | None = None,
        aggregator: Callable[[], nn.Module] | None = None,
        optimizer: OptimizerCallable = lambda p: torch.optim.Adam(p, lr=1e-4, weight_decay=1e-4),
        parameter_groups: ParameterGroups | None = None,
        lr_scheduler: LRSchedulerCallable | None = None,
        lr_interval: Interval | None = None,
        compiled: Literal["default", "reduce-overhead"] | None = None,
    ) -> None:
        super().__init__()
        self.loaded_epoch = 0  # of the checkpoint, from 1; 0: none was loaded
        check_arguments(network, compiled=compiled, aggregator=aggregator)
        self.initialization = prepare_network(network, init_from)
        if compiled:
            network.compile(mode=compiled)  # in place, so the names of the weights do not change
        self.network = network
        self.tasks = cast("list[Task]", network.tasks)
        self.losses = TaskLosses(self.tasks, task_weights or {}, criteria)
        self.weighting = make_weighting(self.tasks, weighting, aggregator)
        self.optimization = Optimization(optimizer, lr_scheduler, parameter_groups, lr_interval)
        self._seed: int | None = None
        self._compiled = compiled
        # the forward pass of a network of ctal, which can return maps before they are resized
        self._resizes = not compiled and type(network).forward is Network.forward
        self.prepare_scoring()

    def forward(self, images: Tensor, **options: Any) -> Predictions:
        """Predict the raw maps of images (B, 3, H, W) in 0..1; options are the network's."""
        # as a plain tensor: compiled graphs of torch 2.14 fail on tv_tensors.Image
        with normalization_errors(images), fast_backward(images, compiled=bool(self._compiled)):
            found = self.network(images.as_subclass(Tensor), **options)
        size = images.shape[-2:] if options.get("full_size", True) else None
        check_predictions(found, self.tasks, len(images), size, type(self.network).__name__)
        return found

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Compute the loss to minimize, a scalar."""
        images = batch["image"]
        # `ImageLosses` are faster there, and equal up to the rounding of bfloat16
        small = self._resizes and trains_in_bfloat16(images)
        losses = self.losses(self(images, full_size=False) if small else self(images), batch)
        total = self.weighting(self.losses.weighted(losses))
        size = len(batch["image"])
        self.log_dict({f"train/{name}": loss for name, loss in losses.items()}, batch_size=size)
        self.log("train/loss", total, prog_bar=True, batch_size=size)
        return total

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        """Run the backward pass of the weighting."""
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
        """Store the seed of the run, unless it was loaded from a checkpoint.

        Raises:
            InputError: the weighting or the compile mode does not work with the trainer's settings.
        """
        check_compiled(self._compiled, self.trainer)
        self.weighting.check(self.trainer, self.network)
        self.on_validation_start()
        self._seed = torch.initial_seed() if self._seed is None else self._seed

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Seed the random numbers of the step (see the class)."""
        seed = self._seed or 0
        torch.manual_seed(derived_seed(seed, self.current_epoch, batch_idx, self.global_rank))
        self.weighting.start_batch(self.current_epoch)

    def on_validation_start(self) -> None:
        """Compute balanced class weights, unless the checkpoint has them."""
        self.losses.balance(train_counts(getattr(self.trainer, "datamodule", None)))

    on_test_start = on_validation_start

    def configure_optimizers(self) -> Any:
        """Return the optimizer and its schedule, in the format of Lightning.

        Raises:
            InputError: the optimizer refuses its arguments, or is not that of the run to be
                resumed, or the schedule needs the length of a run without an end.
        """
        optimizer, schedule = self.optimization.configure(self, self.network, self.trainer)
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the description of the network, seed, optimizer and weighting as plain values."""
        checkpoint["seed"] = self._seed
        checkpoint.update(self.optimization.state())
        checkpoint["weighting"] = self.weighting.title
        checkpoint["class_counts"] = self.losses.counts
        if isinstance(self.network, Network):
            checkpoint["ctal"] = describe(self.network)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Load the seed of the interrupted run.

        Raises:
            InputError: the checkpoint has another network or weighting.
        """
        check_same_weighting(checkpoint, self.weighting.title)
        check_same_network(checkpoint, self.network, self.state_dict())
        self._seed = checkpoint.get("seed")
        self.loaded_epoch = checkpoint.get("epoch", -1) + 1
        self.losses.counts = dict(checkpoint.get("class_counts", {}))
        self.optimization.load_state(checkpoint)
