"""Classes by stored value and by color."""

import numpy as np
import pytest
from PIL import Image

from ctal.data import MapFiles
from ctal.errors import InputError
from ctal.tasks import SemanticSegmentation

COLORS = {"128 128 128": 0, "128, 0, 0": 1, "0 0 0": None}


def read(path, values, **meaning):
    Image.fromarray(np.asarray(values, np.uint8)).save(path / "a.png")
    return MapFiles(SemanticSegmentation(3), "{name}", **meaning).read(path / "a.png")


@pytest.mark.parametrize(
    ("labels", "named"),
    [({7: 0, 20: 3, 255: None}, "20 has the class 3"), ([0, -1], "1 has the class -1")],
)
def test_a_class_that_the_task_does_not_have_is_named_before_any_file_is_read(labels, named):
    with pytest.raises(InputError, match=rf"labels: {named}; semseg: expected class ids 0..2"):
        MapFiles(SemanticSegmentation(3), "{name}", labels=labels)


def test_colors_are_mapped_to_classes(tmp_path):
    image = [[[128, 128, 128], [128, 0, 0], [0, 0, 0]]]
    assert read(tmp_path, image, labels=COLORS).tolist() == [[0, 1, 255]]
    with_alpha = [[[*color, 255] for color in image[0]]]
    assert read(tmp_path, with_alpha, labels=COLORS).tolist() == [[0, 1, 255]]


def test_every_color_of_a_large_table_is_found():
    from ctal.data.class_table import ClassTable

    generator = np.random.default_rng(0)
    colors = np.unique(generator.integers(0, 256, (150, 3)), axis=0)
    keys = {" ".join(map(str, color)): int(place) for place, color in enumerate(colors)}
    places = generator.integers(0, len(colors), (40, 50))
    found = ClassTable(keys).classes(colors[places].astype(float), np.ones((40, 50), bool))
    assert np.array_equal(found, places)


def test_colors_with_alpha_and_with_16_bits():
    from ctal.data.class_table import ClassTable

    table = ClassTable({"1 2 3 4": 1, "65535 65535 65535 65535": 2})
    stored = np.array([[[1, 2, 3, 4], [65535] * 4]], float)
    assert table.classes(stored, np.ones((1, 2), bool)).tolist() == [[1, 2]]


def test_other_values_get_the_default_class(tmp_path):
    values = [[5, 6, 7, 0]]
    labels = {5: 1, 6: None}
    assert read(tmp_path, values, labels=labels, others="unlabelled").tolist() == [
        [1, 255, 255, 255]
    ]
    assert read(tmp_path, values, labels=labels, others=2).tolist() == [[1, 255, 2, 2]]
    found = read(tmp_path, values, labels=labels, others=2, ignore=[7])
    assert found.tolist() == [[1, 255, 255, 2]]
    assert read(tmp_path, values, labels={}, others=0).tolist() == [[0, 0, 0, 0]]
    color = [[[128, 0, 0], [9, 9, 9]]]
    assert read(tmp_path, color, labels=COLORS, others="unlabelled").tolist() == [[1, 255]]


@pytest.mark.parametrize(
    ("values", "meaning", "message"),
    [
        ([[7]], {"labels": {5: 1}}, r"listed in `labels`, got 7; .*`others: unlabelled`"),
        ([[7]], {"labels": []}, r"listed in `labels`, got 7"),
        ([[[1, 2, 3]]], {"labels": COLORS}, r"listed in `labels`, got 1 2 3;"),
        ([[7]], {"labels": COLORS}, r"colors of 3 channels, .*\(1, 1\); a gray or palette image"),
        ([[[128, 0, 0, 9]]], {"labels": COLORS}, r"alpha channel of 255 everywhere"),
        ([[[1, 2, 3]]] * 2, {"labels": {1: 0}, "others": 0}, r"one value per pixel"),
    ],
)
def test_the_error_of_an_invalid_value_names_the_file(tmp_path, values, meaning, message):
    with pytest.raises(InputError, match=rf"a\.png: .*{message}"):
        read(tmp_path, values, **meaning)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"1 2": 0}, "a color such as '128 64 0' as a key, got '1 2'"),
        ({"1 2 x": 0}, "got '1 2 x'"),
        ({"1 2 70000": 0}, "got '1 2 70000'"),
        ({"1 2 3": 0, "1 2 3 4": 1}, "colors of one length"),
    ],
)
def test_invalid_colors_are_rejected_on_construction(labels, message):
    with pytest.raises(InputError, match=message):
        MapFiles(SemanticSegmentation(2), "{name}", labels=labels)
    with pytest.raises(InputError, match="others: expected it together with labels"):
        MapFiles(SemanticSegmentation(2), "{name}", others="unlabelled")


def test_a_color_is_ignored_as_a_whole(tmp_path):
    image = [[[0, 0, 0], [128, 0, 0]]]
    assert read(tmp_path, image, labels=COLORS, ignore=[0]).tolist() == [[255, 1]]
