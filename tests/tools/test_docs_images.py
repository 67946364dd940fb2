"""Images of the documentation, of small random test images."""

import sys

import numpy as np
import pytest
from PIL import Image

from tools import docs_images


@pytest.fixture
def nyuv2(tmp_path):
    folder = tmp_path / "nyuv2" / "test" / "image"
    folder.mkdir(parents=True)
    for seed, name in enumerate(docs_images.SHOWN):
        pixels = np.random.default_rng(seed).integers(0, 256, (288, 384, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}.jpg")
    return tmp_path / "nyuv2"


def test_images_of_the_bundled_model(nyuv2, tmp_path, monkeypatch, capsys):
    args = ["--nyuv2", str(nyuv2), "--only", "predictions", "explain", "--output", str(tmp_path)]
    Image.new("RGB", (1078, 1709)).save(tmp_path / "multi_scale_ctal.png")
    args += ["--quickstart", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["docs_images", *args])
    docs_images.main()
    assert capsys.readouterr().out.count("1200 x ") == 2
    with Image.open(tmp_path / "quickstart.jpg") as image:
        assert image.size == (883, 1400)
    for name in ("predictions", "explain"):
        with Image.open(tmp_path / f"{name}.jpg") as image:
            assert image.width == 1200
            assert image.height > 600
