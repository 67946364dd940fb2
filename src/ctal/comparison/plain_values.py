"""Conversion of a comparison's numbers to JSON values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ctal.comparison.significance import Difference


def plain(difference: Difference | None) -> dict[str, float] | None:
    """Return a difference as a dictionary."""
    return None if difference is None else asdict(difference)


def without_nan(value: Any) -> Any:
    """Replace every non-finite number by None, since JSON has no such numbers."""
    if isinstance(value, Mapping):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
