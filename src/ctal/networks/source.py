"""Sources of trained weights: bundled models, runs, checkpoints, saved folders and the hub.

A source is read as plain values and tensors, so that an encoder, which networks are made of, can
take its weights from one, too. `ctal.networks.saved.build_saved` builds the network of a source.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ctal.errors import InputError
from ctal.io.bundled import bundled_models, not_found
from ctal.io.checkpoint import read_checkpoint
from ctal.io.run_folder import RunFolder
from ctal.networks.hub import fetch, is_hub_id
from ctal.networks.saved_files import is_saved, read_config, read_weights, saved_files

_PREFIX = "network."  # of the network's weights in a checkpoint


class SavedNetwork(NamedTuple):
    """A trained network as its files have it.

    Attributes:
        description: how to build it (`ctal.networks.build`), not checked yet.
        state: its weights by name.
        description_file: the file with the description, for messages.
        weights_file: the file with the weights.
        about: metadata of its training in a saved network; None of a checkpoint, whose run has it.
    """

    description: Any
    state: dict[str, Tensor]
    description_file: Path
    weights_file: Path
    about: Any = None


def read_source(source: str | Path) -> SavedNetwork:
    """Read a trained network; never executes code from its files.

    Args:
        source: as in `ctal.load`.

    Raises:
        InputError: the source is not found or is not a ctal network, a file is damaged or has
            pickled code, or the hub is not available.
    """
    place = _find(source)
    return read_saved(place) if is_saved(place) else _read_checkpoint(checkpoint_file(place))


def read_saved(path: Path) -> SavedNetwork:
    """Read the folder of a saved network, or the weights file in it.

    Raises:
        InputError: a file is missing, damaged or of another kind.
    """
    config_file, weights_file = saved_files(path)
    config = read_config(config_file)
    state = read_weights(weights_file)
    return SavedNetwork(
        config["network"], state, config_file, weights_file, config.get("about", {})
    )


def checkpoint_file(path: str | Path) -> Path:
    """Return the checkpoint that a path names: itself, or the best or only one of a run.

    Raises:
        InputError: there is none.
    """
    file = path = Path(path)
    if path.is_dir():
        best, last = RunFolder(path).best, RunFolder(path).last
        # a run without validation has no best checkpoint before its end
        file = last if last.is_file() and not best.is_file() else best
    if not file.is_file():
        raise not_found(file)
    return file


def is_network(source: str) -> bool:
    """Return whether a source is a network of ctal and not a plain file of weights.

    A name that is no local file is a network if it is bundled or could be an id of the hub.
    """
    path = Path(source)
    if path.is_dir():
        return True
    if not path.is_file():
        return source in bundled_models() or is_hub_id(source)
    if path.suffix == ".safetensors":
        return _describes_network(saved_files(path)[0])
    return _is_checkpoint(path)


def _find(source: str | Path) -> Path:
    """Return where the files of a network are; a hub is asked only if nothing local matches."""
    path, name = Path(source), str(source)
    if path.exists():
        return path
    if name in (bundled := bundled_models()):
        return bundled[name]
    return fetch(name) if isinstance(source, str) and is_hub_id(name) else path


def _read_checkpoint(file: Path) -> SavedNetwork:
    content = read_checkpoint(file, "ctal", "state_dict")
    weights = content["state_dict"]
    if not isinstance(weights, dict) or not all(isinstance(key, str) for key in weights):
        raise InputError(f"{file}: state_dict: expected tensors by name, got another value")
    state = {
        key.removeprefix(_PREFIX): value
        for key, value in weights.items()
        if key.startswith(_PREFIX)
    }
    return SavedNetwork(content["ctal"], state, file, file)


def _describes_network(config_file: Path) -> bool:
    # model hubs keep a config.json of another form beside weights of encoders
    try:
        read_config(config_file)
    except InputError:
        return False
    return True


def _is_checkpoint(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception:  # whoever reads it as weights reports why it cannot be read
        return False
    return isinstance(content, dict) and "ctal" in content
