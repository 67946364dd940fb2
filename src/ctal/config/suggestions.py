"""Suggestions for names in settings that are misspelt or missing."""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import pydoc
import re
from collections.abc import Iterable, Iterator, Sequence
from inspect import Parameter
from typing import Any

LINKED = ("tasks", "image_size")
"""Arguments of a network that come from the data, so settings do not name them."""

_MOST = 20  # names of classes in a message
_EXTRAS = {"torchjd": "mtl"}  # which extra of ctal installs a module that a class_path names
_SECTIONS = {"trainer", "model", "data", "images", "scoring"}  # of the configuration of `fit`


def unknown_argument(owner: str, option: str, supplied: int) -> str:
    """Return a sentence about an argument that a class does not have; "" if it is no class.

    Args:
        owner: the class; "" if none.
        option: the argument.
        supplied: the number of the class's first arguments that settings cannot name.
    """
    names = named_arguments(owner, supplied)
    if names is None:
        return ""
    near = difflib.get_close_matches(option, names, n=1)
    hint = f"; it has {', '.join(names)}" if names else ""
    hint = f"; did you mean {near[0]!r}?" if near else hint
    return f"{owner} has no argument {option!r}{hint}"


def named_arguments(owner: str, supplied: int) -> list[str] | None:
    """Return the arguments of a class that settings may name; None if it is no class.

    Args:
        owner: as in `unknown_argument`.
        supplied: as in `unknown_argument`.
    """
    found: Any = pydoc.locate(owner) if owner else None
    if not inspect.isclass(found):
        return None
    return [name for name in _parameters(found)[supplied:] if name not in LINKED]


def _parameters(cls: type) -> list[str]:
    """Return the parameters of a class, with those that it passes on to its base classes."""
    parameters = inspect.signature(cls).parameters.values()
    named = _named(parameters)
    # a subclass with a constructor of its own may not accept those of its base
    if not any(parameter.kind is Parameter.VAR_KEYWORD for parameter in parameters):
        return named
    options = getattr(cls, "options_type", None)
    named += [field.name for field in dataclasses.fields(options)] if options else []
    for base in cls.__mro__[1:-1]:
        if constructor := vars(base).get("__init__"):
            _, *others = inspect.signature(constructor).parameters.values()
            named += [name for name in _named(others) if name not in named]
    return named


def _named(parameters: Iterable[Parameter]) -> list[str]:
    """Return the names of parameters except `*args` and `**options`."""
    variable = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    return [parameter.name for parameter in parameters if parameter.kind not in variable]


def similar_class(module: str, name: str) -> str:
    """Return a question about the class of a module with the most similar name, or ""."""
    names = [each for each in dir(pydoc.locate(module)) if each[:1].isupper()]
    near = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def class_names(types: Sequence[str]) -> list[str]:
    """Return the names of the classes that settings with these types accept, if nothing else.

    Args:
        types: types as the parser prints them; of a callable, what it returns counts.
    """
    if {"<class 'int'>", "<class 'float'>", "<class 'str'>", "int", "float", "str"} & set(types):
        return []
    returned = [text.rpartition("], ")[2] if "Callable[" in text else text for text in types]
    bases = [pydoc.locate(name) for name in re.findall(r"\w+(?:\.\w+)+", " ".join(returned))]
    return sorted({name for base in bases if inspect.isclass(base) for name in _concrete(base)})


def _concrete(base: type) -> Iterator[str]:
    """Yield the names of public classes below a class."""
    kind: type
    for kind in base.__subclasses__():
        if not inspect.isabstract(kind) and not kind.__name__.startswith("_"):
            yield kind.__name__
        yield from _concrete(kind)


def similar_name(name: str, known: Sequence[str]) -> str:
    """Return a question about the most similar of the known classes, or all of a few."""
    near = [each for each in known if each.lower().startswith(name.lower())]
    near += difflib.get_close_matches(name, known, n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known ones are {', '.join(known)}" if len(known) <= _MOST else ""


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
    if module:
        return "; modules are imported from installed packages and the current directory"
    if file := re.search(r"unrecognized arguments: ([^- ]\S*\.ya?ml)", report):
        return f"; did you mean '--config {file[1]}'?"
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
