"""What the settings of a run say of its data and classes."""

from __future__ import annotations

import importlib
from argparse import ArgumentError
from collections.abc import Mapping
from typing import Any

import yaml
from jsonargparse import ArgumentParser

from ctal.config.arguments import input_error_in
from ctal.data import DenseDataModule
from ctal.errors import InputError


def import_classes(settings: Any) -> None:
    """Imports the module of each class that the settings of a run name, as its training did."""
    if isinstance(settings, Mapping):
        if isinstance(path := settings.get("class_path"), str):
            importlib.import_module(path.rpartition(".")[0])
        settings = list(settings.values())
    for item in settings if isinstance(settings, list) else ():
        import_classes(item)


def data_module(settings: Mapping[str, Any]) -> DenseDataModule:
    """The data of a run, from all of its settings.

    Raises:
        InputError: they cannot be used, or not any more.
    """
    parser, parsed = _parsed_data(settings)
    try:
        return parser.instantiate(parsed).data
    except ValueError as error:
        raise input_error_in(error) or error from None


def data_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of the data with all defaults, whatever of them a configuration spelt out.

    Raises:
        InputError: they cannot be used, or not any more.
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
