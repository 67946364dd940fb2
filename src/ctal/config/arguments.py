"""Command line arguments: parsers of functions, and errors of one line that name the key."""

from __future__ import annotations

import ast
import dataclasses
import difflib
import inspect
import pydoc
import re
import textwrap
from argparse import ArgumentError
from collections.abc import Callable, Iterable
from typing import Any, cast, get_args, get_origin

import docstring_parser
from jsonargparse import ArgumentParser, Namespace

from ctal.config.files import PARSER_MODE, config_files
from ctal.config.renames import upgrade_options
from ctal.config.unused import check_sections, check_unused
from ctal.errors import InputError

LINKED = ("tasks", "image_size")
"""Arguments of a network that come from the data, so settings do not name them."""

_KEY = r'Parser key "([^"]+)"(?: element \d+)?:'
_SECTIONS = {"trainer", "model", "data", "images", "scoring"}  # of the configuration of `fit`
_EXTRAS = {"torchjd": "mtl"}  # which extra of ctal installs a module that a class_path names


def parse(parser: ArgumentParser, args: list[str], known: Iterable[str]) -> Namespace:
    """Parse arguments.

    Args:
        parser: A parser with `exit_on_error=False`.
        args: The arguments.
        known: The valid keys, one of which is suggested for a misspelt one.

    Raises:
        InputError: The arguments are invalid.
    """
    files, keys = config_files(args), list(known)
    for file in files:
        check_sections(file, keys)  # the parser's own reports do not name the file
    try:
        parsed = parser.parse_args(upgrade_options(args, keys))
    except ArgumentError as error:
        raise InputError(_one_line(str(error), keys)) from error
    settings = parsed.as_dict()
    for file in files:
        check_unused(file, settings.get(str(settings.get("subcommand")), settings))
    return parsed


def input_error_in(error: BaseException) -> InputError | None:
    """Return the InputError that an error of a parser wraps, if any."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, InputError):
        cause = cause.__cause__
    return cause


def _one_line(report: str, known: list[str]) -> str:
    """Shorten a report of several lines, with nested keys, to "key: reason"."""
    keys = ".".join(re.findall(_KEY, report))
    text = re.sub(_KEY, "", report)
    # drop the alternative of a function, which hides the error of the class
    made = re.search(r"expects a function or a callable class: \s*(.*)", text, flags=re.DOTALL)
    if made:
        union = re.search(
            r"Subtypes: \[(.*?)\].*Given value: (.*?)\. Got", made[1], flags=re.DOTALL
        )
        text = f"Expected one of {union[1]}, got {union[2]}" if union else made[1].splitlines()[0]
        text = re.sub(r"\. Got value: Namespace.*", "", text)
    text = _unknown_argument(text) or text
    text = re.sub(r"<class '([\w.]+)'>", r"\1", text)
    text = re.sub(
        r"Expected a typing\.Literal\[(.*?)\]\. Got value: ", r"expected one of \1, got ", text
    )
    # for a union, the list of types suffices
    text = re.sub(r"\n\s*Errors:.*(?=\n\s*Given value type)", "", text, flags=re.DOTALL)
    text = re.sub(r"[\s:]*\n[\s-]*", "; ", text.strip()).strip("; ")
    return (f"{keys}: " if keys else "") + text + _suggestion(report, known)


def _unknown_argument(text: str) -> str:
    """Return a sentence about an argument that the innermost class in a report does not have."""
    classes = re.findall(r"Problem with given class_path '([\w.]+)'", text)
    option = re.search(r"Option '([\w.]+)' is not accepted", text)
    if not classes or option is None:
        return ""
    found: Any = pydoc.locate(classes[-1])
    names = _named_parameters(found) if inspect.isclass(found) else []
    if not names:
        return ""
    near = difflib.get_close_matches(option[1], names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(names)}"
    return f"{classes[-1]} has no argument {option[1]!r}; {hint}"


def _named_parameters(cls: type) -> list[str]:
    """Return the parameters of a class that settings may name, with those of its `**options`."""
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = inspect.signature(cls).parameters
    named = [n for n, p in parameters.items() if p.kind not in variable and n not in LINKED]
    # a subclass with a constructor of its own may not accept those of its base
    accepts = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    options = getattr(cls, "options_type", None) if accepts else None
    return named + ([f.name for f in dataclasses.fields(options)] if options else [])


def _suggestion(report: str, known: list[str]) -> str:
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


def function_parser(
    function: Callable[..., object], prog: str, skip: Iterable[str] = ()
) -> ArgumentParser:
    """Return a parser for the parameters of a function, except those in `skip`.

    A list without a default is positional (`ctal predict a.jpg b.jpg`), and so is the first
    parameter if it has no default (`ctal export best.ckpt`). A list with a default accepts several
    values (`--seeds 0 1`), and a bool is a flag.
    """
    document = docstring_parser.parse(_docstring(function))
    parser = ArgumentParser(
        prog=prog,
        exit_on_error=False,
        parser_mode=PARSER_MODE,
        allow_abbrev=False,
        description=document.description,
    )
    meaning = {parameter.arg_name: parameter.description for parameter in document.params}
    done: set[str | int] = set(skip)
    parameters = inspect.signature(function, eval_str=True).parameters
    for index, (name, parameter) in enumerate(parameters.items()):
        item = _item_type(parameter.annotation)
        if name in done:
            continue
        if item is not None and parameter.default is parameter.empty:
            parser.add_argument(name, nargs="+", type=item, help=meaning.get(name))
        elif item is not None:
            parser.add_argument(f"--{name}", nargs="+", type=item, help=meaning.get(name))
        elif index == 0 and parameter.default is parameter.empty:
            parser.add_argument(name, type=parameter.annotation, help=meaning.get(name))
        elif parameter.annotation is bool:
            parser.add_argument(f"--{name}", action="store_true", help=meaning.get(name))
        else:
            continue
        done.add(name)
    parser.add_function_arguments(function, skip=done)
    return parser


def _docstring(function: Callable[..., object]) -> str:
    """Return a function's docstring, from its source where `python -OO` dropped it."""
    if function.__doc__ is None:
        definition = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
        named = isinstance(definition, ast.FunctionDef)  # else a lambda, which has none
        return ast.get_docstring(cast(ast.FunctionDef, definition)) or "" if named else ""
    return function.__doc__


def known_keys(parser: ArgumentParser) -> list[str]:
    """Return the keys of a parser."""
    return [key for key, _ in parser.get_defaults().items()]


def _item_type(hint: Any) -> Any:
    """Return the type of the items of a list type, also of an optional one; else None."""
    for option in (hint, *get_args(hint)):
        if get_origin(option) is list:
            return get_args(option)[0]
    return None
