"""Check for arguments set to null that require a value.

jsonargparse 4.53 accepts null in a file for an argument of any type and passes None to the class.
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args

from ctal.errors import InputError


def check_nulls(settings: Mapping[str, Any], kinds: Mapping[str, type]) -> None:
    """Check that no argument of a class is null, unless its type or default allows None.

    Args:
        settings: All settings after parsing, as nested mappings.
        kinds: The classes of sections without `class_path`, by key.

    Raises:
        InputError: An argument is null.
    """
    for name, kind in kinds.items():
        _check(settings.get(name), kind, name)
    for name, value in _values(settings):
        if isinstance(value, Mapping) and isinstance(value.get("class_path"), str):
            kind = pkgutil.resolve_name(value["class_path"])
            _check(value.get("init_args"), kind, f"{name}.init_args")


def _values(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in settings.items():
        items = value if isinstance(value, list) else [value]
        for item in items:
            yield f"{prefix}{key}", item
            if isinstance(item, Mapping):
                yield from _values(item, f"{prefix}{key}.")


def _check(arguments: Any, kind: Callable[..., object], name: str) -> None:
    if not isinstance(arguments, Mapping) or None not in arguments.values():
        return
    try:
        parameters = inspect.signature(kind, eval_str=True).parameters
    except (NameError, TypeError, ValueError):
        return  # a class without a readable signature
    for key in (key for key, value in arguments.items() if value is None and key in parameters):
        hint, default = parameters[key].annotation, parameters[key].default
        # arguments without a default are those that another section sets
        if default not in (None, inspect.Parameter.empty) and not _allows_none(hint):
            wanted = getattr(hint, "__name__", None) or str(hint)
            raise InputError(f"{name}.{key}: expected {wanted}, got null")


def _allows_none(hint: Any) -> bool:
    known = (Any, None, type(None), object, inspect.Parameter.empty)
    return hint in known or any(map(_allows_none, get_args(hint)))
