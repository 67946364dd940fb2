"""Networks as folders: weights in safetensors and a configuration in JSON.

Loading never executes code from the files: safetensors has tensors only, and the configuration
names classes that are imported already (`ctal.networks.build`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor

from ctal.errors import InputError
from ctal.io.atomic import write_text, write_whole
from ctal.networks.about import checked_about
from ctal.networks.base import Network
from ctal.networks.fitting import build_fitting
from ctal.networks.saved_files import CONFIG, FORMAT, WEIGHTS
from ctal.networks.serialization import describe
from ctal.networks.source import SavedNetwork, read_saved


def write_network(
    network: Network, folder: Path, *, about: Mapping[str, Any] | None = None, half: bool = False
) -> None:
    """Write a network to a folder. Files of these two names are replaced.

    Args:
        network: the network.
        folder: the folder, created if missing.
        about: facts about its training (`ctal.sharing.provenance`).
        half: write float16 numbers, rounded to 3 digits, in half the space.

    Raises:
        InputError: the folder cannot be written, or float16 cannot hold a number.
    """
    # tasks keep their order, since they are a list; keys are not sorted either
    config = {"format": FORMAT, "network": describe(network), "about": dict(about or {})}
    # contiguous, since the weights of convolutions may be channels last
    weights = {name: value.contiguous().cpu() for name, value in network.state_dict().items()}
    if half:
        weights = {name: _halved(name, value) for name, value in weights.items()}
    content = save(weights, metadata={"format": "pt"})
    write_whole(folder / WEIGHTS, lambda file: file.write(content))
    write_text(folder / CONFIG, json.dumps(config, indent=2, allow_nan=False) + "\n")


def read_network(path: Path) -> tuple[Network, dict[str, Any]]:
    """Read a network and the facts about its training.

    Args:
        path: a folder of `write_network`, or the weights file in it.

    Raises:
        InputError: a file is missing, damaged or of another kind, or the files do not match.
    """
    saved = read_saved(path)
    return build_saved(saved), checked_about(saved.about, saved.description_file)


def build_saved(saved: SavedNetwork) -> Network:
    """Build the network of a source, with its weights.

    Raises:
        InputError: a class of the description has not been imported, or the weights are those of
            another network or not finite.
    """
    try:
        return build_fitting(saved.description, saved.state, saved.weights_file)
    except InputError as error:
        known = str(error).startswith(f"{saved.weights_file}:")
        raise InputError(str(error) if known else f"{saved.description_file}: {error}") from error


def _halved(name: str, value: Tensor) -> Tensor:
    """Return floating-point values as float16, others unchanged."""
    if not value.is_floating_point():
        return value
    halved = value.half()
    if not halved.isfinite().all():
        raise InputError(
            f"{name}: expected numbers up to 65504, all that float16 can hold, got "
            f"{value.abs().max():.3g}; save it in float32 (half=False)"
        )
    return halved
