"""Errors of normalization layers on too few values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor

from ctal.errors import InputError

# raised by torch for batch, group and instance normalization; wrapped by a compiled network
_TOO_FEW = ("more than 1 value per channel", "more than 1 spatial element")


@contextmanager
def normalization_errors(images: Tensor) -> Iterator[None]:
    """Report normalization of one value per channel as an error of batch and image size.

    In training, batch normalization needs two values per channel. The coarsest map of an encoder
    has one pixel for images of 32x32, so a batch of one such image cannot be normalized.

    Args:
        images: (B, 3, H, W), the images of the call.

    Raises:
        InputError: a layer normalizes one value per channel.
    """
    try:
        yield
    except (ValueError, RuntimeError) as error:
        if isinstance(error, InputError) or not any(text in str(error) for text in _TOO_FEW):
            raise
        B, _, H, W = images.shape
        raise InputError(
            "batch_size: expected more than one value per channel in every normalization layer of "
            f"a training step, got one with a batch of {B} at {H}x{W}; use a larger batch_size or "
            "image_size"
        ) from error
