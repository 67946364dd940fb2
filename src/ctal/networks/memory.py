"""Memory format of a network."""

from __future__ import annotations

import torch
from torch import nn


def set_memory_format(network: nn.Module, memory_format: torch.memory_format) -> None:
    """Set the memory format of a network's convolutions, in place.

    A convolution uses the format of its weights, whatever that of its input, so nothing else has
    to change, and values stay the same. docs/performance.md has measurements of
    `torch.channels_last`. Unlike `network.to(memory_format=...)`, other parameters are not
    changed: torch raises an error for parameters of 5 dimensions, such as CTAL's mixing weights.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            module.to(memory_format=memory_format)
