"""Load a trained network from a run, a file, a folder or a model hub."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from ctal.inference.devices import usable_device
from ctal.inference.model import Model
from ctal.networks import build, describe
from ctal.networks.about import checked_about
from ctal.networks.saved import build_saved
from ctal.networks.source import read_source
from ctal.networks.transfer import transfer
from ctal.sharing import provenance
from ctal.tasks import Task
from ctal.tasks.serialization import describe_task


def load(
    source: str | Path,
    device: str | torch.device = "cpu",
    *,
    image_size: Sequence[int] | None = None,
    tasks: Sequence[Task] | None = None,
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
        tasks: build the network for these tasks instead of its own and take every weight that fits
            (see `ctal.networks.initialize_from`), as a start for training. A line on the logger
            `ctal` says which weights are new; these are random.

    Raises:
        InputError: The source is not found, is not a ctal network, has pickled code, weights of
            another network or weights that are not finite, cannot have that size, or the hub or
            the device is not available; none of its weights fits the tasks.
    """
    device = usable_device(device)
    saved = read_source(source)
    network = build_saved(saved)
    if saved.about is None:
        about = provenance(saved.weights_file)
    else:
        about = checked_about(saved.about, saved.description_file)
    if image_size is not None:
        network.resize(image_size)
    if tasks is not None:
        about = {}  # of other tasks, which have not been trained
        kept = describe(network)
        other = build({**kept, "tasks": [describe_task(task) for task in tasks]})
        transfer(network, other, str(source))
        network = other
    return Model(network, device, about)
