"""Values that the processes of a run share; batches and random numbers differ by process."""

from __future__ import annotations

import torch.distributed as dist
from torch import Tensor


def mean_over_processes(values: Tensor) -> Tensor:
    """Return the mean of `values` over all processes."""
    if not _several():
        return values
    total = values.clone()
    dist.all_reduce(total)
    return total / dist.get_world_size()


def of_first_process(values: Tensor) -> Tensor:
    """Broadcast the `values` of the first process."""
    if _several():
        values = values.clone()
        dist.broadcast(values, src=0)
    return values


def _several() -> bool:
    return dist.is_available() and dist.is_initialized()
