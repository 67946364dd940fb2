"""Warning about OpenMP's threads on a machine that others use too."""

from __future__ import annotations

import os
import sys
import warnings

import torch

from ctal.io.cores import busy_cores, cpu_limit, usable_cores

_SETTINGS = {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "OMP_NUM_THREADS"}


def warn_of_spinning_threads() -> None:
    """Warn if other processes keep cores busy that torch's threads will wait for.

    The commands of ctal set GOMP_SPINCOUNT before they import torch (`ctal.cli.threads`); a Python
    program has to do so itself. Only for GNU OpenMP, that of torch on Linux.
    """
    threads = torch.get_num_threads()
    if sys.platform != "linux" or _SETTINGS & set(os.environ) or threads == 1:
        return
    # measured now: the system's load average includes processes that ended a minute ago
    others, cores, limit = busy_cores(), usable_cores(), cpu_limit()
    free = cores - others if limit is None else min(cores - others, limit)
    if threads > max(1.0, free + 0.5):
        warnings.warn(
            f"other processes use about {others:.1f} of the {cores} cores of this process"
            f"{'' if limit is None else f', which is limited to {limit:g}'}, and torch has "
            f"{threads} threads that busy-wait for each other: predictions can be "
            "15 to 60 times slower; set GOMP_SPINCOUNT=1000 or OMP_NUM_THREADS=1 in the "
            "environment before torch is imported",
            stacklevel=3,
        )
