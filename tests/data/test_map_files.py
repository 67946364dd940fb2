"""Conversion of stored values, and values with an ambiguous meaning."""

import numpy as np
import pytest
from PIL import Image

from ctal.data import MapFiles
from ctal.errors import InputError
from ctal.tasks import Edges, HumanParts, Saliency, SemanticSegmentation, SurfaceNormals

BINARY = [Edges(), Saliency(), SemanticSegmentation(2)]
SEVERAL = [SemanticSegmentation(3), HumanParts()]
MASK = np.array([[0, 255, 0], [255, 0, 0]], np.uint8)


def read(path, task, values, **meaning):
    Image.fromarray(np.asarray(values, np.uint8)).save(path / "a.png")
    return MapFiles(task, "{name}", **meaning).read(path / "a.png")


@pytest.mark.parametrize("task", BINARY + SEVERAL, ids=lambda task: f"{task.name}{task.channels}")
def test_a_binary_mask_of_0_and_255_is_refused_with_the_required_setting(tmp_path, task):
    message = rf"a\.png: {task.name}: .*labels: \{{0: 0, 255: 1\}} if .* or ignore: \[255\] if it"
    with pytest.raises(InputError, match=message):
        read(tmp_path, task, MASK)
    mapped = read(tmp_path, task, MASK, labels={0: 0, 255: 1})
    assert mapped.tolist() == [[0, 1, 0], [1, 0, 0]]
    marked = read(tmp_path, task, MASK, ignore=[255])
    assert marked.tolist() == MASK.tolist()


@pytest.mark.parametrize("task", BINARY, ids=lambda task: task.name)
def test_a_mask_that_is_255_everywhere(tmp_path, task):
    with pytest.raises(InputError, match="got 255 only; write labels"):
        read(tmp_path, task, np.full((2, 3), 255))


def test_a_map_with_several_classes_may_lack_all_labels(tmp_path):
    """An image without people has no labels of parts."""
    assert read(tmp_path, HumanParts(), np.full((2, 3), 255)).unique().tolist() == [255]


@pytest.mark.parametrize("task", BINARY + SEVERAL, ids=lambda task: f"{task.name}{task.channels}")
def test_other_maps_may_use_255_as_unlabelled(tmp_path, task):
    for values in ([[0, 1, 255]], [[1, 1, 255]], [[0, 0, 0]]):
        assert read(tmp_path, task, values).tolist() == values


def test_a_mask_in_another_format_is_refused_too(tmp_path):
    for kind in (np.uint8, np.int64, np.float32):
        np.save(tmp_path / "a.npy", MASK.astype(kind))
        with pytest.raises(InputError, match="0 and 255, as in a binary mask"):
            MapFiles(Saliency(), "{name}").read(tmp_path / "a.npy")


def test_one_component_of_a_vector_may_have_the_ignored_value(tmp_path):
    """Black marks a missing normal; a red value of 0 is a normal to the left."""
    values = [[[0, 128, 128], [0, 0, 0], [128, 128, 0]]]
    meaning = {"scale": 2 / 255, "offset": -1.0, "ignore": [0]}
    normals = read(tmp_path, SurfaceNormals(), values, **meaning)[:, 0].T.numpy()
    assert np.allclose(normals, [[-1, 0, 0], [0, 0, 0], [0, 0, -1]], atol=0.004)


def test_a_vector_with_one_nan_is_unlabelled_if_nan_is_ignored(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[[np.nan, 0, -1], [0, 0, -1]]], np.float32))
    files = MapFiles(SurfaceNormals(), "{name}", ignore=[float("nan")])
    assert files.read(tmp_path / "a.npy")[:, 0].T.tolist() == [[0, 0, 0], [0, 0, -1]]
    with pytest.raises(InputError, match="expected vectors of length 1"):
        MapFiles(SurfaceNormals(), "{name}").read(tmp_path / "a.npy")
