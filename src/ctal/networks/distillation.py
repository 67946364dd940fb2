"""Multi-modal distillation: every task receives gated features of the others.

Source: Xu, Ouyang, Wang and Sebe, "PAD-Net: Multi-Tasks Guided Prediction-and-Distillation Network
for Simultaneous Depth Estimation and Scene Parsing", CVPR 2018, section 3.3, module C.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn


class Message(nn.Module):
    """Message between two tasks: (W * F) times the gate sigmoid(W_g * F), both 3x3 convolutions.

    Args:
        channels: channels of the features F.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.content = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.gate = nn.Conv2d(channels, channels, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        return self.content(x) * self.gate(x).sigmoid()


class Distillation(nn.Module):
    """F_t plus the messages of all other tasks to task t: two convolutions per pair of tasks.

    Args:
        tasks: names of the tasks.
        channels: channels of every task's features.

    Attributes:
        messages: `messages[t][a]` is the message of task a to task t.
    """

    def __init__(self, tasks: Sequence[str], channels: int) -> None:
        super().__init__()
        self.messages = nn.ModuleDict(
            {
                target: nn.ModuleDict(
                    {other: Message(channels) for other in tasks if other != target}
                )
                for target in tasks
            }
        )

    def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        """Map {name: (B, C, H, W)} to the same shapes."""
        refined = {}
        for target, messages in self.messages.items():
            refined[target] = features[target]
            for other, message in cast(nn.ModuleDict, messages).items():
                refined[target] = refined[target] + message(features[other])
        return refined
