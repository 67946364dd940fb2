"""Arguments of classes of ctal, read from their source: nothing is imported."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import docstring_parser


@dataclass(frozen=True)
class Argument:
    """An argument of a constructor.

    Attributes:
        name: its name.
        kind: its annotation, as written.
        default: its default, as written; None: it has none.
        meaning: its text in the docstring of the class, in one line.
    """

    name: str
    kind: str
    default: str | None
    meaning: str


def arguments_of(class_path: str) -> list[Argument] | None:
    """Return the arguments of the constructor of a class of this package.

    Args:
        class_path: a public name, such as "ctal.networks.MTINet", or the path of a module's class.

    Returns:
        Its arguments without `self` and `**options`; None if no class of this name is found.
    """
    module, _, name = class_path.rpartition(".")
    definition = _class(module, name)
    if definition is None:
        return None
    document = docstring_parser.parse(ast.get_docstring(definition) or "")
    meanings = {
        p.arg_name: " ".join((p.description or "").split())
        for p in document.params
        if p.args[0] == "param"  # else one of the attributes
    }
    for node in definition.body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            return _of_function(node, meanings)
    return _of_fields(definition, meanings)


def _class(module: str, name: str) -> ast.ClassDef | None:
    """Find the definition of a class in a module, or where the module imports it from."""
    source = source_of(module)
    if source is None or not name:
        return None
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return node
        if (
            isinstance(node, ast.ImportFrom)
            and node.module not in (None, module)
            and any((alias.asname or alias.name) == name for alias in node.names)
        ):
            return _class(str(node.module), name)
    return None


def source_of(module: str) -> Path | None:
    """Return the file of a module of this package, without importing it."""
    root = find_spec("ctal")
    assert root is not None
    assert root.origin is not None
    first, *rest = module.split(".")
    if first != "ctal" or not all(part.isidentifier() for part in rest):
        return None
    place = Path(root.origin).parent.joinpath(*rest)
    for file in (place / "__init__.py", place.with_suffix(".py")):
        if file.is_file():
            return file
    return None


def _of_function(node: ast.FunctionDef, meanings: dict[str, str]) -> list[Argument]:
    given = node.args
    positional = [*given.posonlyargs, *given.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(given.defaults))
    pairs = list(zip(positional, [*defaults, *given.defaults], strict=True))[1:]
    pairs += zip(given.kwonlyargs, given.kw_defaults, strict=True)
    return [
        Argument(
            argument.arg,
            "" if argument.annotation is None else ast.unparse(argument.annotation),
            None if default is None else ast.unparse(default),
            meanings.get(argument.arg, ""),
        )
        for argument, default in pairs
    ]


def _of_fields(definition: ast.ClassDef, meanings: dict[str, str]) -> list[Argument]:
    """Return the fields of a dataclass."""
    return [
        Argument(
            node.target.id,
            ast.unparse(node.annotation),
            None if node.value is None else ast.unparse(node.value),
            meanings.get(node.target.id, ""),
        )
        for node in definition.body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and "ClassVar" not in ast.unparse(node.annotation)
    ]
