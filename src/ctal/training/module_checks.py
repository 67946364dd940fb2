"""Argument checks of the training module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lightning.pytorch import Trainer
from torch import nn

from ctal.errors import InputError


def check_arguments(network: nn.Module, *, compiled: object, aggregator: object) -> None:
    """Check that a network can be trained and, if requested, compiled.

    Raises:
        InputError: The network has no tasks, or compiling is combined with an aggregator.
    """
    if not hasattr(network, "tasks"):
        raise InputError(
            "model.network: expected a network with a list `tasks`, such as those of "
            f"ctal.networks, got {type(network).__name__}"
        )
    if compiled and aggregator:
        raise InputError(
            "model.compiled: not supported with an aggregator, since a compiled network does not "
            "show which parameters each task uses; remove one of them"
        )


def check_compiled(compiled: str | None, trainer: Trainer) -> None:
    """Check that a compile mode is compatible with the trainer's settings.

    Raises:
        InputError: The mode does not support gradient accumulation.
    """
    if compiled == "reduce-overhead" and trainer.accumulate_grad_batches > 1:
        raise InputError(
            "model.compiled: reduce-overhead does not support accumulate_grad_batches above 1, "
            "since the next batch overwrites the memory of the gradients; use default"
        )


def check_same_weighting(checkpoint: Mapping[str, Any], own: str) -> None:
    """Check that a checkpoint was trained with the same weighting.

    Args:
        checkpoint: content of the checkpoint.
        own: title of the module's weighting.

    Raises:
        InputError: The checkpoint was trained with another weighting.
    """
    theirs = checkpoint.get("weighting")
    if theirs not in (None, own):
        raise InputError(
            f"ckpt_path: expected a checkpoint trained with {own}, got one with {theirs}; keep "
            "model.weighting and model.aggregator, or start a new run"
        )
