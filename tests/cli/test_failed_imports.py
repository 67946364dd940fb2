"""Modules of a user that raise while they are imported."""

import importlib
import sys
from pathlib import Path

import pytest

from ctal.cli import main
from ctal.comparison.settings import import_classes
from ctal.config.failed_imports import failed_import

MODULES = {
    "raises": ("import os\n1 / 0\n", 2, "ZeroDivisionError: division by zero"),
    "without_text": ("\nassert False\n", 2, "AssertionError"),
    "two_lines": ("raise ValueError('a\\nb')\n", 1, "ValueError: a"),
    "in_a_class": ("class A:\n    x = 1\n    y = z\n", 3, "NameError: name 'z' is not defined"),
    "in_a_function": ("def f():\n    {}['k']\n\n\nf()\n", 2, "KeyError: 'k'"),
    "imports_nothing": ("\nimport nothing\n", 2, "ModuleNotFoundError: No module named 'nothing'"),
    "opens": (
        "open('none')\n",
        1,
        "FileNotFoundError: [Errno 2] No such file or directory: 'none'",
    ),
    "of_ctal": (
        "from ctal import Depth\n\nDepth(maximum=-1)\n",
        3,
        "TypeError: Depth.__init__() got an unexpected keyword argument 'maximum'",
    ),
    "refused": (
        "from ctal.errors import InputError\n\nraise InputError('no')\n",
        3,
        "InputError: no",
    ),
    "no_python": ("import os\n\ndef f(:\n", 3, "SyntaxError: invalid syntax"),
    "evaluates": ("\neval('1 +')\n", 2, "SyntaxError: invalid syntax"),
    "no_encoding": ("# -*- coding: none -*-\n", 0, "SyntaxError: unknown encoding: none"),
}


@pytest.fixture(autouse=True)
def place(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for name, (code, _, _) in MODULES.items():
        Path(f"{name}.py").write_text(code)
    Path("imports_another.py").write_text("import raises\n")
    Path("image.png").touch()
    return tmp_path


@pytest.mark.parametrize("module", [*MODULES, "imports_another"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["fit", "--model.network={}.Net", "--data.train=ctal.data.Rooms"],
        ["predict", "image.png", "--imports", "{}"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_the_place_is_reported_in_one_line(module, arguments, place, capsys):
    assert main([argument.format(module) for argument in arguments]) == 2
    file = "raises" if module == "imports_another" else module
    _, line, reason = MODULES[file]
    at_line = f", line {line}" if line else ""
    wanted = f"error: {place}/{file}.py{at_line}: the module cannot be imported ({reason})"
    assert capsys.readouterr().err.splitlines()[-1] == wanted


def test_a_module_that_exits(capsys):
    Path("exits.py").write_text("import sys\nsys.exit('needs Linux')\n")
    assert main(["predict", "image.png", "--imports", "exits"]) == 1
    assert capsys.readouterr().err == "needs Linux\n"


def test_classes_of_a_finished_run(place):
    with pytest.raises(ZeroDivisionError) as caught:
        import_classes({"network": {"class_path": "raises.Net"}})
    assert str(failed_import(caught.value)).startswith(f"{place}/raises.py, line 2: ")


def test_errors_outside_of_imports_are_none():
    with pytest.raises(ZeroDivisionError) as caught:
        _ = 1 / int("0")
    assert failed_import(caught.value) is None


def test_code_that_a_library_runs_is_no_module():
    """torch.compile runs files that it writes, whose errors are those of a compiler."""
    code = compile(Path("raises.py").read_text(), str(Path("raises.py").resolve()), "exec")
    with pytest.raises(ZeroDivisionError) as caught:
        exec(code, {"__name__": "generated"})
    assert failed_import(caught.value) is None


@pytest.mark.parametrize("installed", ["_INSTALLED", "site-packages"])
def test_errors_in_installed_modules_are_bugs(installed, monkeypatch, place):
    folder = place / installed
    folder.mkdir()
    (folder / "raises_inside.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(folder)
    if installed == "_INSTALLED":
        monkeypatch.setattr("ctal.config.failed_imports._INSTALLED", (folder,))
    with pytest.raises(ZeroDivisionError) as caught:
        importlib.import_module("raises_inside")
    assert failed_import(caught.value) is None


def test_a_bug_of_this_package_keeps_its_traceback(monkeypatch, place):
    package = place / "package"
    package.mkdir()
    (package / "own.py").write_text("def bug():\n    1 / 0\n")
    monkeypatch.syspath_prepend(package)
    monkeypatch.setattr("ctal.config.failed_imports._PACKAGE", package)
    Path("finds_a_bug.py").write_text("import own\n\nown.bug()\n")
    with pytest.raises(ZeroDivisionError) as caught:
        importlib.import_module("finds_a_bug")
    assert failed_import(caught.value) is None
    del sys.modules["own"]
