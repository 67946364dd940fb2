"""In which order a network keeps its numbers in memory."""

from __future__ import annotations

import torch
from torch import nn


def set_memory_format(network: nn.Module, memory_format: torch.memory_format) -> None:
    """Lets a network's convolutions work in a memory order, in place.

    A convolution works in the order of its weights, whatever its input's, so nothing else has to
    change, and the numbers stay the same. docs/performance.md has what `torch.channels_last`, pixel
    by pixel, brings. Unlike `network.to(memory_format=...)` it leaves parameters alone that are no
    convolution's: torch refuses that call where one has 5 dimensions, as CTAL's mixing weights do.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            module.to(memory_format=memory_format)
