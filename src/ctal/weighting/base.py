"""What every weighting is: the losses of all tasks in, the one scalar that is minimised out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from lightning.pytorch import Trainer
from torch import Tensor, nn

from ctal.tasks import Task


class Weighting(nn.Module):
    """Base of all weightings: `Weighting(tasks, ...)`, then `weighting(losses)` at every batch.

    It is a part of the module that is trained. So its parameters are trained with those of the
    network, by the same optimizer, and its parameters and buffers are in every checkpoint: all
    that a resumed run needs to go on exactly must be in them. A subclass implements `forward`, and
    whatever else it needs of what follows.

    Args:
        tasks: the tasks.

    Attributes:
        names: the names of the tasks, in their order.
        weights: what the losses (or their gradients) of the last step were multiplied with, (T,)
            in the order of the tasks; None if that is not known, or always 1.
    """

    weights: Tensor | None = None

    def __init__(self, tasks: Sequence[Task]) -> None:
        super().__init__()
        self.names = [task.name for task in tasks]

    @property
    def title(self) -> str:
        """What a person knows the method by."""
        return type(self).__name__

    def check(self, trainer: Trainer, network: nn.Module) -> None:
        """Looks, before training, whether the method works with a trainer's settings and a network.

        Raises:
            InputError: it does not.
        """

    def start_batch(self, epoch: int) -> None:
        """Told before every batch which epoch it belongs to."""

    def forward(self, losses: Mapping[str, Tensor]) -> Tensor:
        """The scalar to be minimised.

        Args:
            losses: the loss of every task, by its name: scalars, already multiplied with the fixed
                weights of the tasks.
        """
        raise NotImplementedError

    def backward(self, total: Tensor, parameters: Iterable[nn.Parameter]) -> None:
        """Differentiates what `forward` gave.

        Args:
            total: that scalar, divided by the number of batches whose gradients make a step.
            parameters: those that are trained.
        """
        torch.autograd.backward(total)

    def finish_gradients(self) -> None:
        """Told once all gradients of a step are there, before they are clipped and used."""

    def stacked(self, losses: Mapping[str, Tensor]) -> Tensor:
        """The losses in the order of the tasks, (T,)."""
        return torch.stack([losses[name] for name in self.names])


class EqualWeighting(Weighting):
    """The plain sum: the fixed weights of the tasks (`task_weights`) say all."""

    def forward(self, losses: Mapping[str, Tensor]) -> Tensor:
        """The sum of the losses."""
        return self.stacked(losses).sum()
