"""Data module and classes from the settings of a run."""

from __future__ import annotations

import importlib
import pkgutil
from argparse import ArgumentError
from collections.abc import Mapping
from typing import Any

import yaml
from jsonargparse import ArgumentParser

from ctal.config.arguments import input_error_in
from ctal.data import DenseDataModule
from ctal.errors import InputError
from ctal.evaluation.protocol import Protocol
from ctal.networks import Network

_OF_THE_MACHINE = {
    *("data.num_workers", "data.cache", "data.on_device", "model.compiled"),
    *(f"trainer.{key}" for key in ("accelerator", "devices", "num_nodes", "strategy")),
    *(f"trainer.{key}" for key in ("default_root_dir", "enable_progress_bar", "logger")),
}
_SHOWN_ELSEWHERE = {"model.network", "trainer.max_epochs"}


def import_classes(settings: Any) -> None:
    """Import the module of each class named in the settings of a run, as its training did.

    Raises:
        InputError: A module is neither installed nor in the current directory.
    """
    if isinstance(settings, Mapping):
        if isinstance(path := settings.get("class_path"), str):
            _import_module_of(path)
        settings = list(settings.values())
    for item in settings if isinstance(settings, list) else ():
        import_classes(item)


def _import_module_of(class_path: str) -> None:
    try:
        importlib.import_module(class_path.rpartition(".")[0])
    except (ModuleNotFoundError, ValueError) as error:  # ValueError: no module in the path
        raise InputError(
            f"class_path: {class_path!r} cannot be imported ({error}); run the command in the "
            "directory of that module, or install it"
        ) from error


def check_loadable(source: object, settings: Mapping[str, Any]) -> None:
    """Check that the network of a training can be loaded from its checkpoints.

    Args:
        source: the configuration or folder, for the message.
        settings: all of its settings.

    Raises:
        InputError: Its class does not derive from `Network`, or cannot be imported.
    """
    name = settings["model"]["network"]["class_path"]
    _import_module_of(name)
    kind = pkgutil.resolve_name(name)
    if isinstance(kind, type) and not issubclass(kind, Network):
        raise InputError(
            f"{source}: model.network: expected a class that derives from ctal.networks.Network, "
            f"whose checkpoints describe how to build it, got {name}"
        )


def data_module(settings: Mapping[str, Any]) -> DenseDataModule:
    """Return the data module of a run from its settings.

    Raises:
        InputError: The settings are invalid, or the data have changed.
    """
    parser, parsed = _parsed_data(settings)
    try:
        return parser.instantiate(parsed).data
    except ValueError as error:
        raise input_error_in(error) or error from None


def data_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of the data, including all defaults.

    Raises:
        InputError: The settings are invalid, or the data have changed.
    """
    parser, parsed = _parsed_data(settings)
    return yaml.safe_load(parser.dump(parsed, skip_unset=False))["data"]


def _parsed_data(settings: Mapping[str, Any]) -> tuple[ArgumentParser, Any]:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(DenseDataModule, "data")
    try:
        return parser, parser.parse_object({"data": settings["data"]})
    except ArgumentError as error:
        raise InputError(f"data: {' '.join(str(error).split())}") from error


def scoring_protocol(settings: Mapping[str, Any]) -> Protocol:
    """Return the protocol of scoring of a run, from all of its settings.

    Raises:
        InputError: The settings are invalid.
    """
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(Protocol, "scoring")
    try:
        parsed = parser.parse_object({"scoring": settings.get("scoring") or {}})
        return parser.instantiate(parsed).scoring
    except ArgumentError as error:
        raise InputError(f"scoring: {' '.join(str(error).split())}") from error


def differing(settings: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the settings that differ between rows and may change scores, as "section.key".

    The network and the number of epochs have places of their own in a comparison.

    Args:
        settings: all settings of each row, by its name.

    Raises:
        InputError: The settings are invalid.
    """
    rows = []
    for row in settings.values():
        sections = {"data": data_settings(row), "model": row["model"], "trainer": row["trainer"]}
        rows.append({f"{name}.{key}": part[key] for name, part in sections.items() for key in part})
    keys = sorted(set().union(*rows) - _OF_THE_MACHINE - _SHOWN_ELSEWHERE)
    return [key for key in keys if any(row.get(key) != rows[0].get(key) for row in rows)]
