"""`ctal.load`: a trained network from a run, a file, a folder or a hub, ready for use."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch

from ctal.errors import InputError, first_line
from ctal.inference.model import Model
from ctal.io.checkpoint import read_checkpoint
from ctal.io.run_folder import RunFolder
from ctal.networks import Network, build
from ctal.sharing import fetch, is_hub_id, is_saved, load_weights, provenance, read_saved

DEFAULT = "nyuv2-lite0"
"""The network that commands take if they are given none; it comes with this package."""


def load(
    source: str | Path,
    device: str | torch.device = "cpu",
    *,
    image_size: Sequence[int] | None = None,
) -> Model:
    """Loads a trained network, without running any code that its files may hold.

    Args:
        source: a checkpoint (`.ckpt`); a run's folder, whose best checkpoint is taken; a folder
            that `Model.save_pretrained` wrote, or the `.safetensors` file in it; the name of a
            network that comes with this package; or, if there is nothing of that name here, the id
            `owner/name` of one on the model hub, which is then fetched.
        device: where the network shall run.
        image_size: (H, W) to resize the network to (see `Network.resize`), if not that of its
            training; more pixels cost more time.

    Raises:
        InputError: there is no such file or network, it is none of this package, it holds pickled
            code, its weights are those of another network, it cannot have that size, the hub cannot
            be reached, or there is no such device.
    """
    device = usable_device(device)
    place = _place(source)
    network, about = read_saved(place) if is_saved(place) else _read_run(checkpoint_file(place))
    if image_size is not None:
        network.resize(image_size)
    return Model(network, device, about)


def usable_device(device: str | torch.device) -> torch.device:
    """The device of a name, if there is such a device and it works.

    Raises:
        InputError: there is none.
    """
    try:
        values = torch.zeros(1, device=device)
        values.cpu()  # which those of "meta" cannot be brought to
        return values.device
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"device: {str(device)!r} cannot be used ({first_line(error)})") from error


def checkpoint_file(path: str | Path) -> Path:
    """The checkpoint that a path means: itself, or of a run's folder the best or only one."""
    file = path = Path(path)
    if path.is_dir():
        best, last = RunFolder(path).best, RunFolder(path).last
        # a run without validation has none that is best before its end
        file = last if last.is_file() and not best.is_file() else best
    if not file.is_file():
        names = ", ".join(sorted(_shipped()))
        raise InputError(
            f"{file}: no such checkpoint; expected a .ckpt file, a run's folder, one that "
            "save_pretrained wrote, or an id owner/name of the model hub"
            + (f"; the names of those that come with ctal: {names}" if names else "")
        )
    return file


def _place(source: str | Path) -> Path:
    """Where the files of a network are, which is asked of a hub only if it can be nowhere else."""
    path, name = Path(source), str(source)
    if path.exists():
        return path
    if name in (shipped := _shipped()):
        return shipped[name]
    return fetch(name) if isinstance(source, str) and is_hub_id(name) else path


def _shipped() -> dict[str, Path]:
    """The networks that come with this package, by name."""
    folder = Path(str(files("ctal") / "trained"))
    return {path.name: path for path in folder.iterdir()} if folder.is_dir() else {}


def _read_run(file: Path) -> tuple[Network, dict[str, Any]]:
    """The network of a checkpoint, and what the folder of its run tells."""
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
