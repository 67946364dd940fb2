"""Examples of the demo: bright images that the bundled model is sure about."""

import pytest
import torch

import ctal
from ctal.cli.demo import EXAMPLES
from ctal.inference.domain import note_on_domain
from ctal.io.bundled import DEFAULT
from ctal.io.images import read_image


@pytest.fixture(scope="module")
def model():
    return ctal.load(DEFAULT)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_examples_are_bright_and_of_the_domain_of_the_model(file, model):
    image = read_image(file)
    rendered = file.stem.startswith("room_")
    assert image.shape == ((3, 288, 384) if rendered else (3, 360, 480))
    assert image.float().mean() > 255 / 2
    arrays = model.predict(image, entropy=True)
    maps = {name: torch.from_numpy(array) for name, array in arrays.items()}
    assert "semseg_entropy" in maps
    assert note_on_domain(model.about, maps) == ""
    assert len(maps["semseg"].unique()) >= (6 if rendered else 4)


def test_examples_are_few_and_small():
    assert [file.stem for file in EXAMPLES[:2]] == ["kitchen", "lobby"]  # photographs come first
    assert len(EXAMPLES) == 4
    assert sum(file.stat().st_size for file in EXAMPLES) < 200_000
