import re
from pathlib import Path

import pytest
from tools.import_graph import PAGE, ROOT, direct, layers, mermaid, renewed, room_imports


def test_transitive_imports_are_omitted():
    imports = {"top": {"middle", "low"}, "middle": {"low"}, "low": set(), "other": {"low"}}
    assert direct(imports) == {"top": {"middle"}, "middle": {"low"}, "low": set(), "other": {"low"}}


def test_a_diagram_by_hand():
    drawn = mermaid({"cli": {"tasks"}, "__main__": {"cli"}, "tasks": set()}, [["cli"], ["tasks"]])
    assert drawn == (
        '```mermaid\nflowchart TD\n  room_cli["cli"]\n  room_tasks["tasks"]\n'
        "  room_cli --> room_tasks\n```\n"
    )
    assert renewed("before\n```mermaid\n```\nafter", drawn) == f"before\n{drawn}after"
    with pytest.raises(ValueError, match="expected exactly one Mermaid diagram"):
        renewed("nothing to replace", drawn)


def test_the_page_has_every_room_once_and_the_current_diagram():
    page = PAGE.read_text(encoding="utf-8")
    order = layers((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    rooms = [room for layer in order for room in layer]
    assert re.findall(r"^\| `(\w+)` \|", page, flags=re.MULTILINE) == rooms
    assert mermaid(direct(room_imports()), order) in page, "run tools.import_graph --write"


def test_the_layers_contain_every_room_and_no_import_points_upward():
    order = layers((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    level = {room: number for number, layer in enumerate(order) for room in layer}
    imports = room_imports()
    assert level.keys() == imports.keys()
    upward = [
        f"{room} -> {other}"
        for room, others in imports.items()
        for other in others
        if level[other] <= level[room]
    ]
    assert not upward


def test_make_lint_checks_the_contracts():
    assert "lint-imports" in Path(ROOT, "Makefile").read_text(encoding="utf-8")
