"""Checks of the tasks that a network is built for."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from ctal.errors import InputError
from ctal.tasks.base import Task
from ctal.tasks.serialization import class_name, subclasses


def checked_tasks(tasks: Iterable[Task]) -> list[Task]:
    """Return the tasks of a network as a list.

    Raises:
        InputError: `tasks` is empty or not a list, an entry is not a `Task`, or two have one name.
    """
    if isinstance(tasks, str | Task | type) or not isinstance(tasks, Iterable):
        raise InputError(f"tasks: expected a list of tasks, got {tasks!r}; pass [{_advice(tasks)}]")
    found = list(tasks)
    for task in found:
        if not isinstance(task, Task):
            raise InputError(
                f"tasks: expected instances of ctal.tasks.Task, got {task!r}; pass {_advice(task)}"
            )
    names = [task.name for task in found]
    if not names or len(set(names)) < len(names):
        raise InputError(f"tasks: expected one or more with different names, got {names}")
    return found


def _advice(given: Any) -> str:
    """Return the expression to write in place of a name, a class or a task outside a list."""
    if isinstance(given, Task):
        return repr(given)
    for kind in subclasses(Task):
        if given is not None and given in (kind, kind.__name__, getattr(kind, "name", None)):
            return f"{class_name(kind)}({_required(kind)})"
    return "a task such as ctal.tasks.Depth()"


def _required(kind: Any) -> str:
    """Return the arguments without a default, as in a call."""
    if not dataclasses.is_dataclass(kind):
        return "..."
    fields = dataclasses.fields(kind)
    missing = dataclasses.MISSING
    return ", ".join(
        f"{field.name}=..."
        for field in fields
        if field.init and field.default is missing and field.default_factory is missing
    )
