"""Cityscapes in both layouts, with small files in the real formats."""

import json

import numpy as np
import pytest
import torch
from tests.data.datasets.small_cityscapes import (
    NAME,
    OTHERS,
    SHAPE,
    save,
    write_cityscapes,
)
from torchvision.transforms.v2 import functional as TF

from ctal.data import Cityscapes
from ctal.errors import InputError
from ctal.maps import DepthMap, InverseDepthMap


@pytest.fixture
def official(tmp_path):
    return write_cityscapes(tmp_path)


def test_every_label_id_becomes_its_class(official):
    dataset = Cityscapes(official, "train")
    assert dataset.sample_name(0) == NAME
    semseg = dataset[0]["semseg"].flatten().tolist()
    assert semseg == [*range(19), *[255] * len(OTHERS)]
    names = dataset.tasks[0].class_names
    assert [names[i] for i in (0, 5, 10, 13, 18)] == ["road", "pole", "sky", "car", "bicycle"]
    sample = Cityscapes(official, "val", classes=7)[0]["semseg"].flatten().tolist()
    expected = [0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 5, 6, 6, 6, 6, 6, 6]
    assert sample == expected + [255] * len(OTHERS)


def test_disparity_becomes_inverse_depth(official):
    sample = Cityscapes(official, "train")[0]
    inverse = sample["inverse_depth"]
    assert isinstance(inverse, InverseDepthMap)
    # stored p: d = (p - 1) / 256 pixels; 0 is invalid, d = 0 infinitely far
    assert inverse[0, 0, :4].tolist() == pytest.approx([0, 0, 126 / 256, 40 / 256])
    assert list(sample) == ["image", "semseg", "inverse_depth"]


def test_meters_are_available_on_request_with_the_camera_of_the_image(official):
    sample = Cityscapes(official, "val", tasks=["depth", "inverse_depth"])[0]
    assert isinstance(sample["depth"], DepthMap)
    constant = 0.209313 * 2262.52
    expected = [0, 0, constant / 126, constant / 40]
    assert sample["depth"][0, 0, :4].tolist() == pytest.approx(expected)


def test_meters_are_read_without_city_folders(official, monkeypatch):
    for path in list(official.glob("*/val/aachen/*")):
        path.rename(path.parents[1] / path.name)
    monkeypatch.chdir(official)
    for root in (".", official):
        depth = Cityscapes(root, "val", tasks=["depth"])[0]["depth"]
        assert depth[0, 0, 3].item() == pytest.approx(0.209313 * 2262.52 / 40)


def test_a_magnified_image_has_a_larger_inverse_depth(official):
    inverse = Cityscapes(official, "train")[0]["inverse_depth"]
    zoomed = inverse.zoomed(2.0)
    assert type(zoomed) is InverseDepthMap
    assert torch.equal(zoomed.as_subclass(torch.Tensor), 2 * inverse.as_subclass(torch.Tensor))
    flipped = TF.horizontal_flip(inverse)
    assert flipped[0, 0, -1] == inverse[0, 0, 0]
    assert inverse[0, 0, 3] == TF.resize(inverse, list(SHAPE))[0, 0, 3]


def test_other_encodings_are_reported(official):
    labels = official / f"gtFine/train/{NAME}_gtFine_labelIds.png"
    disparity = official / f"disparity/train/{NAME}_disparity.png"
    save(labels, np.zeros((*SHAPE, 4), np.uint8))  # gtFine_color under the wrong name
    with pytest.raises(InputError, match=r"labelIds\.png: expected one value per pixel"):
        Cityscapes(official, "train")[0]
    save(labels, np.full(SHAPE, 40, np.uint8))
    with pytest.raises(InputError, match=r"labelIds\.png: expected a value listed in `labels`"):
        Cityscapes(official, "train")[0]
    save(labels, np.zeros(SHAPE, np.uint16))
    with pytest.raises(InputError, match=r"labelIds\.png: expected an image of 8 bits, got 16"):
        Cityscapes(official, "train")[0]
    save(disparity, np.full(SHAPE, 40, np.uint8))
    with pytest.raises(InputError, match=r"disparity\.png: expected an image of 16 bits, got 8"):
        Cityscapes(official, "train", tasks=["inverse_depth"])[0]


def test_missing_and_broken_files_are_reported(official):
    camera = official / f"camera/train/{NAME}_camera.json"
    huge = json.dumps({"extrinsic": {"baseline": 10**400}, "intrinsic": {"fx": 1}})
    for content in ("{", '{"extrinsic": {}}', "[]", "[" * 100_000, huge):
        camera.write_text(content)
        with pytest.raises(InputError, match=r"camera\.json: expected a camera file") as caught:
            Cityscapes(official, "train", tasks=["depth"])[0]
        assert "\n" not in str(caught.value)
    camera.write_text('{"extrinsic": {"baseline": Infinity}, "intrinsic": {"fx": 1}}')
    with pytest.raises(InputError, match=r"camera\.json: expected a baseline and fx > 0"):
        Cityscapes(official, "train", tasks=["depth"])[0]
    camera.unlink()
    with pytest.raises(InputError, match=r"camera\.json: expected a file for each sample, 1 of 1 "):
        Cityscapes(official, "train", tasks=["semseg", "depth"])
    picture = official / f"leftImg8bit/val/{NAME}_leftImg8bit.png"
    picture.unlink()
    with pytest.raises(
        InputError, match=r"leftImg8bit\.png: expected a file for each sample, 1 of 1"
    ):
        Cityscapes(official, "val")
    (official / f"disparity/train/{NAME}_disparity.png").unlink()
    with pytest.raises(
        InputError, match=r"disparity\.png: expected a file for each sample, 1 of 1 "
    ):
        Cityscapes(official, "train")
    assert list(Cityscapes(official, "train", tasks=["semseg"])[0]) == ["image", "semseg"]


@pytest.fixture
def folders(tmp_path):
    for split in ("train", "val"):
        for kind in ("image", "label_19", "label_7", "depth"):
            (tmp_path / split / kind).mkdir(parents=True)
        for name in range(3):
            files = {
                "image": np.full((4, 6, 3), 0.2 * name),
                "label_19": np.array([[18.0, -1.0, 0.0]] * 4).repeat(2, 1),
                "label_7": np.array([[6.0, -1.0, 0.0]] * 4).repeat(2, 1),
                "depth": np.full((4, 6, 1), 0.1 * name),
            }
            for kind, array in files.items():
                np.save(tmp_path / split / kind / f"{name}.npy", array)
    return tmp_path


@pytest.mark.parametrize(("classes", "last"), [(19, 18), (7, 6)])
def test_values_of_the_mtan_layout_are_exact(folders, classes, last):
    dataset = Cityscapes(folders, "val", classes=classes)
    assert len(dataset) == 3
    sample = dataset[2]
    assert sample["image"][0, 0, 0].item() == pytest.approx(0.4)
    assert sample["semseg"][0].tolist() == [last, last, 255, 255, 0, 0]
    assert sample["inverse_depth"].unique().tolist() == pytest.approx([0.2])
    assert isinstance(sample["inverse_depth"], InverseDepthMap)
    assert not dataset[0]["inverse_depth"].any()  # 0 is unlabelled


def test_the_mtan_layout_has_no_meters(folders):
    with pytest.raises(
        InputError, match="tasks: expected distinct names from semseg, inverse_depth"
    ):
        Cityscapes(folders, "val", tasks=["depth"])


def test_an_unknown_layout_is_reported_with_the_supported_ones(tmp_path, folders):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"leftImg8bit/val .* val/\{image,label_19,depth\}"):
        Cityscapes(tmp_path / "empty", "val")
    with pytest.raises(InputError, match="split: expected train or val, got 'test'"):
        Cityscapes(folders, "test")
    with pytest.raises(InputError, match="classes: expected 19 or 7, got 8"):
        Cityscapes(folders, "val", classes=8)


def test_complementary_fractions_cover_the_split(folders):
    parts = [Cityscapes(folders, "train", fraction=part, seed=3) for part in ((0, 0.6), (0.6, 1))]
    assert [len(part) for part in parts] == [2, 1]
    assert sorted(parts[0].names + parts[1].names) == ["0", "1", "2"]
