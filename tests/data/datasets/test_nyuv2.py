"""NYUv2 in all three layouts, with small files in the real formats."""

import h5py
import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat
from tests.data.datasets.small_nyuv2_mat import (
    COUNT,
    HEIGHT,
    WIDTH,
    make_pictures,
    save_mat,
    save_splits,
    write_nyuv2_mat,
)
from tests.small_nyuv2 import write_small_nyuv2

from ctal.cli import main
from ctal.data import Camera, NYUv2
from ctal.data.datasets.nyuv2_mat import class_table
from ctal.errors import InputError
from ctal.maps import ClassMap, DepthMap, EdgeMap, NormalMap

CAMERA = Camera(fx=13.0, fy=13.0, cx=7.5, cy=5.5)


@pytest.fixture
def pictures():
    return make_pictures()


@pytest.fixture
def official(tmp_path, pictures):
    return write_nyuv2_mat(tmp_path, pictures)


def test_values_of_the_official_file_are_exact(official, pictures):
    images, depths, labels = pictures
    dataset = NYUv2(official, "train", classes=40)
    assert [dataset.sample_name(i) for i in range(len(dataset))] == ["0001", "0004", "0005"]
    assert [task.name for task in dataset.tasks] == ["semseg", "depth", "normals"]
    sample = dataset[1]
    assert list(sample) == ["image", "semseg", "depth", "normals"]
    picture = (sample["image"] * 255).round().to(torch.uint8).permute(1, 2, 0)
    assert np.array_equal(picture.numpy(), images[3])
    assert np.array_equal(sample["depth"][0].numpy(), depths[3])
    assert np.array_equal(sample["semseg"].numpy(), class_table(40)[labels[3]])
    types = [ClassMap, DepthMap, NormalMap]
    assert [type(sample[task.name]) for task in dataset.tasks] == types


def test_labels_are_mapped_to_the_13_and_40_classes(official):
    # of the authors' 894: 21 wall, 11 floor, 5 chair, 17 refrigerator, 894 torah; 0 void
    assert class_table(40)[[21, 11, 5, 17, 894, 0]].tolist() == [0, 1, 4, 23, 39, 255]
    assert class_table(13)[[21, 11, 5, 17, 894, 0]].tolist() == [11, 4, 3, 5, 6, 255]
    names = NYUv2(official, "test").tasks[0].class_names
    assert [names[i] for i in (11, 4, 3, 5)] == ["wall", "floor", "chair", "furniture"]
    names = NYUv2(official, "test", classes=40).tasks[0].class_names
    assert [names[i] for i in (0, 1, 4, 23)] == ["wall", "floor", "chair", "refridgerator"]


def test_normals_and_edges_are_derived(tmp_path):
    """At the real size: a ceiling for the Kinect's camera, with an inpainted frame."""
    v, u = np.mgrid[:480, :640]
    rise = (v - 253.7362) / 519.4696  # of the viewing rays; the ceiling is 1.2 m above the camera
    depth = np.where(rise < -0.2, -1.2 / np.minimum(rise, -0.2), 6.0)
    depth[:44] = depth[44]
    labels = np.where(u < 300, 21, 11).astype(np.uint16)
    depths, both = np.stack([depth, depth]).astype("f4"), np.stack([labels, labels])
    save_mat(tmp_path, np.zeros((2, 480, 640, 3), np.uint8), depths, both)
    save_splits(tmp_path, train=[1], test=[2])
    sample = NYUv2(tmp_path, "test", tasks=["edges", "normals"])[0]
    assert list(sample) == ["image", "edges", "normals"]
    normals = sample["normals"].permute(1, 2, 0)
    assert normals[44:130, 40:601].any(dim=-1).all()
    assert torch.allclose(normals[44:130, 40:601], torch.tensor([0.0, 1.0, 0.0]), atol=0.02)
    assert torch.allclose(normals[200:471, 40:601], torch.tensor([0.0, 0.0, -1.0]), atol=0.02)
    frame = torch.ones(480, 640, dtype=torch.bool)
    frame[44:471, 40:601] = False
    assert not normals[frame].any()
    assert isinstance(sample["edges"], EdgeMap)
    assert sample["edges"].nonzero()[:, 1].unique().tolist() == [299]
    assert sample["edges"].unique().tolist() == [0, 1]


def test_fractions_of_the_split(official):
    first = NYUv2(official, "train", fraction=(0, 0.7))
    rest = NYUv2(official, "train", fraction=(0.7, 1))
    assert [len(first), len(rest)] == [2, 1]
    assert sorted(first._source.names + rest._source.names) == ["0001", "0004", "0005"]


def test_a_truncated_download_is_reported(official):
    path = official / "nyu_depth_v2_labeled.mat"
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"<html>not found</html>"):
        path.write_bytes(content)
        with pytest.raises(
            InputError, match=r"labeled\.mat: expected a readable \.mat file"
        ) as caught:
            NYUv2(official, "train")
        assert "\n" not in str(caught.value)


def test_a_file_without_the_arrays_is_reported(official, pictures):
    path = official / "nyu_depth_v2_labeled.mat"
    with h5py.File(path, "w") as file:
        file["images"] = pictures[0].transpose(0, 3, 2, 1)
    with pytest.raises(InputError, match=r"labeled\.mat: expected a readable"):
        NYUv2(official, "train")
    with h5py.File(path, "w") as file:  # axes as in MATLAB
        for key, array in zip(("images", "depths", "labels"), pictures, strict=True):
            file[key] = array
    with pytest.raises(InputError, match=r"expected images \(N, 3, 640, 480\)"):
        NYUv2(official, "train")


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("images", lambda array: array.astype(float) / 255),
        ("labels", lambda array: array.astype(float)),
        ("depths", lambda array: array.astype("S1")),
        (None, lambda array: array.swapaxes(-1, -2)),  # a copy in row-major order
    ],
)
def test_arrays_of_another_type_or_with_transposed_axes_are_reported(official, key, change):
    with h5py.File(official / "nyu_depth_v2_labeled.mat", "r+") as file:
        for name in [key] if key else list(file):
            array = file[name][:]
            del file[name]
            file[name] = change(array)
    with pytest.raises(
        InputError, match=r"labeled\.mat: expected images \(N, 3, 640, 480\) of uint"
    ):
        NYUv2(official, "train")


def test_a_group_instead_of_an_array_is_reported(official):
    with h5py.File(official / "nyu_depth_v2_labeled.mat", "r+") as file:
        del file["depths"]
        file.create_group("depths")
    with pytest.raises(InputError, match=r"labeled\.mat: expected images .* depths object \(\)"):
        NYUv2(official, "train")


def test_an_invalid_split_file_is_reported(official):
    for wrong in ([1, 6], [0, 1], [1, 1], [1, 1.5], [1, np.nan], []):
        save_splits(official, train=wrong)
        with pytest.raises(InputError, match=r"splits\.mat: expected trainNdxs .* in 1\.\.5"):
            NYUv2(official, "train")
    for wrong in ("abc", {"a": 1}, np.array([1, "a"], object), np.array([1 + 1j, 4])):
        savemat(official / "splits.mat", {"trainNdxs": wrong, "testNdxs": np.array([2.0])})
        with pytest.raises(InputError, match=r"splits\.mat: expected trainNdxs .* in 1\.\.5"):
            NYUv2(official, "train")
    save_splits(official, train=[1, 2], test=[2, 3])
    with pytest.raises(InputError, match=r"splits\.mat: .* to share no image, got 1 in both"):
        NYUv2(official, "test")
    savemat(official / "splits.mat", {"other": np.ones(3)})
    with pytest.raises(
        InputError, match=r"splits\.mat: expected the variable trainNdxs, got other"
    ):
        NYUv2(official, "train")
    (official / "splits.mat").write_bytes(b"half")
    with pytest.raises(InputError, match=r"splits\.mat: expected a readable \.mat file"):
        NYUv2(official, "train")
    (official / "splits.mat").unlink()
    with pytest.raises(InputError, match=r"splits\.mat: expected a \.mat file, not found"):
        NYUv2(official, "train")


def test_invalid_values_are_reported(official, pictures):
    _, depths, labels = pictures
    labels[3, 0, 0] = 895
    depths[4, 2, 2] = -1
    save_mat(official, *pictures)
    dataset = NYUv2(official, "train")
    with pytest.raises(InputError, match=r"image 0004: expected labels 0\.\.894, got 895"):
        dataset[1]
    with pytest.raises(InputError, match=r"image 0005: depth: expected meters"):
        dataset[2]
    assert dataset[0]["depth"].min() > 0.5
    save_mat(official, pictures[0], abs(depths), np.full(labels.shape, -1, np.int16))
    with pytest.raises(InputError, match=r"image 0001: expected labels 0\.\.894, got -1"):
        NYUv2(official, "train")[0]


@pytest.fixture
def small(tmp_path):
    """Write images of 288x384: a wall at 2 m with another class on the left, void on top."""
    depth = np.full((288, 384), 500, np.uint16)
    depth[100, 100] = 0
    labels = np.full((288, 384), 1, np.uint8)
    labels[:, :100], labels[0] = 11, 0
    for split, number in (("train", 1), ("train", 3), ("train", 1449), ("test", 2)):
        write_small_nyuv2(
            tmp_path / split, number, np.zeros((288, 384, 3), np.uint8), depth, labels
        )
    return tmp_path


def test_images_at_288x384(small):
    dataset = NYUv2(small, "train", tasks=["semseg", "depth", "normals", "edges"])
    assert [dataset.sample_name(i) for i in range(3)] == ["0001", "0003", "1449"]
    sample = dataset[0]
    assert sample["semseg"][0, 0] == 255
    classes = dataset.tasks[0].class_names
    assert [classes[int(sample["semseg"][9, x])] for x in (99, 100)] == ["picture", "wall"]
    assert sample["depth"][0, 0, 0] == 2.0
    assert sample["depth"][0, 100, 100] == 0
    normals = sample["normals"].permute(1, 2, 0)
    wall = torch.tensor([0.0, 0.0, -1.0]).expand(255, 336, 3)
    seen = normals[27:282, 24:360]
    assert torch.allclose(seen[seen.any(-1)], wall[seen.any(-1)], atol=1e-3)
    # only measured pixels have normals: neither the frame nor the hole
    assert normals.any(-1).sum() == 255 * 336 - 1
    assert sample["edges"].nonzero()[:, 1].unique().tolist() == [99]
    names = NYUv2(small, "test", classes=40).tasks[0].class_names
    ids = NYUv2(small, "test", classes=40)[0]["semseg"]
    assert [names[int(ids[9, x])] for x in (99, 100)] == ["picture", "wall"]


def test_depth_of_8_bits_is_refused(small):
    Image.fromarray(np.full((288, 384), 200, np.uint8)).save(small / "train/depth/0003.png")
    with pytest.raises(InputError, match=r"depth/0003\.png: expected an image of 16 bits"):
        NYUv2(small, "train")[1]


def corridor():
    """Return normals of walls left and right, floor, ceiling and end."""
    v, u = np.mgrid[:HEIGHT, :WIDTH]
    x, y = (u - CAMERA.cx) / CAMERA.fx, (v - CAMERA.cy) / CAMERA.fy
    nearest = np.argmax([np.abs(x), np.abs(y), np.full(x.shape, 0.15)], axis=0)
    faces = np.stack([-np.sign(x), -np.sign(y), -np.ones_like(x)], -1)
    return np.eye(3)[nearest] * faces


@pytest.fixture
def folders(tmp_path, pictures):
    """Write the MTAN layout, with normals of opposite y and z whose length is not 1."""
    images, depths, _ = pictures
    stored = corridor() * [1, -1, -1] * 0.9
    stored[0, 0] = 0
    for split in ("train", "val"):
        for kind in ("image", "label", "depth", "normal"):
            (tmp_path / split / kind).mkdir(parents=True)
        for i in range(COUNT):
            labels = np.full((HEIGHT, WIDTH), i, np.float64)
            labels[0, 0] = -1
            np.save(tmp_path / split / "image" / f"{i}.npy", images[i] / 255)
            np.save(tmp_path / split / "label" / f"{i}.npy", labels)
            np.save(tmp_path / split / "depth" / f"{i}.npy", depths[i][..., None])
            np.save(tmp_path / split / "normal" / f"{i}.npy", stored)
    return tmp_path


def test_values_of_the_mtan_layout_are_exact(folders, pictures):
    images, depths, _ = pictures
    dataset = NYUv2(folders, "test", tasks=["semseg", "depth", "normals", "edges"])
    assert len(dataset) == COUNT
    sample = dataset[3]
    assert np.allclose(sample["image"].permute(1, 2, 0), images[3] / 255, atol=1e-6)
    assert sample["semseg"][0, 0] == 255
    assert sample["semseg"][0, 1:].unique().tolist() == [3]
    assert np.array_equal(sample["depth"][0].numpy(), depths[3])
    expected = corridor()
    expected[0, 0] = 0
    assert np.allclose(sample["normals"].permute(1, 2, 0), expected, atol=1e-6)
    assert sample["edges"].unique().tolist() == [0]  # one class, the hole closed


def test_the_axes_of_stored_normals_may_be_set(folders):
    sample = NYUv2(folders, "train", tasks=["normals"], normal_axes=(1, 1, 1))[0]
    assert np.allclose(sample["normals"][:, 5, 0], corridor()[5, 0] * [1, -1, -1], atol=1e-6)


def spoil_normals(folders):
    """Damage four of five files, each in another way."""
    folder = folders / "train" / "normal"
    for name, shape in (("0", (HEIGHT, WIDTH, 2)), ("1", (3, HEIGHT, WIDTH))):
        np.save(folder / f"{name}.npy", np.ones(shape))
    np.save(folder / "2.npy", np.full((HEIGHT, WIDTH, 3), np.nan))
    (folder / "3.npy").write_bytes((folder / "3.npy").read_bytes()[:-9])


def test_broken_normals_are_reported_on_construction(folders):
    spoil_normals(folders)
    for name in range(4):
        with pytest.raises(InputError, match=rf"train/normal/{name}\.npy: ") as caught:
            NYUv2(folders, "train")
        assert "\n" not in str(caught.value)
        np.save(folders / "train" / "normal" / f"{name}.npy", corridor())


def test_check_lists_broken_normals_with_other_problems(folders, monkeypatch, capsys):
    spoil_normals(folders)
    (folders / "train" / "image" / "4.npy").unlink()
    monkeypatch.chdir(folders)
    args = ["--data.train=ctal.data.NYUv2", "--data.train.root=.", "--data.train.split=train"]
    assert main(["data", "check", *args, "--workers=0"]) == 1
    problems = [line for line in capsys.readouterr().out.splitlines() if line.startswith("- ")]
    named = [f"- {name}: train/normal/{name}.npy: " for name in range(4)]
    for line, start in zip(problems, [*named, "- 4: train/image/4.npy: "], strict=True):
        assert line.startswith(start)


def test_a_camera_derives_normals_in_the_mtan_layout(folders):
    for path in (folders / "train" / "normal").iterdir():
        path.unlink()
    (folders / "train" / "normal").rmdir()
    with pytest.raises(InputError, match=r"folder of the normals not found.* camera \(fx, fy"):
        NYUv2(folders, "train")
    np.save(folders / "train" / "depth" / "0.npy", np.full((HEIGHT, WIDTH, 1), 3.0))
    sample = NYUv2(folders, "train", camera=CAMERA)[0]
    assert np.allclose(sample["normals"][:, 5, 5], [0, 0, -1], atol=1e-5)
    assert list(NYUv2(folders, "train", tasks=["semseg"])[0]) == ["image", "semseg"]


def test_ids_beyond_13_and_missing_files_of_the_mtan_layout_are_reported(folders):
    np.save(folders / "train" / "label" / "2.npy", np.full((HEIGHT, WIDTH), 13))
    with pytest.raises(InputError, match=r"label/2\.npy: semseg: expected class ids 0\.\.12"):
        NYUv2(folders, "train")[2]
    (folders / "train" / "depth" / "1.npy").unlink()
    with pytest.raises(InputError, match=r"depth/1\.npy: expected a file for each sample, . of 5 "):
        NYUv2(folders, "train")
    (folders / "val" / "image" / "4.npy").unlink()
    with pytest.raises(
        InputError, match=r"val/image/4\.npy: expected a file for each sample, . of 5 "
    ):
        NYUv2(folders, "test")
    with pytest.raises(InputError, match="classes: expected 13"):
        NYUv2(folders, "test", classes=40)


def test_an_unknown_layout_is_reported_with_the_supported_ones(tmp_path, official):
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        InputError, match=r"nyu_depth_v2_labeled\.mat and splits\.mat .* val/\{image"
    ):
        NYUv2(tmp_path / "empty", "test")
    with pytest.raises(InputError, match="split: expected train or test, got 'val'"):
        NYUv2(official, "val")
    with pytest.raises(InputError, match="classes: expected 13 or 40, got 20"):
        NYUv2(official, "train", classes=20)
    for wrong in (["parts"], [], ["depth", "depth"]):
        with pytest.raises(InputError, match="tasks: expected distinct names from semseg, depth"):
            NYUv2(official, "train", tasks=wrong)
