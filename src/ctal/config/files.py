"""Configuration files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from ctal.config.renames import upgrade
from ctal.errors import InputError


def read_config(file: Path) -> dict[str, Any]:
    """A configuration as plain values.

    Raises:
        InputError: there is no such file, or it is no YAML mapping.
    """
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{file}: expected a configuration ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{file}: not a configuration in YAML ({reason})") from error
    if not isinstance(content, dict):
        raise InputError(f"{file}: expected a mapping with the keys model, data and trainer")
    upgraded: dict[str, Any] = upgrade(content)
    return upgraded
