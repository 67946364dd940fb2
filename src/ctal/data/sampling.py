"""Samplers whose order is a pure function of seed and epoch, for any number of processes.

A resumed run therefore uses the same batches as an uninterrupted one, also within an epoch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sized
from typing import cast

import numpy as np
from torch.utils.data import Dataset, DistributedSampler


def derived_seed(*numbers: int) -> int:
    """Return a distinct 63-bit seed for non-negative integers such as (run seed, epoch, sample).

    Sums or products would give neighboring runs and epochs the same seeds.
    """
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))


class EpochSampler(DistributedSampler[tuple[int, int]]):
    """Shuffled (epoch, index) pairs, so that augmentation can depend on the epoch.

    Lightning does not replace a `DistributedSampler`, and sets its epoch.

    Args:
        dataset: Any object with a length.
        seed: Seed of the run.
        replicas: Number of processes.
        rank: Rank of this process.
        first_epoch: The epoch in which a resumed run starts; 0 for a new run. Lightning may set an
            earlier epoch while it restores its state, which must not reach the loader.
        skip: Number of samples of this process that the first epoch has already used.
    """

    def __init__(
        self,
        dataset: Sized,
        *,
        seed: int,
        replicas: int = 1,
        rank: int = 0,
        first_epoch: int = 0,
        skip: int = 0,
    ) -> None:
        super().__init__(
            cast(Dataset[tuple[int, int]], dataset),
            num_replicas=replicas,
            rank=rank,
            # the base class uses seed + epoch
            seed=derived_seed(seed) >> 1,
        )
        self.first_epoch = first_epoch
        self.skip = skip
        self.set_epoch(first_epoch)

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch of the next iteration."""
        super().set_epoch(max(epoch, self.first_epoch))

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Yield (epoch, index) of the remaining samples of the epoch."""
        epoch = self.epoch
        skip = self.skip if epoch == self.first_epoch else 0
        for index in list(cast(Iterator[int], super().__iter__()))[skip:]:
            yield epoch, index


class EvaluationSampler(DistributedSampler[int]):
    """Every index once, in order, distributed over the processes.

    The base class repeats samples until all processes have the same number; a metric would count
    these twice.
    """

    def __init__(self, dataset: Sized, *, replicas: int = 1, rank: int = 0) -> None:
        super().__init__(
            cast(Dataset[int], dataset), num_replicas=replicas, rank=rank, shuffle=False
        )
        self._indices = range(rank, len(dataset), replicas)

    def __iter__(self) -> Iterator[int]:
        """Iterate over the indices of this process."""
        return iter(self._indices)

    def __len__(self) -> int:
        """Return the number of indices of this process."""
        return len(self._indices)
