"""Gradient methods: the gradients of the tasks are combined, rather than their losses.

The methods are torchjd's aggregators. torchjd's own `mtl_backward` wants features that all losses
pass through, with a head per task behind them; in a network whose tasks refine each other, what
several tasks reach lies behind any such features too.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.strategies import SingleDeviceStrategy
from torch import Tensor, nn
from torchjd import Stateful
from torchjd.aggregation import Aggregator
from torchjd.autojac import jac_to_grad

from ctal.errors import InputError
from ctal.networks import Network
from ctal.tasks import Task
from ctal.weighting.base import EqualWeighting

_PRECISIONS = ("32-true", "64-true", "bf16-mixed")


class GradientAggregation(EqualWeighting):
    """Combines, for the parameters that several tasks share, the gradients of the tasks' losses.

    Shared is every parameter that the losses of two or more tasks reach. Its gradients, one row per
    task over all such parameters, are what the aggregator combines into one. Any other parameter
    has the gradient of its own task.

    Each batch is differentiated once per task, one after the other (CTAL's operator cannot be
    differentiated for several at once), and the gradients of all tasks are held. If a step is made
    of several batches, the mean of their rows is combined, not each by itself. What else a
    step has, clipping and learning rate, finds one gradient, as without an aggregator.

    Args:
        tasks: the tasks.
        make: makes the aggregator.

    Raises:
        InputError: it does not make an aggregator of torchjd's kind, or one that cannot combine the
            gradients of so many tasks, or whose state would not be in a checkpoint.
    """

    def __init__(self, tasks: Sequence[Task], make: Callable[[], nn.Module]) -> None:
        super().__init__(tasks)
        self.aggregator = _made(make, len(tasks))
        self._losses: list[Tensor] = []
        self._rows: dict[nn.Parameter, dict[int, Tensor]] = {}

    @property
    def title(self) -> str:
        """What a person knows the method by."""
        return type(self.aggregator).__name__

    def check(self, trainer: Trainer, network: nn.Module) -> None:
        """Looks for several devices, for precisions that do not go with it, and what is shared."""
        strategy = trainer.strategy
        if not isinstance(strategy, SingleDeviceStrategy):
            raise InputError(
                f"model.aggregator: expected one device, since no process sees the gradients of "
                f"the others' batches, got {trainer.num_devices * trainer.num_nodes} "
                f"({type(strategy).__name__}); give trainer.devices 1 and leave out "
                "trainer.strategy, or leave out model.aggregator"
            )
        if trainer.precision not in _PRECISIONS:
            raise InputError(
                f"model.aggregator: expected trainer.precision {' or '.join(_PRECISIONS)}, since "
                f"gradients are combined in full precision and unscaled, got {trainer.precision}"
            )
        if isinstance(network, Network) and not _shares(network):
            raise self._nothing_shared()

    def forward(self, losses: Mapping[str, Tensor]) -> Tensor:
        """The sum of the losses, which is not what the shared parameters follow."""
        self._losses = [losses[name] for name in self.names]
        return super().forward(losses)

    def backward(self, total: Tensor, parameters: Iterable[nn.Parameter]) -> None:
        """Adds the gradients of every task's loss to those of the batches before."""
        trained = [parameter for parameter in parameters if parameter.requires_grad]
        losses, self._losses = self._losses, []
        # what the sum was divided by since then divides each loss
        factors = torch.autograd.grad(total, losses, retain_graph=True)
        for task, (loss, factor) in enumerate(zip(losses, factors, strict=True)):
            more = task + 1 < len(losses)
            gradients = torch.autograd.grad(
                loss, trained, factor, retain_graph=more, allow_unused=True
            )
            for parameter, gradient in zip(trained, gradients, strict=True):
                if gradient is not None:
                    rows = self._rows.setdefault(parameter, {})
                    rows[task] = rows[task] + gradient if task in rows else gradient

    def finish_gradients(self) -> None:
        """Gives every parameter its gradient.

        Raises:
            InputError: no parameter is shared.
        """
        collected, self._rows = self._rows, {}
        shared = []
        for parameter, rows in collected.items():
            if len(rows) == 1:
                (parameter.grad,) = rows.values()
                continue
            shared.append(parameter)
            nothing = torch.zeros_like(parameter)
            stacked = torch.stack([rows.get(task, nothing) for task in range(len(self.names))])
            parameter.jac = stacked  # type: ignore[attr-defined] # where torchjd keeps them
        if not shared:
            raise self._nothing_shared()
        self.weights = jac_to_grad(shared, self.aggregator)

    def _nothing_shared(self) -> InputError:
        return InputError(
            f"model.aggregator: {self.title} combines the gradients of parameters that several "
            "tasks share, and this network has none; leave out model.aggregator"
        )


def _shares(network: Network) -> bool:
    """Whether a parameter reaches the final maps of two tasks, seen on a black picture."""
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    black = torch.zeros(1, 3, *network.image_size).to(next(network.parameters()))
    training = network.training
    with torch.enable_grad():
        final = network.eval()(black).final  # which leaves statistics and random numbers alone
    network.train(training)
    reached: set[int] = set()
    for raw in final.values():
        gradients = torch.autograd.grad(raw.sum(), parameters, retain_graph=True, allow_unused=True)
        own = {index for index, gradient in enumerate(gradients) if gradient is not None}
        if own & reached:
            return True
        reached |= own
    return False


def _made(make: Callable[[], nn.Module], tasks: int) -> Aggregator:
    """The aggregator, once it has shown that it can combine rows of so many tasks."""
    try:
        aggregator = make()
    except (ImportError, TypeError, ValueError) as error:
        raise InputError(f"model.aggregator: {' '.join(str(error).split())}") from error
    name = type(aggregator).__name__
    if not isinstance(aggregator, Aggregator):
        raise InputError(
            f"model.aggregator: expected one of torchjd.aggregation, such as UPGrad, got {name}"
        )
    # what is not overridden holds nothing
    if isinstance(aggregator, Stateful) and (
        type(aggregator).get_extra_state is nn.Module.get_extra_state
    ):
        raise InputError(
            f"model.aggregator: {name} keeps a state from step to step that would not be in a "
            "checkpoint, so the run could not be resumed; expected one without a state, or with "
            "get_extra_state, as ctal.weighting.nash_mtl.NashMTL"
        )
    try:
        copy.deepcopy(aggregator)(torch.eye(tasks))  # a copy, since some remember what they saw
    except Exception as error:  # whatever its solver says to rows that it was not made for
        reason = " ".join(str(error).split())
        raise InputError(
            f"model.aggregator: {name} cannot combine the gradients of {tasks} tasks ({reason})"
        ) from error
    return aggregator
