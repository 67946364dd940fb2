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

from ctal.config.files import PARSER_MODE, config_files
from ctal.config.unused import check_sections, check_unused
from ctal.errors import InputError

_KEY = r'Parser key "([^"]+)"(?: element \d+)?:'
_EXTRAS = {"torchjd": "mtl"}  # which extra of ctal installs a module that a class_path names


def parse(parser: ArgumentParser, args: list[str], known: Iterable[str]) -> Namespace:
    """Parses arguments.

    Args:
        parser: made with `exit_on_error=False`.
        args: the arguments.
        known: the keys there are, one of which is suggested for a misspelt one.

    Raises:
        InputError: they cannot be used.
    """
    files, keys = config_files(args), list(known)
    for file in files:
        check_sections(file, keys)  # the parser's own reports do not name the file
    try:
        parsed = parser.parse_args(args)
    except ArgumentError as error:
        raise InputError(_one_line(str(error), keys)) from error
    settings = parsed.as_dict()
    for file in files:
        check_unused(file, settings.get(str(settings.get("subcommand")), settings))
    return parsed


def input_error_in(error: BaseException) -> InputError | None:
    """The error of the class that a parser tried to build, which its own error wraps."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, InputError):
        cause = cause.__cause__
    return cause


def _one_line(report: str, known: list[str]) -> str:
    """Squeezes a report over several lines, with keys inside keys, into "key: what is wrong"."""
    keys = ".".join(re.findall(_KEY, report))
    text = re.sub(_KEY, "", report)
    # what makes an object may be a function too, which says nothing of what is wrong with a class
    made = re.search(r"expects a function or a callable class: \s*(.*)", text, flags=re.DOTALL)
    if made:
        union = re.search(
            r"Subtypes: \[(.*?)\].*Given value: (.*?)\. Got", made[1], flags=re.DOTALL
        )
        text = f"Expected one of {union[1]}, got {union[2]}" if union else made[1].splitlines()[0]
        text = re.sub(r"\. Got value: Namespace.*", "", text)
    text = re.sub(r"<class '([\w.]+)'>", r"\1", text)
    # of a union, which types there are says enough
    text = re.sub(r"\n\s*Errors:.*(?=\n\s*Given value type)", "", text, flags=re.DOTALL)
    text = re.sub(r"[\s:]*\n[\s-]*", "; ", text.strip()).strip("; ")
    return (f"{keys}: " if keys else "") + text + _suggestion(report, known)


def _suggestion(report: str, known: list[str]) -> str:
    if report.startswith("the following arguments are required"):
        in_file = ", and a --config FILE may hold them" if "config" in known else ""
        return f"; --help tells what they mean{in_file}"
    module = re.search(r"No module named '(\w+)", report)
    if module and module[1] in _EXTRAS:
        return f"; install it with: pip install 'ctal[{_EXTRAS[module[1]]}]'"
    found = re.search(r"unrecognized arguments: --([\w.]+)|not accept option '([\w.]+)'", report)
    near = difflib.get_close_matches(found[1] or found[2], known, n=1) if found else []
    return f"; did you mean {near[0]!r}?" if near else ""


def call(function: Callable[..., object], args: list[str], prog: str) -> None:
    """Calls a function with command line arguments, which its parameters define.

    Raises:
        InputError: they cannot be used.
    """
    parser = function_parser(function, prog)
    function(**parse(parser, args, known_keys(parser)).as_dict())


def function_parser(
    function: Callable[..., object], prog: str, skip: Iterable[str] = ()
) -> ArgumentParser:
    """A parser of the arguments of a function, all but those in `skip`.

    A list without a default is what stands without a key (`ctal predict a.jpg b.jpg`), and so is
    the first argument of all if it has no default (`ctal export best.ckpt`). A list with a default
    takes what follows its key (`--seeds 0 1`), and a bool is a flag.
    """
    document = docstring_parser.parse(function.__doc__ or "")
    parser = ArgumentParser(
        prog=prog,
        exit_on_error=False,
        parser_mode=PARSER_MODE,
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
            parser.add_argument(name, nargs="+", type=item, help=meaning[name])
        elif item is not None:
            parser.add_argument(f"--{name}", nargs="+", type=item, help=meaning[name])
        elif index == 0 and parameter.default is parameter.empty:
            parser.add_argument(name, type=parameter.annotation, help=meaning[name])
        elif parameter.annotation is bool:
            parser.add_argument(f"--{name}", action="store_true", help=meaning[name])
        else:
            continue
        done.add(name)
    parser.add_function_arguments(function, skip=done)
    return parser


def known_keys(parser: ArgumentParser) -> list[str]:
    """The keys that a parser takes."""
    return [key for key, _ in parser.get_defaults().items()]


def _item_type(hint: Any) -> Any:
    """The type of the items if a type is a list, or a list or None; else None."""
    for option in (hint, *get_args(hint)):
        if get_origin(option) is list:
            return get_args(option)[0]
    return None
