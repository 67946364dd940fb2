"""Parameter groups with separate learning rates and weight decays for the encoder."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.optim import Optimizer

from ctal.errors import InputError
from ctal.networks.encoders.parts import encoder_parts, layer_numbers, without_weight_decay

_SCALE = "lr_scale"


@dataclass(frozen=True)
class ParameterGroups:
    """Settings of parameter groups with different learning rates and weight decays.

    The encoder is the timm model of the network. All other parameters are "the rest": necks,
    decoders, heads, mixing weights and the parameters of a weighting.

    Args:
        encoder_lr_scale: learning rate of the encoder as a multiple of the optimizer's. Schedules
            keep the ratio.
        encoder_weight_decay: weight decay of the encoder; None: that of the optimizer.
        layer_decay: learning rate decay from each layer of a vision transformer to the layer below
            it, applied once to the last block. From Bao et al., "BEiT: BERT Pre-Training of Image
            Transformers", ICLR 2022, with the layers defined by timm. 1: no decay.
        decay_norms_and_biases: whether weight decay applies to biases, to the parameters of
            normalization layers and other vectors, and to position embeddings.

    Raises:
        InputError: An argument is out of range.
    """

    encoder_lr_scale: float = 1.0
    encoder_weight_decay: float | None = None
    layer_decay: float = 1.0
    decay_norms_and_biases: bool = True

    def __post_init__(self) -> None:
        where = "model.parameter_groups."
        if not 0 < self.encoder_lr_scale < math.inf:
            raise InputError(
                f"{where}encoder_lr_scale: expected a number above 0, got {self.encoder_lr_scale}; "
                "to freeze the encoder, add the callback ctal.training.FreezeEncoder"
            )
        if self.encoder_weight_decay is not None and not 0 <= self.encoder_weight_decay < math.inf:
            raise InputError(
                f"{where}encoder_weight_decay: expected a number >= 0, got "
                f"{self.encoder_weight_decay}"
            )
        if not 0 < self.layer_decay <= 1:
            raise InputError(
                f"{where}layer_decay: expected a number > 0 and <= 1, got {self.layer_decay}"
            )


def grouped(module: nn.Module, network: nn.Module, settings: ParameterGroups) -> list[Any]:
    """Return the parameter groups of a module, for an optimizer.

    Each group has a "name" and an "lr_scale", which `scale_rates` applies. Groups of "the rest"
    are first.

    Args:
        module: the module whose parameters are trained.
        network: the network of the module.
        settings: the settings of the groups.

    Raises:
        InputError: The network has no encoder, or timm defines no layers of the encoder.
    """
    scales, embeddings = _encoder(network, settings)
    groups: dict[str, dict[str, Any]] = {}
    for name, parameter in module.named_parameters():
        scale = scales.get(parameter)
        title = "rest" if scale is None else "encoder"
        options: dict[str, Any] = {_SCALE: 1.0 if scale is None else scale}
        if scale is not None and settings.encoder_weight_decay is not None:
            options["weight_decay"] = settings.encoder_weight_decay
        if settings.layer_decay != 1 and scale is not None:
            title += f"_x{scale:.3g}"
        is_vector = parameter.ndim <= 1 or name.endswith("bias") or parameter in embeddings
        if is_vector and not settings.decay_norms_and_biases:
            title, options["weight_decay"] = f"{title}_no_decay", 0.0
        group = groups.setdefault(title, {"name": title, "params": [], **options})
        group["params"].append(parameter)
    return sorted(groups.values(), key=lambda group: not str(group["name"]).startswith("rest"))


def scale_rates(optimizer: Optimizer) -> None:
    """Multiply the learning rate of each group by its "lr_scale".

    Raises:
        InputError: A group has a weight decay, but the optimizer does not support it.
    """
    for group in optimizer.param_groups:
        group["lr"] = group["lr"] * group[_SCALE]
    has_decay = any("weight_decay" in group for group in optimizer.param_groups)
    if has_decay and "weight_decay" not in optimizer.defaults:
        raise InputError(
            f"model.parameter_groups: {type(optimizer).__name__} does not support weight decay; "
            "omit encoder_weight_decay and decay_norms_and_biases, or use another optimizer"
        )


def rate_scales(optimizer: Optimizer) -> list[float]:
    """Return the learning rate factor of each group; 1 without groups."""
    return [float(group.get(_SCALE, 1.0)) for group in optimizer.param_groups]


def _encoder(
    network: nn.Module, settings: ParameterGroups
) -> tuple[dict[nn.Parameter, float], set[nn.Parameter]]:
    """Return the learning rate factors of the encoder's parameters, and those without decay."""
    scales: dict[nn.Parameter, float] = {}
    embeddings: set[nn.Parameter] = set()
    for part in encoder_parts(network):
        scales |= dict.fromkeys(part.parameters(), settings.encoder_lr_scale)
        names = without_weight_decay(part)
        embeddings |= {
            value for name, value in part.named_parameters() if name.rpartition(".")[2] in names
        }
        if settings.layer_decay != 1:
            numbers, top = layer_numbers(part)
            for parameter, number in numbers.items():
                scales[parameter] *= settings.layer_decay ** (top - number)
    return scales, embeddings
