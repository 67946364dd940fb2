"""Fixtures and settings of the whole test suite."""

import os

import pytest
from hypothesis import settings
from PIL import Image

pytest_plugins = [
    "tests.fixtures.comparison",
    "tests.fixtures.data_commands",
]

# Examples may be slow on a busy machine, independently of the code.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")

# Small tensors do not benefit from threads, and parallel tests share the cores. Set before
# torch is imported, and inherited by the commands that tests start.
os.environ["OMP_NUM_THREADS"] = "1"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Change to a folder with images/, which has two images, a note and a macOS metadata file."""
    monkeypatch.chdir(tmp_path)
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    Image.new("RGB", (40, 30), "red").save(pictures / "a.jpg")
    Image.new("L", (21, 33), 80).save(pictures / "b.2.PNG")
    (pictures / "note.txt").write_text("not a picture")
    (pictures / "._a.jpg").write_text("not a picture")
    return tmp_path


@pytest.fixture
def network():
    # imported here, since torch must see the setting above
    from tests.small_networks import shared_encoder

    return shared_encoder()


@pytest.fixture
def mixing():
    from tests.small_networks import with_mixing

    return with_mixing()
