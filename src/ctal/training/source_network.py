"""The network of a training that names only a trained network to start from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from ctal.config.files import config_files, read_config
from ctal.errors import InputError
from ctal.networks import Network
from ctal.networks.serialization import completed
from ctal.networks.source import read_source
from ctal.tasks.serialization import find_class

_SOURCE, _NETWORK = "--model.init_from", "--model.network"
_LINKED = ("tasks", "image_size")  # of the data


def with_network_of_source(args: Sequence[str]) -> list[str]:
    """Add the network of `model.init_from` to the arguments of a training that name no network.

    It comes first, so single arguments (`model.network.init_args.channels`) replace those of the
    source.

    Args:
        args: The command and its arguments.

    Raises:
        InputError: The source cannot be read, or its class has not been imported.
    """
    source, is_named = None, False
    for section in _model_sections(args):
        source = section.get("init_from", source)
        network = section.get("network")
        is_named |= isinstance(network, str) or "class_path" in (network or {})
    if not isinstance(source, str) or is_named:
        return list(args)
    return [args[0], f"{_NETWORK}={json.dumps(_network_of(source))}", *args[1:]]


def _network_of(source: str) -> dict[str, Any]:
    """Return the class and the arguments of a trained network, as a configuration has them."""
    try:
        description = completed(read_source(source).description)
    except InputError as error:
        raise InputError(f"model.init_from: {error}") from error
    try:
        find_class(Network, str(description["class"]))  # imports nothing
    except InputError as error:
        raise InputError(f"model.init_from: {error}; or set model.network") from error
    arguments = {k: v for k, v in description["arguments"].items() if k not in _LINKED}
    return {"class_path": description["class"], "init_args": arguments}


def _model_sections(args: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """Yield the section `model` of each configuration file, and of the command line."""
    for file in config_files(args):
        section = read_config(file).get("model")
        if isinstance(section, str) and (file.parent / section).is_file():
            section = read_config(file.parent / section)
        if isinstance(section, Mapping):
            yield section
    for arg, after in pairwise([*args, ""]):
        key, equals, value = arg.partition("=")
        if key == _SOURCE:
            given = value if equals else after
            yield {"init_from": None if given == "null" else given}
        elif key in (_NETWORK, f"{_NETWORK}.class_path"):
            yield {"network": value if equals else after}
        elif key == "--model":
            yield from _given_section(value if equals else after)


def _given_section(value: str) -> Iterator[Mapping[str, Any]]:
    """Yield the section that `--model FILE` names."""
    if Path(value).is_file():
        yield read_config(Path(value))
