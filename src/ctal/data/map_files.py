"""Label maps of one task in a folder: which files, and the meaning of their values."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctal.data.array_files import read_array
from ctal.data.camera import Camera
from ctal.data.class_table import (
    ClassTable,
    Labels,
    Others,
    check_ids,
    refuse_binary_mask,
    refuse_colors,
)
from ctal.data.decoding import Decoder
from ctal.data.folder_files import Patterns, check_patterns
from ctal.data.geometry import unit_vectors
from ctal.data.map_numbers import depth_along_axis, scaled, with_mask, without_channel
from ctal.errors import InputError, one_line
from ctal.maps import ClassMap, DepthMap, Map
from ctal.tasks import Task


@dataclass(frozen=True)
class MapFiles:
    """Files of the label maps of one task, and the meaning of their values.

    The values of a file are decoded (`decode`), compared with `ignore`, converted (`labels`, or
    `scale`, `offset`, `invert`, then `along_ray` or `normalize`) and checked.

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
            (null in YAML) means unlabelled. In color images the keys are colors, "R G B" or
            "R G B A". A stored value that is neither listed nor ignored is an error. Without
            `labels` the stored values are the class ids, and 255 is unlabelled; a map of nothing
            but 0 and 255 is an error then, unless `ignore` lists 255.
        ignore: Stored values that mean "no label"; a vector or color is ignored if all its channels
            have such a value. NaN (.nan in YAML) is allowed.
        optional: Whether samples may lack this file; they then have no label for this task.
        bits: Required bits per value of an image, 8 or 16. None: any. Detects depth that was saved
            with 8 bits by mistake.
        others: The class of stored values that `labels` does not list: "error", "unlabelled" or a
            class id.
        key: Name of the array in an .npz or HDF5 file, or of the channel of an EXR file. None: the
            only one.
        decode: How numbers are encoded in the file (`ctal.data.decoding`). Several decoders apply
            in the order of the list.
        along_ray: The camera of the files, if their depth is the distance along the viewing ray; it
            is converted to depth along the optical axis.
        normalize: Whether to divide vectors by their length. Those shorter than 0.5 are unlabelled.
        mask: Path of a file, in the form of `files`, whose pixels of 0 have no label in the map.
        mask_key: As `key`, of the mask.
        resize: Whether maps may have another size than their image, with the same aspect ratio
            within 2 percent. They are resized by nearest neighbor.

    Raises:
        InputError: `files` contains no field, `labels` is combined with what is for numbers, an
            option does not fit the task, or `bits` is neither 8 nor 16.
    """

    task: Task
    files: Patterns
    scale: float | list[float] = 1.0
    offset: float | list[float] = 0.0
    invert: bool = False
    labels: Labels | None = None
    ignore: list[float] = field(default_factory=list)
    optional: bool = False
    bits: int | None = None
    others: Others = "error"
    key: str | None = None
    decode: Decoder | list[Decoder] | None = None
    along_ray: Camera | None = None
    normalize: bool = False
    mask: Patterns | None = None
    mask_key: str | None = None
    resize: bool = False

    def __post_init__(self) -> None:
        check_patterns(self.files, f"files of {self.task.name}")
        if self.mask is not None:
            check_patterns(self.mask, f"mask of {self.task.name}")
        wrong = self._contradiction()
        if wrong:
            raise InputError(f"maps: {self.task.name}: {wrong}")
        _ = self._table  # validates it
        check_ids(self.labels or [], self.task)

    @cached_property
    def _table(self) -> ClassTable | None:
        return None if self.labels is None else ClassTable(self.labels, self.others)

    def read(self, path: Path, mask: Path | None = None) -> Map:
        """Read and check the map of one file.

        Args:
            path: The file.
            mask: The file of the mask, if there is one.

        Raises:
            InputError: The file is broken, or has values out of the task's range.
        """
        hidden = None if mask is None else self._hidden(mask)
        try:
            # a palette's indices may be class ids, but never meters
            ids = not self.task.map_type.value_type.is_floating_point
            stored = read_array(path, bits=self.bits, ids=ids, key=self.key)
            for decoder in self._decoders():
                stored = decoder(stored)
            if math.prod(self.task.map_type.leading) == 1:
                stored = without_channel(stored)
            if issubclass(self.task.map_type, ClassMap) and self.labels is None:
                refuse_colors(stored)
                refuse_binary_mask(stored, self.task, self.ignore)
            # numbers that are not finite, or become so, are reported by the check in one line
            with np.errstate(over="ignore", invalid="ignore"):
                values = self._meaning(stored.astype(np.float64), hidden)
                label_map = self.task.map_type.from_array(values)
            self._check(label_map)
        except InputError as error:
            prefix = "" if one_line(str(path)) in str(error) else f"{path}: "
            raise InputError(f"{prefix}{error}") from error
        return label_map

    def _check(self, label_map: Map) -> None:
        """Check the values of a map, and name `labels` where stored ids are not class ids."""
        try:
            self.task.check(label_map)
        except InputError as error:
            if self.labels is None and issubclass(self.task.map_type, ClassMap):
                raise InputError(f"{error}; set `labels` to map stored values to them") from error
            raise

    def _meaning(
        self, stored: NDArray[np.float64], hidden: NDArray[np.bool_] | None
    ) -> NDArray[Any]:
        """Convert decoded values to the unit of the task; those of hidden pixels do not matter.

        Raises:
            InputError: A value is not listed in `labels`, or there is not one scale per channel.
        """
        table = self._table
        ignored = self._ignored(stored, colors=table is not None and table.channels > 1)
        if hidden is not None:
            ignored = with_mask(ignored, hidden)
        unlabelled = self.task.map_type.unlabelled
        if table is not None:
            return np.where(ignored, unlabelled, table.classes(stored, ~ignored))
        values = np.where(ignored, 0, stored)
        if not self._as_stored():
            values = scaled(values, self.scale, self.offset, self.invert, unlabelled)
        if self.along_ray is not None:
            values = depth_along_axis(values, self.along_ray)
        if self.normalize:
            values = unit_vectors(np.where(ignored, 0, values))
        return np.where(ignored, unlabelled, values)

    def _ignored(self, stored: NDArray[np.float64], *, colors: bool) -> NDArray[np.bool_]:
        """Return the values without a label; for colors, the pixels (H, W)."""
        ignored: NDArray[np.bool_] = np.isin(stored, self.ignore)
        broken = np.isnan(stored) if np.isnan(self.ignore).any() else np.zeros_like(ignored)
        if stored.ndim == 3 and (colors or math.prod(self.task.map_type.leading) > 1):
            # vectors: a single component may equal the value that marks a missing pixel
            pixels = np.all(ignored, axis=-1) | np.any(broken, axis=-1)
            return pixels if colors else np.broadcast_to(pixels[..., None], stored.shape)
        return ignored | broken

    def _hidden(self, path: Path) -> NDArray[np.bool_]:
        hidden: NDArray[np.bool_] = without_channel(read_array(path, key=self.mask_key)) == 0
        return hidden

    def _decoders(self) -> list[Decoder]:
        given = self.decode or []
        return given if isinstance(given, list) else [given]

    def _contradiction(self) -> str:
        """Return the message for options that exclude each other, or an empty string."""
        kind = self.task.map_type
        if self.labels is not None and not self._as_stored():
            return "expected labels or a scale (offset, invert), got both"
        if self.labels is None and self.others != "error":
            return "others: expected it together with labels, got no labels"
        if self.bits not in (None, 8, 16):
            return f"bits: expected 8 or 16, got {self.bits}"
        if self.along_ray is not None and not issubclass(kind, DepthMap):
            return f"along_ray: expected a task of depth, got {type(self.task).__name__}"
        if self.normalize and math.prod(kind.leading) < 2:
            return f"normalize: expected a task of vectors, got {type(self.task).__name__}"
        return ""

    def _as_stored(self) -> bool:
        return self.scale == 1 and self.offset == 0 and not self.invert
