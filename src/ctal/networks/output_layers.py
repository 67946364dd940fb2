"""Output layers of a network, found by what they compute, and the classes of their rows."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor

from ctal.networks.base import Network
from ctal.networks.modes import evaluating
from ctal.tasks import Task


def class_rows(own: Task, other: Task) -> list[tuple[int, int]] | None:
    """Return the pairs of rows of two output layers that have the same class, by its name.

    Args:
        own: a task; its class ids are the first of each pair.
        other: another task of its kind; its class ids are the second.

    Returns:
        None unless both tasks name their classes and the names differ.
    """
    names, known = (getattr(task, "class_names", None) for task in (own, other))
    if not names or not known or list(names) == list(known):
        return None
    places = {name: place for place, name in reversed([*enumerate(known)])}
    return [(row, places[name]) for row, name in enumerate(names) if name in places]


def output_layers(network: Network) -> dict[str, str]:
    """Return the layers whose results are raw maps, {name of the module: name of the task}.

    The network predicts an empty image, and its raw maps are found among the results of its layers.
    A task whose raw map is computed from the result of a layer has no such layer.
    """
    results: list[tuple[str, Any]] = []  # all are kept, so that no two have the same id

    def record(name: str) -> Any:
        return lambda module, args, result: results.append((name, result))

    first = next(network.parameters())
    image = torch.zeros(1, 3, *network.image_size, device=first.device, dtype=first.dtype)
    with ExitStack() as stack, torch.no_grad():
        stack.enter_context(evaluating(network))
        for name, module in network.named_modules():
            if next(module.parameters(recurse=False), None) is not None:
                stack.enter_context(module.register_forward_hook(record(name)))
        raw = network.predict_raw(image)
    tasks: dict[int, str] = {
        id(value): task for maps in (raw.final, *raw.initial) for task, value in maps.items()
    }
    return {
        name: tasks[id(result)]
        for name, result in results
        if isinstance(result, Tensor) and id(result) in tasks
    }
