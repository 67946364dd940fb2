"""Processor cores that this process may use."""

from __future__ import annotations

import os
import time
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


def busy_cores(stat: Path = Path("/proc/stat"), seconds: float = 0.1) -> float:
    """Measure how many of the usable cores are busy while this process sleeps; 0 if not on Linux.

    A machine that was idle in the last minute is not measured, since this takes time.

    Args:
        stat: the kernel's file of processor times.
        seconds: duration of the measurement.
    """
    if not hasattr(os, "sched_getaffinity") or os.getloadavg()[0] < 0.5:
        return 0.0
    with suppress(OSError, ValueError):
        before = _idle_and_whole(stat)
        time.sleep(seconds)
        after = _idle_and_whole(stat)
        cores = [f"cpu{core}" for core in os.sched_getaffinity(0)]
        changes = [
            (after[core][0] - before[core][0], after[core][1] - before[core][1])
            for core in cores
            if core in before and core in after
        ]
        return sum(1 - idle / total for idle, total in changes if total > 0)
    return 0.0


def _idle_and_whole(stat: Path) -> dict[str, tuple[int, int]]:
    """Return the idle time (with that of waiting for a disk) and the whole time of each core."""
    lines = [line.split() for line in stat.read_text().splitlines() if line.startswith("cpu")]
    # user, nice, system, idle, iowait, irq, softirq, steal; guest times are part of user
    times = {name: list(map(int, values[:8])) for name, *values in lines}
    return {name: (sum(values[3:5]), sum(values)) for name, values in times.items()}
