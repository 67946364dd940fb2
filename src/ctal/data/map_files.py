"""The label maps of one task in a folder: which files, and what their values mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctal.data.array_files import read_array
from ctal.data.folder_files import Patterns, check_patterns
from ctal.errors import InputError, one_line
from ctal.maps import UNLABELLED_CLASS, Map
from ctal.tasks import Task


@dataclass(frozen=True)
class MapFiles:
    """Where the label maps of one task lie, and what their values mean.

    Args:
        task: the task.
        files: path of a map below the root, with `{name}` for the name of the sample.
        scale: a stored value times this, plus `offset`, is in the unit of the task (metres for
            depth); a list has one number for each channel of a pixel.
        offset: see `scale`.
        invert: take 1 / (value * scale + offset) instead, which makes depth of disparity; where
            that sum is not above 0 there is no label.
        labels: for class ids: what each stored value means, as a list (the value is the place in
            it) or a dict; None (null in YAML) means unlabelled. A stored value that is neither
            listed nor ignored is an error. Without `labels` the stored values are the class ids,
            and 255 is unlabelled.
        ignore: stored values that mean "no label"; NaN (.nan in YAML) may be among them.
        optional: samples may lack this file; they have no label for this task then.
        bits: how many bits a value in a picture must have, 8 or 16; None: any. It catches depth
            that a program has saved with 8 bits.

    Raises:
        InputError: `files` does not have `{name}` in it once, `labels` are given together with
            what is for numbers, or `bits` is neither 8 nor 16.
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
        """The checked map of one file.

        Raises:
            InputError: the file is broken, or has values that the task cannot have.
        """
        try:
            # a palette's indices may be class ids, but never metres
            ids = not self.task.map_type.value_type.is_floating_point
            stored = read_array(path, bits=self.bits, ids=ids)
            # numbers that are not finite, or become so, are told by the check in one line
            with np.errstate(over="ignore", invalid="ignore"):
                label_map = self.task.map_type.from_array(self.meaning(stored.astype(np.float64)))
            self.task.check(label_map)
        except InputError as error:
            prefix = "" if one_line(str(path)) in str(error) else f"{path}: "
            raise InputError(f"{prefix}{error}") from error
        return label_map

    def meaning(self, stored: NDArray[np.float64]) -> NDArray[Any]:
        """Stored values in the unit of the task.

        Raises:
            InputError: a value that `labels` does not list, or not a scale per channel.
        """
        ignored = np.isin(stored, self.ignore)
        if np.isnan(self.ignore).any():
            ignored |= np.isnan(stored)
        unlabelled = self.task.map_type.unlabelled
        if self.labels is not None:
            return np.where(ignored, unlabelled, self._classes(stored, ~ignored))
        return np.where(ignored, unlabelled, self._numbers(np.where(ignored, 0, stored)))

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
        """The class ids that `labels` gives the stored values; what is not known is moot."""
        assert self.labels is not None  # the caller looked
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
