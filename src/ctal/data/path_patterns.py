"""Path patterns with named fields, such as `{scene}/color/{name}.jpg`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ctal.errors import InputError
from ctal.io.formats import ARRAY_SUFFIXES, is_readable

ANY = ".*"
"""At the end of a pattern: any ending of an image, .npy or .npz file."""

_FIELD = re.compile(r"\{([A-Za-z_]\w*)\}")
_PART = re.compile(r"(\{[A-Za-z_]\w*\}|\*)")
_DEEP = "name"  # the field that may contain folders


class PathPattern:
    """A path with fields in braces, each of which stands for a part of the name of a sample.

    `{name}` may contain folders, any other field is a part of one folder or file name. A field that
    occurs twice has the same value in both places. `*` matches any characters within a folder or
    file name, `.*` at the end every ending of an image, .npy or .npz file. An ending matches in any
    case.

    Args:
        root: The folder where the pattern starts, unless it is absolute.
        pattern: The pattern.

    Attributes:
        fields: The fields, in the order of their first occurrence.

    Raises:
        InputError: There is no field, or a brace that is not of a field.
    """

    def __init__(self, root: Path, pattern: str) -> None:
        self.fields = fields_of(pattern)
        # as Paths, so that "./" and "//" are removed here as from the paths of the files
        self._text = (root / pattern).as_posix()
        relative = Path(pattern).as_posix()
        self._fixed = len(self._text) - len(relative)  # braces of the root are no fields
        self._any = relative.endswith(ANY)
        body, ending = relative.removesuffix(ANY), r"\.[^./]+"
        if not self._any:
            body, ending = _without_ending(relative)
        start = re.escape(self._text[: self._fixed])
        self._regex = re.compile(f"{start}{_expression(body)}{ending}", re.DOTALL)
        above, _, last = relative.rpartition("/")
        folder = (start + _expression(above)).removesuffix("/")
        deep = f"{{{_DEEP}}}" in last
        if not folder:  # the current directory
            folder = ".*" if deep else r"\."
        self._folder = re.compile(f"{folder}(/.*)?" if deep else folder, re.DOTALL)

    @property
    def top(self) -> Path:
        """The deepest folder that contains all files of the pattern."""
        fixed = _PART.split(self._text[self._fixed :])[0]
        return Path(f"{self._text[: self._fixed]}{fixed}x").parent

    def match(self, path: Path) -> dict[str, str] | None:
        """Return the values of the fields if a path matches and no value is a hidden file."""
        if self._any and not (is_readable(path) or path.suffix.lower() in ARRAY_SUFFIXES):
            return None
        found = self._regex.fullmatch(path.as_posix())
        if not found:
            return None
        values = found.groupdict()
        hidden = any(value.startswith(".") or "/." in value for value in values.values())
        return None if hidden else values

    def covers(self, path: Path) -> bool:
        """Return whether a file is in a folder where files of this pattern can be."""
        return self._folder.fullmatch(path.parent.as_posix()) is not None

    def path(self, values: Mapping[str, str]) -> Path:
        """Return the path for values of the fields; `*` stays as it is."""
        start, rest = self._text[: self._fixed], self._text[self._fixed :]
        return Path(start + _FIELD.sub(lambda field: values[field[1]], rest))

    def __str__(self) -> str:
        """Return the whole pattern, for messages."""
        return self._text


class SampleNames:
    """Names of samples: the values of fields, joined by slashes.

    Args:
        fields: The fields.
    """

    def __init__(self, fields: Sequence[str]) -> None:
        self.fields = tuple(fields)
        self._regex = re.compile("/".join(map(_group, self.fields)), re.DOTALL)

    def join(self, values: Mapping[str, str]) -> str:
        """Return the name of a sample, or the key of a file that has some of the fields."""
        return "/".join(values[field] for field in self.fields if field in values)

    def values(self, name: str) -> dict[str, str]:
        """Return the value of each field in a name.

        Raises:
            InputError: The name does not consist of these fields.
        """
        found = self._regex.fullmatch(name)
        if not found:
            form = "/".join(f"{{{field}}}" for field in self.fields)
            raise InputError(f"names: expected names of the form {form}, got {name!r}")
        return found.groupdict()


def fields_of(pattern: str) -> tuple[str, ...]:
    """Return the fields of a pattern, each once.

    Raises:
        InputError: There is no field, or a brace that is not of a field.
    """
    fields = tuple(dict.fromkeys(_FIELD.findall(pattern)))
    if not fields or re.search("[{}]", _FIELD.sub("", pattern)):
        raise InputError(
            f"expected a path with {{name}} or other fields such as {{scene}}, got {pattern!r}"
        )
    return fields


def top_folders(patterns: Iterable[PathPattern]) -> list[Path]:
    """Return the topmost folders that can contain files of the patterns, without subfolders."""
    folders = sorted({pattern.top for pattern in patterns})
    return [folder for folder in folders if not any(top in folder.parents for top in folders)]


def _without_ending(pattern: str) -> tuple[str, str]:
    """Split off the ending of a pattern, as an expression that matches it in any case."""
    body, dot, ending = pattern.rpartition(".")
    if not dot or re.search(r"[/{}*]", ending):
        return pattern, ""
    return body, f"(?i:{re.escape(dot + ending)})"


def _expression(pattern: str) -> str:
    """Return the regular expression of a pattern without its ending."""
    parts, seen = [], set()
    for part in _PART.split(pattern):
        field = _FIELD.fullmatch(part)
        if part == "*":
            parts.append("[^/]*")
        elif not field:
            parts.append(re.escape(part))
        elif field[1] in seen:
            parts.append(f"(?P={field[1]})")
        else:
            seen.add(field[1])
            parts.append(_group(field[1]))
    return "".join(parts)


def _group(field: str) -> str:
    return f"(?P<{field}>{'.+' if field == _DEEP else '[^/]+'})"
