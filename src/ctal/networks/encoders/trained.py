"""Weights of the encoder of a trained network, read from its files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor

from ctal.errors import InputError
from ctal.networks.encoders.bodies import model_name
from ctal.networks.source import is_network, read_source


class TrainedEncoder(NamedTuple):
    """The encoder of a trained network as its files have it.

    Attributes:
        source: name of the network, for messages.
        size: (H, W) of its images.
        last_stage: whether it has the coarsest scale alone.
        state: its weights by name.
    """

    source: str
    size: tuple[int, int]
    last_stage: bool
    state: dict[str, Tensor]


def trained_encoder(name: str, pretrained: bool | str) -> TrainedEncoder | None:
    """Read the encoder of the network that `pretrained` names.

    Args:
        name: name of the timm model that it must be.
        pretrained: as in `Encoder`.

    Returns:
        None if it names no network.

    Raises:
        InputError: the network cannot be read, or it has no such encoder, or one with weights that
            are not finite.
    """
    if not isinstance(pretrained, str) or not is_network(pretrained):
        return None
    try:
        saved = read_source(pretrained)
    except InputError as error:
        raise InputError(f"pretrained: {error}") from error
    try:
        arguments = saved.description["arguments"]
        height, width = arguments["image_size"]
        size = int(height), int(width)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{saved.description_file}: expected the description of a network ({error})"
        ) from error
    model = arguments.get("encoder", name)  # a network of one's own may not have that argument
    if model_name(str(model)) != model_name(name):
        raise InputError(
            f"pretrained: expected a network with the encoder {name!r}, but {pretrained!r} has "
            f"{model!r}; set encoder: {model}, or take another network"
        )
    state = _first_encoder(saved.state)
    if not state:
        raise InputError(f"pretrained: the network {pretrained!r} has no encoder of ctal.networks")
    broken = [key for key, value in state.items() if not bool(value.isfinite().all())]
    if broken:
        raise InputError(
            f"pretrained: {pretrained!r} has NaN or infinity in {broken[0]!r}; its training "
            "diverged: use an earlier checkpoint"
        )
    return TrainedEncoder(pretrained, size, bool(arguments.get("last_stage")), state)


def _first_encoder(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of the first `Encoder` among those of a network, by their own names."""
    for key in state:
        prefix, found, _ = key.rpartition("mean")
        if found and f"{prefix}std" in state and key == f"{prefix}mean":
            own = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
            if any(k.startswith("body.") for k in own):
                return own
    return {}
