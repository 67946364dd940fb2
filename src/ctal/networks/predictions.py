"""Predictions of a network, and a check of their names and shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from torch import Tensor

from ctal.errors import InputError
from ctal.tasks import Task


class Predictions(NamedTuple):
    """Raw maps of a network, at the size of its input, or of the heads if requested.

    `predictions["depth"]` is `predictions.final["depth"]`.

    Attributes:
        final: the refined map of every task, {task name: (B, channels, H, W)}.
        initial: the maps before refinement, a dict like `final` for each supervised scale; empty
            for a network without initial predictions.
    """

    final: dict[str, Tensor]
    initial: list[dict[str, Tensor]]

    def __getitem__(self, key: Any) -> Any:
        """Return the final map of a task by name; integers index the two fields, as in a tuple."""
        return self.final[key] if isinstance(key, str) else tuple.__getitem__(self, key)


def check_predictions(
    found: object, tasks: Sequence[Task], batch: int, size: Sequence[int] | None, network: str
) -> None:
    """Check that a network returns a map of the right shape for each task.

    Losses would broadcast a map without its channels, and train on wrong numbers.

    Args:
        found: what the network returned.
        tasks: its tasks.
        batch: number of images.
        size: (H, W) of the maps; None: any size.
        network: name of its class, for the message.

    Raises:
        InputError: `found` is not a `Predictions`, or lacks the map of a task, or a map has another
            shape.
    """
    if not isinstance(found, Predictions):
        raise InputError(
            f"{network}: expected it to return ctal.networks.Predictions(final, initial), got "
            f"{type(found).__name__}"
        )
    if not isinstance(cast(object, found.initial), Sequence):
        kind = type(found.initial).__name__
        raise InputError(f"{network}: Predictions.initial: expected a list of dicts, got {kind}")
    for field, maps in [("final", found.final), *(("initial", maps) for maps in found.initial)]:
        for task in tasks:
            place = f"{network}: Predictions.{field}"
            if task.name not in maps:
                names = ", ".join(maps) or "none"
                raise InputError(f"{place}: expected a map of {task.name!r}, got maps of {names}")
            shape = tuple(maps[task.name].shape)
            wanted = (batch, task.channels, *(shape[2:] if size is None else size))
            if shape != wanted or len(shape) != 4:
                height, width = ("H", "W") if size is None else size
                raise InputError(
                    f"{place}[{task.name!r}]: expected a map of the shape ({batch}, "
                    f"{task.channels}, {height}, {width}), got {shape}"
                )
