"""Memory that a training on a CPU keeps from step to step."""

from __future__ import annotations

import ctypes
import os
import platform

import torch

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # options of `mallopt`, malloc.h of glibc
_ALWAYS, _LARGEST = 2**31 - 1, 32 * 2**20  # glibc allows a larger threshold for neither
_OWN_SETTINGS = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")


def keep_freed_memory(device: torch.device) -> bool:
    """Let the C library keep memory that is freed, up to the peak of the process.

    By default, glibc returns large blocks to the system as soon as they are freed. Every step of a
    training then gets all its feature maps as new pages, which the system has to clear: 60,000
    page faults and 4 to 9 % of a step on two cores of an AMD EPYC. The peak is the same
    (`python -m benchmarks.step_before`).

    Args:
        device: where the network is trained; a GPU has an allocator of its own.

    Returns:
        Whether it was set: not for a GPU, not with another C library, nor if the user has set these
        thresholds.
    """
    if device.type != "cpu":
        return False
    if platform.libc_ver()[0] != "glibc" or any(name in os.environ for name in _OWN_SETTINGS):
        return False
    mallopt = ctypes.CDLL(None).mallopt
    thresholds = ((_MMAP_THRESHOLD, _LARGEST), (_TRIM_THRESHOLD, _ALWAYS))
    return all(mallopt(option, value) == 1 for option, value in thresholds)
