"""Draw the imports between the subpackages of `ctal`: `python -m tools.import_graph`.

Prints a Mermaid diagram, or with --write updates the one in docs/architecture.md. The subpackages
("rooms") and their order come from the layers contract in pyproject.toml, which `make lint` checks.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
_DIAGRAM = re.compile(r"```mermaid\n.*?```\n", flags=re.DOTALL)


def layers(pyproject: str) -> list[list[str]]:
    """Return the rooms of each layer, highest layer first, from the text of a pyproject.toml."""
    contracts = tomllib.loads(pyproject)["tool"]["importlinter"]["contracts"]
    (contract,) = (contract for contract in contracts if contract["type"] == "layers")
    return [re.split(r"\s*[|:]\s*", layer) for layer in contract["layers"]]


def room_imports(package: str = "ctal") -> dict[str, set[str]]:
    """Return the rooms imported by each room, including imports in functions and for types."""
    graph = grimp.build_graph(package, cache_dir=None)
    imports: dict[str, set[str]] = {}
    for module in graph.modules:
        if module == package:
            continue
        room = imports.setdefault(_room(module), set())
        imported = graph.find_modules_directly_imported_by(module)
        room |= {_room(other) for other in imported if other != package} - {_room(module)}
    return imports


def _room(module: str) -> str:
    return module.split(".")[1]


def direct(imports: Mapping[str, Iterable[str]]) -> dict[str, set[str]]:
    """Return the transitive reduction of the imports, which shows their order."""
    reachable = {room: _reachable(room, imports) for room in imports}
    return {
        room: {
            other
            for other in others
            if not any(other in reachable[between] for between in others if between != other)
        }
        for room, others in imports.items()
    }


def _reachable(room: str, imports: Mapping[str, Iterable[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(imports[room])
    while waiting:
        other = waiting.pop()
        if other not in found:
            found.add(other)
            waiting += imports[other]
    return found


def mermaid(imports: Mapping[str, Iterable[str]], order: Sequence[Sequence[str]]) -> str:
    """Return the diagram of imports as a Markdown code block.

    Args:
        imports: The rooms imported by each room.
        order: The rooms of each layer, highest first.
    """
    lines = ["```mermaid", "flowchart TD"]
    sorted_rooms = [room for rooms in order for room in rooms]
    lines += [f'  {_node(room)}["{room}"]' for room in sorted_rooms]
    for room in sorted_rooms:
        lines += [f"  {_node(room)} --> {_node(other)}" for other in sorted(imports[room])]
    return "\n".join([*lines, "```", ""])


def _node(room: str) -> str:
    return f"room_{room.strip('_')}"  # a name such as `export` could be a Mermaid keyword


def renewed(page: str, diagram: str) -> str:
    """Return a Markdown page with its only Mermaid diagram replaced."""
    if len(_DIAGRAM.findall(page)) != 1:
        raise ValueError(f"{PAGE}: expected exactly one Mermaid diagram")
    return _DIAGRAM.sub(lambda _: diagram, page)


def main() -> None:
    """Print the diagram, or write it to the documentation."""
    parser = argparse.ArgumentParser(prog="python -m tools.import_graph", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write it to {PAGE.name}")
    args = parser.parse_args()
    order = layers((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    diagram = mermaid(direct(room_imports()), order)
    if args.write:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(renewed(page, diagram), encoding="utf-8")
    else:
        sys.stdout.write(diagram)


if __name__ == "__main__":
    main()
