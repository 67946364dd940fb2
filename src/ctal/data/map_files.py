"""Label maps of one task in a folder: which files, and the meaning of their values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctal.data.array_files import read_array
from ctal.data.folder_files import Patterns, check_patterns
from ctal.errors import InputError, one_line
from ctal.maps import UNLABELLED_CLASS, ClassMap, Map
from ctal.tasks import Task


@dataclass(frozen=True)
class MapFiles:
    """Files of the label maps of one task, and the meaning of their values.

    Args:
        task: The task.
        files: Path of a map below the root, with some or all of the fields of the image's path,
            such as `{name}`. `.*` at the end matches any format; a list gives several paths.
        scale: Factor that converts stored values, together with `offset`, to the unit of the task
            (meters for depth): value * scale + offset. A list has one number per channel.
        offset: See `scale`.
        invert: Use 1 / (value * scale + offset) instead, which converts disparity to depth; where
            that sum is <= 0 there is no label.
        labels: Class id of each stored value, as a list (the value is the index) or a dict; None
            (null in YAML) means unlabelled. A stored value that is neither listed nor ignored is an
            error. Without `labels` the stored values are the class ids, and 255 is unlabelled; a
            map of nothing but 0 and 255 is an error then, unless `ignore` lists 255.
        ignore: Stored values that mean "no label"; a vector is ignored if all its channels have
            such a value. NaN (.nan in YAML) is allowed.
        optional: Whether samples may lack this file; they then have no label for this task.
        bits: Required bits per value of an image, 8 or 16. None: any. Detects depth that was saved
            with 8 bits by mistake.

    Raises:
        InputError: `files` contains no field, `labels` is combined with
            `scale`, `offset` or `invert`, or `bits` is neither 8 nor 16.
    """

    task: Task
    files: Patterns
    scale: float | list[float] = 1.0
    offset: float | list[float] = 0.0
    invert: bool = False
    labels: list[int | None] | dict[int, int | None] | None = None
    ignore: list[float] = field(default_factory=list)
    optional: bool = False
    bits: int | None = None

    def __post_init__(self) -> None:
        check_patterns(self.files, f"files of {self.task.name}")
        if self.labels is not None and not self._as_stored():
            raise InputError(
                f"maps: {self.task.name}: expected labels or a scale (offset, invert), got both"
            )
        if self.bits not in (None, 8, 16):
            raise InputError(f"maps: {self.task.name}: bits: expected 8 or 16, got {self.bits}")

    def read(self, path: Path) -> Map:
        """Read and check the map of one file.

        Raises:
            InputError: The file is broken, or has values out of the task's range.
        """
        try:
            # a palette's indices may be class ids, but never meters
            ids = not self.task.map_type.value_type.is_floating_point
            stored = read_array(path, bits=self.bits, ids=ids)
            self._check_mark(stored)
            # numbers that are not finite, or become so, are reported by the check in one line
            with np.errstate(over="ignore", invalid="ignore"):
                label_map = self.task.map_type.from_array(self.meaning(stored.astype(np.float64)))
            self.task.check(label_map)
        except InputError as error:
            prefix = "" if one_line(str(path)) in str(error) else f"{path}: "
            raise InputError(f"{prefix}{error}") from error
        return label_map

    def meaning(self, stored: NDArray[np.float64]) -> NDArray[Any]:
        """Convert stored values to the unit of the task.

        Raises:
            InputError: A value is not listed in `labels`, or there is not one scale per channel.
        """
        ignored = np.isin(stored, self.ignore)
        broken = np.isnan(stored) if np.isnan(self.ignore).any() else np.zeros_like(ignored)
        if stored.ndim == 3 and math.prod(self.task.map_type.leading) > 1:
            # vectors: a single component may equal the value that marks a missing pixel
            ignored = np.broadcast_to(ignored.all(axis=-1, keepdims=True), stored.shape)
            broken = np.broadcast_to(broken.any(axis=-1, keepdims=True), stored.shape)
        ignored = ignored | broken
        unlabelled = self.task.map_type.unlabelled
        if self.labels is not None:
            return np.where(ignored, unlabelled, self._classes(stored, ~ignored))
        return np.where(ignored, unlabelled, self._numbers(np.where(ignored, 0, stored)))

    def _check_mark(self, stored: NDArray[Any]) -> None:
        """Refuse 255 as the mark of unlabelled pixels where it may be the class itself.

        Binary masks are usually stored as 0 and 255. Read as class ids, their foreground would be
        unlabelled.
        """
        kind = self.task.map_type
        if self.labels is not None or UNLABELLED_CLASS in self.ignore:
            return
        if not issubclass(kind, ClassMap) or not (stored == UNLABELLED_CLASS).any():
            return
        zero = stored == 0
        if not (zero | (stored == UNLABELLED_CLASS)).all():
            return
        if self.task.channels <= 2 or zero.any():
            found = "0 and 255, as in a binary mask" if zero.any() else "255 only"
            raise InputError(
                f"{self.task.name}: expected class ids, with 255 for pixels without a label, got "
                f"{found}; write labels: {{0: 0, 255: 1}} if 255 is class 1, or ignore: [255] if "
                "it means no label"
            )

    def _as_stored(self) -> bool:
        return self.scale == 1 and self.offset == 0 and not self.invert

    def _numbers(self, stored: NDArray[np.float64]) -> NDArray[np.float64]:
        if self._as_stored():
            return stored
        for key, given in (("scale", self.scale), ("offset", self.offset)):
            if isinstance(given, list) and (stored.ndim < 3 or stored.shape[-1] != len(given)):
                raise InputError(
                    f"{key}: expected a number for each channel of the last axis, got {given} "
                    f"for the shape {stored.shape}"
                )
        values = stored * np.asarray(self.scale) + np.asarray(self.offset)
        if not self.invert:
            return values
        finite = values > 0
        return np.where(finite, 1 / np.where(finite, values, 1), self.task.map_type.unlabelled)

    def _classes(self, stored: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the class ids that `labels` gives the stored values; arbitrary where not known."""
        assert self.labels is not None  # checked by the caller
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
