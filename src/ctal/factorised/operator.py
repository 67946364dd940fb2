"""Factorised form as a custom operator of torch that supports autograd, compile and export."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from ctal.compat import not_compiled
from ctal.errors import InputError
from ctal.factorised import passes
from ctal.factorised.choice import multiply_adds
from ctal.factorised.layout import empty_rows, to_maps

_FORWARD, _BACKWARD = "ctal::factorised_affinity", "ctal::factorised_affinity_backward"


def factorised_affinity(features: Tensor, values: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Compute `ctal.functional.cross_task_affinity` in the factorised form.

    The inputs are saved for the backward pass, and S if it is at most as large as one of them.

    Args:
        features: (B, T, C, H, W), before normalization.
        values: (B, T, C, H, W); products are computed in its dtype.
        weight: (M, P, T, f, f), of any floating dtype.
        bias: (M, P).

    Returns:
        (B, T, C, H, W) in the dtype of `values` and the memory order (B, H, W, T, C).
    """
    result: Tensor = torch.ops.ctal.factorised_affinity(features, values, weight, bias)[0]
    return result


def _forward(
    features: Tensor, values: Tensor, weight: Tensor, bias: Tensor
) -> tuple[Tensor, Tensor]:
    with torch.autocast(features.device.type, enabled=False):
        return passes.forward(features, values, weight, bias)


def _backward(
    g: Tensor, S: Tensor, features: Tensor, values: Tensor, weight: Tensor, bias: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    with torch.autocast(features.device.type, enabled=False):
        return passes.backward(g, S, features, values, weight, bias)


def _forward_shapes(
    features: Tensor, values: Tensor, weight: Tensor, bias: Tensor
) -> tuple[Tensor, Tensor]:
    return to_maps(empty_rows(values)), values.new_empty(passes.kept_shape(features, weight))


def _backward_shapes(
    g: Tensor, S: Tensor, features: Tensor, values: Tensor, weight: Tensor, bias: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    dW, db = weight.new_empty(weight.shape), bias.new_empty(bias.shape)
    return to_maps(empty_rows(features)), to_maps(empty_rows(values)), dW, db


def _save(ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, Tensor]) -> None:
    _, S = output
    ctx.mark_non_differentiable(S)
    ctx.save_for_backward(S, *inputs)


def _differentiate(ctx: Any, g: Tensor, _: Any) -> tuple[Tensor, ...]:
    return torch.ops.ctal.factorised_affinity_backward(g, *ctx.saved_tensors)


def _refuse(ctx: Any, *gradients: Tensor) -> None:
    raise InputError(
        "the factorised form of cross-task affinity does not support second derivatives; "
        'use method="dense"'
    )


def _define(
    name: str,
    compute: Callable[..., Any],
    shapes: Callable[..., Any],
    differentiate: Callable[..., Any],
    **context: Callable[..., None],
) -> None:
    """Define an operator. `torch.library.custom_op` imports torch's compiler at its first call."""
    schema = torch.library.infer_schema(compute, mutates_args=())
    torch.library.define(name, schema, tags=torch.Tag.pt2_compliant_tag)
    torch.library.impl(name, "default", not_compiled(compute))
    torch.library.register_fake(name, shapes)
    torch.library.register_autograd(name, differentiate, **context)


_define(_FORWARD, _forward, _forward_shapes, _differentiate, setup_context=_save)
_define(_BACKWARD, _backward, _backward_shapes, _refuse)


@register_flop_formula(torch.ops.ctal.factorised_affinity)
def _operations(
    features: Sequence[int], values: Sequence[int], weight: Sequence[int], *_: Any, **__: Any
) -> int:
    """Count the operations from the shapes as torch does: two per multiply-add.

    Minimal filtering is not counted, as in torch's formulas for convolutions.
    """
    return 2 * features[0] * multiply_adds(features, weight[-1])["factorised"]


@register_flop_formula(torch.ops.ctal.factorised_affinity_backward)
def _operations_backward(g: Any, S: Any, *shapes: Sequence[int], **_: Any) -> int:
    # two for each one of the forward pass; recomputing S is not counted
    return 2 * _operations(*shapes)
