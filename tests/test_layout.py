"""Layout of the code: small files, short functions, private APIs in one module."""

import ast
import re
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

import ctal

SOURCE = Path(ctal.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
LONGEST_FILE = 220
LONGEST_FUNCTION = 40
MEDIAN_FILE = 110


def name(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a function without its docstring."""
    whole = (function.end_lineno or 0) - function.lineno + 1
    first = function.body[0]
    document = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    if document and isinstance(first.value.value, str):
        whole -= (first.end_lineno or 0) - first.lineno + 1
    return whole


def foreign_private(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield each private name of another library: attributes, also inherited ones, and imports.

    A name belongs to ctal if a module of ctal defines a function, class or attribute of that name.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            if re.match(r"_[a-z]", node.attr) and node.attr not in OWN_NAMES:
                yield node.lineno, node.attr
        elif isinstance(node, ast.ImportFrom) and not (node.module or "").startswith("ctal"):
            names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            yield from ((node.lineno, part) for part in names if re.match(r"_[a-z]", part))
        elif isinstance(node, ast.Import):
            parts = [part for alias in node.names for part in alias.name.split(".")]
            yield from ((node.lineno, part) for part in parts if re.match(r"_[a-z]", part))


def defined(tree: ast.AST) -> Iterator[str]:
    """Yield the names that a module defines: functions, classes, variables and attributes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
OWN_NAMES = {found for tree in TREES.values() for found in defined(tree)}


def test_the_root_package_is_small() -> None:
    modules = [path.name for path in FILES if path.parent == SOURCE]
    assert len(modules) <= 8, modules


def test_files_are_short() -> None:
    sizes = {name(path): lines(path) for path in FILES}
    assert {file: size for file, size in sizes.items() if size > LONGEST_FILE} == {}
    assert statistics.median(sizes.values()) < MEDIAN_FILE


def test_functions_are_short() -> None:
    too_long = {
        f"{name(path)}:{function.lineno} {function.name}": length(function)
        for path, tree in TREES.items()
        for function in functions(tree)
        if length(function) > LONGEST_FUNCTION
    }
    assert too_long == {}


def test_private_apis_of_libraries_are_used_in_one_file() -> None:
    found = [
        f"{name(path)}:{line} {attribute}"
        for path, tree in TREES.items()
        if path != SOURCE / "compat.py"
        for line, attribute in foreign_private(tree)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("trainer._checkpoint_connector.restore(x)", ["_checkpoint_connector"]),
        ("x = loader._iterator", ["_iterator"]),
        ("from ctal.io import _loader_", []),
        ("self._never_defined_here()", ["_never_defined_here"]),
        ("from torch._dynamo import reset", ["_dynamo"]),
        ("from timm import _registry as registry", ["_registry"]),
        ("import torch._inductor.config", ["_inductor"]),
        ("from __future__ import annotations", []),
        ("a.__class__.__name__", []),
    ],
)
def test_private_names_by_hand(code: str, expected: list[str]) -> None:
    assert [attribute for _, attribute in foreign_private(ast.parse(code))] == expected


def test_the_length_of_a_function_excludes_its_docstring() -> None:
    (function,) = functions(ast.parse('def f():\n    """One.\n\n    Two.\n    """\n    return 1\n'))
    assert length(function) == 2
