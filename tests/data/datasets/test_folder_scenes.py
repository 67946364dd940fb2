"""Datasets with a folder per scene, lists of scenes, and samples without all maps."""

import numpy as np
import pytest
from PIL import Image as PILImage

from ctal.data import FolderDataset, MapFiles
from ctal.data.completeness import allowing_incomplete
from ctal.errors import InputError
from ctal.tasks import Depth, SemanticSegmentation

SCENES = {"s1": ["0", "1"], "s2": ["0"]}
IMAGE = "{scene}/color/{frame}.jpg"


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    PILImage.fromarray(array).save(path)


@pytest.fixture
def scenes(tmp_path):
    """root/{scene}/{color,depth,pose}/{frame}, and root/classes/{frame}_{scene}.png."""
    for number, (scene, frames) in enumerate(SCENES.items()):
        for frame in frames:
            value = 100 * number + int(frame)
            save(tmp_path / scene / "color" / f"{frame}.jpg", np.zeros((2, 3, 3), np.uint8))
            save(tmp_path / scene / "depth" / f"{frame}.png", np.full((2, 3), value + 1, np.uint16))
            save(tmp_path / scene / "pose" / f"{frame}.png", np.zeros((2, 3), np.uint8))
            place = tmp_path / "classes" / f"{frame}_{scene}.png"
            save(place, np.full((2, 3), number, np.uint8))
    return tmp_path


def maps(**depth):
    return [
        MapFiles(SemanticSegmentation(2), "classes/{frame}_{scene}.png"),
        MapFiles(Depth(), "{scene}/depth/{frame}.png", **depth),
    ]


def test_files_are_matched_by_all_their_fields(scenes):
    dataset = FolderDataset(scenes, IMAGE, maps())
    assert dataset.names == ["s1/0", "s1/1", "s2/0"]
    depths = [dataset[index]["depth"].unique().tolist() for index in range(3)]
    assert depths == [[1], [2], [101]]
    assert [dataset[index]["semseg"].unique().tolist() for index in range(3)] == [[0], [0], [1]]
    assert dataset.unused_files() == []  # the files of pose are none of its folders


def test_a_map_may_belong_to_all_samples_of_a_scene(scenes):
    save(scenes / "ground" / "s1.png", np.full((2, 3), 7, np.uint16))
    save(scenes / "ground" / "s2.png", np.full((2, 3), 8, np.uint16))
    save(scenes / "ground" / "s3.png", np.full((2, 3), 9, np.uint16))
    dataset = FolderDataset(scenes, IMAGE, [MapFiles(Depth(), "ground/{scene}.png")])
    assert [dataset[index]["depth"].max().item() for index in range(3)] == [7, 7, 8]
    assert dataset.unused_files() == [(scenes / "ground" / "s3.png", "a map without an image")]


def test_a_wildcard_matches_the_single_file_of_a_folder(scenes):
    (scenes / "s2" / "depth" / "0.png").rename(scenes / "s2" / "depth" / "0-00123.png")
    star = [MapFiles(Depth(), "{scene}/depth/{frame}-*.png")]
    dataset = FolderDataset(scenes, IMAGE, star, skip_incomplete=True)
    assert dataset.names == ["s2/0"]
    assert dataset[0]["depth"].max() == 101
    save(scenes / "s2" / "depth" / "0-00124.png", np.zeros((2, 3), np.uint16))
    with pytest.raises(InputError, match=r"expected one file for the sample 's2/0', got also"):
        FolderDataset(scenes, IMAGE, star, skip_incomplete=True)


def test_a_list_may_name_scenes(scenes):
    (scenes / "list.txt").write_text("s2\ns1/1\n")
    dataset = FolderDataset(scenes, IMAGE, maps(), names=scenes / "list.txt")
    assert dataset.names == ["s2/0", "s1/1"]
    (scenes / "list.txt").write_text("s1/\ns1/0\n")
    assert FolderDataset(scenes, IMAGE, maps(), names=scenes / "list.txt").names == ["s1/0", "s1/1"]
    (scenes / "list.txt").write_text("s3\n")
    with pytest.raises(InputError, match=r"names of the form \{scene\}/\{frame\}, got 's3'"):
        FolderDataset(scenes, IMAGE, maps(), names=scenes / "list.txt")
    (scenes / "list.txt").write_text("s1/9\n")
    with pytest.raises(InputError, match=r"s1/color/9\.jpg: expected a file"):
        FolderDataset(scenes, IMAGE, maps(), names=scenes / "list.txt")


def test_the_error_of_a_missing_map_names_the_setting(scenes):
    (scenes / "s1" / "depth" / "1.png").unlink()
    message = (
        r"s1/depth/1\.png: expected a file for each sample, 1 of 3 missing; set "
        r"`optional: true` for depth if samples may lack this map, or `skip_incomplete: true`"
    )
    with pytest.raises(InputError, match=message):
        FolderDataset(scenes, IMAGE, maps())
    with allowing_incomplete():  # as `ctal data check`, which lists all such samples
        dataset = FolderDataset(scenes, IMAGE, maps())
    with pytest.raises(InputError, match=r"1\.png: file not found; set `optional: true` for dep"):
        dataset[1]
    assert "depth" not in FolderDataset(scenes, IMAGE, maps(optional=True))[1]
    assert FolderDataset(scenes, IMAGE, maps(), skip_incomplete=True).names == ["s1/0", "s2/0"]


def test_no_sample_with_all_maps_is_an_error(scenes):
    wrong = [MapFiles(Depth(), "nowhere/{scene}/{frame}.png")]
    with pytest.raises(InputError, match=r"skip_incomplete: .*nowhere.* none of the 3 samples"):
        FolderDataset(scenes, IMAGE, wrong, skip_incomplete=True)


def test_invalid_fields_are_rejected(scenes):
    other = [MapFiles(Depth(), "{scene}/depth/{name}.png")]
    with pytest.raises(InputError, match=r"expected the fields of the image, scene, frame, got na"):
        FolderDataset(scenes, IMAGE, other)
    with pytest.raises(InputError, match="image: expected patterns with the same fields"):
        FolderDataset(scenes, [IMAGE, "{scene}.png"], maps())
