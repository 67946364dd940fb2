"""The names of a data set's samples: found on disk, read from a list, or a part of either."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from ctal.errors import InputError

NAME = "{name}"
"""What stands for a sample's name in a path pattern."""


def check_pattern(pattern: str, key: str) -> None:
    """Refuses a path pattern that does not have `{name}` in it once; `key` says whose it is."""
    if pattern.count(NAME) != 1:
        raise InputError(f"{key}: expected a path with {NAME} in it once, got {pattern!r}")


def find_names(root: Path, pattern: str) -> list[str]:
    """What stands for `{name}` in the paths of the files that there are, sorted.

    Raises:
        InputError: there is no such file.
    """
    before, after = pattern.split(NAME)
    folder = root / before.rpartition("/")[0]
    names = []
    for path in folder.rglob("*"):
        place = path.relative_to(root).as_posix()
        # hidden files are what other systems drop beside pictures (._0001.jpg)
        hidden = any(part.startswith(".") for part in PurePosixPath(place).parts)
        fits = place.startswith(before) and place.endswith(after)
        if fits and not hidden and not path.is_dir():  # a broken link is named as missing later
            names.append(place[len(before) : len(place) - len(after)])
    if not names:
        raise InputError(f"image: expected pictures {root / pattern}, found none")
    return sorted(names)


def read_names(path: Path) -> list[str]:
    """The names in a text file, one per line, in its order.

    Raises:
        InputError: the file is none, is empty, or has a name twice.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"names: expected a text file, got {path}: {error}") from error
    names = [line.strip() for line in lines if line.strip()]
    if not names or len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        got = f"{twice[0]} twice" if twice else "none"
        raise InputError(f"{path}: expected different names of samples, one per line, got {got}")
    return names


def part_of(names: Sequence[str], part: tuple[float, float], seed: int | None) -> list[str]:
    """The names whose place lies between two shares of the whole, in the order of `names`.

    Parts that do not overlap share no name, and those that meet leave none out.

    Args:
        names: all names.
        part: where the part begins and ends, in 0..1.
        seed: None: places count in the order of `names`, so that neighbours, which are often views
            of one scene, stay together. A number: places are shuffled with it; every part of one
            data set needs the same number.

    Raises:
        InputError: no such part, or it is empty.
    """
    start, stop = part
    if not 0 <= start < stop <= 1:
        raise InputError(f"part: expected [begin, end] with 0 <= begin < end <= 1, got {part}")
    if seed is not None and seed < 0:
        raise InputError(f"seed: expected a number from 0 on, or none, got {seed}")
    count = len(names)
    order = np.arange(count) if seed is None else np.random.default_rng(seed).permutation(count)
    places = sorted(order[round(start * count) : round(stop * count)].tolist())
    if not places:
        raise InputError(f"part: expected a part of {count} samples that has one, got {part}")
    return [names[place] for place in places]
