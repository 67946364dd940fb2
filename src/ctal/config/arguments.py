"""Command line arguments: parsers of functions, and errors of one line that name the key."""

from __future__ import annotations

import ast
import inspect
import textwrap
from argparse import ArgumentError
from collections.abc import Callable, Iterable
from typing import Any, cast, get_args, get_origin

import docstring_parser
from jsonargparse import ArgumentParser, Namespace

from ctal.config.failed_imports import failed_import
from ctal.config.files import PARSER_MODE, config_files
from ctal.config.renames import upgrade_options
from ctal.config.reports import one_line, refusal
from ctal.config.unused import check_sections, check_unused
from ctal.errors import InputError


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
        raise failed_import(error) or InputError(one_line(str(error), keys)) from error
    except ValueError as error:  # while the configuration is printed
        if reason := refusal(str(error)):
            raise InputError(reason) from error
        raise
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
