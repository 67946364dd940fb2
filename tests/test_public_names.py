"""`import ctal` has every public name and package, and imports torch only when needed."""

import importlib
import inspect
import pydoc
import subprocess
import sys

import pytest

import ctal

NETWORKS = {
    *("SingleTaskNet", "SharedEncoderNet", "PADNet", "PAPNet", "MTINet", "CTALNet"),
    "MultiScaleCTALNet",
}
TASKS = {
    *("SemanticSegmentation", "Depth", "InverseDepth", "SurfaceNormals", "Edges", "Saliency"),
    "HumanParts",
}
PACKAGES = ["data", "functional", "inference", "metrics", "networks", "tasks", "training"]


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_all_has_the_public_names() -> None:
    named = {"load", "Model", "BatchPredictor", "CTAL", "cross_task_affinity", "__version__"}
    assert set(ctal.__all__) == named | NETWORKS | TASKS
    assert len(ctal.__all__) == len(set(ctal.__all__))
    for name in ctal.__all__:
        home = importlib.import_module(
            {**dict.fromkeys(NETWORKS, "ctal.networks")}.get(name, "ctal")
        )
        assert getattr(ctal, name) is getattr(home, name)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_is_imported_on_first_use(package: str) -> None:
    code = f"import ctal; print(ctal.{package}.__name__)"
    assert python(code) == f"ctal.{package}\n"


def test_names_are_listed_without_torch() -> None:
    code = (
        "import sys, ctal, rlcompleter\n"
        "names = dir(ctal)\n"
        "completed = rlcompleter.Completer({'ctal': ctal})\n"
        "assert 'torch' not in sys.modules\n"
        "print(' '.join(names))"
    )
    listed = set(python(code).split())
    assert set(ctal.__all__) | set(PACKAGES) <= listed


def test_tab_completion_finds_names_and_packages() -> None:
    code = (
        "import ctal, rlcompleter\n"
        "complete = rlcompleter.Completer({'ctal': ctal}).complete\n"
        "print([complete(text, 0) for text in ('ctal.MultiS', 'ctal.networ', 'ctal.loa')])"
    )
    found = python(code)
    assert "ctal.MultiScaleCTALNet(" in found
    assert "ctal.networks" in found
    assert "ctal.load(" in found


def test_help_lists_every_public_name() -> None:
    text = pydoc.render_doc(ctal, renderer=pydoc.plaintext)
    overview = text[: text.index("PACKAGE CONTENTS")]
    for name in ctal.__all__:
        assert name in overview or name == "__version__"
    assert "model.predict(" in overview
    assert inspect.getdoc(ctal) is not None


def test_star_import() -> None:
    code = "from ctal import *; print(CTAL.__name__, load.__name__)"
    assert python(code) == "CTAL load\n"


def test_an_unknown_name() -> None:
    with pytest.raises(AttributeError, match="module 'ctal' has no attribute 'netwroks'"):
        _ = ctal.netwroks
