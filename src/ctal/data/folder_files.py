"""Files of one kind below a folder, found by the name of their sample."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ctal.data.path_patterns import PathPattern, SampleNames, fields_of, top_folders
from ctal.errors import InputError

Patterns = str | list[str]
"""A path pattern with fields, or several; a sample has a file for one of them."""


class FolderFiles:
    """The files that match path patterns (`ctal.data.path_patterns`), by the name of their sample.

    Hidden files are ignored, and links to folders are followed.

    Args:
        root: Folder where the patterns start, unless they are absolute.
        patterns: Patterns with the same fields.
        fields: The fields of the names of samples, of which the patterns may have a part: such a
            file belongs to several samples. None: the fields of the patterns.

    Attributes:
        fields: The fields of the names of samples.
        found: Path of each key, sorted; a key is the part of a sample's name in the patterns.
        others: All further files in the folders of the patterns.

    Raises:
        InputError: One sample has two files, a field is unknown, or a folder cannot be listed.
    """

    def __init__(self, root: Path, patterns: Patterns, fields: Sequence[str] | None = None) -> None:
        self._patterns = [PathPattern(root, pattern) for pattern in as_list(patterns)]
        own = self._patterns[0].fields
        self.fields = tuple(own if fields is None else fields)
        self._names = SampleNames(self.fields)
        if unknown := [field for field in own if field not in self.fields]:
            raise InputError(
                f"{self}: expected the fields of the image, {', '.join(self.fields)}, got "
                f"{', '.join(unknown)}"
            )
        self._own = set(own)
        found: dict[str, Path] = {}
        self.others: list[Path] = []
        for folder in top_folders(self._patterns):
            for path in _files_below(folder, frozenset()):
                self._add(path, found)
        self.found = dict(sorted(found.items()))

    def key(self, name: str) -> str:
        """Return the part of a sample's name by which its file is found."""
        return self._names.join(self._values(name))

    def path(self, name: str) -> Path:
        """Return the file of a sample; if there is none, the expected path.

        Raises:
            InputError: The name does not consist of the fields.
        """
        values = self._values(name)
        if found := self.found.get(self._names.join(values)):
            return found
        candidates = [pattern.path(values) for pattern in self._patterns]
        return next(filter(Path.is_file, candidates), candidates[0])

    def unused(self, names: Iterable[str]) -> list[Path]:
        """Return the files that belong to none of the samples with these names."""
        used = {self.key(name) for name in names}
        return [path for key, path in self.found.items() if key not in used]

    def missing_folder(self) -> Path | None:
        """Return the first folder of the patterns that does not exist, if any."""
        return next((top for top in top_folders(self._patterns) if not top.is_dir()), None)

    def __str__(self) -> str:
        """Return the patterns, for messages."""
        return " or ".join(map(str, self._patterns))

    def _values(self, name: str) -> dict[str, str]:
        values = self._names.values(name)
        return {field: value for field, value in values.items() if field in self._own}

    def _add(self, path: Path, found: dict[str, Path]) -> None:
        matches = (pattern.match(path) for pattern in self._patterns)
        values = next((match for match in matches if match), None)
        if values is None:
            if any(pattern.covers(path) for pattern in self._patterns):
                self.others.append(path)
            return
        key = self._names.join(values)
        if found.setdefault(key, path) != path:
            raise InputError(
                f"{found[key]}: expected one file for the sample {key!r}, got also {path}; remove "
                "one of them"
            )


def as_list(patterns: Patterns) -> list[str]:
    """Return one or several patterns as a list."""
    return [patterns] if isinstance(patterns, str) else list(patterns)


def check_patterns(patterns: Patterns, key: str) -> None:
    """Check that every pattern has fields, the same as the others; `key` is the setting.

    Raises:
        InputError: A pattern does not, or there are no patterns.
    """
    listed = as_list(patterns) or [""]
    try:
        fields = [set(fields_of(pattern)) for pattern in listed]
    except InputError as error:
        raise InputError(f"{key}: {error}") from error
    if any(others != fields[0] for others in fields):
        raise InputError(f"{key}: expected patterns with the same fields, got {listed}")


def _files_below(folder: Path, above: frozenset[str]) -> Iterator[Path]:
    """Yield all files that are not hidden; broken links too, which are reported as missing."""
    try:
        real = os.path.realpath(folder)
        if not folder.is_dir() or real in above:  # a link to a parent folder would recurse forever
            return
        with os.scandir(folder) as entries:
            # a link in a circle is an error for scandir, and no directory for Path
            kinds = {
                entry.name: Path(entry).is_dir() if entry.is_symlink() else entry.is_dir()
                for entry in entries
            }
        names = sorted(name for name in kinds if not name.startswith("."))
        below = [(folder / name, kinds[name]) for name in names]
    except OSError as error:
        raise InputError(f"{folder}: cannot be listed ({error.strerror})") from error
    for path, is_folder in below:
        if is_folder:
            yield from _files_below(path, above | {real})
        else:
            yield path
