"""Reports of a parser, shortened to one line: the key, and the cause of the innermost error.

jsonargparse reports nested errors as an indented tree: of keys, of classes, and of the types of a
union, with an error for each of them.
"""

from __future__ import annotations

import ast
import re
from typing import NamedTuple

from ctal.config.suggestions import (
    class_names,
    named_arguments,
    similar_class,
    similar_name,
    suggestion,
    unknown_argument,
)

_KEY = re.compile(r'\s*Parser key "([^"]+)"(?: element \d+)?:\s*')
_CLASS = re.compile(r"\s*Problem with given class_path '([\w.]+)':\s*")
_NOT_A_FILE = re.compile(
    r"\s*- Expected a path but .*? either not accessible or invalid\s*- ", re.S
)
_CALLABLE = re.compile(
    r"\s*Type (?:[\w.]*\.)?Callable\[\[([^\n]*?)\], [^\n]*? expects a function or a callable "
    r"class:\s*"
)
_OPTION = re.compile(r"NestedArg\(key='([^']*)', val='?(.*?)'?\)$")
_OF_TYPES = ("Expected a ", "Not a valid subclass", "Not of type", "Unable to")
"""How errors of a union begin that say no more than its types do."""

_UNION = re.compile(
    r"\s*Does not validate against any of the Union subtypes\s*"
    r"Subtypes: \[(?P<types>[^\n]*)\]\n"
    r"(?P<indent> *)Errors:\n(?P<errors>.*?)\n"
    r"(?P=indent)Given value type: [^\n]*\n"
    r"(?P=indent)Given value: (?P<value>[^\n]*)",
    re.DOTALL,
)


class _Error(NamedTuple):
    """The innermost error of a report.

    Attributes:
        keys: the keys that lead to it.
        owner: the class that it is about; "" if none.
        supplied: the number of the owner's first arguments that settings cannot name.
        text: the rest of the report.
    """

    keys: list[str]
    owner: str
    supplied: int
    text: str


def one_line(report: str, known: list[str]) -> str:
    """Shorten a report to "key: reason", with a suggestion if one is at hand.

    Args:
        report: the report of a parser.
        known: the valid keys, one of which is suggested for a misspelt one.
    """
    error = _innermost(report)
    lines = [line.lstrip(" -").rstrip(" :") for line in _cause(error).splitlines()]
    key = ".".join(error.keys)
    text = "; ".join(filter(None, lines))
    return (f"{key}: " if key else "") + text + suggestion(report, known)


def refusal(report: str) -> str:
    """Return why the constructor of a class refuses its arguments, or "".

    Args:
        report: the error of a parser while it builds the objects of a configuration.
    """
    union = _UNION.match(report)
    reason = _reason(union["errors"]) if union else ""
    if union is None or not reason:
        return ""
    default = re.match(r"\('cannot represent an object', <([\w.]+): ", reason)
    before, found, _ = union["value"].partition(f"=<{default[1]}: " if default else "\n")
    classes = re.findall(r"class_path='([\w.]+)'", before)
    if default and found and classes:  # an enumeration, such as `interval` of Lightning's Timer
        argument = re.split(r"\W", before)[-1]
        return (
            f"{classes[-1]}: the default of {argument!r}, {default[1]}, cannot be written to a "
            "file; set it"
        )
    of_class = f"{classes[0]}: " if len(classes) == 1 else ""
    return f"{of_class}{reason.splitlines()[0]}"


def _innermost(report: str) -> _Error:
    """Follow keys, classes and the types of unions that are classes, from the outside in."""
    keys, owner, supplied, text = list[str](), "", 0, report.strip()
    while True:
        if union := _UNION.match(text):
            inner = _of_class(union["errors"])
            if inner or _OPTION.match(union["value"]):
                keys += _entry(union["types"], union["value"])
            if not inner:
                return _Error(keys, owner, supplied, _of_union(union))
            text = inner
            continue
        if found := _KEY.match(text):
            keys.append(found[1])
        elif found := _CLASS.match(text):
            owner, supplied = found[1], 0
        elif found := _CALLABLE.match(text):
            made = re.search(r"Got value: Namespace\(class_path='([\w.]+)'", text)
            owner, supplied = made[1] if made else owner, found[1].count(",") + 1
        elif not (found := _NOT_A_FILE.match(text)):
            return _Error(keys, owner, supplied, text)
        text = text[found.end() :]


def _of_class(errors: str) -> str:
    """Return the first error of a union that is about a class, not about the value, or ""."""
    found = (item for item in _items(errors) if _CLASS.match(item) or _CALLABLE.match(item))
    return next(found, "")


def _reason(errors: str) -> str:
    """Return the first error of a union that says more than its types do, or ""."""
    return next((item for item in _items(errors) if not item.startswith(_OF_TYPES)), "")


def _items(errors: str) -> list[str]:
    """Return the errors of a union, one for each type."""
    indent = " " * (len(errors) - len(errors.lstrip(" ")))
    return f"\n{errors}".split(f"\n{indent}- ")[1:]


def _entry(types: str, value: str) -> list[str]:
    """Return the key of an option of a mapping or class, or of a mapping's only entry."""
    if option := _OPTION.match(value):
        # of a class, the parser names the argument itself
        return [option[1].partition(".")[0]] if "dict[" in types else []
    if not types.startswith("dict["):
        return []
    try:
        entries = ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return []
    return [str(key) for key in entries] if isinstance(entries, dict) and len(entries) == 1 else []


def _of_union(union: re.Match[str]) -> str:
    """Return a sentence about a value that has none of the types of a union."""
    value = union["value"].partition(". Got value: ")[0]
    types = _split(union["types"])
    if option := _OPTION.match(value):
        of_mappings = re.findall(r"dict\[\w+, ([^\[\]]*)\]", union["types"])
        if not of_mappings:
            return f"expected a class before its argument {option[1]!r}"
        types, value = of_mappings, option[2]
    if reason := _reason(union["errors"]):  # such as an error of a module that is imported
        return reason.replace("but is abstract", f"but {value} is abstract")
    if (classes := class_names(types)) and re.fullmatch(r"\w+", value):
        return f"expected the name of a class, got {value}{similar_name(value, classes)}"
    names = [_type(name) for name in types]
    expected = " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    return f"expected {expected}, got {value}"


def _split(types: str) -> list[str]:
    """Split at the commas outside of brackets."""
    parts, depth = [""], 0
    for letter in types:
        depth += (letter == "[") - (letter == "]")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def _type(name: str) -> str:
    """Return a type as settings have it."""
    literal = re.fullmatch(r"typing\.Literal\[(.*)\]", name)
    plain = literal[1] if literal else re.sub(r"<class '([\w.]+)'>", r"\1", name)
    if pair := re.fullmatch(r"tuple\[(.*)\]", plain):
        return f"[{pair[1]}] (in brackets, without spaces)"
    return "null" if plain == "NoneType" else plain


def _cause(error: _Error) -> str:
    """Return the text of an error without the terms of the parser."""
    if option := re.match(r"Option '([\w.]+)' is not accepted", error.text):
        return unknown_argument(error.owner, option[1], error.supplied) or option[0]
    if path := re.match(r"Expected a dot import path string: (\S+)", error.text):
        return f"expected a class as module.Class, got {path[1]}"
    if name := re.match(r"module '([\w.]+)' has no attribute '(\w+)'", error.text):
        return name[0] + similar_class(name[1], name[2])
    # the parser reports an unknown argument that is a mapping with numbers as keys by such a key
    if key := re.match(r"Key must be a string, got: (.*?)\.?$", error.text):
        names = named_arguments(error.owner, error.supplied) or []
        hint = f" of {error.owner}; it has {', '.join(names)}" if names else ""
        return f"got a mapping with the key {key[1]} for an unknown argument{hint}"
    if error.owner and (missing := re.match(r"the following arguments are required: ", error.text)):
        return f"{error.owner} requires {error.text[missing.end() :]}"
    text = re.sub(r"\. Got value: Namespace.*", "", error.text, flags=re.DOTALL)
    value = re.fullmatch(r"Expected an? (.*?)\. Got value: (.*)", text, flags=re.DOTALL)
    if value is None:
        return re.sub(r"<class '([\w.]+)'>", r"\1", re.sub(_KEY, "", text))
    one_of = "one of " if value[1].startswith("typing.Literal") else ""
    return f"expected {one_of}{_type(value[1])}, got {value[2]}"
