"""Panels of predictions."""

import torch

from ctal.tasks import Depth, SemanticSegmentation, SurfaceNormals
from ctal.visualization.predictions import prediction_columns, prediction_panel

TASKS = [SemanticSegmentation(3, ["a", "b", "c"]), Depth(), SurfaceNormals()]


def maps(size):
    normals = torch.zeros(3, *size)
    normals[2] = -1
    return {
        "semseg": torch.zeros(size, dtype=torch.int64),
        "depth": torch.linspace(1, 2, size[0] * size[1]).reshape(1, *size),
        "normals": normals,
        "semseg_entropy": torch.full(size, 0.5),
    }


def panel(size, note="", entropy=True):
    found = maps(size)
    if not entropy:
        del found["semseg_entropy"]
    image = torch.full((3, *size), 200, dtype=torch.uint8)
    return prediction_panel(prediction_columns(image, TASKS, found), note)


def test_titles_say_what_a_map_is():
    columns = prediction_columns(torch.zeros(3, 8, 8, dtype=torch.uint8), TASKS, maps((8, 8)))
    assert [column.title for column in columns] == [
        *("Image", "Semantic segmentation", "Depth", "Surface normals", "Entropy of semseg"),
    ]
    assert Depth(name="far").title == "Depth: far"


def test_the_panel_is_white_and_grows_with_the_image():
    small, large = panel((96, 128)), panel((480, 640))
    for found in (small, large):
        assert found[:, 0].eq(255).all()
        assert found[:, :, 0].eq(255).all()
    assert large.shape[2] > 2 * small.shape[2]
    # text too: its line is higher
    assert panel((480, 640), "note").shape[1] - large.shape[1] > 30
    assert panel((96, 128), "note").shape[1] - small.shape[1] < 30


def test_entropies_have_a_column_if_they_are_given():
    assert panel((96, 128)).shape[2] * 4 > panel((96, 128), entropy=False).shape[2] * 5 - 30


def test_narrow_images_have_room_for_their_keys():
    assert panel((500, 3)).shape[2] > 4 * 250
