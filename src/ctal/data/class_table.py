"""The table of a label map: the class of each stored value or color."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ctal.errors import InputError
from ctal.maps import UNLABELLED_CLASS
from ctal.tasks import Task

Labels = list[int | None] | dict[int, int | None] | dict[str, int | None]
"""Class id of each stored value (the index of a list, or a key) or color ("R G B", "R G B A")."""

Others = int | Literal["error", "unlabelled"]
"""The class of values that are not listed."""

_SHOWN = 20  # values in an error
_BASE = 1 << 16  # color channels have up to 16 bits, so a color is one number below 2^64


class ClassTable:
    """Class ids by stored value, or by color.

    Args:
        labels: The class of each value; None means unlabelled.
        others: The class of values that are not listed, "unlabelled" for no label, or "error".

    Attributes:
        channels: Numbers of a color in the table; 1 for values.

    Raises:
        InputError: A color does not consist of 3 or 4 integers in 0..65535, or colors of 3 and 4
            numbers are mixed.
    """

    def __init__(self, labels: Labels, others: Others = "error") -> None:
        listed: Mapping[Any, int | None] = (
            labels if isinstance(labels, dict) else dict(enumerate(labels))
        )
        keys = [_parsed(key) for key in listed]
        self.channels = len(keys[0]) if keys else 1
        if any(len(key) != self.channels for key in keys):
            raise InputError(
                "labels: expected stored values, or colors of one length, as keys, got "
                f"{', '.join(map(repr, list(listed)[:4]))}"
            )
        if self.channels == 1:
            codes = np.array([key[0] for key in keys], np.float64)
        else:
            codes = _code(np.array(keys, np.float64))
        classes = [UNLABELLED_CLASS if entry is None else entry for entry in listed.values()]
        order = np.argsort(codes)
        self._codes, self._classes = codes[order], np.array(classes, np.int64)[order]
        self._others = UNLABELLED_CLASS if others == "unlabelled" else others

    def classes(self, stored: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the class ids of a map, arbitrary where it is not known.

        Args:
            stored: (H, W), or (H, W, C) for colors. An alpha channel that is 255 everywhere may be
                missing from the table.
            known: Pixels that have a label.

        Raises:
            InputError: A value is not listed and there is no class for others, or the channels
                differ from those of the table.
        """
        codes = stored if self.channels == 1 else _code(self._colors(stored))
        if not len(self._codes):
            places, found = np.zeros(codes.shape, np.int64), np.zeros(codes.shape, np.bool_)
        else:
            places = np.searchsorted(self._codes, codes).clip(max=len(self._codes) - 1)
            found = self._codes[places] == codes
        if self._others == "error" and (known & ~found).any():
            raise InputError(
                f"expected a value listed in `labels`, got {self._shown(codes[known & ~found])}; "
                "give it a class there, or null for unlabelled, or set `others: unlabelled`"
            )
        if not len(self._codes) or self._others != "error":
            return np.where(found, self._classes[places] if len(self._codes) else 0, self._others)
        return self._classes[places]

    def _colors(self, stored: NDArray[np.float64]) -> NDArray[np.float64]:
        if stored.ndim == 3 and stored.shape[2] == self.channels:
            return stored
        if stored.ndim == 3 and (stored.shape[2], self.channels) == (4, 3):
            if (stored[..., 3] == 255).all():
                return stored[..., :3]
            raise InputError(
                "expected an alpha channel of 255 everywhere, since `labels` lists colors R G B, "
                "got other values; list R G B A"
            )
        raise InputError(
            f"expected colors of {self.channels} channels, as in `labels`, got the shape "
            f"{stored.shape}; a gray or palette image needs its stored values as keys"
        )

    def _shown(self, codes: NDArray[np.float64]) -> str:
        if self.channels == 1:
            values = np.unique(codes)
            more = f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
            return ", ".join(f"{value:g}" for value in values[:_SHOWN]) + more
        least = float(codes.min())
        powers = [_BASE**power for power in reversed(range(self.channels))]
        return " ".join(str(int(least) // power % _BASE) for power in powers)


def check_ids(labels: Labels, task: Task) -> None:
    """Check that a table has valid labels of a task, before any file is read.

    Raises:
        InputError: The task does not have a class of the table.
    """
    for value, found in labels.items() if isinstance(labels, dict) else enumerate(labels):
        if found is None:
            continue
        try:
            task.check(task.map_type.from_array(np.array([[found]])))
        except InputError as error:
            raise InputError(f"labels: {value} has the class {found}; {error}") from error


def refuse_colors(stored: NDArray[Any]) -> None:
    """Refuse colors where class ids are expected.

    Args:
        stored: Values of a map without a table.

    Raises:
        InputError: There are several values per pixel.
    """
    if stored.ndim != 2:
        raise InputError(
            f"expected one value per pixel, (H, W), got the shape {stored.shape}; if these are "
            "colors of classes, list them in `labels`"
        )


def refuse_binary_mask(stored: NDArray[Any], task: Task, ignore: Sequence[float]) -> None:
    """Refuse 255 as the mark of unlabelled pixels where it may be the class itself.

    Binary masks are usually stored as 0 and 255. Read as class ids, their foreground would be
    unlabelled.

    Args:
        stored: Values of a map without a table.
        task: The task of the map.
        ignore: Stored values that mean "no label".

    Raises:
        InputError: There is nothing but 0 and 255, and `ignore` does not list 255.
    """
    marked = stored == UNLABELLED_CLASS
    if UNLABELLED_CLASS in ignore or not marked.any():
        return
    zero = stored == 0
    if (zero | marked).all() and (task.channels <= 2 or zero.any()):
        found = "0 and 255, as in a binary mask" if zero.any() else "255 only"
        raise InputError(
            f"{task.name}: expected class ids, with 255 for pixels without a label, got "
            f"{found}; write labels: {{0: 0, 255: 1}} if 255 is class 1, or ignore: [255] if "
            "it means no label"
        )


def _parsed(key: int | str) -> tuple[int, ...]:
    """Return the numbers of a key: one for a value, 3 or 4 for a color."""
    if isinstance(key, int):
        return (key,)
    parts = key.replace(",", " ").split()
    whole = all(part.isdecimal() and int(part) < _BASE for part in parts)
    if not whole or len(parts) not in (3, 4):
        raise InputError(
            f"labels: expected a stored value or a color such as '128 64 0' as a key, got {key!r}"
        )
    return tuple(map(int, parts))


def _code(colors: NDArray[np.float64]) -> NDArray[Any]:
    """Return one number for each color (..., C)."""
    code = np.zeros(colors.shape[:-1], np.uint64)
    for channel in np.moveaxis(colors, -1, 0):
        code = code * np.uint64(_BASE) + channel.astype(np.uint64)
    return code
