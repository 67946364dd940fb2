"""Files of saved networks: weights in safetensors beside a configuration in JSON.

They are read as plain values and tensors here; `ctal.networks.saved` makes networks of them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ctal.errors import InputError, first_line

WEIGHTS, CONFIG = "model.safetensors", "config.json"
FORMAT = 1
"""Version of the configuration's form."""


def is_saved(path: Path) -> bool:
    """Return whether a path is a saved network: its folder, or the weights file in it."""
    return path.suffix == ".safetensors" or (path / CONFIG).is_file() or (path / WEIGHTS).is_file()


def saved_files(path: Path) -> tuple[Path, Path]:
    """Return the configuration file and the weights file of a folder, or of its weights file."""
    if path.suffix == ".safetensors":
        return path.parent / CONFIG, path
    return path / CONFIG, path / WEIGHTS


def read_config(file: Path) -> dict[str, Any]:
    """Read the configuration of a saved network.

    Raises:
        InputError: it is missing, is not JSON, or is not the configuration of a network.
    """
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{file}: expected the config.json written by save_pretrained beside the weights "
            f"({error.strerror})"
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: expected JSON, got another format ({error})") from error
    if not isinstance(config, dict) or not isinstance(config.get("network"), dict):
        raise InputError(f"{file}: expected the configuration of a ctal network, with 'network'")
    if config.get("format") != FORMAT:
        raise InputError(
            f"{file}: expected format {FORMAT}, got {config.get('format')!r}; it may be of "
            "another version of ctal"
        )
    return config


def read_weights(file: Path) -> dict[str, Tensor]:
    """Read the weights of a saved network.

    Raises:
        InputError: the file is missing, incomplete or not safetensors.
    """
    if not file.is_file():
        raise InputError(f"{file}: not found; expected the weights of the network")
    try:
        return load_file(file)
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(
            f"{file}: expected a complete safetensors file ({first_line(error)}); download it again"
        ) from error
