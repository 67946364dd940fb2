"""Configuration files: read within limits, with the keys of earlier versions renamed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import get_loader, set_loader

from ctal.config.bounds import check_bounds
from ctal.config.renames import upgrade
from ctal.errors import InputError

PARSER_MODE = "ctal"
"""The `parser_mode` of every parser that reads configuration files."""


def read_config(file: Path) -> dict[str, Any]:
    """Read a configuration as plain values.

    Args:
        file: A YAML file, written by this version of ctal or an earlier one.

    Raises:
        InputError: The file cannot be read, is not YAML, contains itself or is not a mapping.
    """
    try:
        text = file.read_text(encoding="utf-8")
        check_bounds(text)
        content = yaml.safe_load(text)
    except OSError as error:
        raise InputError(f"{file}: expected a configuration file ({error.strerror})") from error
    except (
        yaml.YAMLError,
        ValueError,
    ) as error:  # ValueError: not UTF-8, or a date like 2026-99-99
        reason = " ".join(str(error).split())
        raise InputError(f"{file}: not a configuration in YAML ({reason})") from error
    if not isinstance(content, dict):
        raise InputError(
            f"{file}: expected a mapping with the keys model, data and trainer, got "
            f"{type(content).__name__}"
        )
    upgraded: dict[str, Any] = upgrade(content)
    return upgraded


def section_of(value: Any, folder: Path) -> Any:
    """Return a section of a configuration; the name of a file stands for what is in the file.

    Args:
        value: The value of the section.
        folder: The folder of the configuration, to which the name is relative.

    Raises:
        InputError: The file is not a configuration.
    """
    is_file = isinstance(value, str) and os.path.isfile(folder / value)
    return read_config(folder / value) if is_file else value


def config_files(args: Sequence[str]) -> list[Path]:
    """Return the configuration files that arguments name by `--config` or `-c`, in their order.

    Raises:
        InputError: One of them does not exist.
    """
    names = []
    for arg, after in pairwise([*args, ""]):
        option, equals, value = arg.partition("=")
        if option in ("--config", "-c") and (equals or after):
            names.append(value if equals else after)
    for name in names:
        # os.path, since a mapping in place of a file may be longer than a name can be
        if not os.path.exists(name) and not name.lstrip().startswith("{"):
            raise InputError(f"config: {name} not found")
    return [Path(name) for name in names if os.path.isfile(name)]


def _load(text: str) -> Any:
    """Load a file or a value of the command line for a parser."""
    check_bounds(text)
    return upgrade(get_loader("yaml")(text))


set_loader(PARSER_MODE, _load, exceptions=(yaml.YAMLError, ValueError))
