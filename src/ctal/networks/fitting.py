"""Networks of files: their sizes are compared with the weights before memory is used for them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ctal.errors import InputError
from ctal.networks.base import Network
from ctal.networks.outlines import outlined
from ctal.networks.serialization import build

PIXELS = 2**24
"""Largest image size in a file, 4096 x 4096; `ctal.load(image_size=...)` has no limit."""

_EXPANSION = 4
"""Times the size of their file that weights may have, for those stored once for several."""


def build_fitting(description: Any, state: Mapping[str, Tensor], file: Path) -> Network:
    """Build the network that a file describes, and load the file's weights.

    The network is first built on the meta device, without memory, so that a description of
    enormous sizes beside small weights is refused at no cost.

    Args:
        description: as `ctal.networks.build` accepts it.
        state: the weights by name.
        file: the file of the weights, for errors.

    Raises:
        InputError: the description is invalid, or the weights are those of another network, are
            larger than their file or are not finite.
    """
    _check_storage(state, file)
    outline = _outline(description)
    if outline is not None:
        _check_size(outline)
        _check_shapes(outline, state, file)
    _check_finite(state, file)
    network = build(description)
    try:
        network.load_state_dict(dict(state))
    except RuntimeError as error:
        reason = str(error).splitlines()[1:2] or [str(error)]
        raise _other_network(network, file, reason[0].strip()) from error
    return network


def _outline(description: Any) -> Network | None:
    """Build a network without memory; None for one of a user that computes with its weights."""
    try:
        with outlined():
            return build(description)
    except InputError:
        known = description.get("class") if isinstance(description, Mapping) else "ctal."
        if str(known).startswith("ctal."):
            raise
        return None


def _check_size(network: Network) -> None:
    height, width = network.image_size
    if height * width > PIXELS:
        raise InputError(
            f"image_size: expected at most {PIXELS:,} pixels in a file, got {height}x{width}"
        )


def _check_shapes(network: Network, state: Mapping[str, Tensor], file: Path) -> None:
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    for name, shape in shapes.items():
        if name not in state:
            raise _other_network(network, file, f"it has no {name!r}")
        if tuple(state[name].shape) != shape:
            found = tuple(state[name].shape)
            raise _other_network(network, file, f"{name!r}: expected {shape}, got {found}")
    for name in state:
        if name not in shapes:
            raise _other_network(network, file, f"unexpected {name!r}")


def _check_storage(state: Mapping[str, Tensor], file: Path) -> None:
    """Refuse weights that are not tensors, and tensors of which the file has only a part."""
    for name, value in state.items():
        if not isinstance(value, Tensor) or value.layout is not torch.strided:
            raise InputError(f"{file}: expected a dense tensor as {name!r}, got {_kind(value)}")
    size = sum(value.numel() * value.element_size() for value in state.values())
    if size > _EXPANSION * os.path.getsize(file):
        raise InputError(
            f"{file}: expected weights of the size of the file, got {size / 1e6:,.0f} MB in a "
            f"file of {os.path.getsize(file) / 1e6:,.1f} MB"
        )


def _kind(value: object) -> str:
    return f"a {value.layout} one" if isinstance(value, Tensor) else type(value).__name__


def _check_finite(state: Mapping[str, Tensor], file: Path) -> None:
    broken = [name for name, value in state.items() if not bool(value.isfinite().all())]
    if broken:
        raise InputError(
            f"{file}: expected finite weights, got NaN or infinity in {broken[0]!r} and "
            f"{len(broken) - 1} more tensors; the training diverged: use an earlier checkpoint"
        )


def _other_network(network: Network, file: Path, reason: str) -> InputError:
    name = type(network).__name__
    return InputError(f"{file}: its weights are not those of the {name} it describes ({reason})")
