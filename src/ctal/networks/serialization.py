"""Networks as plain values, for checkpoints and saved networks."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from typing import Any, cast

from ctal.errors import InputError
from ctal.networks.base import Network, option_defaults
from ctal.networks.encoders.bodies import is_hrnet
from ctal.networks.encoders.encoder import Encoder
from ctal.tasks.renames import upgraded
from ctal.tasks.serialization import build_task, class_name, describe_task, find_class

Description = dict[str, Any]
"""{"class": name, "arguments": {...}, "tasks": [{"class": name, "arguments": {...}}, ...]}.

"upsampling" too, that of the `Encoder` in a network with an HRNet and without such an argument.
"""

_FORMER_UPSAMPLING = "nearest"  # of HRNets in files without "upsampling"


def describe(network: Network) -> Description:
    """Return what `build` needs to build `network` again, as plain values."""
    arguments = {**network.arguments, "image_size": list(network.image_size)}
    # the checkpoint has the weights: building must not download any
    arguments.update({"pretrained": False} if "pretrained" in arguments else {})
    description: Description = {
        "class": class_name(type(network)),
        "arguments": arguments,
        "tasks": [describe_task(task) for task in network.tasks],
    }
    modes = {part.upsampling for part in network.modules() if isinstance(part, Encoder)} - {None}
    if modes and "upsampling" not in arguments:
        # a network with encoders of both modes sets them in its constructor
        description["upsampling"] = modes.pop() if len(modes) == 1 else None
    return description


def build(description: Description) -> Network:
    """Build the network of a description, with random weights.

    Classes are looked up among those that are imported. Nothing else is imported, so a file from
    elsewhere cannot choose which code runs.

    Raises:
        InputError: a class has not been imported, or does not accept these arguments; a number is
            not finite, so that the network could not be saved.
    """
    _check_finite(description)
    try:
        description = _upgraded(description)
        tasks = [build_task(task) for task in description["tasks"]]
        kind = find_class(Network, str(description["class"]))
        arguments = dict(description["arguments"])
        # as in `describe`; a file from elsewhere may differ
        arguments.update({"pretrained": False} if "pretrained" in arguments else {})
        network = cast(Network, kind(tasks, **arguments))
        if "upsampling" not in arguments:
            _set_upsampling(network, description.get("upsampling", _FORMER_UPSAMPLING))
        return network
    except InputError:
        raise
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise InputError(f"invalid description of a network: {error}") from error


def _check_finite(description: Any) -> None:
    # a file may nest deeper than Python can call, and a checkpoint may contain itself
    values, seen = [("description", description)], set[int]()
    while values:
        name, value = values.pop()
        if isinstance(value, float) and not math.isfinite(value):
            raise InputError(f"{name}: expected a finite number, got {value}")
        if not isinstance(value, Mapping | list | tuple) or id(value) in seen:
            continue
        seen.add(id(value))
        items = value.items() if isinstance(value, Mapping) else ((name, item) for item in value)
        values += [(str(key), item) for key, item in items]


def _upgraded(description: Any) -> Any:
    """Return a description with current names, and with the upsampling that former HRNets have."""
    description = upgraded(description)
    arguments = description.get("arguments") if isinstance(description, Mapping) else None
    if not isinstance(arguments, Mapping) or "upsampling" in arguments:
        return description
    known = str(description.get("class")).startswith("ctal.networks.")
    if known and is_hrnet(str(arguments.get("encoder"))):
        return {**description, "arguments": {**arguments, "upsampling": _FORMER_UPSAMPLING}}
    return description


def _set_upsampling(network: Network, mode: Any) -> None:
    for part in network.modules():
        if isinstance(part, Encoder) and mode is not None:
            part.set_upsampling(mode)


def completed(description: Any) -> Any:
    """Return a description with the default of every argument that it does not name.

    A file of an earlier version lacks the arguments that were added since; it means their defaults.

    Args:
        description: result of `describe` in this or an earlier version; anything else is returned
            unchanged, for the reader to refuse.
    """
    description = _upgraded(description)
    try:
        kind = find_class(Network, description["class"])
        parameters = inspect.signature(kind).parameters
        defaults = option_defaults(kind) | {
            name: parameter.default
            for name, parameter in parameters.items()
            if parameter.default is not parameter.empty
        }
        return {**description, "arguments": {**defaults, **description["arguments"]}}
    except (InputError, KeyError, TypeError):
        return description
