"""The protocol of scoring: at which size, over which copies of an image, on which pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any, Literal

from torch import Tensor

from ctal.errors import InputError
from ctal.evaluation.depth_protocol import DepthProtocol
from ctal.networks.test_time import TestTimeAugmentation
from ctal.tasks import Task
from ctal.tasks.depth import is_metric_depth


@dataclass(frozen=True)
class Protocol:
    """How `ctal validate` and `ctal test` score; the validations of a training do not use it.

    Args:
        resolution: network: at the size of the network, to which labels are resized by nearest
            neighbor. image: at the size of each image, as `ctal predict` writes its maps, against
            the labels as they are stored. The numbers of the two are not comparable.
        flip: Average with the prediction for the mirrored image.
        scales: Average over these sizes of the network, relative to its own.
        depth: Choice of pixels and scaling for tasks of depth in meters.
    """

    resolution: Literal["network", "image"] = "network"
    flip: bool = False
    scales: tuple[float, ...] = (1.0,)
    depth: DepthProtocol = field(default_factory=DepthProtocol)

    def __post_init__(self) -> None:
        """Check the scales."""
        object.__setattr__(self, "scales", tuple(self.augmentation().scales))

    @property
    def is_plain(self) -> bool:
        """Whether every batch is predicted and scored as it is."""
        return self == Protocol()

    def augmentation(self) -> TestTimeAugmentation:
        """Return the test-time augmentation."""
        return TestTimeAugmentation(self.flip, self.scales)

    def check(self, tasks: Sequence[Task]) -> None:
        """Check that each option applies to a task.

        Raises:
            InputError: There are options of depth, but no task has depth in meters.
        """
        if not self.depth.is_plain and not any(map(is_metric_depth, tasks)):
            names = ", ".join(task.name for task in tasks)
            raise InputError(f"scoring.depth: expected a task with depth in meters, got {names}")

    def judged(self, task: Task, prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Return the maps of a task that its metrics compare, from its prediction and target."""
        if is_metric_depth(task):
            return self.depth.apply(prediction, target)
        return prediction, target

    def title(self) -> str:
        """Return the protocol in words, for tables."""
        place = "the network's size" if self.resolution == "network" else "the images' own size"
        depth = self.depth.title()
        parts = [f"at {place}", self.augmentation().title(), depth and f"depth: {depth}"]
        return "; ".join(filter(None, parts))

    def plain(self) -> dict[str, Any]:
        """Return the protocol as plain values."""
        return asdict(self, dict_factory=_plain)


def _plain(items: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the fields of a dataclass as JSON holds them: enums by name, tuples as lists."""
    names = {key: value.name if isinstance(value, Enum) else value for key, value in items}
    return {key: list(value) if isinstance(value, tuple) else value for key, value in names.items()}
