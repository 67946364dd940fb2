"""The network of a training whose settings name only a trained network to start from."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentParser, Namespace

from ctal.config.arguments import parse
from ctal.config.files import read_config, section_of
from ctal.config.suggestions import LINKED
from ctal.errors import InputError
from ctal.networks.saved import build_saved
from ctal.networks.source import read_source
from ctal.tasks.serialization import class_name, plain

_OPTION = re.compile(r"--model\.init[-_]from(?:=(.*))?", flags=re.DOTALL)


def parse_with_source(parser: ArgumentParser, args: Sequence[str], known: list[str]) -> Namespace:
    """Parse the arguments of a training. Without `model.network`, it is that of `model.init_from`.

    The parser itself decides whether a network is named and which source counts: settings may be in
    several files and arguments, of which later ones win. The network of the source comes before all
    of them, so single arguments (`model.network.init_args.channels`) replace those of the source.

    Args:
        parser: The parser of the command.
        args: The command and its arguments.
        known: The valid keys, as in `parse`.

    Raises:
        InputError: The arguments are invalid, or the source cannot be used.
    """
    given = list(args)
    try:
        parsed = parse(parser, _quiet(given), known)
    except InputError as error:
        source = next(_sources(args), None)
        if source is None:
            raise _without_network(error) from error
        given = _with_network_of(source, args)
        parsed = parse(parser, _quiet(given), known)
        chosen = parsed[parsed.subcommand].model.init_from
        if chosen is None:
            raise
        if chosen != source:  # another one of those in the settings
            given = _with_network_of(chosen, args)
            parsed = parse(parser, _quiet(given), known)
    return parsed if _quiet(given) == given else parse(parser, given, known)


def _quiet(args: Sequence[str]) -> list[str]:
    """Return arguments without those that print the result and exit."""
    return [arg for arg in args if not arg.startswith("--print_config")]


def _without_network(error: InputError) -> InputError:
    """Return the error of settings without a source, with the key as a file has it."""
    if not re.search(r"required: fit\.model\.network\b", str(error)):
        return error
    return InputError(
        "model.network: expected a network, got none; set it, or set model.init_from to train the "
        "network of a trained one"
    )


def _with_network_of(source: str, args: Sequence[str]) -> list[str]:
    """Return the arguments with the network of a source before all others of the command."""
    return [args[0], f"--model.network={json.dumps(_network_of(source))}", *args[1:]]


def _network_of(source: str) -> dict[str, Any]:
    """Return the class and the arguments of a trained network, as a configuration has them."""
    try:
        network = build_saved(read_source(source))
    except InputError as error:
        raise InputError(f"model.init_from: {error}") from error
    name = class_name(type(network))
    if not name.startswith("ctal.networks."):
        # the parser imports what the arguments of other classes name
        raise InputError(
            f"model.network: expected the class and its arguments, since that of "
            f"{source!r}, {name}, is not part of ctal; set model.network"
        )
    arguments = {**network.arguments, "pretrained": False}
    return {
        "class_path": name,
        "init_args": {key: plain(arguments[key]) for key in arguments if key not in LINKED},
    }


def _sources(args: Sequence[str]) -> Iterator[str]:
    """Yield every value of `model.init_from` in arguments and files, whichever counts."""
    for arg, after in pairwise([*args, ""]):
        option = _OPTION.fullmatch(arg)
        if option:
            yield from _strings(after if option[1] is None else option[1])
            continue
        value = arg.partition("=")[2] if arg.startswith("-") else arg
        if os.path.isfile(value) and value.endswith((".yaml", ".yml")):
            yield from _sources_in(read_config(Path(value)), Path(value).parent)
        elif value.lstrip().startswith("{"):
            with suppress(yaml.YAMLError):  # the parser reports it
                yield from _sources_in(yaml.safe_load(value), Path())


def _sources_in(settings: Any, folder: Path) -> Iterator[str]:
    """Yield the values in nested settings; a section may be a file of its own."""
    for key, value in settings.items() if isinstance(settings, Mapping) else ():
        last = str(key).rpartition(".")[2]
        if last == "init_from":
            yield from _strings(value)
        elif last == "model":
            yield from _sources_in(section_of(value, folder), folder)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str) and value not in ("", "null"):
        yield value
