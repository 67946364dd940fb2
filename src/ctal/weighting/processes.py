"""What the processes of a run must agree on. Each sees other batches and draws other numbers."""

from __future__ import annotations

import torch.distributed as dist
from torch import Tensor


def mean_over_processes(values: Tensor) -> Tensor:
    """The mean of `values` over all processes; the values themselves in a run of one."""
    if not _several():
        return values
    total = values.clone()
    dist.all_reduce(total)
    return total / dist.get_world_size()


def of_first_process(values: Tensor) -> Tensor:
    """The `values` of the first process, in all of them."""
    if _several():
        values = values.clone()
        dist.broadcast(values, src=0)
    return values


def _several() -> bool:
    return dist.is_available() and dist.is_initialized()
