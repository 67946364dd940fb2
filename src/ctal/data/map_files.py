"""The label maps of one task in a folder: which files, and what their values mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctal.data.files import read_array
from ctal.errors import InputError
from ctal.maps import UNLABELLED_CLASS, Map
from ctal.tasks import Task

NAME = "{name}"
"""What stands for a sample's name in a path pattern."""


def check_pattern(pattern: str, key: str) -> None:
    """Refuses a path pattern that does not have `{name}` in it once; `key` says whose it is."""
    if pattern.count(NAME) != 1:
        raise InputError(f"{key}: expected a path with {NAME} in it once, got {pattern!r}")


@dataclass(frozen=True)
class MapFiles:
    """Where the label maps of one task lie, and what their values mean.

    Args:
        task: the task.
        files: path of a map below the root, with `{name}` for the name of the sample.
        scale: a stored value times this is in the unit of the task (metres for depth).
        labels: for class ids: what each stored value means, as a list (the value is the place in
            it) or a dict; None (null in YAML) means unlabelled. A stored value that is neither
            listed nor ignored is an error. Without `labels` the stored values are the class ids,
            and 255 is unlabelled.
        ignore: stored values that mean "no label"; NaN (.nan in YAML) may be among them.

    Raises:
        InputError: `files` does not have `{name}` in it once, or both `labels` and `scale` given.
    """

    task: Task
    files: str
    scale: float = 1.0
    labels: list[int | None] | dict[int, int | None] | None = None
    ignore: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        check_pattern(self.files, f"files of {self.task.name}")
        if self.labels is not None and self.scale != 1:
            raise InputError(f"maps: {self.task.name}: expected labels or a scale, got both")

    def read(self, path: Path) -> Map:
        """The checked map of one file.

        Raises:
            InputError: the file is broken, or has values that the task cannot have.
        """
        try:
            stored = read_array(path).astype(np.float64)  # room for any value, exact for ids
            ignored = np.isin(stored, self.ignore)
            if np.isnan(self.ignore).any():
                ignored |= np.isnan(stored)
            unlabelled = self.task.map_type.unlabelled
            values = self._meaning(np.where(ignored, 0, stored), ~ignored)
            label_map = self.task.map_type.from_array(np.where(ignored, unlabelled, values))
            self.task.check(label_map)
        except InputError as error:
            prefix = "" if str(path) in str(error) else f"{path}: "
            raise InputError(f"{prefix}{error}") from error
        return label_map

    def _meaning(self, stored: NDArray[Any], known: NDArray[np.bool_]) -> NDArray[Any]:
        """Stored values in the unit of the task; what stands where nothing is known is moot."""
        if self.labels is None:
            return stored if self.scale == 1 else stored * self.scale
        listed = self.labels if isinstance(self.labels, Mapping) else dict(enumerate(self.labels))
        meaning = np.full(stored.shape, UNLABELLED_CLASS)
        for value in np.unique(stored[known]).tolist():
            if value not in listed:
                raise InputError(
                    f"expected a value that `labels` lists, got {value:g}; "
                    "give it a class there, or null for unlabelled"
                )
            class_id = listed[value]
            meaning[stored == value] = UNLABELLED_CLASS if class_id is None else class_id
        return meaning
