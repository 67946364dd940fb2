"""Parts of a network that start from pretrained weights, and the layers of those that have any."""

from __future__ import annotations

from typing import Any

from timm.models import group_parameters
from torch import nn

from ctal.errors import InputError
from ctal.networks.encoders.encoder import Encoder


def encoder_parts(network: nn.Module) -> list[nn.Module]:
    """Return the pretrained parts of a network's encoders.

    They are the timm models in each `Encoder`, without a `PyramidNeck`, whose weights are random.
    A network of a user's own that has no `Encoder` has its encoder in an attribute `encoder`.

    Raises:
        InputError: the network has neither.
    """
    parts = [module.body for module in network.modules() if isinstance(module, Encoder)]
    own = getattr(network, "encoder", None)
    if not parts and isinstance(own, nn.Module):
        parts = [own]
    if not parts:
        raise InputError(
            f"model.network: expected a network with a ctal.networks.Encoder, or with its encoder "
            f"in an attribute `encoder`, got {type(network).__name__}, which has neither"
        )
    return parts


def layer_numbers(part: nn.Module) -> tuple[dict[nn.Parameter, int], int]:
    """Return the layer that each parameter of a vision transformer belongs to.

    Layer 0 has patch and position embeddings, layer n the n-th block, as timm numbers them.

    Args:
        part: one of `encoder_parts`.

    Returns:
        The numbers, and the number above the last block, which is that of the heads.

    Raises:
        InputError: timm defines no layers for this model.
    """
    model: Any = getattr(part, "model", None)
    if not hasattr(model, "group_matcher"):
        raise InputError(
            "model.parameter_groups.layer_decay: expected a vision transformer (vit_*, DINOv2, "
            "...) as encoder, since timm defines layers for no other feature pyramid; use "
            "encoder_lr_scale"
        )
    by_name = group_parameters(model, model.group_matcher(coarse=False), reverse=True)
    numbers = {value: int(by_name[name]) for name, value in model.named_parameters()}
    return numbers, max(numbers.values()) + 1


def without_weight_decay(part: nn.Module) -> set[str]:
    """Return the names that timm excludes from weight decay, such as position embeddings."""
    listed = getattr(getattr(part, "model", part), "no_weight_decay", None)
    return set(listed()) if callable(listed) else set()
