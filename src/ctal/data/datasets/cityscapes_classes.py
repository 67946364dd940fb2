"""The evaluated classes of Cityscapes and their categories."""

from __future__ import annotations

from typing import NamedTuple

from ctal.errors import InputError
from ctal.tasks import SemanticSegmentation


class Scored(NamedTuple):
    """A class that is evaluated.

    Attributes:
        label: Its id in the label files.
        colour: The authors' color, "#rrggbb".
        category: Name of its category.
    """

    label: int
    colour: str
    category: str


CLASSES = {
    "road": Scored(7, "#804080", "flat"),
    "sidewalk": Scored(8, "#f423e8", "flat"),
    "building": Scored(11, "#464646", "construction"),
    "wall": Scored(12, "#66669c", "construction"),
    "fence": Scored(13, "#be9999", "construction"),
    "pole": Scored(17, "#999999", "object"),
    "traffic light": Scored(19, "#faaa1e", "object"),
    "traffic sign": Scored(20, "#dcdc00", "object"),
    "vegetation": Scored(21, "#6b8e23", "nature"),
    "terrain": Scored(22, "#98fb98", "nature"),
    "sky": Scored(23, "#4682b4", "sky"),
    "person": Scored(24, "#dc143c", "human"),
    "rider": Scored(25, "#ff0000", "human"),
    "car": Scored(26, "#00008e", "vehicle"),
    "truck": Scored(27, "#000046", "vehicle"),
    "bus": Scored(28, "#003c64", "vehicle"),
    "train": Scored(31, "#005064", "vehicle"),
    "motorcycle": Scored(32, "#0000e6", "vehicle"),
    "bicycle": Scored(33, "#770b20", "vehicle"),
}
"""The 19 classes in the order of their ids (the "train ids" of the official scripts)."""

CATEGORIES = {
    "flat": "#804080",
    "construction": "#464646",
    "object": "#999999",
    "nature": "#6b8e23",
    "sky": "#4682b4",
    "human": "#dc143c",
    "vehicle": "#00008e",
}
"""The 7 categories in the order of their ids, each with the color of its first class."""

# The ids in a label file: 0..33, and 255 for license plates, whose id -1 does not fit into 8 bits.
_STORED = [*range(34), 255]


def cityscapes_classes(count: int) -> SemanticSegmentation:
    """Return the task of the 19 classes or the 7 categories.

    Raises:
        InputError: `count` is neither 19 nor 7.
    """
    if count not in (len(CLASSES), len(CATEGORIES)):
        raise InputError(f"classes: expected 19 or 7, got {count}")
    colours = {name: entry.colour for name, entry in CLASSES.items()}
    named = colours if count == len(CLASSES) else CATEGORIES
    return SemanticSegmentation(count, class_names=list(named), colours=list(named.values()))


def class_table(count: int) -> dict[int, int | None]:
    """Return the class id of each id in a label file; None for ids that are not evaluated.

    A category contains only the pixels of its evaluated classes. Parking, bridges, trailers and the
    like belong to no category.
    """
    categories = list(CATEGORIES)
    ids: dict[int, int | None] = {
        entry.label: index if count == len(CLASSES) else categories.index(entry.category)
        for index, entry in enumerate(CLASSES.values())
    }
    return {number: ids.get(number) for number in _STORED}
