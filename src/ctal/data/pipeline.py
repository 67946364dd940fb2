"""The steps from a dataset to a batch: select and resize, cache, augment, collate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.tv_tensors import wrap

from ctal.data.base import DenseDataset, Sample
from ctal.data.checks import checked_sample
from ctal.data.sampling import derived_seed
from ctal.data.transforms import resize
from ctal.tasks import Task


class PreparedDataset(Dataset[Sample]):
    """The samples of a dataset, resized and with the maps of the selected tasks only.

    Args:
        dataset: The dataset.
        tasks: The tasks to keep.
        size: (H, W) of the samples.
        cache: Read all samples on construction and keep them in memory, 1 byte per pixel for class
            ids and 3 for the image. Worker processes start later and share this memory.
    """

    def __init__(
        self, dataset: DenseDataset, tasks: Sequence[Task], size: tuple[int, int], *, cache: bool
    ) -> None:
        self.dataset = dataset
        self.tasks = list(tasks)
        self.keys = ["image", *(task.name for task in tasks)]
        self.size = size
        self._kept = [self._read(index) for index in range(len(dataset))] if cache else None

    def move(self, device: torch.device) -> None:
        """Move the cached samples, if any, to a device."""
        for sample in self._kept or ():
            for name, value in sample.items():
                sample[name] = wrap(value.to(device), like=value)

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.dataset)

    def __getitem__(self, index: int) -> Sample:
        """Return one sample, as described in `DenseDataset`."""
        return _unpacked(self._read(index) if self._kept is None else self._kept[index])

    def _read(self, index: int) -> Sample:
        sample = checked_sample(self.dataset, index, self.tasks)
        # packed even without a cache, so that caching does not change values
        return _packed(resize({k: sample[k] for k in self.keys if k in sample}, self.size))


class AugmentedDataset(Dataset[Sample]):
    """Training samples, augmented with random numbers that depend only on seed, epoch and index.

    Indexed by the (epoch, index) pairs of an `EpochSampler`. A plain index means epoch 0: with
    `overfit_batches`, Lightning replaces the sampler by one that yields plain indices, and every
    epoch then has the same samples. Transforms must draw their random numbers from torch, as those
    of torchvision do.

    Args:
        dataset: The prepared samples.
        augmentation: Function from a sample to a sample.
        seed: Seed of the run.
    """

    def __init__(
        self, dataset: PreparedDataset, augmentation: Callable[[Sample], Sample], *, seed: int
    ) -> None:
        self.dataset = dataset
        self.augmentation = augmentation
        self.seed = seed

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.dataset)

    def __getitem__(self, place: tuple[int, int] | int) -> Sample:
        """Return the sample of `place`: (epoch, index), or an index in epoch 0."""
        epoch, index = place if isinstance(place, tuple) else (0, place)
        with torch.random.fork_rng(devices=[]):
            # not torch.manual_seed, which would also reset the generators of the accelerators
            torch.default_generator.manual_seed(derived_seed(self.seed, epoch, index))
            return self.augmentation(self.dataset[index])


class OwnSizes(Dataset[Sample]):
    """The samples of a dataset at the sizes of their images, with the maps of the selected tasks.

    Args:
        dataset: The dataset.
        tasks: The tasks to keep.
    """

    def __init__(self, dataset: DenseDataset, tasks: Sequence[Task]) -> None:
        self.dataset = dataset
        self.tasks = list(tasks)

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.dataset)

    def __getitem__(self, index: int) -> Sample:
        """Return one sample, as described in `DenseDataset`."""
        sample = checked_sample(self.dataset, index, self.tasks)
        return completed(sample, self.tasks)


def listed(samples: Sequence[Sample], *, tasks: Sequence[Task]) -> dict[str, list[Any]]:
    """Return samples of different sizes as a batch of lists, with the keys of `collate`."""
    keys = ["image", *(task.name for task in tasks)]
    return {key: [sample[key] for sample in samples] for key in keys}


def collate(samples: Sequence[Sample], *, tasks: Sequence[Task]) -> Sample:
    """Stack samples to a batch; missing maps are filled with unlabelled pixels.

    Args:
        samples: B samples of one size.
        tasks: The tasks of the batch.

    Returns:
        "image" (B, 3, H, W), and for every task its map type with a leading batch dimension.
    """
    whole = [completed(sample, tasks) for sample in samples]
    keys = ["image", *(task.name for task in tasks)]
    return {key: _stacked([sample[key] for sample in whole]) for key in keys}


def completed(sample: Mapping[str, Tensor], tasks: Sequence[Task]) -> dict[str, Any]:
    """Return the sample with an unlabelled map for each task whose map is missing."""
    image = sample["image"]
    height, width = image.shape[-2:]
    missing = [task for task in tasks if task.name not in sample]
    blank = {task.name: task.map_type.blank(height, width).to(image.device) for task in missing}
    return {**sample, **blank}


def _stacked(values: list[Tensor]) -> Tensor:
    return wrap(torch.stack(values), like=values[0])


def _packed(sample: Sample) -> Sample:
    packed = {}
    for name, value in sample.items():
        if name == "image":
            packed[name] = wrap((value.clamp(0, 1) * 255).round().to(torch.uint8), like=value)
        else:  # class ids fit into a byte; 255 marks unlabelled pixels
            packed[name] = value.to(torch.uint8) if value.dtype == torch.int64 else value
    return packed


def _unpacked(sample: Sample) -> Sample:
    unpacked = {}
    for name, value in sample.items():
        if name == "image":
            unpacked[name] = wrap(value.float() / 255, like=value)
        else:
            unpacked[name] = value.to(torch.int64) if value.dtype == torch.uint8 else value
    return unpacked
