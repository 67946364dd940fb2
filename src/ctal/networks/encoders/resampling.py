"""Weights of a timm model for images of another size."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ctal.errors import InputError
from ctal.networks.encoders.bodies import feature_maps, names_of_sized
from ctal.networks.resizing import shared_copy

Size = tuple[int, int]


def hand_over(name: str, old: nn.Module, new: nn.Module, sizes: tuple[Size, Size]) -> None:
    """Put the parameters and statistics of a body into one for another size.

    timm resamples the position embeddings of plain ViTs and the relative positions of windows that
    change.

    Args:
        name: name of the timm model.
        old: the body with the weights.
        new: the body for the new size.
        sizes: (H, W) of the images of both.

    Raises:
        InputError: weights belong to the old size, and timm does not resample them.
    """
    before, after = sizes
    resampled = _resampled(old, new, feature_maps(name).body_size(after))
    state = old.state_dict(keep_vars=True) | resampled
    # 2x3 and 3x2 pixels have weights of the same shape, but not the same ones
    belonging = names_of_sized(name, after) - resampled.keys()
    for key, value in new.state_dict(keep_vars=True).items():
        if key in belonging or state[key].shape != value.shape:
            raise InputError(
                f"image_size: the encoder {name!r} cannot be resized from {before[0]}x{before[1]} "
                f"to {after[0]}x{after[1]}: its weights {key!r} belong to one size; train it at "
                "the target size"
            )
        value.requires_grad_(state[key].requires_grad)
    new.load_state_dict(state, assign=True)


def _resampled(old: nn.Module, new: nn.Module, size: Size) -> dict[str, Tensor]:
    """Return the weights of the old body that timm resamples, by name, as the new one has them."""
    found: dict[str, Tensor] = {}
    parts: dict[str, Any] = dict(old.named_modules())
    for name, part in parts.items():
        if hasattr(part, "set_window_size"):
            copied = shared_copy(part)  # so that an error leaves the part as it is
            copied.set_window_size(new.get_submodule(name).window_size)
            found |= copied.state_dict(prefix=f"{name}.", keep_vars=True)
    if hasattr(parts.get("model"), "set_input_size"):  # a plain ViT
        copied = shared_copy(parts["model"])
        copied.set_input_size(img_size=size)
        found |= copied.state_dict(prefix="model.", keep_vars=True)
    return found
