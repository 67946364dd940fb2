"""What is wrong with a command's arguments, in one line that names the key."""

from __future__ import annotations

import difflib
import inspect
import re
from argparse import ArgumentError
from collections.abc import Callable, Iterable
from typing import Any, get_args, get_origin

import docstring_parser
from jsonargparse import ArgumentParser, Namespace

from ctal.errors import InputError


def parse(parser: ArgumentParser, args: list[str], known: Iterable[str]) -> Namespace:
    """Parses arguments.

    Args:
        parser: made with `exit_on_error=False`.
        args: the arguments.
        known: the keys there are, one of which is suggested for a misspelt one.

    Raises:
        InputError: they cannot be used.
    """
    try:
        return parser.parse_args(args)
    except ArgumentError as error:
        raise InputError(_one_line(str(error), list(known))) from error


def _one_line(report: str, known: list[str]) -> str:
    """Squeezes a report over several lines, with keys inside keys, into "key: what is wrong"."""
    keys = ".".join(re.findall(r'Parser key "([^"]+)":', report))
    text = re.sub(r'Parser key "[^"]+":', "", report)
    text = re.sub(r"<class '([\w.]+)'>", r"\1", text)
    # of a union, which types there are says enough
    text = re.sub(r"\n\s*Errors:.*(?=\n\s*Given value type)", "", text, flags=re.DOTALL)
    text = re.sub(r"[\s:]*\n[\s-]*", "; ", text.strip()).strip("; ")
    return (f"{keys}: " if keys else "") + text + _suggestion(report, known)


def _suggestion(report: str, known: list[str]) -> str:
    found = re.search(r"unrecognized arguments: --([\w.]+)|not accept option '([\w.]+)'", report)
    near = difflib.get_close_matches(found[1] or found[2], known, n=1) if found else []
    return f"; did you mean {near[0]!r}?" if near else ""


def call(function: Callable[..., object], args: list[str], prog: str) -> None:
    """Calls a function with command line arguments, which its parameters define.

    A list without a default is what stands without a key (`ctal predict a.jpg b.jpg`), one with a
    default takes what follows its key (`--seeds 0 1`), and a bool is a flag.

    Raises:
        InputError: they cannot be used.
    """
    document = docstring_parser.parse(function.__doc__ or "")
    parser = ArgumentParser(prog=prog, exit_on_error=False, description=document.description)
    meaning = {parameter.arg_name: parameter.description for parameter in document.params}
    done: set[str | int] = set()
    for name, parameter in inspect.signature(function, eval_str=True).parameters.items():
        item = _item_type(parameter.annotation)
        if item is not None and parameter.default is parameter.empty:
            parser.add_argument(name, nargs="+", type=item, help=meaning[name])
        elif item is not None:
            parser.add_argument(f"--{name}", nargs="+", type=item, help=meaning[name])
        elif parameter.annotation is bool:
            parser.add_argument(f"--{name}", action="store_true", help=meaning[name])
        else:
            continue
        done.add(name)
    parser.add_function_arguments(function, skip=done)
    known = [key for key, _ in parser.get_defaults().items()]
    function(**parse(parser, args, known).as_dict())


def _item_type(hint: Any) -> Any:
    """The type of the items if a type is a list, or a list or None; else None."""
    for option in (hint, *get_args(hint)):
        if get_origin(option) is list:
            return get_args(option)[0]
    return None
