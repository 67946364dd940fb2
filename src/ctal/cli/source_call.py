"""Call a command with its arguments, which are parsed before its module is imported."""

from __future__ import annotations

import ast
from collections.abc import Callable
from importlib import import_module
from types import FunctionType
from typing import Any, Literal

from ctal.cli.source_help import source_of
from ctal.compat import import_image_libraries
from ctal.config.arguments import function_parser, known_keys, parse

# of annotations, beside the built-in ones; datasets are described by `fit_help`
_NAMES = {"Literal": Literal, "DataSettings": object}


def call_command(
    module: str,
    name: str,
    args: list[str],
    prog: str,
    check: Callable[[dict[str, Any]], None] | None = None,
) -> None:
    """Call a function of a module with command line arguments.

    Help and errors in arguments do not wait for the libraries that the module imports: the
    parser is built from the source of the function.

    Args:
        module: the module.
        name: the name of the function.
        args: the arguments.
        prog: the name of the command, for its help.
        check: checks the values of the arguments before the module is imported.

    Raises:
        InputError: an argument is invalid, or as the function.
    """
    parser = function_parser(signature_of(module, name), prog)
    values = parse(parser, args, known_keys(parser)).as_dict()
    if check is not None:
        check(values)
    import_image_libraries()
    getattr(import_module(module), name)(**values)


def signature_of(module: str, name: str) -> FunctionType:
    """Return a function without a body that has the signature and docstring of another one."""
    source = source_of(module)
    assert source is not None, module
    tree = ast.parse(source.read_text(encoding="utf-8"))
    definition = next(
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name
    )
    document = ast.get_docstring(definition)
    definition.body = [ast.Pass()]
    definition.returns = None
    stub = ast.Module([definition], type_ignores=[])
    namespace = {"__name__": __name__, **_NAMES, **_constants(tree)}
    exec(compile(ast.fix_missing_locations(stub), str(source), "exec"), namespace)
    function: FunctionType = namespace[name]
    function.__doc__ = document  # python -OO drops that of the code
    return function


def _constants(tree: ast.Module) -> dict[str, Any]:
    """Return the constants of a module and those that it imports from this package."""
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and any(alias.name.isupper() for alias in node.names):
            source = source_of(node.module or "")
            if source is not None:
                found = _constants(ast.parse(source.read_text(encoding="utf-8")))
                wanted = {a.name: a.asname or a.name for a in node.names if a.name in found}
                constants |= {wanted[key]: found[key] for key in wanted}
    return constants
