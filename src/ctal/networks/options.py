"""Options of CTAL, which all modules and networks with CTAL accept as keyword arguments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from ctal.errors import InputError
from ctal.functional import Method


@dataclass(frozen=True)
class AffinityOptions:
    """Options of CTAL, with the published values as defaults; `ctal.CTAL` explains them.

    Args:
        kernel_size: side f of the window over which affinities are mixed, odd.
        gamma: share of the propagated features in the output.
        learned_gamma: make gamma a parameter, one for all tasks, initialized with `gamma`.
        shared_mixing: one set of mixing weights for all target tasks instead of one each.
        mixing_power: divide mixing weights and biases by P^mixing_power for P pixels.
        uniform_init: initialize all pixels with the same random mixing weights.
        centered: subtract the mean over the pixels from features and values of each image first.
        norm_start: add through a BatchNorm whose weights start at this number instead of gamma.
        method: "dense", "factorised" or "auto", as in `cross_task_affinity`.

    Raises:
        InputError: `kernel_size` is even or below 1, `mixing_power` or `norm_start` negative, one
            of them or `gamma` not finite, `learned_gamma` combined with `norm_start`, or `method`
            invalid.
    """

    kernel_size: int = 3
    gamma: float = 0.05
    learned_gamma: bool = False
    shared_mixing: bool = False
    mixing_power: float = 0.0
    uniform_init: bool = False
    centered: bool = False
    norm_start: float | None = None
    method: Method = "auto"

    def __post_init__(self) -> None:
        """Check the values."""
        if self.kernel_size < 1 or self.kernel_size % 2 == 0:
            raise InputError(f"kernel_size: expected an odd integer >= 1, got {self.kernel_size}")
        for name in ("mixing_power", "norm_start"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < math.inf:  # False for NaN too
                raise InputError(f"{name}: expected a finite number >= 0, got {value}")
        if not math.isfinite(self.gamma):
            raise InputError(f"gamma: expected a finite number, got {self.gamma}")
        if self.norm_start is not None and self.learned_gamma:
            raise InputError(
                "norm_start: replaces gamma by a BatchNorm, so learned_gamma has no effect; "
                "set one of them"
            )
        if self.method not in get_args(Method):
            raise InputError(f"method: expected one of {get_args(Method)}, got {self.method!r}")


def task_names(tasks: Sequence[str]) -> list[str]:
    """Return the names of tasks as a list.

    Raises:
        InputError: it is empty, a name occurs twice, or is not a string.
    """
    names = [] if isinstance(tasks, str) else list(tasks)
    if not names or len(set(names)) < len(names) or not all(isinstance(x, str) for x in names):
        raise InputError(
            f"tasks: expected one or more different names of tasks in a list, got {tasks!r}"
        )
    return names
