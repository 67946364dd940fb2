"""Suggestions for names in settings that are misspelt or missing."""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import pydoc
import re
from collections.abc import Collection
from typing import Any

_EXTRAS = {"torchjd": "mtl"}  # which extra of ctal installs a module that a class_path names
_SECTIONS = {"trainer", "model", "data", "images", "scoring"}  # of the configuration of `fit`


def unknown_argument(owner: str, option: str, supplied: int, linked: Collection[str]) -> str:
    """Return a sentence about an argument that a class does not have; "" if it is no class.

    Args:
        owner: the class; "" if none.
        option: the argument.
        supplied: the number of the class's first arguments that settings cannot name.
        linked: further arguments that settings do not name.
    """
    names = arguments_of(owner, supplied, linked)
    if names is None:
        return ""
    near = difflib.get_close_matches(option, names, n=1)
    hint = f"it has {', '.join(names)}" if names else ""
    hint = f"did you mean {near[0]!r}?" if near else hint
    return f"{owner} has no argument {option!r}" + (f"; {hint}" if hint else "")


def arguments_of(owner: str, supplied: int, linked: Collection[str]) -> list[str] | None:
    """Return the arguments of a class that settings may name; None if it is no class.

    Args:
        owner: as in `unknown_argument`.
        supplied: as in `unknown_argument`.
        linked: as in `unknown_argument`.
    """
    found: Any = pydoc.locate(owner) if owner else None
    if not inspect.isclass(found):
        return None
    return [name for name in _parameters(found)[supplied:] if name not in linked]


def _parameters(cls: type) -> list[str]:
    """Return the parameters of a class, with those that it passes on to its base classes."""
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = inspect.signature(cls).parameters
    named = [name for name, parameter in parameters.items() if parameter.kind not in variable]
    # a subclass with a constructor of its own may not accept those of its base
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return named
    options = getattr(cls, "options_type", None)
    named += [field.name for field in dataclasses.fields(options)] if options else []
    for base in cls.__mro__[1:-1]:
        named += [name for name in _own_parameters(base) if name not in named]
    return named


def _own_parameters(cls: type) -> list[str]:
    """Return the named parameters of the constructor that a class itself defines."""
    constructor = vars(cls).get("__init__")
    if constructor is None:
        return []
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    _, *parameters = inspect.signature(constructor).parameters.values()
    return [parameter.name for parameter in parameters if parameter.kind not in variable]


def similar_class(module: str, name: str) -> str:
    """Return a question about the class of a module with the most similar name, or ""."""
    names = [each for each in dir(pydoc.locate(module)) if each[:1].isupper()]
    near = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def suggestion(report: str, known: list[str]) -> str:
    """Return what to do about a key that is missing or unknown, or a module that is missing.

    Args:
        report: the report of a parser.
        known: the valid keys.
    """
    if report.startswith("the following arguments are required"):
        in_file = ", and a --config FILE may hold them" if "config" in known else ""
        return f"; see --help{in_file}"
    module = re.search(r"No module named '(\w+)", report)
    if module and module[1] in _EXTRAS:
        return f"; install it with: pip install 'ctal[{_EXTRAS[module[1]]}]'"
    found = re.search(r"unrecognized arguments: --([\w.]+)|not accept option '([\w.]+)'", report)
    if not found:
        return ""
    if found[1] and found[1][0].isdigit():
        return "; set the items of a list in a file"
    if found[1] and found[1].split(".")[0] in _SECTIONS and "overrides" in known:
        return f"; settings of `ctal fit` are passed as --overrides {found[1]}=VALUE"
    near = difflib.get_close_matches(found[1] or found[2], known, n=1)
    dashes = "--" if found[1] else ""
    return f"; did you mean {dashes + near[0]!r}?" if near else ""
