"""Files of one kind below a folder, found by the name of their sample."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from ctal.errors import InputError
from ctal.io.formats import ARRAY_SUFFIXES, is_readable

NAME = "{name}"
"""Placeholder for a sample's name in a path pattern."""

ANY = ".*"
"""At the end of a pattern: any ending of an image or array file."""

Patterns = str | list[str]
"""A path pattern that contains `{name}`, or several; a sample has a file for one of them."""


class FolderFiles:
    """The files that match path patterns, by the name that `{name}` stands for.

    Endings match in any case. Hidden files are ignored, and links to folders are followed.

    Args:
        root: Folder where the patterns start, unless they are absolute.
        patterns: Patterns, each with `{name}` exactly once. A pattern that ends with `.*` matches
            every ending of an image or array file.

    Attributes:
        found: Path of each name, sorted by name.
        others: All further files in the folders of the patterns.

    Raises:
        InputError: One name has two files, or a folder cannot be listed.
    """

    def __init__(self, root: Path, patterns: Patterns) -> None:
        # as Paths, so that "./" and "//" are removed here as from the paths of the files
        self._patterns = [(root / pattern).as_posix() for pattern in as_list(patterns)]
        found: dict[str, Path] = {}
        self.others: list[Path] = []
        for folder in _top_folders(self._patterns):
            for path in _files_below(folder, frozenset()):
                names = [name for p in self._patterns if (name := _name_in(path, p))]
                if not names:
                    self.others.append(path)
                elif found.setdefault(names[0], path) != path:
                    raise InputError(
                        f"{found[names[0]]}: expected one file for the sample {names[0]!r}, got "
                        f"also {path}; remove one of them"
                    )
        self.found = dict(sorted(found.items()))

    def path(self, name: str) -> Path:
        """Return the file of a sample; if there is none, the expected path."""
        if name in self.found:
            return self.found[name]
        candidates = [Path(pattern.replace(NAME, name)) for pattern in self._patterns]
        return next(filter(Path.is_file, candidates), candidates[0])

    def __str__(self) -> str:
        """Return the patterns, for messages."""
        return " or ".join(self._patterns)


def as_list(patterns: Patterns) -> list[str]:
    """Return one or several patterns as a list."""
    return [patterns] if isinstance(patterns, str) else list(patterns)


def check_patterns(patterns: Patterns, key: str) -> None:
    """Check that every pattern contains `{name}` once; `key` is the setting, for the message.

    Raises:
        InputError: A pattern does not, or there are no patterns.
    """
    for pattern in as_list(patterns) or [""]:
        if pattern.count(NAME) != 1:
            raise InputError(f"{key}: expected a path with {NAME} in it once, got {pattern!r}")


def _top_folders(patterns: Sequence[str]) -> list[Path]:
    """Return the topmost folders that can contain files of the patterns, without subfolders."""
    folders = sorted({Path(f"{pattern.rpartition(NAME)[0]}x").parent for pattern in patterns})
    return [folder for folder in folders if not any(top in folder.parents for top in folders)]


def _name_in(path: Path, pattern: str) -> str | None:
    """Return the value of `{name}` if a path matches a pattern and is not hidden."""
    before, _, after = pattern.rpartition(NAME)
    place = path.as_posix()
    if not place.startswith(before):
        return None
    rest = place.removeprefix(before)
    if after.endswith(ANY):
        if not (is_readable(path) or path.suffix.lower() in ARRAY_SUFFIXES):
            return None
        rest, after = rest.removesuffix(path.suffix), after.removesuffix(ANY)
    _, dot, ending = after.rpartition(".")
    ending = ending if dot and "/" not in ending else ""
    fixed = after.removesuffix(ending)
    if ending and not rest.lower().endswith(ending.lower()):
        return None
    rest = rest[: len(rest) - len(ending)]
    name = rest.removesuffix(fixed)
    hidden = any(part.startswith(".") for part in PurePosixPath(name).parts)
    return name if rest.endswith(fixed) and name and not hidden else None


def _files_below(folder: Path, above: frozenset[str]) -> Iterator[Path]:
    """Yield all files that are not hidden; broken links too, which are reported as missing."""
    try:
        real = os.path.realpath(folder)
        if not folder.is_dir() or real in above:  # a link to a parent folder would recurse forever
            return
        names = [name for name in os.listdir(folder) if not name.startswith(".")]
        below = [(path, path.is_dir()) for path in map(folder.joinpath, sorted(names))]
    except OSError as error:
        raise InputError(f"{folder}: cannot be listed ({error.strerror})") from error
    for path, is_folder in below:
        if is_folder:
            yield from _files_below(path, above | {real})
        else:
            yield path
