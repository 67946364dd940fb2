"""Networks without memory for values, to see the names and shapes of weights and maps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

_VALUES_ONLY = frozenset(  # functions whose result has the shape of their first argument
    {
        *(nn.init.uniform_, nn.init.normal_, nn.init.constant_, nn.init.kaiming_uniform_),
        *(Tensor.uniform_, Tensor.normal_, Tensor.fill_, Tensor.zero_, Tensor.erfinv_),
        *(F.batch_norm, F.relu, F.hardtanh, F.hardswish, F.hardsigmoid, F.silu, F.gelu),
    }
)
_BROADCAST = frozenset({Tensor.__add__, Tensor.add, Tensor.__mul__, Tensor.mul})


class _ShapesOnly(TorchFunctionMode):
    """Does not compute values for tensors on the meta device, where there are none."""

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        first = args[0] if args else kwargs.get("tensor")
        if isinstance(first, Tensor) and first.is_meta:
            if function in _VALUES_ONLY:
                return first
            if function in _BROADCAST and len(args) == 2:
                shapes = [value.shape for value in args if isinstance(value, Tensor)]
                shape = np.broadcast_shapes(*shapes)
                return first.new_empty(shape, dtype=torch.result_type(*args))
            if function is torch.conv2d and len(args) == 7 and not isinstance(args[4], str):
                return first.new_empty(first.shape[0], len(args[1]), *_convolved(*args[:6]))
        return function(*args, **kwargs)


def _convolved(
    maps: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
) -> list[int]:
    """Return the height and width of maps after a convolution."""
    sizes = zip(maps.shape[2:], weight.shape[2:], stride, padding, dilation, strict=True)
    return [(n + 2 * pad - gap * (k - 1) - 1) // step + 1 for n, k, step, pad, gap in sizes]


@contextmanager
def outlined() -> Iterator[None]:
    """Create the tensors of a `with` block on the meta device, which stores no values.

    Weights are not initialized, and the usual normalizations and activations return their input.
    For these, sums and convolutions torch 2.14 has Python code on the meta device, and first
    imports its compiler or sympy, which takes as long as `import torch`.
    """
    with torch.device("meta"), _ShapesOnly():
        yield
