"""Faster backward pass of resizing on a CPU.

Where resized maps are concatenated, the gradient of each is a slice of channels. For such a
gradient torch 2.14 takes 4 to 8 times as long as for a copy of it (`python -m
benchmarks.resizing`), since it resizes in another memory format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode


def fast_resizing(images: Tensor, *, compiled: bool = False) -> AbstractContextManager[Any]:
    """Return a context in which the gradients of resized maps are made contiguous.

    It has no effect except in training on a CPU.

    Args:
        images: input of the network.
        compiled: whether the network is compiled, which this would break.
    """
    applies = images.device.type == "cpu" and torch.is_grad_enabled() and not compiled
    return _Contiguous() if applies else nullcontext()


class _Contiguous(TorchFunctionMode):
    """Adds a hook to the results of `torch.nn.functional.interpolate`."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Call a function of torch."""
        result = func(*args, **(kwargs or {}))
        hooked = func is F.interpolate and result.requires_grad and result.ndim == 4
        if hooked and not torch.compiler.is_compiling():
            result.register_hook(_in_one_piece)
        return result


def _in_one_piece(gradient: Tensor | None) -> Tensor | None:
    if gradient is None:  # as autograd writes zeros
        return None
    last = gradient.stride(1) == 1  # channels are adjacent in memory
    return gradient.contiguous(
        memory_format=torch.channels_last if last else torch.contiguous_format
    )
