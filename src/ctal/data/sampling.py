"""Which sample comes when: a pure function of seed, epoch and place, over any number of processes.

So a run that was interrupted, in the middle of an epoch too, goes on with the very batches that a
run without interruption sees.
"""

from __future__ import annotations

from collections.abc import Iterator, Sized
from typing import cast

import numpy as np
from torch.utils.data import Dataset, DistributedSampler


def derived_seed(*numbers: int) -> int:
    """A 63-bit seed from non-negative numbers, (run seed, epoch, sample) say, unlike any other's.

    Sums or products would give neighbouring runs and epochs the same seeds.
    """
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))


class EpochSampler(DistributedSampler[tuple[int, int]]):
    """Shuffled (epoch, index) pairs; the epoch lets augmentation depend on it too.

    A `DistributedSampler`, which Lightning leaves alone and tells the epoch.

    Args:
        dataset: anything with a length.
        seed: seed of the run.
        replicas: number of processes.
        rank: this process.
        first_epoch: the epoch in which a resumed run starts; 0 for a new run. Lightning may ask
            for an earlier one while it restores itself, which must not reach the loader.
        skip: how many samples of this process the first epoch has used already.
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
            # the base class adds the epoch to it and seeds with the sum
            seed=derived_seed(seed) >> 1,
        )
        self.first_epoch = first_epoch
        self.skip = skip
        self.set_epoch(first_epoch)

    def set_epoch(self, epoch: int) -> None:
        """Chooses the epoch whose order comes next."""
        super().set_epoch(max(epoch, self.first_epoch))

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """(epoch, index) of the samples that are left in the epoch."""
        epoch = self.epoch
        skip = self.skip if epoch == self.first_epoch else 0
        for index in list(cast(Iterator[int], super().__iter__()))[skip:]:
            yield epoch, index


class EvaluationSampler(DistributedSampler[int]):
    """Every index once, in order, dealt out to the processes.

    The base class repeats samples until all processes have the same number, and the repeated ones
    would count twice in a metric.
    """

    def __init__(self, dataset: Sized, *, replicas: int = 1, rank: int = 0) -> None:
        super().__init__(
            cast(Dataset[int], dataset), num_replicas=replicas, rank=rank, shuffle=False
        )
        self._indices = range(rank, len(dataset), replicas)

    def __iter__(self) -> Iterator[int]:
        """This process's indices."""
        return iter(self._indices)

    def __len__(self) -> int:
        """Number of this process's indices."""
        return len(self._indices)
