"""Which weights of two networks belong together: by name, task, class and shape."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from ctal.networks.base import Network
from ctal.networks.output_layers import class_rows, output_layers

Share = Literal["whole", "partly", "none"]
Pairs = list[tuple[int, int]]


@runtime_checkable
class TaskSpanning(Protocol):
    """A part of a network with weights that span all tasks, with a block for each.

    A part of your own that has such weights needs this method for `initialize_from`. Without it,
    its weights are taken if their shape is the same, whatever the tasks and their order.
    """

    def task_dims(self) -> dict[str, tuple[int, ...]]:
        """Return the dimensions that have a block for each task, by tensor, in order of tasks."""


class Matching:
    """The weights of a trained network that belong to those of another, encoders left out.

    Args:
        trained: the network to take from.
        network: the network to take for.
    """

    def __init__(self, trained: Network, network: Network) -> None:
        self._state = trained.state_dict()
        self._owners = dict(_parts_of_tasks(network))
        self._counts = len(network.tasks), len(trained.tasks)
        self._dims, self._their_dims = _task_dims(network), _task_dims(trained)
        theirs = {task.name: place for place, task in enumerate(trained.tasks)}
        self._places: dict[str, tuple[int, int]] = {
            task.name: (place, theirs[task.name])
            for place, task in enumerate(network.tasks)
            if task.name in theirs and type(trained.tasks[theirs[task.name]]) is type(task)
        }
        self._rows = self._rows_of_layers(trained, network)

    def take(self, key: str, own: Tensor) -> Share:
        """Copy what belongs to a tensor of the network into it, and return how much of it."""
        theirs = self._state.get(key)
        if theirs is None or not self._of_known_tasks(key):
            return "none"
        if key in self._rows:
            return _take_rows(own, theirs, self._rows[key])
        dims = self._dims.get(key, ())
        if dims or self._their_dims.get(key):
            same = dims == self._their_dims.get(key)
            return self._take_blocks(own, theirs, dims) if same else "none"
        if own.shape != theirs.shape:
            return "none"
        own.copy_(theirs)
        return "whole"

    def _of_known_tasks(self, key: str) -> bool:
        """Return whether both networks have the tasks whose parts a tensor belongs to."""
        parts = key.split(".")
        prefixes = (".".join(parts[:end]) for end in range(1, len(parts) + 1))
        tasks = {self._owners[prefix] for prefix in prefixes if prefix in self._owners}
        return tasks <= self._places.keys()

    def _take_blocks(self, own: Tensor, theirs: Tensor, dims: tuple[int, ...]) -> Share:
        own, theirs = (
            _by_task(tensor, dims, count)
            for tensor, count in zip((own, theirs), self._counts, strict=True)
        )
        if not self._places or own.shape[len(dims) :] != theirs.shape[len(dims) :]:
            return "none"
        for places in itertools.product(self._places.values(), repeat=len(dims)):
            here, there = zip(*places, strict=True)
            own[here].copy_(theirs[there])
        return "whole" if len(self._places) == self._counts[0] else "partly"

    def _rows_of_layers(self, trained: Network, network: Network) -> dict[str, Pairs]:
        """Return the pairs of rows with the same class by tensor, where names of classes differ."""
        pairs: dict[str, Pairs] = {}
        for name, (place, other) in self._places.items():
            rows = class_rows(network.tasks[place], trained.tasks[other])
            if rows is not None:
                pairs[name] = rows
        layers = output_layers(network) if pairs else {}
        return {
            f"{layer}.{kind}": pairs[task]
            for layer, task in layers.items()
            if task in pairs
            for kind in ("weight", "bias")
        }


def _parts_of_tasks(network: Network) -> Iterator[tuple[str, str]]:
    """Yield the path of every part that belongs to one task, with the name of the task."""
    names = {task.name for task in network.tasks}
    for path, module in network.named_modules():
        if isinstance(module, nn.ModuleDict | nn.ParameterDict):
            for name in names & set(module.keys()):
                yield f"{path}.{name}", name


def _task_dims(network: Network) -> dict[str, tuple[int, ...]]:
    return {
        f"{path}.{key}": dims
        for path, module in network.named_modules()
        if isinstance(module, TaskSpanning)
        for key, dims in module.task_dims().items()
    }


def _by_task(tensor: Tensor, dims: tuple[int, ...], count: int) -> Tensor:
    """Return a view with the blocks of `count` tasks of each of the dimensions in front."""
    for dim in sorted(dims, reverse=True):
        tensor = torch.unflatten(tensor, dim, (count, -1))
    fronts = [dim + before for before, dim in enumerate(sorted(dims))]
    return tensor.movedim(fronts, list(range(len(dims))))


def _take_rows(own: Tensor, theirs: Tensor, rows: Pairs) -> Share:
    if not rows or own.shape[1:] != theirs.shape[1:]:
        return "none"
    for here, there in rows:
        own[here].copy_(theirs[there])
    return "whole" if len(rows) == len(own) else "partly"
