"""Custom network outside the package, as a user would write it."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from ctal.networks import Predictions
from ctal.tasks import Task


class OwnNet(nn.Module):
    def __init__(self, tasks: Sequence[Task], *, channels: int) -> None:
        super().__init__()
        self.tasks = list(tasks)
        self.body = nn.Sequential(
            nn.Conv2d(3, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.Dropout(0.5)
        )
        self.heads = nn.ModuleDict({t.name: nn.Conv2d(channels, t.channels, 1) for t in tasks})

    def forward(self, images: Tensor) -> Predictions:
        features = self.body(images)
        return Predictions({name: head(features) for name, head in self.heads.items()}, [])
