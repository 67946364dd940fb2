"""Modules of a user that raise while they are imported."""

from pathlib import Path

import pytest

from ctal.cli import main
from ctal.comparison.settings import import_classes
from ctal.errors import failed_import

MODULES = {
    "raises_inside": ("import os\n1 / 0\n", "2", "ZeroDivisionError: division by zero"),
    "no_python": ("import os\n\ndef f(:\n", "3", "SyntaxError: invalid syntax"),
    "imports_another": ("import raises_inside\n", "", ""),
}


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize(
    "arguments",
    [
        ["fit", "--model.network={}.Net", "--data.train=ctal.data.Rooms"],
        ["predict", "image.png", "--imports", "{}"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_the_place_is_reported_in_one_line(module, arguments, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for name, (code, _, _) in MODULES.items():
        Path(f"{name}.py").write_text(code)
    Path("image.png").touch()
    assert main([argument.format(module) for argument in arguments]) == 2
    file = "raises_inside" if module == "imports_another" else module
    _, line, reason = MODULES[file]
    place = tmp_path / f"{file}.py"
    expected = f"error: {place}, line {line}: the module cannot be imported ({reason})"
    assert capsys.readouterr().err.splitlines()[-1] == expected


def test_classes_of_a_finished_run(monkeypatch, tmp_path):
    (tmp_path / "raises_inside.py").write_text(MODULES["raises_inside"][0])
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ZeroDivisionError) as caught:
        import_classes({"network": {"class_path": "raises_inside.Net"}})
    assert str(failed_import(caught.value)).startswith(f"{tmp_path}/raises_inside.py, line 2: ")


def test_errors_outside_of_imports_are_none():
    with pytest.raises(ZeroDivisionError) as caught:
        _ = 1 / int("0")
    assert failed_import(caught.value) is None


def test_errors_in_installed_modules_are_bugs(monkeypatch, tmp_path):
    (tmp_path / "raises_inside.py").write_text(MODULES["raises_inside"][0])
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("ctal.errors._INSTALLED", (tmp_path,))
    with pytest.raises(ZeroDivisionError) as caught:
        __import__("raises_inside")
    assert failed_import(caught.value) is None
