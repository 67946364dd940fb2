"""Reports of a parser, shortened to one line: the key, and the cause of the innermost error.

jsonargparse reports nested errors as an indented tree: of keys, of classes, and of the types of a
union, with an error for each of them.
"""

from __future__ import annotations

import ast
import dataclasses
import difflib
import inspect
import pydoc
import re
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

_KEY = re.compile(r'\s*Parser key "([^"]+)"(?: element \d+)?:\s*')
_CLASS = re.compile(r"\s*Problem with given class_path '([\w.]+)':\s*")
_NOT_A_FILE = re.compile(
    r"\s*- Expected a path but .*? either not accessible or invalid\s*- ", re.S
)
_CALLABLE = re.compile(r"\s*Type [^\n]*? expects a function or a callable class:\s*")
_UNION = re.compile(
    r"\s*Does not validate against any of the Union subtypes\s*"
    r"Subtypes: \[(?P<types>[^\n]*)\]\n"
    r"(?P<indent> *)Errors:\n(?P<errors>.*?)\n"
    r"(?P=indent)Given value type: [^\n]*\n"
    r"(?P=indent)Given value: (?P<value>[^\n]*)",
    re.DOTALL,
)
_EXTRAS = {"torchjd": "mtl"}  # which extra of ctal installs a module that a class_path names
_SECTIONS = {"trainer", "model", "data", "images", "scoring"}  # of the configuration of `fit`


class _Error(NamedTuple):
    """The innermost error of a report: its keys, the class that it is about if any, its text."""

    keys: list[str]
    owner: str
    text: str


def one_line(report: str, known: list[str], linked: Collection[str]) -> str:
    """Shorten a report to "key: reason", with a suggestion if one is at hand.

    Args:
        report: the report of a parser.
        known: the valid keys, one of which is suggested for a misspelt one.
        linked: arguments of classes that settings do not name.
    """
    error = _innermost(report)
    text = _cause(error, linked)
    text = re.sub(r"[\s:]*\n[\s-]*", "; ", text.strip()).strip("; ")
    key = ".".join(error.keys)
    return (f"{key}: " if key else "") + text + _suggestion(report, known)


def _innermost(report: str) -> _Error:
    """Follow keys, classes and the types of unions that are classes, from the outside in."""
    keys, owner, text = list[str](), "", report.strip()
    while True:
        if found := _KEY.match(text):
            keys.append(found[1])
        elif found := _CLASS.match(text):
            owner = found[1]
        elif found := _CALLABLE.match(text):
            made = re.search(r"Got value: Namespace\(class_path='([\w.]+)'", text)
            owner = made[1] if made else owner
        elif not (found := _NOT_A_FILE.match(text)):
            union = _UNION.match(text)
            inner = next(_of_classes(union["errors"]), None) if union else None
            if union is None or inner is None:
                return _Error(keys, owner, _of_union(union) if union else text)
            keys += _entry(union["types"], union["value"])
            text = inner
            continue
        text = text[found.end() :]


def _of_classes(errors: str) -> Iterator[str]:
    """Yield the errors of a union that are about a class, not about the type of the value."""
    indent = " " * (len(errors) - len(errors.lstrip(" ")))
    for item in f"\n{errors}".split(f"\n{indent}- ")[1:]:
        if _CLASS.match(item) or _CALLABLE.match(item):
            yield item


def _entry(types: str, value: str) -> list[str]:
    """Return the key of the only entry of a mapping, in a list, or no key."""
    if not types.startswith("dict["):
        return []
    if option := re.match(r"NestedArg\(key='(\w+)'", value):
        return [option[1]]
    try:
        entries = ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return []
    return list(entries) if isinstance(entries, dict) and len(entries) == 1 else []


def _of_union(union: re.Match[str]) -> str:
    """Return a sentence about a value that has none of the types of a union."""
    types = re.findall(r"(?:[^,\[]|\[(?:[^\[\]]|\[[^\]]*\])*\])+", union["types"])
    names = [_type(name.strip()) for name in types]
    value = union["value"].partition(". Got value: ")[0]
    return f"expected {', '.join(names[:-1])} or {names[-1]}, got {value}"


def _type(name: str) -> str:
    """Return a type as settings have it."""
    literal = re.fullmatch(r"typing\.Literal\[(.*)\]", name)
    plain = literal[1] if literal else re.sub(r"<class '([\w.]+)'>", r"\1", name)
    return "null" if plain == "NoneType" else plain


def _cause(error: _Error, linked: Collection[str]) -> str:
    """Return the text of an error without the terms of the parser."""
    if option := re.search(r"Option '([\w.]+)' is not accepted", error.text):
        return _unknown_argument(error.owner, option[1], linked) or option[0]
    if name := re.search(r"module '([\w.]+)' has no attribute '(\w+)'", error.text):
        names = [name for name in dir(pydoc.locate(name[1])) if name[:1].isupper()]
        near = difflib.get_close_matches(name[2], names, n=1)
        return name[0] + (f"; did you mean {near[0]!r}?" if near else "")
    text = re.sub(r"\. Got value: Namespace.*", "", error.text, flags=re.DOTALL)
    value = re.fullmatch(r"Expected an? (.*?)\. Got value: (.*)", text, flags=re.DOTALL)
    if value is None:
        return re.sub(r"<class '([\w.]+)'>", r"\1", text)
    one_of = "one of " if value[1].startswith("typing.Literal") else ""
    return f"expected {one_of}{_type(value[1])}, got {value[2]}"


def _unknown_argument(owner: str, option: str, linked: Collection[str]) -> str:
    """Return a sentence about an argument that a class does not have; "" if it is no class."""
    found: Any = pydoc.locate(owner) if owner else None
    names = _named_parameters(found, linked) if inspect.isclass(found) else []
    if not names:
        return ""
    near = difflib.get_close_matches(option, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(names)}"
    return f"{owner} has no argument {option!r}; {hint}"


def _named_parameters(cls: type, linked: Collection[str]) -> list[str]:
    """Return the parameters of a class that settings may name, with those of its `**options`."""
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = inspect.signature(cls).parameters
    named = [n for n, p in parameters.items() if p.kind not in variable and n not in linked]
    # a subclass with a constructor of its own may not accept those of its base
    accepts = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    options = getattr(cls, "options_type", None) if accepts else None
    return named + ([f.name for f in dataclasses.fields(options)] if options else [])


def _suggestion(report: str, known: list[str]) -> str:
    """Return what to do about a key that is missing or unknown, or a module that is missing."""
    if report.startswith("the following arguments are required"):
        in_file = ", and a --config FILE may hold them" if "config" in known else ""
        return f"; see --help{in_file}"
    module = re.search(r"No module named '(\w+)", report)
    if module and module[1] in _EXTRAS:
        return f"; install it with: pip install 'ctal[{_EXTRAS[module[1]]}]'"
    found = re.search(r"unrecognized arguments: --([\w.]+)|not accept option '([\w.]+)'", report)
    if not found:
        return ""
    if found[1] and found[1].split(".")[0] in _SECTIONS and "overrides" in known:
        return f"; settings of `ctal fit` are passed as --overrides {found[1]}=VALUE"
    near = difflib.get_close_matches(found[1] or found[2], known, n=1)
    dashes = "--" if found[1] else ""
    return f"; did you mean {dashes + near[0]!r}?" if near else ""
