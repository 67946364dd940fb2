"""Keys of configurations that were renamed: files with the former key still work."""

from __future__ import annotations

from typing import Any

import yaml
from jsonargparse import get_loader, set_loader

RENAMED = {"ctal.data.": {"part": "fraction"}}
"""Arguments by their former name, for the classes whose `class_path` starts with the key."""


def upgrade(content: Any) -> Any:
    """Return a configuration with all former keys renamed.

    An argument is renamed where it is in the `init_args` of a class of the table, of a class given
    without its package, or without a `class_path`, as in a file that overrides another one. A file
    that has both keys is unchanged, so that the parser reports the former one.

    Args:
        content: A value of a YAML file: a mapping, a list or a plain value.
    """
    if isinstance(content, list):
        return [upgrade(entry) for entry in content]
    if not isinstance(content, dict):
        return content
    upgraded = {key: upgrade(value) for key, value in content.items()}
    arguments = upgraded.get("init_args")
    if isinstance(arguments, dict):
        upgraded["init_args"] = _renamed(arguments, upgraded.get("class_path"))
    return upgraded


def _renamed(arguments: dict[str, Any], class_path: Any) -> dict[str, Any]:
    from ctal.tasks.renames import ARGUMENTS  # late: it imports torch

    names: dict[str, str] = {}
    for prefix, table in (RENAMED | ARGUMENTS).items():
        if class_path is None or f"{class_path}".startswith(prefix) or "." not in f"{class_path}":
            names |= {old: new for old, new in table.items() if new not in arguments}
    return {names.get(key, key): value for key, value in arguments.items()}


def read_former_keys() -> None:
    """Let every parser of jsonargparse read YAML with former keys."""
    load = get_loader("yaml")
    if getattr(load, "upgrades", False):
        return

    def load_upgraded(text: str) -> Any:
        return upgrade(load(text))

    load_upgraded.upgrades = True  # type: ignore[attr-defined]
    set_loader("yaml", load_upgraded, exceptions=(yaml.YAMLError,))
