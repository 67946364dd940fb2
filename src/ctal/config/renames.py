"""Keys of configurations that were renamed: files with the former key still work."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

ARGUMENTS = {
    "ctal.data.": {"part": "fraction"},
    "ctal.": {"widths": "out_channels", "equal_start": "uniform_init"},
}
"""Arguments by their former name, for the classes whose `class_path` starts with the key."""

OPTIONS = {"own_shape": "keep_aspect_ratio", "pictures": "images"}
"""Options of commands by their former name."""

SECTIONS = {"pictures": ("images", {"every_n_epochs", "count"})}
"""Sections of `ctal fit` by their former name: the current name and the keys that it has."""

NETWORKS = ("CTALNet", "MTINet", "MultiScaleCTALNet", "PADNet", "PAPNet", "SharedEncoderNet")
"""Networks that had such arguments; a parser accepts the name of a class alone."""


def upgrade(content: Any) -> Any:
    """Return a configuration with all former keys renamed.

    An argument is renamed only in the `init_args` of a class of the table: without a class path it
    may be that of anyone's class. A section is renamed only if it has no other keys than that
    section. A file that has both keys is unchanged, so that the parser reports the former one.

    Args:
        content: A value of a YAML file: a mapping, a list or a plain value.
    """
    if not isinstance(content, dict):
        return _with_current_arguments(content)
    for former, (name, keys) in SECTIONS.items():
        section = content.get(former)
        if name not in content and isinstance(section, dict) and keys >= section.keys():
            content = {name if key == former else key: value for key, value in content.items()}
    return _with_current_arguments(content)


def _with_current_arguments(content: Any) -> Any:
    """Return a value with the arguments of all classes in it renamed."""
    if isinstance(content, list):
        return [_with_current_arguments(entry) for entry in content]
    if not isinstance(content, dict):
        return content
    upgraded = {key: _with_current_arguments(value) for key, value in content.items()}
    arguments = upgraded.get("init_args")
    if isinstance(arguments, dict):
        upgraded["init_args"] = renamed_arguments(arguments, str(upgraded.get("class_path")))
    return upgraded


def renamed_arguments(arguments: Mapping[str, Any], class_path: str) -> dict[str, Any]:
    """Return the arguments of a class with current names."""
    if class_path in NETWORKS:
        class_path = f"ctal.{class_path}"
    names: dict[str, str] = {}
    for prefix, table in ARGUMENTS.items():
        if class_path.startswith(prefix):
            names |= {old: new for old, new in table.items() if new not in arguments}
    return {names.get(key, key): value for key, value in arguments.items()}


def upgrade_options(args: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return the arguments of a command with former options renamed, and hyphens replaced.

    `--allow-remote` is accepted for `--allow_remote`.

    Args:
        args: The arguments.
        known: The options of the command; one that still has the former name keeps it.
    """
    upgraded = [_with_underscores(arg, known) for arg in args]
    for former, name in OPTIONS.items():
        sections = {key.partition(".")[0] for key in known}
        if name in sections and former not in sections:
            option = re.compile(rf"^--{former}(?=[=.]|$)")
            upgraded = [option.sub(f"--{name}", arg) for arg in upgraded]
    return upgraded


def _with_underscores(arg: str, known: Sequence[str]) -> str:
    option, equals, value = arg.partition("=")
    name = option.removeprefix("--").replace("-", "_")
    return f"--{name}{equals}{value}" if option.startswith("--") and name in known else arg
