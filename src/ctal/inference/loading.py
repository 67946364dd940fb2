"""Load a trained network from a run, a file, a folder or a model hub."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from ctal.errors import InputError
from ctal.inference.devices import usable_device
from ctal.inference.model import Model
from ctal.io.bundled import bundled_models, not_found
from ctal.io.checkpoint import read_checkpoint
from ctal.io.run_folder import RunFolder
from ctal.networks import Network, build
from ctal.sharing import fetch, is_hub_id, is_saved, load_weights, provenance, read_saved


def load(
    source: str | Path,
    device: str | torch.device = "cpu",
    *,
    image_size: Sequence[int] | None = None,
) -> Model:
    """Load a trained network; never executes code from its files.

    Args:
        source: A checkpoint (`.ckpt`); the folder of a run, whose best checkpoint is loaded; a
            folder written by `Model.save_pretrained`, or the `.safetensors` file in it; the name
            of a bundled model; or, if none of these exists, the id `owner/name` of a model on the
            model hub, which is downloaded.
        device: The device to run on.
        image_size: (H, W) to resize the network to (see `Network.resize`), by default that of its
            training; more pixels take more time.

    Raises:
        InputError: The source is not found, is not a ctal network, has pickled code, weights of
            another network or weights that are not finite, cannot have that size, or the hub or
            the device is not available.
    """
    device = usable_device(device)
    place = _place(source)
    network, about = read_saved(place) if is_saved(place) else _read_run(checkpoint_file(place))
    if image_size is not None:
        network.resize(image_size)
    return Model(network, device, about)


def checkpoint_file(path: str | Path) -> Path:
    """Return the checkpoint that a path names: itself, or the best or only one of a run."""
    file = path = Path(path)
    if path.is_dir():
        best, last = RunFolder(path).best, RunFolder(path).last
        # a run without validation has no best checkpoint before its end
        file = last if last.is_file() and not best.is_file() else best
    if not file.is_file():
        raise not_found(file)
    return file


def _place(source: str | Path) -> Path:
    """Return the path of a network's files; a hub is queried only if nothing local matches."""
    path, name = Path(source), str(source)
    if path.exists():
        return path
    if name in (bundled := bundled_models()):
        return bundled[name]
    return fetch(name) if isinstance(source, str) and is_hub_id(name) else path


def _read_run(file: Path) -> tuple[Network, dict[str, Any]]:
    """Read the network of a checkpoint, and the metadata in the folder of its run."""
    content = read_checkpoint(file, "ctal", "state_dict")
    try:
        network = build(content["ctal"])
    except InputError as error:
        raise InputError(f"{file}: {error}") from error
    prefix = "network."
    state = {
        key.removeprefix(prefix): value
        for key, value in content["state_dict"].items()
        if key.startswith(prefix)
    }
    load_weights(network, state, file)
    return network, provenance(file)
