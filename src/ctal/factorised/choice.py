"""Which of the two forms costs less: counted work, in units measured per kind of device.

docs/performance.md has the measurements; `benchmarks/crossover.py` makes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple


class Costs(NamedTuple):
    """What an operation takes, in multiply-adds of a large matrix product.

    Attributes:
        convolution: a multiply-add of the dense form's grouped convolution, which uses each number
            that it loads for a few products only.
        copy: a number of the factorised form's weighted copies, which pass through memory.
        correlation: handling S, whatever the number of pixels, in pixels' worth of its products.
        offset: the calls made for one offset of the window and target task.
    """

    convolution: int
    copy: int
    correlation: int
    offset: int


# Only CPUs were measured. Other devices too have far more arithmetic than bandwidth, so until they
# are measured they go by the same costs.
_COSTS = {"cpu": Costs(convolution=60, copy=16, correlation=200, offset=7_000_000)}
_COSTS_ELSEWHERE = _COSTS["cpu"]


def multiply_adds(shape: Sequence[int], kernel_size: int) -> dict[str, int]:
    """Multiply-adds of each form for one image, by the shape (..., T, C, H, W) of its features.

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
    """The form that takes less time for features of `shape` (..., T, C, H, W).

    It is the one that needs less memory too, wherever the difference is large: the dense form
    holds T P^2 numbers several times, and wins only where P is below some hundreds.
    """
    costs = _COSTS.get(device_type, _COSTS_ELSEWHERE)
    T, C, H, W = shape[-4:]
    P, window = H * W, kernel_size**2
    dense = T * P**2 * (2 * C + costs.convolution * T * window)
    factorised = 2 * T**2 * window * C * (C + costs.copy) * (P + costs.correlation)
    factorised += T * window * costs.offset
    return "dense" if dense <= factorised else "factorised"
