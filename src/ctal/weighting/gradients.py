"""Gradient methods: aggregation of the gradients of tasks instead of their losses.

The methods are torchjd's aggregators. torchjd's `mtl_backward` requires shared features followed
by a head per task; in a network whose tasks refine each other, layers after such features are
shared too.
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
from ctal.networks.modes import evaluating
from ctal.tasks import Task
from ctal.weighting.base import EqualWeighting

_PRECISIONS = ("32-true", "64-true", "bf16-mixed")


class GradientAggregation(EqualWeighting):
    """Aggregation of the gradients of the tasks' losses for shared parameters.

    A parameter is shared if the losses of two or more tasks depend on it. The aggregator combines
    the gradients of all shared parameters, one row per task, into one. Any other parameter
    has the gradient of its task.

    Each batch has one backward pass per task, one after the other (CTAL's operator does not support
    vectorized backward passes), and the gradients of all tasks are stored. With gradient
    accumulation, the mean of the rows over batches is combined. Clipping and the optimizer use the
    combined gradient, as without an aggregator.

    Args:
        tasks: the tasks.
        make: creates the aggregator.

    Raises:
        InputError: the result is not an aggregator of torchjd, does not support this number of
            tasks, or has state that would not be in a checkpoint.
    """

    def __init__(self, tasks: Sequence[Task], make: Callable[[], nn.Module]) -> None:
        super().__init__(tasks)
        self.aggregator = _made(make, len(tasks))
        self._losses: list[Tensor] = []
        self._rows: dict[nn.Parameter, dict[int, Tensor]] = {}

    @property
    def title(self) -> str:
        """Return the common name of the method."""
        return type(self.aggregator).__name__

    def check(self, trainer: Trainer, network: nn.Module) -> None:
        """Check for one device, a supported precision and shared parameters."""
        strategy = trainer.strategy
        if not isinstance(strategy, SingleDeviceStrategy):
            raise InputError(
                f"model.aggregator: expected one device, since processes do not exchange the "
                f"gradients of tasks, got {trainer.num_devices * trainer.num_nodes} "
                f"({type(strategy).__name__}); set trainer.devices=1 and remove "
                "trainer.strategy, or remove model.aggregator"
            )
        if trainer.precision not in _PRECISIONS:
            raise InputError(
                f"model.aggregator: expected trainer.precision {' or '.join(_PRECISIONS)}, since "
                f"gradients are combined in full precision and unscaled, got {trainer.precision}"
            )
        if isinstance(network, Network) and not _shares(network):
            raise self._nothing_shared()

    def forward(self, losses: Mapping[str, Tensor]) -> Tensor:
        """Return the sum of the losses, for logging; shared parameters do not minimize it."""
        self._losses = [losses[name] for name in self.names]
        return super().forward(losses)

    def backward(self, total: Tensor, parameters: Iterable[nn.Parameter]) -> None:
        """Add the gradients of every task's loss to those of previous batches."""
        trained = [parameter for parameter in parameters if parameter.requires_grad]
        losses, self._losses = self._losses, []
        # the factor applied to the sum since then applies to each loss
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
        """Set the gradient of every parameter.

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
            "tasks share, and this network has none; remove model.aggregator"
        )


def _shares(network: Network) -> bool:
    """Return whether the final maps of two tasks depend on a common parameter."""
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    black = torch.zeros(1, 3, *network.image_size).to(next(network.parameters()))
    with evaluating(network), torch.enable_grad():  # statistics do not change
        final = network(black).final
    reached: set[int] = set()
    for raw in final.values():
        gradients = torch.autograd.grad(raw.sum(), parameters, retain_graph=True, allow_unused=True)
        own = {index for index, gradient in enumerate(gradients) if gradient is not None}
        if own & reached:
            return True
        reached |= own
    return False


def _made(make: Callable[[], nn.Module], tasks: int) -> Aggregator:
    """Create the aggregator and check that it supports this number of tasks."""
    try:
        aggregator = make()
    except (ImportError, TypeError, ValueError) as error:
        raise InputError(f"model.aggregator: {' '.join(str(error).split())}") from error
    name = type(aggregator).__name__
    if not isinstance(aggregator, Aggregator):
        raise InputError(
            f"model.aggregator: expected one of torchjd.aggregation, such as UPGrad, got {name}"
        )
    # torch's default method has no state
    if isinstance(aggregator, Stateful) and (
        type(aggregator).get_extra_state is nn.Module.get_extra_state
    ):
        raise InputError(
            f"model.aggregator: expected one without state, or with get_extra_state such as "
            f"ctal.weighting.nash_mtl.NashMTL, got {name}, whose state would not be in a "
            "checkpoint, so the run could not be resumed"
        )
    try:
        copy.deepcopy(aggregator)(torch.eye(tasks))  # a copy, since some are stateful
    except Exception as error:  # solvers raise many types
        reason = " ".join(str(error).split())
        raise InputError(
            f"model.aggregator: {name} cannot combine the gradients of {tasks} tasks ({reason})"
        ) from error
    return aggregator
