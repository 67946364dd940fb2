"""Defaults for OpenMP's threads, which torch starts: set before torch is imported."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import MutableMapping

from ctal.io.cores import busy_cores, cpu_limit, usable_cores

SPIN_COUNT = 1000
"""Turns of a loop, microseconds, for which a thread of GNU OpenMP waits before it sleeps."""


def set_thread_defaults(environment: MutableMapping[str, str] | None = None) -> None:
    """Set OpenMP's variables that the user left unset, for this process and its children.

    By default, a thread of GNU OpenMP spins for milliseconds at every barrier. If another program
    keeps a core busy, the thread that all others spin for does not run: predictions get 15 to 60
    times slower. A short spin costs little on an idle machine (docs/performance.md has a table).

    A container's limit on processor time does not change the number of cores that OpenMP sees; it
    would start a thread for each of them.

    Args:
        environment: the variables; by default those of this process.
    """
    environment = os.environ if environment is None else environment
    if not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & set(environment):
        environment["GOMP_SPINCOUNT"] = str(SPIN_COUNT)
    limit = cpu_limit()
    if limit is not None and limit < usable_cores() and "OMP_NUM_THREADS" not in environment:
        environment["OMP_NUM_THREADS"] = str(max(1, math.floor(limit)))


def leave_busy_cores(environment: MutableMapping[str, str] | None = None) -> None:
    """Start no more threads than there are cores that no other program keeps busy.

    At a barrier, the threads on free cores wait for the one that shares its core. With two cores,
    of which one is busy, one thread is faster than two. For commands that end soon, since the other
    programs may end later; a training has the same number of threads when it is resumed.

    Args:
        environment: the variables; by default those of this process.
    """
    environment = os.environ if environment is None else environment
    if "torch" in sys.modules or "OMP_NUM_THREADS" in environment:
        return
    busy = round(busy_cores())
    if busy:
        environment["OMP_NUM_THREADS"] = str(max(1, usable_cores() - busy))
