"""Parts of a configuration that a parser would drop without an error."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ctal.config.files import read_config, section_of
from ctal.errors import InputError


def check_sections(file: Path, known: Sequence[str]) -> None:
    """Check that every section of a configuration file is a mapping, or a file that holds one.

    Args:
        file: The configuration file.
        known: The keys that exist, such as "data.batch_size".

    Raises:
        InputError: A section has another value.
    """
    for key, value in read_config(file).items():
        is_section = any(name.startswith(f"{key}.") for name in known)
        is_file = isinstance(value, str) and (file.parent / value).is_file()
        if is_section and not is_file and not isinstance(value, Mapping):
            raise InputError(f"{file}: {key}: expected a mapping, got {value!r}")


def check_unused(file: Path, parsed: Mapping[str, Any]) -> None:
    """Check that every part of a configuration file is in the result of parsing it.

    jsonargparse reports an unknown key only where it has a value: an unknown section with an empty
    mapping (`modle: {}`) is dropped.

    Args:
        file: The configuration file.
        parsed: All settings after parsing.

    Raises:
        InputError: A part of the file was dropped.
    """
    for fault in _faults(read_config(file), parsed, "", file.parent):
        raise InputError(f"{file}: {fault}")


def _faults(
    given: Mapping[str, Any], parsed: Mapping[str, Any], prefix: str, folder: Path
) -> Iterator[str]:
    if _differs(given.get("class_path"), parsed.get("class_path")):
        return  # a later file or argument chose another class
    for key, value in given.items():
        if key in parsed:
            yield from _faults_of_value(value, parsed[key], f"{prefix}{key}", folder)
        elif _is_empty(value):
            near = difflib.get_close_matches(str(key), parsed, n=1)
            yield f"{prefix}{key}: unknown key" + (f"; did you mean {near[0]!r}?" if near else "")


def _faults_of_value(value: Any, parsed: Any, name: str, folder: Path) -> Iterator[str]:
    if not isinstance(parsed, Mapping):
        return
    value = section_of(value, folder)
    if isinstance(value, Mapping):
        yield from _faults(value, parsed, f"{name}.", folder)


def _differs(given: Any, parsed: Any) -> bool:
    """Return whether two class paths differ; the first may be the name of the class alone."""
    last = [str(path).rpartition(".")[2] for path in (given, parsed)]
    return given is not None and last[0] != last[1]


def _is_empty(value: Any) -> bool:
    """Return whether a value is a mapping without any value in it, at any depth."""
    return isinstance(value, Mapping) and all(map(_is_empty, value.values()))
