"""Colormaps, without the time that importing matplotlib takes for the usual ones."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

SIZE = 256
"""Number of colors of a colormap."""

BUNDLED = ("viridis", "viridis_r", "inferno", "cividis", "Blues", "seismic")
"""Names of the colormaps in `colormaps.npy`, in its order; tools/colormaps.py wrote it."""


def apply_colormap(shares: NDArray[np.floating], name: str) -> NDArray[np.uint8]:
    """Map numbers in 0..1 to colors, as matplotlib does with `bytes=True`.

    Args:
        shares: numbers of any shape.
        name: the name of a colormap of matplotlib.

    Returns:
        RGB of the same shape and a last axis of 3.

    Raises:
        ValueError: matplotlib has no colormap of this name.
    """
    if name in BUNDLED:
        return _tables()[BUNDLED.index(name)][np.clip(shares * SIZE, 0, SIZE - 1).astype(np.intp)]
    from matplotlib import colormaps  # takes a quarter of a second to import

    if name not in colormaps:
        raise ValueError(f"colormap: expected a name of matplotlib.colormaps, got {name!r}")
    return np.asarray(colormaps[name](shares, bytes=True)[..., :3], np.uint8)


@cache
def _tables() -> NDArray[np.uint8]:
    """Load the (N, 256, 3) colors of the bundled colormaps."""
    with files("ctal.maps").joinpath("colormaps.npy").open("rb") as file:
        tables: NDArray[np.uint8] = np.load(file)
    return tables
