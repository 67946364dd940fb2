"""Commands parse their arguments from source code, before their functions are imported."""

import importlib
import inspect
import subprocess
import sys

import pytest

from ctal.cli import main
from ctal.cli.source_call import signature_of
from ctal.io.bundled import DEFAULT, bundled_models

FUNCTIONS = {
    "quickstart": ("ctal.cli.quickstart", "quickstart"),
    "predict": ("ctal.cli.predict", "predict_files"),
    "explain": ("ctal.cli.explain", "explain_files"),
    "demo": ("ctal.cli.demo", "demo"),
    "compare": ("ctal.cli.compare", "compare"),
    "export": ("ctal.cli.export", "export_file"),
    "info": ("ctal.cli.info", "print_cost_card"),
    "data check": ("ctal.cli.data", "check"),
    "data show": ("ctal.cli.data", "show"),
    "data stats": ("ctal.cli.data", "stats"),
    "data prepare": ("ctal.cli.data", "prepare"),
}
WITHOUT_TORCH = (
    "import sys\n"
    "sys.modules['torch'] = None\n"  # importing it raises ImportError
    "from ctal.cli.main import main\n"
    "sys.exit(main(sys.argv[1:]))"
)


def without_torch(*args, flags=()):
    return subprocess.run(
        [sys.executable, *flags, "-c", WITHOUT_TORCH, *args], capture_output=True, text=True
    )


@pytest.mark.parametrize(("module", "name"), FUNCTIONS.values())
def test_the_signature_equals_that_of_the_function(module, name):
    real = getattr(importlib.import_module(module), name)
    found = signature_of(module, name)
    assert found.__doc__ == inspect.getdoc(real)
    parameters = inspect.signature(real, eval_str=True).parameters.values()
    assert [(p.name, p.default) for p in inspect.signature(found).parameters.values()] == [
        (p.name, p.default) for p in parameters
    ]
    types = {p.name: p.annotation for p in parameters if p.name != "data"}
    annotations = inspect.get_annotations(found, eval_str=True)
    assert {key: value for key, value in annotations.items() if key != "data"} == types


@pytest.mark.parametrize("command", [*FUNCTIONS, "fit", "validate", "test"])
def test_help_does_not_import_torch(command):
    done = without_torch(*command.split(), "--help")
    assert done.returncode == 0
    assert f"usage: ctal {command}" in done.stdout


def test_help_without_docstrings_in_the_code():
    assert "the folder to write to" in without_torch("predict", "--help", flags=["-OO"]).stdout


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["predict", "no.jpg"], "no.jpg: not found; expected an image"),
        (["predict"], "inputs"),
        (["predict", "a.jpg", "--tiles"], "unrecognized arguments: --tiles"),
        (["predict", "{image}", "--checkpoint", "./no"], "no: checkpoint not found"),
        (["explain", "{image}", "--checkpoint", "no.ckpt"], "no.ckpt: checkpoint not found"),
        (["explain", "{image}", "--pixel", "a", "b"], "pixel"),
        (["info", "no.yaml"], "no.yaml: checkpoint not found"),
        (["export", "no.ckpt", "--output", "a.onnx"], "no.ckpt: checkpoint not found"),
        (["fit", "--config", "no.yaml"], "no.yaml"),
    ],
)
def test_errors_in_arguments_do_not_import_torch(tmp_path, args, reason):
    image = tmp_path / "one.jpg"
    image.write_bytes(b"")  # it exists; its content is checked later
    done = without_torch(*(arg.format(image=image) for arg in args))
    assert done.returncode == 2, done.stderr
    assert reason in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_hub_id_is_not_treated_as_a_file(capsys, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert main(["info", "owner/name"]) == 2
    assert "checkpoint not found" not in capsys.readouterr().err


def test_the_default_is_the_bundled_model():
    assert DEFAULT in bundled_models()
