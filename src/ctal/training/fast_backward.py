"""Faster backward passes of functions of torch, in training on a CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from ctal.training.depthwise import convolve
from ctal.training.resizing import interpolate


def fast_backward(images: Tensor, *, compiled: bool = False) -> AbstractContextManager[Any]:
    """Return a context in which resizing and depthwise convolutions have a faster backward pass.

    It has no effect except in training on a CPU, for depthwise convolutions with bfloat16 autocast.
    Gradients of convolutions are equal to those of PyTorch up to the rounding of bfloat16, those of
    resizing are the same.

    Args:
        images: input of the network.
        compiled: whether the network is compiled, which this would break.
    """
    if images.device.type != "cpu" or not torch.is_grad_enabled() or compiled:
        return nullcontext()
    others: dict[Any, Callable[..., Any]] = {F.interpolate: interpolate}
    if trains_in_bfloat16(images):
        others[torch.conv2d] = convolve
    return _Replaced(others)


def trains_in_bfloat16(images: Tensor) -> bool:
    """Return whether a network is trained on a CPU with bfloat16 autocast."""
    return (
        images.device.type == "cpu"
        and torch.is_grad_enabled()
        and torch.is_autocast_enabled("cpu")
        and torch.get_autocast_dtype("cpu") == torch.bfloat16
    )


class _Replaced(TorchFunctionMode):
    """Calls other functions in place of some of torch.

    Args:
        others: the functions to call, by those they take the place of.
    """

    def __init__(self, others: Mapping[Any, Callable[..., Any]]) -> None:
        super().__init__()
        self._others = others

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Call a function of torch, or the other one."""
        return self._others.get(func, func)(*args, **(kwargs or {}))
