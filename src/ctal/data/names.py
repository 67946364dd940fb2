"""The names of a data set's samples: found on disk, read from a list, or a part of either."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from ctal.errors import InputError

NAME = "{name}"
"""What stands for a sample's name in a path pattern."""


def check_pattern(pattern: str, key: str) -> None:
    """Refuses a path pattern that does not have `{name}` in it once; `key` says whose it is."""
    if pattern.count(NAME) != 1:
        raise InputError(f"{key}: expected a path with {NAME} in it once, got {pattern!r}")


def find_names(root: Path, patterns: Sequence[str]) -> list[str]:
    """What stands for `{name}` in the paths of the files that there are, sorted.

    Links to folders are followed.

    Args:
        root: where the patterns start, unless they are absolute.
        patterns: a name counts if there is a file for one of them.

    Raises:
        InputError: there is no such file, or a folder cannot be listed.
    """
    names = {name for pattern in patterns for name in _names_of(root / pattern)}
    if not names:
        raise InputError(f"image: expected pictures {root / patterns[0]}, found none")
    return sorted(names)


def _names_of(pattern: Path) -> Iterator[str]:
    # as a Path, so that "./" and "//" are gone from it as from the paths of the files
    before, _, after = pattern.as_posix().rpartition(NAME)
    for path in _files_below(Path(f"{before}x").parent, frozenset()):
        place = path.as_posix()
        if place.startswith(before) and place.endswith(after):
            name = place.removeprefix(before).removesuffix(after)
            # hidden files are what other systems drop beside pictures (._0001.jpg)
            if name and not any(part.startswith(".") for part in PurePosixPath(name).parts):
                yield name


def _files_below(folder: Path, above: frozenset[str]) -> Iterator[Path]:
    """All that is no folder, broken links too, which are named as missing later."""
    try:
        real = os.path.realpath(folder)
        if not folder.is_dir() or real in above:  # a link to what it lies in would have no end
            return
        below = [(path, path.is_dir()) for path in map(folder.joinpath, os.listdir(folder))]
    except OSError as error:
        raise InputError(f"{folder}: cannot be listed ({error.strerror})") from error
    for path, is_folder in below:
        if is_folder:
            yield from _files_below(path, above | {real})
        else:
            yield path


def read_names(path: Path) -> list[str]:
    """The names in a text file, one per line, in its order.

    Raises:
        InputError: the file is none, is empty, has a name twice, or one that leads elsewhere.
    """
    try:
        # -sig: Windows' editors begin a file with a mark that would be part of the first name
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"names: expected a text file, got {path}: {error}") from error
    names = [line.strip() for line in lines if line.strip()]
    if not names or len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        got = f"{twice[0]} twice" if twice else "none"
        raise InputError(f"{path}: expected different names of samples, one per line, got {got}")
    for name in names:
        if name.startswith("/") or ".." in PurePosixPath(name).parts:
            raise InputError(f"{path}: expected names that stay below the root, got {name!r}")
    return names


def select_fraction(
    names: Sequence[str], fraction: tuple[float, float], seed: int | None
) -> list[str]:
    """Select the names between two shares of the list, in the order of `names`.

    Fractions that do not overlap share no name. Fractions that meet omit none.

    Args:
        names: All names.
        fraction: First and last share, [begin, end] in 0..1.
        seed: None: select a contiguous range of `names`, so that neighbors, which are often views
            of one scene, stay together. An integer: shuffle with this seed first; use the same
            seed for every fraction of one dataset.

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
        raise InputError(
            f"fraction: expected at least one of the {count} samples, got {fraction}, which "
            "selects none"
        )
    return [names[place] for place in places]
