"""Images and labels for `ctal export`: to compare maps, to calibrate int8 and to score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from torch import Tensor

from ctal.comparison.settings import data_module, import_classes
from ctal.config.files import read_config
from ctal.data import DenseDataModule, DenseDataset, Rooms, Sample
from ctal.data.pipeline import PreparedDataset, collate
from ctal.errors import InputError
from ctal.export.parity import batches
from ctal.io.images import read_image
from ctal.io.sources import find_images
from ctal.networks import Network
from ctal.networks.encoders.encoder import STRIDES
from ctal.tasks import Task
from ctal.visualization.selection import evenly_spaced

_COMPARED = 5  # images of Rooms, by default
_CALIBRATED = 64  # images, at most


def examples(
    given: list[str] | None,
    module: DenseDataModule | None,
    size: Sequence[int],
    *,
    any_size: bool,
) -> list[Tensor]:
    """Return batches to compare maps on: of the given images, of the data to score, or of Rooms.

    Args:
        given: images, folders or glob patterns.
        module: the data to score on, if any.
        size: (H, W) of the network.
        any_size: add batches of a second size.
    """
    if given:
        images = [read_image(path) for path in find_images(given)]
    else:
        dataset = _scored(module)[1] if module is not None else Rooms("test")
        images = [dataset[index]["image"] for index in evenly_spaced(len(dataset), _COMPARED)]
    step = STRIDES[-1]
    sizes = [tuple(size), *([(size[0] + step, size[1] + 2 * step)] if any_size else [])]
    return [batch for size in sizes for batch in batches(images, size)]


def open_data(file: str, network: Network) -> DenseDataModule:
    """Open the data of a configuration.

    Raises:
        InputError: the configuration is invalid, or its split to score has none of the tasks of
            the network, or one with other arguments.
    """
    settings = read_config(Path(file))
    if "data" not in settings:
        raise InputError(f"{file}: expected a section `data`, got {', '.join(settings) or 'none'}")
    import_classes(settings["data"])
    module = data_module(settings)
    split, dataset = _scored(module)
    _scored_tasks(network, dataset, split)
    return module


def calibration_images(
    given: list[str] | None, module: DenseDataModule | None, size: tuple[int, int]
) -> list[Tensor]:
    """Return images (1, 3, H, W) to calibrate on: the given ones, or of the train split."""
    if given:
        files = find_images(given)
        chosen = (read_image(files[index]) for index in evenly_spaced(len(files), _CALIBRATED))
        return [image[None] for batch in batches(chosen, size) for image in batch]
    assert module is not None  # one of the two is required
    dataset = module.datasets["train"]
    assert dataset is not None  # a data module has a train split
    prepared = PreparedDataset(dataset, [], size, cache=False)
    return [
        prepared[index]["image"].as_subclass(Tensor)[None]
        for index in evenly_spaced(len(prepared), _CALIBRATED)
    ]


def scored_batches(
    module: DenseDataModule, network: Network
) -> tuple[str, list[Task], Iterator[Sample]]:
    """Return the name of the split to score, its tasks, and batches at the network's size."""
    split, dataset = _scored(module)
    tasks = _scored_tasks(network, dataset, split)
    prepared = PreparedDataset(dataset, tasks, network.image_size, cache=False)
    batches = (collate([prepared[index]], tasks=tasks) for index in range(len(prepared)))
    return split, tasks, batches


def _scored(module: DenseDataModule) -> tuple[str, DenseDataset]:
    for split in ("test", "val"):
        dataset = module.datasets[split]
        if dataset is not None:
            return split, dataset
    raise InputError("data: expected a test or a val split to score on, got neither")


def _scored_tasks(network: Network, dataset: DenseDataset, split: str) -> list[Task]:
    """Return the tasks of the network that a split has labels of."""
    labelled = {task.name: task for task in dataset.tasks}
    tasks = [task for task in network.tasks if task.name in labelled]
    if not tasks:
        expected = ", ".join(task.name for task in network.tasks)
        raise InputError(
            f"data.{split}: expected some of the network's tasks, {expected}, got "
            f"{', '.join(labelled)}"
        )
    for task in tasks:
        if task != labelled[task.name]:
            raise InputError(
                f"data.{split}: expected the network's task {task}, got {labelled[task.name]}"
            )
    return tasks
