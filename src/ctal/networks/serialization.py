"""A network as plain values, and back: what a checkpoint says about the network it holds."""

from __future__ import annotations

import inspect
from typing import Any, cast

from ctal.errors import InputError
from ctal.networks.base import Network
from ctal.tasks.renames import upgraded
from ctal.tasks.serialization import build_task, class_name, describe_task, find_class

Description = dict[str, Any]
"""{"class": name, "arguments": {...}, "tasks": [{"class": name, "arguments": {...}}, ...]}."""


def describe(network: Network) -> Description:
    """What is needed to make `network` again with other weights, in plain values only."""
    arguments = {**network.arguments, "image_size": list(network.image_size)}
    # weights come from the checkpoint: a rebuilt network must fetch none
    arguments.update({"pretrained": False} if "pretrained" in arguments else {})
    return {
        "class": class_name(type(network)),
        "arguments": arguments,
        "tasks": [describe_task(task) for task in network.tasks],
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
        description = upgraded(description)
        tasks = [build_task(task) for task in description["tasks"]]
        kind = find_class(Network, str(description["class"]))
        arguments = dict(description["arguments"])
        # as in `describe`; a file from elsewhere may say otherwise
        arguments.update({"pretrained": False} if "pretrained" in arguments else {})
        return cast(Network, kind(tasks, **arguments))
    except InputError:
        raise
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise InputError(f"the description of the network does not fit: {error}") from error


def completed(description: Any) -> Any:
    """Return a description with the default of every argument that it does not name.

    A file of an earlier version lacks the arguments that were added since; it means their defaults.

    Args:
        description: what `describe` returned in this or an earlier version; anything else is
            returned as it is, for the reader to refuse.
    """
    description = upgraded(description)
    try:
        parameters = inspect.signature(find_class(Network, description["class"])).parameters
        defaults = {
            name: parameter.default
            for name, parameter in parameters.items()
            if parameter.default is not parameter.empty
        }
        return {**description, "arguments": {**defaults, **description["arguments"]}}
    except (InputError, KeyError, TypeError):
        return description
