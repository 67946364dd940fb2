"""The data module: datasets, image size, augmentation and batches of a run."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from ctal.compat import processed_batches
from ctal.data.agreement import check_loading, missing_tasks
from ctal.data.base import DenseDataset, Sample, check_length, chosen_tasks
from ctal.data.checks import checked_sample
from ctal.data.completeness import warn_of_missing, warn_of_unused
from ctal.data.pipeline import (
    AugmentedDataset,
    OwnSizes,
    PreparedDataset,
    collate,
    listed,
)
from ctal.data.sampling import EpochSampler, EvaluationSampler
from ctal.errors import InputError

# A position in a run: `batch` of the `batches` of an epoch, and all batches since the run started.
# The epoch does not follow from the latter, since a resumed run may have other batches.
_BEGIN = {"epoch": 0, "batch": 0, "batches": 0, "total": 0}


class DenseDataModule(LightningDataModule):
    """Loaders for training, validation and test of dense datasets.

    The order of the training samples and their augmentation depend only on seed, epoch and sample,
    and a checkpoint contains the position within the epoch. A resumed run therefore uses the same
    batches as an uninterrupted one, for any number of workers.

    Args:
        train: Dataset for training.
        val: Dataset for selecting the best checkpoint. Tasks of `train` that it lacks do
            not count.
        test: Dataset for the reported scores. Tasks of `train` that it lacks get no scores.
        tasks: Names of the tasks to use, in this order. None: all of `train`.
        image_size: (H, W) to which samples are resized. None: that of the first training image.
        batch_size: Samples per batch and process. Training drops an incomplete last batch unless it
            is the only one; validation and test use all samples.
        num_workers: Worker processes that read samples. 0: read in the main process.
        cache: Keep the resized samples in memory; each is read from disk once.
        on_device: Keep them in the memory of the training device, and augment there. Requires
            `cache` and no workers. Transforms that draw random numbers on the CPU, as nearly all of
            torchvision do (GaussianNoise is an exception), give the same results as without it.
        augmentation: v2 transforms of a training sample, applied after resizing, in this order.
        seed: Seed of order and augmentation.

    Attributes:
        tasks: The tasks of the batches.
        image_size: (H, W) of the batches.
        keep_sizes: Whether validation and test have batches of lists of images and maps of their
            own sizes (`ctal.data.pipeline.listed`), for scores at these sizes; False at first.

    Raises:
        InputError: A task is unknown or differs between splits, or a number is out of range.
    """

    def __init__(
        self,
        train: DenseDataset,
        val: DenseDataset | None = None,
        test: DenseDataset | None = None,
        *,
        tasks: list[str] | None = None,
        image_size: tuple[int, int] | None = None,
        batch_size: int = 8,
        num_workers: int = 0,
        cache: bool = False,
        on_device: bool = False,
        augmentation: list[v2.Transform] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_loading(batch_size, num_workers, seed, image_size, cache=cache, on_device=on_device)
        self.datasets = {"train": train, "val": val, "test": test}
        for split, dataset in self.datasets.items():
            if dataset is not None:
                check_length(dataset, split)
        warn_of_unused(self.datasets)
        self.tasks = chosen_tasks(train.tasks, tasks, "train")
        for split, dataset in (("val", val), ("test", test)):
            if dataset is not None:
                warn_of_missing(missing_tasks(self.tasks, dataset.tasks, split), split)
        if image_size is None:
            height, width = checked_sample(train, 0, self.tasks)["image"].shape[-2:]
            image_size = (height, width)
        self.image_size = (int(image_size[0]), int(image_size[1]))
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.cache = cache
        self.on_device = on_device
        self.augmentation = v2.Compose(augmentation) if augmentation else v2.Identity()
        self.seed = seed
        self.keep_sizes = False
        self._prepared: dict[str, PreparedDataset] = {}
        self._base = self._start = _BEGIN  # of the run's last resume; of the next training loader
        self._length = 0  # batches in an epoch

    def train_dataloader(self) -> DataLoader[Sample]:
        """Return shuffled, augmented batches; after resuming, the rest of the interrupted epoch.

        Raises:
            InputError: The interrupted epoch had another number of batches.
        """
        start, self._start = self._start, _BEGIN
        dataset = AugmentedDataset(self._placed("train"), self.augmentation, seed=self.seed)
        sampler = EpochSampler(
            dataset,
            seed=self.seed,
            **self._processes(),
            first_epoch=start["epoch"],
            skip=start["batch"] * self.batch_size,
        )
        drop_last = len(sampler) > self.batch_size
        loader = self._loader(dataset, sampler=sampler, drop_last=drop_last)
        if start["batch"] and start["batches"] not in (0, len(loader)):
            raise InputError(
                f"data.batch_size: the run stopped after {start['batch']} of {start['batches']} "
                f"batches of an epoch, which would now have {len(loader)}; resume it with the "
                "previous number of samples, devices and batch_size, at least until that epoch ends"
            )
        self._length = len(loader)
        return loader

    def val_dataloader(self) -> DataLoader[Sample] | list[Any]:
        """Return a loader of all validation samples in order; no loader without a dataset."""
        return self._evaluation_loader("val")

    def test_dataloader(self) -> DataLoader[Sample] | list[Any]:
        """Return a loader of all test samples in order; no loader without a dataset."""
        return self._evaluation_loader("test")

    def prepared(self, split: str) -> PreparedDataset:
        """Return the resized samples of "train", "val" or "test" before augmentation.

        Raises:
            InputError: There is no dataset for this split.
        """
        dataset = self.datasets.get(split)
        if dataset is None:
            given = [name for name, value in self.datasets.items() if value is not None]
            raise InputError(f"split: expected one of {', '.join(given)}, got {split!r}")
        if split not in self._prepared:
            self._prepared[split] = PreparedDataset(
                dataset, self.tasks, self.image_size, cache=self.cache
            )
        return self._prepared[split]

    def state_dict(self) -> dict[str, Any]:
        """Return the numbers of finished epochs, and of finished batches of the current epoch."""
        if self.trainer is None or not 0 < self.trainer.num_training_batches < math.inf:
            return {}
        # the total, since Lightning resets its counts of the current epoch at several points
        total = processed_batches(self.trainer)
        since = total - self._base["total"]
        epochs, batch = divmod(self._base["batch"] + since, int(self.trainer.num_training_batches))
        return {
            "epoch": self._base["epoch"] + epochs,
            "batch": batch,
            "batches": self._length,
            "total": total,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Let the next training loader start where the checkpoint was written."""
        known = {key: int(state_dict[key]) for key in _BEGIN if key in state_dict}
        self._start = _BEGIN | known
        # a checkpoint of an earlier version has no total: its batches count from the start
        self._base = self._start if "total" in known else _BEGIN
        # Lightning recommends a stateful loader; here the data module holds that state
        warnings.filterwarnings("ignore", message=".*resuming from a checkpoint that ended before")

    def _evaluation_loader(self, split: str) -> DataLoader[Sample] | list[Any]:
        found = self.datasets[split]
        if found is None:
            return []  # for Lightning: nothing to do
        own = OwnSizes(found, self.tasks) if self.keep_sizes else None
        dataset = own or self._placed(split)
        sampler = EvaluationSampler(dataset, **self._processes())
        return self._loader(dataset, sampler=sampler, collate=listed if own else collate)

    def _placed(self, split: str) -> PreparedDataset:
        """Return the prepared samples, moved to the device if `on_device` is set."""
        dataset = self.prepared(split)
        if self.on_device and self.trainer is not None:
            dataset.move(self.trainer.strategy.root_device)
        return dataset

    def _processes(self) -> dict[str, int]:
        if self.trainer is None:
            return {"replicas": 1, "rank": 0}
        return {"replicas": self.trainer.world_size, "rank": self.trainer.global_rank}

    def _loader(
        self, dataset: Any, collate: Callable[..., Any] = collate, **arguments: Any
    ) -> DataLoader[Sample]:
        return DataLoader(
            dataset,
            batch_size=self.batch_size,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            pin_memory=torch.cuda.is_available() and not self.on_device,
            collate_fn=partial(collate, tasks=self.tasks),
            # a separate generator, so that starting workers does not advance the global one
            generator=torch.Generator().manual_seed(self.seed),
            **arguments,
        )
