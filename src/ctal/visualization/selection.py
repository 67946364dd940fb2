"""Choice of the samples that a figure shows."""

from __future__ import annotations

import numpy as np


def evenly_spaced(length: int, number: int) -> list[int]:
    """Return up to `number` indices in 0..length-1, evenly spaced, with both ends."""
    return [int(place) for place in np.linspace(0, length - 1, min(number, length)).round()]
