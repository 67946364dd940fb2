"""Human parts: the body part of every pixel."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ctal.losses import ClassLoss
from ctal.tasks.base import TRAINING_ONLY
from ctal.tasks.classes import ClassTask

PARTS = {
    "background": "#d9d9d9",
    "head": "#e41a1c",
    "torso": "#ff7f00",
    "upper arms": "#33a02c",
    "lower arms": "#b2df8a",
    "upper legs": "#1f78b4",
    "lower legs": "#a6cee3",
}
"""Names and colors of the classes, in the order of their ids."""


@dataclass(frozen=True)
class HumanParts(ClassTask):
    """Background and 6 parts of people, class ids 0..6.

    The parts are those of Chen et al., "Detect What You Can: Detecting and Representing Objects
    using Holistic Models and Body Parts", CVPR 2014, as merged in the multitask literature: see
    `PARTS`. Hands belong to the lower arms, feet to the lower legs. The mean IoU is over all 7
    classes. An image without people has no label at all (255 everywhere, or no map): its
    background would only show that people are rare.

    Args:
        name: key of the task's map in samples and outputs.
        criterion: its loss, see `ctal.losses`; None: the cross entropy.

    Attributes:
        class_names: a name for each class.
    """

    name: str = "human_parts"
    criterion: ClassLoss | None = field(default=None, compare=False, metadata=TRAINING_ONLY)

    class_names: ClassVar[tuple[str, ...]] = tuple(PARTS)

    @property
    def channels(self) -> int:
        """Return the number of classes."""
        return len(PARTS)

    def palette(self) -> list[str]:
        """Return the color "#rrggbb" of each class."""
        return list(PARTS.values())
