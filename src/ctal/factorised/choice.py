"""Choice of the cheaper form: counted operations with costs measured per device type.

docs/performance.md has the measurements, made by `benchmarks/crossover.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple


class Costs(NamedTuple):
    """Costs of operations, in multiply-adds of a large matrix product.

    Attributes:
        convolution: a multiply-add of the dense form's grouped convolution, which uses each loaded
            number for a few products only.
        copy: a number of the factorised form's weighted copies, which are written to memory.
        correlation: fixed cost of S, expressed as a number of pixels.
        offset: overhead of the calls for one window offset and target task.
    """

    convolution: int
    copy: int
    correlation: int
    offset: int


# Only CPUs were measured. Other devices also have far more arithmetic than bandwidth, so they use
# the same costs until they are measured.
_COSTS = {"cpu": Costs(convolution=60, copy=12, correlation=300, offset=5_000_000)}
_COSTS_ELSEWHERE = _COSTS["cpu"]


def multiply_adds(shape: Sequence[int], kernel_size: int) -> dict[str, int]:
    """Count the multiply-adds of each form for one image with features (..., T, C, H, W).

    Example:
        >>> multiply_adds((3, 128, 72, 96), 3)
        {'dense': 40561606656, 'factorised': 18345885696}
    """
    T, C, H, W = shape[-4:]
    P, window = H * W, kernel_size**2
    return {
        "dense": T * P**2 * (2 * C + T * window),
        "factorised": 2 * T**2 * window * C**2 * P,
    }


def cheaper_method(
    shape: Sequence[int], kernel_size: int, device_type: str = "cpu"
) -> Literal["dense", "factorised"]:
    """Return the faster form for features of `shape` (..., T, C, H, W).

    Where the difference is large, it needs less memory too: the dense form stores T P^2 numbers
    several times, and is faster only for P below a few hundred.
    """
    costs = _COSTS.get(device_type, _COSTS_ELSEWHERE)
    T, C, H, W = shape[-4:]
    P, window = H * W, kernel_size**2
    dense = T * P**2 * (2 * C + costs.convolution * T * window)
    factorised = 2 * T**2 * window * C * (C + costs.copy) * (P + costs.correlation)
    factorised += T * window * costs.offset
    return "dense" if dense <= factorised else "factorised"
