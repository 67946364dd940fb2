"""A network as a folder: weights in safetensors, a configuration in JSON, a model card.

Nothing in such a folder can run code: safetensors holds numbers, and the configuration chooses
among classes that are loaded already (`ctal.networks.build`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from ctal.errors import InputError, first_line
from ctal.io.atomic import write_text, write_whole
from ctal.networks import Network, build, describe
from ctal.sharing.card import model_card

WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "README.md"
FORMAT = 1
"""Version of the configuration's form."""


def is_saved(path: Path) -> bool:
    """Whether a path is that of a saved network: its folder, or the weights in it."""
    return path.suffix == ".safetensors" or (path / CONFIG).is_file() or (path / WEIGHTS).is_file()


def write_saved(
    network: Network, about: dict[str, Any], folder: Path, *, half: bool = False
) -> None:
    """Writes a network's folder; files of these three names in it are replaced.

    Args:
        network: the network.
        about: what is known of its training, as `ctal.sharing.provenance` tells it.
        folder: the folder, made when missing.
        half: write numbers in float16, rounded to 3 digits, in half the space.

    Raises:
        InputError: the place cannot be written, or float16 cannot hold a number.
    """
    # the order of tasks is that of a list; keys are not sorted either
    config = {"format": FORMAT, "network": describe(network), "about": about}
    # contiguous, since the weights of convolutions may be channels last
    weights = {name: value.contiguous().cpu() for name, value in network.state_dict().items()}
    if half:
        weights = {name: _halved(name, value) for name, value in weights.items()}
    content = save(weights, metadata={"format": "pt"})
    write_whole(folder / WEIGHTS, lambda file: file.write(content))
    write_text(folder / CONFIG, json.dumps(config, indent=2, allow_nan=False) + "\n")
    write_text(folder / CARD, model_card(network, about))


def read_saved(path: Path) -> tuple[Network, dict[str, Any]]:
    """A network and what is known of its training, from its folder or the weights in it.

    Raises:
        InputError: a file is missing, damaged, or of another kind, or they do not fit together.
    """
    folder = path.parent if path.suffix == ".safetensors" else path
    weights = path if path.suffix == ".safetensors" else folder / WEIGHTS
    config = _read_config(folder / CONFIG)
    try:
        network = build(config["network"])
    except InputError as error:
        raise InputError(f"{folder / CONFIG}: {error}") from error
    load_weights(network, _read_weights(weights), weights)
    about = config.get("about")
    return network, about if isinstance(about, dict) else {}


def _halved(name: str, value: Tensor) -> Tensor:
    """The numbers in float16, counts as they are."""
    if not value.is_floating_point():
        return value
    halved = value.half()
    if not halved.isfinite().all():
        raise InputError(
            f"{name}: expected numbers up to 65504 in size, all that float16 can hold, got "
            f"{value.abs().max():.3g}; write it in float32"
        )
    return halved


def load_weights(network: Network, state: dict[str, Tensor], file: Path) -> None:
    """Puts all weights of a file into the network that it describes.

    Raises:
        InputError: they are those of another one.
    """
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        reason = str(error).splitlines()[1:2] or [str(error)]
        raise InputError(
            f"{file}: its weights are not those of the {type(network).__name__} it describes "
            f"({reason[0].strip()})"
        ) from error


def _read_config(file: Path) -> dict[str, Any]:
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{file}: expected the configuration that save_pretrained writes beside the weights "
            f"({error.strerror})"
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: not a configuration in JSON ({error})") from error
    if not isinstance(config, dict) or not isinstance(config.get("network"), dict):
        raise InputError(f"{file}: expected the configuration of a ctal network, with 'network'")
    if config.get("format") != FORMAT:
        raise InputError(
            f"{file}: expected format {FORMAT}, got {config.get('format')!r}; it may be that of "
            "another version of ctal"
        )
    return config


def _read_weights(file: Path) -> dict[str, Tensor]:
    if not file.is_file():
        raise InputError(f"{file}: no such file; expected the network's weights")
    try:
        return load_file(file)
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(
            f"{file}: not a whole file of safetensors ({first_line(error)}); get it once more"
        ) from error
