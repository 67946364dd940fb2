"""A network as plain values, and back: what a checkpoint says about the network it holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, cast

from ctal.errors import InputError
from ctal.networks.base import Network
from ctal.tasks import Task

Description = dict[str, Any]
"""{"class": name, "arguments": {...}, "tasks": [{"class": name, "arguments": {...}}, ...]}."""


def describe(network: Network) -> Description:
    """What is needed to make `network` again with other weights, in plain values only."""
    arguments = {**network.arguments, "image_size": list(network.image_size)}
    # weights come from the checkpoint: a rebuilt network must fetch none
    arguments.update({"pretrained": False} if "pretrained" in arguments else {})
    return {
        "class": _name(type(network)),
        "arguments": arguments,
        "tasks": [
            {"class": _name(type(task)), "arguments": _plain(dataclasses.asdict(cast(Any, task)))}
            for task in network.tasks
        ],
    }


def build(description: Description) -> Network:
    """The network of a description, with random weights.

    Names are looked up among the classes that are loaded already, and nothing is imported: a file
    from elsewhere cannot choose what code runs.

    Raises:
        InputError: a class is not loaded (its package must be imported first), or it does not take
            these arguments.
    """
    try:
        tasks = [_find(Task, str(t["class"]))(**t["arguments"]) for t in description["tasks"]]
        kind = _find(Network, str(description["class"]))
        arguments = dict(description["arguments"])
        # as in `describe`; a file from elsewhere may say otherwise
        arguments.update({"pretrained": False} if "pretrained" in arguments else {})
        return cast(Network, kind(tasks, **arguments))
    except InputError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"the description of the network does not fit: {error}") from error


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _plain(value: Any) -> Any:
    """Tuples as lists, as they come back from JSON."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _find(base: type, name: str) -> Any:
    for kind in _subclasses(base):
        if _name(kind) == name:
            return kind
    raise InputError(
        f"{name} is no {base.__name__} that is loaded; import {name.rpartition('.')[0]!r} before "
        "loading this file (ctal predict: --imports)"
    )


def _subclasses(base: type) -> Iterator[type]:
    kind: type
    for kind in base.__subclasses__():
        yield kind
        yield from _subclasses(kind)
