"""Tasks as plain values, for saved files."""

from __future__ import annotations

import dataclasses
import importlib
import sys
from collections.abc import Iterable, Iterator
from typing import Any, cast

from ctal.config.failed_imports import failed_import
from ctal.errors import InputError, first_line
from ctal.tasks import Task
from ctal.tasks.renames import upgraded

Description = dict[str, Any]
"""{"class": name, "arguments": {...}}, plain values only."""


def describe_task(task: Task) -> Description:
    """Return what `build_task` needs to build an equal task, with its default loss."""
    values = cast(Any, task)
    arguments = plain(dataclasses.asdict(values))
    for field in dataclasses.fields(values):
        if field.metadata.get("training_only"):
            del arguments[field.name]
    return {"class": class_name(type(task)), "arguments": arguments}


def build_task(description: Description) -> Task:
    """Build the task of a description. Its class must be imported already.

    Raises:
        InputError: it is not a description, its class has not been imported, or does not accept
            these arguments.
    """
    try:
        description = upgraded(description)
        kind = find_class(Task, str(description["class"]))
        return cast(Task, kind(**description["arguments"]))
    except InputError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"invalid description of a task: {error}") from error


def import_modules(modules: Iterable[str]) -> None:
    """Import the modules that a user names, so that `find_class` finds their classes.

    Raises:
        InputError: a module cannot be imported.
    """
    for module in modules:
        try:
            importlib.import_module(module)
        except Exception as error:  # the module may raise anything when imported
            reason = first_line(error)
            raise failed_import(error) or InputError(
                f"imports: {module!r} cannot be imported ({reason})"
            ) from error


def class_name(kind: type) -> str:
    """Return the name that files hold for a class.

    A class of this package has the name under which users import it (`ctal.networks.CTALNet`), so
    that the module that defines it may move. A class of another package has its import path.
    """
    package = ".".join(kind.__module__.split(".")[:2])
    if (
        package.startswith("ctal.")
        and getattr(sys.modules.get(package), kind.__name__, None) is kind
    ):
        return f"{package}.{kind.__qualname__}"
    return f"{kind.__module__}.{kind.__qualname__}"


def find_class(base: type, name: str) -> Any:
    """Return the class of this name among the imported subclasses of `base`.

    Nothing is imported, so a file from elsewhere cannot choose which code runs.

    Raises:
        InputError: no such class has been imported.
    """
    for kind in subclasses(base):
        if class_name(kind) == name:
            return kind
    raise InputError(
        f"{name} has not been imported (expected a {base.__name__}); "
        f"import {name.rpartition('.')[0]!r} before loading this file (ctal predict: --imports, "
        "ctal.data.PreparedArrays: imports)"
    )


def plain(value: Any) -> Any:
    """Return a value with tuples as lists, as JSON has them."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def subclasses(base: type) -> Iterator[type]:
    """Yield all imported subclasses of a class."""
    kind: type
    for kind in base.__subclasses__():
        yield kind
        yield from subclasses(kind)
