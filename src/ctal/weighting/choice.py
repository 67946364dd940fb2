"""Weighting of a run from its configuration."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import nn

from ctal.errors import InputError
from ctal.tasks import Task
from ctal.weighting.base import EqualWeighting, Weighting


def make_weighting(
    tasks: Sequence[Task],
    weighting: Callable[[Sequence[Task]], Weighting] | None,
    aggregator: Callable[[], nn.Module] | None,
) -> Weighting:
    """Create the weighting of some tasks.

    Args:
        tasks: the tasks.
        weighting: creates a weighting of their losses, or None.
        aggregator: creates an aggregator of their gradients, or None.

    Raises:
        InputError: both are given, or one cannot be used, or torchjd is not installed.
    """
    if aggregator is None:
        return (weighting or EqualWeighting)(tasks)
    if weighting is not None:
        raise InputError(
            "model.aggregator: expected either model.weighting, which weights losses, or "
            "model.aggregator, which combines their gradients, got both; remove one"
        )
    try:
        from ctal.weighting.gradients import GradientAggregation
    except ImportError as error:
        raise InputError(
            "model.aggregator: needs torchjd; install it with: pip install 'ctal[mtl]'"
        ) from error
    return GradientAggregation(tasks, aggregator)
