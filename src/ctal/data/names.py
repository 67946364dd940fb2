"""Sample names of a dataset: reading a list, and selecting a fraction."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from ctal.errors import InputError


def read_names(path: Path) -> list[str]:
    """Read the names of a text file, one per line, in its order.

    Raises:
        InputError: The file is not readable text or is empty, or a name is repeated or leads out of
            the root.
    """
    try:
        # -sig: Windows editors write a byte order mark, which would be part of the first name
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"names: expected a text file, got {path}: {error}") from error
    names = [line.strip() for line in lines if line.strip()]
    if not names or len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        got = f"{twice[0]} twice" if twice else "none"
        raise InputError(f"{path}: expected distinct sample names, one per line, got {got}")
    for name in names:
        if name.startswith("/") or ".." in PurePosixPath(name).parts:
            raise InputError(f"{path}: expected names that stay below the root, got {name!r}")
    return names


def select_fraction(
    names: Sequence[str], fraction: tuple[float, float], seed: int | None, place: str = ""
) -> list[str]:
    """Select a fraction of the names, in the order of `names`.

    Disjoint fractions have no name in common. Adjacent fractions cover all names.

    Args:
        names: All names.
        fraction: [begin, end] in 0..1.
        seed: None: select a contiguous range of `names`, so that neighbors, often views of one
            scene, stay together. An integer: shuffle with this seed first; use the same seed for
            every fraction of one dataset.
        place: The folder of the samples, for the message.

    Raises:
        InputError: The fraction is out of range or selects no name, or the seed is negative.
    """
    start, stop = fraction
    if not 0 <= start < stop <= 1:
        raise InputError(
            f"fraction: expected [begin, end] with 0 <= begin < end <= 1, got {fraction}"
        )
    if seed is not None and seed < 0:
        raise InputError(f"seed: expected an integer >= 0 or null, got {seed}")
    count = len(names)
    order = np.arange(count) if seed is None else np.random.default_rng(seed).permutation(count)
    places = sorted(order[round(start * count) : round(stop * count)].tolist())
    if not places:
        where = f" of {place}" if place else ""
        raise InputError(
            f"fraction: expected at least one of the {count} samples{where}, got {fraction}, which "
            "selects no sample"
        )
    return [names[place] for place in places]
