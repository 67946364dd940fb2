"""Metadata of a training in a file from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ctal.errors import InputError

_LARGEST = 1e300


def checked_about(about: Any, file: Path) -> dict[str, Any]:
    """Return the metadata of a saved network, as `ctal.sharing.provenance` writes it.

    Args:
        about: {"data": {split: name}, "training": {setting: value or list of values}, "scores":
            {metric: number, or None where it is not defined}, "scored on": split}, each of them
            optional; other entries are kept.
        file: the file it was read from.

    Raises:
        InputError: an entry has another form.
    """
    if not isinstance(about, Mapping):
        raise InputError(f"{file}: about: expected a mapping, got {type(about).__name__}")
    for key, value in about.items():
        if key == "scores":
            _check_scores(value, file)
        elif key == "scored on":
            _check(_is_text(value), file, key, "the name of a split", value)
        elif key in ("data", "training"):
            _check(isinstance(value, Mapping), file, key, "a mapping", value)
            for name, setting in value.items():
                plain = all(map(_is_plain, setting if isinstance(setting, list) else [setting]))
                _check(plain, file, f"{key}.{name}", "a plain value or a list of them", setting)
    return dict(about)


def _check_scores(scores: Any, file: Path) -> None:
    _check(isinstance(scores, Mapping), file, "scores", "a mapping", scores)
    for name, value in scores.items():
        number = isinstance(value, int | float | None) and not isinstance(value, bool)
        _check(number and _is_plain(value), file, f"scores.{name}", "a finite number", value)


def _is_plain(value: Any) -> bool:
    """Return whether a value is a string, boolean, null or finite number of JSON."""
    if isinstance(value, int | float):
        return -_LARGEST < value < _LARGEST  # False for NaN
    return value is None or _is_text(value)


def _is_text(value: Any) -> bool:
    """Return whether a value is a string that a file can hold, without lone surrogates."""
    return isinstance(value, str) and not re.search("[\ud800-\udfff]", value)


def _check(correct: bool, file: Path, key: str, expected: str, value: Any) -> None:
    if not correct:
        raise InputError(f"{file}: about.{key}: expected {expected}, got {str(value)[:40]!r}")
