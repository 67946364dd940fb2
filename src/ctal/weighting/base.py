"""Base class of weightings: from the losses of all tasks to one scalar to minimize."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from lightning.pytorch import Trainer
from torch import Tensor, nn

from ctal.tasks import Task


class Weighting(nn.Module):
    """Base of all weightings: `Weighting(tasks, ...)`, then `weighting(losses)` at every batch.

    It is a submodule of the training module, so its parameters are trained with those of the
    network by the same optimizer, and its parameters and buffers are in every checkpoint: they
    must contain all state that an exact resume requires. A subclass implements `forward` and,
    if necessary, the other methods.

    Args:
        tasks: the tasks.

    Attributes:
        names: the names of the tasks, in their order.
        weights: the weights of the losses (or their gradients) in the last step, (T,) in the order
            of the tasks; None if they are not known, or always 1.
    """

    weights: Tensor | None = None

    def __init__(self, tasks: Sequence[Task]) -> None:
        super().__init__()
        self.names = [task.name for task in tasks]

    @property
    def title(self) -> str:
        """Return the common name of the method."""
        return type(self).__name__

    def check(self, trainer: Trainer, network: nn.Module) -> None:
        """Check before training that the method supports the trainer's settings and the network.

        Raises:
            InputError: it does not.
        """

    def start_batch(self, epoch: int) -> None:
        """Called before every batch with its epoch."""

    def forward(self, losses: Mapping[str, Tensor]) -> Tensor:
        """Compute the scalar to minimize.

        Args:
            losses: the loss of every task, by name: scalars, already multiplied by the fixed
                weights of the tasks.
        """
        raise NotImplementedError

    def backward(self, total: Tensor, parameters: Iterable[nn.Parameter]) -> None:
        """Run the backward pass of the result of `forward`.

        Args:
            total: that scalar, divided by the number of accumulated batches.
            parameters: the trainable parameters.
        """
        torch.autograd.backward(total)

    def finish_gradients(self) -> None:
        """Called after gradient accumulation, before gradients are clipped and used."""

    def stacked(self, losses: Mapping[str, Tensor]) -> Tensor:
        """Stack the losses in the order of the tasks, (T,)."""
        return torch.stack([losses[name] for name in self.names])


class EqualWeighting(Weighting):
    """Sum of the losses with the fixed weights of the tasks (`task_weights`) only."""

    def forward(self, losses: Mapping[str, Tensor]) -> Tensor:
        """Return the sum of the losses."""
        return self.stacked(losses).sum()
