"""Processor cores that this process may use."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_CGROUP_V2 = "cpu.max"  # "quota period", or "max period"
_CGROUP_V1 = ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")  # quota -1: no limit


def usable_cores() -> int:
    """Return the number of cores that this process may run on (its affinity)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_limit(root: Path = Path("/sys/fs/cgroup")) -> float | None:
    """Return the processor time that this container may use, in cores; None without a limit."""
    with suppress(OSError, ValueError):
        quota, period = (root / _CGROUP_V2).read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    with suppress(OSError, ValueError):
        quota_us, period_us = (int((root / name).read_text()) for name in _CGROUP_V1)
        return None if quota_us <= 0 else quota_us / period_us
    return None
