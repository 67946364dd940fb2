"""Faster backward pass of depthwise convolutions in bfloat16 on a CPU.

oneDNN has fast kernels for the forward pass and for the gradient of 3x3 weights. Those of larger
weights and of the input of a strided convolution take 5 to 50 times as long (torch 2.14, AVX-512,
`python -m benchmarks.depthwise`), and half of the time of EfficientNet's convolutions. Here both
are computed by the fast kernels.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.grad import conv2d_weight

_TILE = 3  # size of the weights that have a fast gradient
Pair = tuple[int, int]


def convolve(*args: Any, **kwargs: Any) -> Tensor:
    """Convolve as `torch.conv2d` with bfloat16 autocast, by `_Depthwise` where it is faster."""
    call = _Call(*args, **kwargs)
    return call.run() if call.is_depthwise() else torch.conv2d(*args, **kwargs)


class _Call(NamedTuple):
    """Arguments of `torch.conv2d`."""

    input: Tensor
    weight: Tensor
    bias: Tensor | None = None
    stride: int | Pair = 1
    padding: int | Pair | str = 0
    dilation: int | Pair = 1
    groups: int = 1

    def is_depthwise(self) -> bool:
        """Return whether there is one filter per channel, with at least 3x3 weights."""
        channels, _, *kernel = self.weight.shape
        return (
            self.groups == channels == self.input.shape[1]
            and min(kernel) >= _TILE
            and self.input.ndim == 4
            and _pair(self.dilation) == (1, 1)
            and not isinstance(self.padding, str)
            and all(p < k for p, k in zip(_pair(self.padding), kernel, strict=True))
        )

    def run(self) -> Tensor:
        """Compute the convolution in bfloat16, as autocast does."""
        dtype = torch.get_autocast_dtype("cpu")
        assert not isinstance(self.padding, str)
        parts = [part if part is None else part.to(dtype) for part in self[:3]]
        out: Tensor = _Depthwise.apply(*parts, _pair(self.stride), _pair(self.padding))
        return out


class _Depthwise(torch.autograd.Function):
    """Depthwise convolution of x (B, C, H, W) with w (C, 1, h, w)."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, w: Tensor, bias: Tensor | None, stride: Pair, padding: Pair
    ) -> Tensor:
        """Compute the convolution."""
        ctx.save_for_backward(x, w)
        ctx.stride, ctx.padding = stride, padding
        return torch.conv2d(x, w, bias, stride, padding, groups=len(w))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Compute the gradients of x, w and bias."""
        grad = grads[0].contiguous(memory_format=torch.channels_last)
        x, w = ctx.saved_tensors
        to_x, to_w, to_bias = ctx.needs_input_grad[:3]
        with torch.autocast("cpu", enabled=False):
            d_x = input_gradient(x.shape, w, grad, ctx.stride, ctx.padding) if to_x else None
            d_w = weight_gradient(x, w.shape, grad, ctx.stride, ctx.padding) if to_w else None
        return d_x, d_w, grad.sum((0, 2, 3)) if to_bias else None, None, None


def input_gradient(
    shape: torch.Size, w: Tensor, grad: Tensor, stride: Pair, padding: Pair
) -> Tensor:
    """Compute the gradient of the input, as a forward convolution with the mirrored weights.

    Args:
        shape: (B, C, H, W) of the input.
        w: weights (C, 1, h, w).
        grad: gradient of the output.
        stride: (vertical, horizontal).
        padding: (vertical, horizontal), less than the size of the weights.
    """
    kernel = w.shape[-2:]
    if stride != (1, 1):  # zeros at the positions that a stride of 1 would have added
        full = [n + 2 * p - k + 1 for n, p, k in zip(shape[-2:], padding, kernel, strict=True)]
        spread = torch.empty(
            (*shape[:2], *full), dtype=grad.dtype, memory_format=torch.channels_last
        ).zero_()
        spread[..., :: stride[0], :: stride[1]] = grad
        grad = spread
    around = tuple(k - 1 - p for k, p in zip(kernel, padding, strict=True))
    return torch.conv2d(grad, w.flip(-2, -1), padding=around, groups=len(w))


def weight_gradient(
    x: Tensor, shape: torch.Size, grad: Tensor, stride: Pair, padding: Pair
) -> Tensor:
    """Compute the gradient of the weights in tiles of 3x3.

    Args:
        x: input (B, C, H, W).
        shape: (C, 1, h, w) of the weights, h and w at least 3.
        grad: gradient of the output.
        stride: (vertical, horizontal).
        padding: (vertical, horizontal).
    """
    x = F.pad(x, (padding[1], padding[1], padding[0], padding[0])) if any(padding) else x
    reach = [s * (n - 1) + _TILE for s, n in zip(stride, grad.shape[-2:], strict=True)]
    gradient = grad.new_empty(shape)
    for top in _starts(shape[-2]):
        for left in _starts(shape[-1]):
            part = x[..., top : top + reach[0], left : left + reach[1]]
            tile = conv2d_weight(  # type: ignore[no-untyped-call]
                part.contiguous(memory_format=torch.channels_last),
                (shape[0], 1, _TILE, _TILE),
                grad,
                stride=stride,
                groups=shape[0],
            )
            gradient[..., top : top + _TILE, left : left + _TILE] = tile
    return gradient


def _starts(size: int) -> Iterator[int]:
    """Yield the first index of each tile; the last one may overlap the one before."""
    yield from range(0, size - _TILE, _TILE)
    yield size - _TILE


def _pair(value: int | Pair) -> Pair:
    return (value, value) if isinstance(value, int) else (value[0], value[1])
