"""The configs of docs/datasets.md on small files in each publisher's layout.

Each writer below creates a tree with the names, types and encodings of the real one, from meters,
class ids and vectors, which the dataset of the page has to return.
"""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from jsonargparse import ArgumentParser
from PIL import Image as PILImage

from ctal.cli import main
from ctal.data import DenseDataModule

h5py = pytest.importorskip("h5py", reason="of the extra `data`")
PAGE = (Path(__file__).parents[2] / "docs" / "datasets.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## Published layouts")[2].partition("\n## ")[0]
LAYOUTS = dict(re.findall(r"\n### ([^\n]+)\n.*?```yaml\n(.*?)```", SECTION, re.DOTALL))

SIZE = (6, 8)
METERS = np.round(np.random.default_rng(0).uniform(1, 7.9, SIZE), 3)
NORMALS = np.random.default_rng(1).normal(size=(*SIZE, 3)) - [0, 0, 3]
NORMALS /= np.linalg.norm(NORMALS, axis=-1, keepdims=True)


def unknown(array, mark):
    """Return a copy of an array whose first pixel has the publisher's value for unknown."""
    marked = array.copy()
    marked[0, 0] = mark
    return marked


DEPTH = unknown(METERS, np.nan)


def ids(count):
    """Return class ids that contain every class, with None as -1 in the first pixel."""
    values = np.arange(SIZE[0] * SIZE[1]) % count
    values[0] = -1
    return values.reshape(SIZE)


def save(path, array):
    path = Path("data") / path
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".hdf5":
        with h5py.File(path, "w") as file:
            file.create_dataset("dataset", data=array, compression="gzip")
    else:
        PILImage.fromarray(array).save(path)


def save_image(path, size=SIZE):
    save(path, np.full((*size, 3), 100, np.uint8))


def palette(name):
    """Return the color of each class of a layout, in the order of the page."""
    colors = {}
    for entry in yaml.safe_load(LAYOUTS[name])["data"]["train"]["init_args"]["maps"]:
        for color, number in (entry.get("labels") or {}).items():
            colors.setdefault(number, [int(part) for part in color.split()])
    return colors


def colored(name, classes):
    colors = palette(name)
    return np.array([[colors.get(c, [0, 0, 0]) for c in row] for row in classes.tolist()], np.uint8)


def write_kitti():
    for split, drive in [("train", "0001"), ("val", "0002")]:
        place = f"2011_09_26_drive_{drive}_sync"
        for frame in ("0000000000", "0000000005"):  # the first frames have no depth
            save_image(f"kitti/raw/2011_09_26/{place}/image_02/data/{frame}.png")
            save_image(f"kitti/raw/2011_09_26/{place}/image_00/data/{frame}.png")
        stored = unknown((METERS * 256).round().astype(np.uint16), 0)
        folder = f"kitti/depth/{split}/{place}/proj_depth/groundtruth/image_02"
        save(f"{folder}/0000000005.png", stored)
    return {"depth": DEPTH}


def write_scannet():
    nyu40 = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 24, 28, 33, 34, 36, 39]
    classes = ids(20)
    stored = np.array([*nyu40, 0])[classes]  # -1 is 0, and so is 40, which is not scored
    stored[0, 1], classes[0, 1] = 40, -1
    for scene in ("scene0000_00", "scene0001_00"):
        folder = f"scannet_frames_25k/{scene}"
        save_image(f"{folder}/color/000000.jpg", (12, 16))
        save(f"{folder}/label/000000.png", np.kron(stored, np.ones((2, 2))).astype(np.uint8))
        millimeters = unknown((METERS * 1000).round().astype(np.uint16), 0)
        save(f"{folder}/depth/000000.png", millimeters)
    Path("data/scannetv2_train.txt").write_text("scene0000_00\n")
    Path("data/scannetv2_val.txt").write_text("scene0001_00\n")
    return {
        "semseg": np.kron(classes, np.ones((2, 2))).astype(int),
        "depth": np.kron(DEPTH, np.ones((2, 2))),
    }


def write_sun_rgbd():
    millimeters = unknown((METERS * 1000).round().astype(np.uint16), 0)
    rotated = (millimeters << 3) | (millimeters >> 13)
    for folder, image, depth in [
        ("kv1/NYUdata/NYU0001", "NYU0001", "NYU0001"),
        ("xtion/sun3ddata/a/b", "0000103-000003422300", "0000103-000003424022"),
    ]:
        save_image(f"SUNRGBD/{folder}/image/{image}.jpg")
        save(f"SUNRGBD/{folder}/depth_bfx/{depth}.png", rotated)
        save_image(f"SUNRGBD/{folder}/fullres/{image}.jpg")
    return {"depth": DEPTH}


def write_hypersim():
    """Distances by the code of its authors' issue 9, whose image plane has edges of pixels."""
    height, width = SIZE
    focal = 886.81 * width / 1024
    x = np.linspace(-0.5 * width + 0.5, 0.5 * width - 0.5, width)[None]
    y = np.linspace(-0.5 * height + 0.5, 0.5 * height - 0.5, height)[:, None]
    rays = np.stack(np.broadcast_arrays(x, y, focal), axis=-1)
    distance = METERS * np.linalg.norm(rays, axis=-1) / focal
    images = "hypersim/ai_001_001/images"
    geometry = f"{images}/scene_cam_00_geometry_hdf5/frame.0000"
    save_image(f"{images}/scene_cam_00_final_preview/frame.0000.tonemap.jpg")
    save_image(f"{images}/scene_cam_00_final_preview/frame.0000.color.jpg")
    save(f"{geometry}.depth_meters.hdf5", unknown(distance.astype(np.float16), np.nan))
    flipped = unknown((NORMALS * [1, -1, -1]).astype(np.float16), np.nan)
    save(f"{geometry}.normal_cam.hdf5", flipped)
    classes = ids(40)
    save(f"{geometry}.semantic.hdf5", np.where(classes < 0, -1, classes + 1).astype(np.int16))
    return {"semseg": classes, "depth": DEPTH, "normals": NORMALS}


def write_taskonomy():
    stem = "point_0_view_0_domain"
    save_image(f"omnidata/rgb/taskonomy/allensville/{stem}_rgb.png")
    stored = unknown((METERS * 512).round().astype(np.uint16), 65535)
    save(f"omnidata/depth_zbuffer/taskonomy/allensville/{stem}_depth_zbuffer.png", stored)
    colors = ((NORMALS * [1, 1, -1] + 1) * 127.5).round().astype(np.uint8)
    save(f"omnidata/normal/taskonomy/allensville/{stem}_normal.png", unknown(colors, 128))
    return {"depth": DEPTH, "normals": NORMALS}


def write_virtual_kitti():
    classes = ids(14)
    for scene, variation in [("Scene01", "clone"), ("Scene02", "15-deg-left")]:
        frames = f"vkitti2/{scene}/{variation}/frames"
        save_image(f"{frames}/rgb/Camera_0/rgb_00000.jpg")
        stored = colored("Virtual KITTI 2", classes)
        save(f"{frames}/classSegmentation/Camera_0/classgt_00000.png", stored)
        centimeters = unknown((METERS * 100).round().astype(np.uint16), 65535)
        save(f"{frames}/depth/Camera_0/depth_00000.png", centimeters)
    return {"semseg": classes, "depth": DEPTH}


def write_diode():
    for split in ("train", "val"):
        stem = f"diode/{split}/indoors/scene_00000/scan_00000/00000_00000_indoors_000_000"
        save_image(f"{stem}.png")
        save(f"{stem}_depth.npy", METERS.astype(np.float32)[..., None])
        save(f"{stem}_depth_mask.npy", unknown(np.ones(SIZE, np.float32), 0))
    return {"depth": DEPTH}


def write_camvid():
    classes = ids(11)
    save_image("camvid/701_StillsRaw_full/0001TP_006690.png")
    save("camvid/LabeledApproved_full/0001TP_006690_L.png", colored("CamVid", classes))
    return {"semseg": classes}


def write_carla():
    classes = ids(29)
    classes[0, 1] = -1  # tag 0, unlabelled
    save_image("carla/rgb/000001.png")
    tags = np.where(classes < 0, 0, classes)
    opaque = np.full(SIZE, 255)
    blank = np.zeros(SIZE)
    save("carla/semseg/000001.png", np.stack([tags, blank, blank, opaque], -1).astype(np.uint8))
    packed = unknown((METERS / 1000 * (256**3 - 1)).round().astype(np.int64), 256**3 - 1)
    channels = [packed % 256, packed // 256 % 256, packed // 65536, opaque]
    save("carla/depth/000001.png", np.stack(channels, -1).astype(np.uint8))
    return {"semseg": np.where(classes == 0, -1, classes), "depth": DEPTH}


WRITERS = {
    "KITTI": write_kitti,
    "ScanNet": write_scannet,
    "SUN RGB-D": write_sun_rgbd,
    "Hypersim": write_hypersim,
    "Taskonomy": write_taskonomy,
    "Virtual KITTI 2": write_virtual_kitti,
    "DIODE": write_diode,
    "CamVid": write_camvid,
    "CARLA": write_carla,
}
SAMPLES = {"SUN RGB-D": 2, "Virtual KITTI 2": 2}
STEP = {"KITTI": 1 / 256, "Taskonomy": 1 / 512, "Virtual KITTI 2": 0.01, "Hypersim": 0.01}


def opened(text, format=None):
    """Build the data module of a config, optionally after saving and reading it."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(DenseDataModule, "data")
    parsed = parser.parse_object(yaml.safe_load(text))
    if format:
        read = {"yaml": yaml.safe_load, "json": json.loads}[format]
        parsed = parser.parse_object(read(parser.dump(parsed, format=format)))
    return parser.instantiate(parsed).data


def test_every_documented_layout_is_tested():
    assert list(LAYOUTS) == list(WRITERS)


@pytest.mark.parametrize("name", WRITERS)
def test_a_documented_layout_reads_the_files_of_its_publisher(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    expected = WRITERS[name]()
    Path("c.yaml").write_text(LAYOUTS[name])
    assert main(["data", "check", "--config", "c.yaml", "--workers=0"]) == 0, capsys.readouterr()
    assert "no problems" in capsys.readouterr().out
    for split, dataset in opened(LAYOUTS[name]).datasets.items():
        if dataset is not None:
            assert len(dataset) == SAMPLES.get(name, 1), split
            assert dataset.unused_files() == [] or name == "Hypersim"
            for index in range(len(dataset)):
                check(dataset[index], expected, STEP.get(name, 0.001))


@pytest.mark.parametrize("format", ["yaml", "json"])
@pytest.mark.parametrize("name", ["ScanNet", "Hypersim", "CamVid", "CARLA"])
def test_a_saved_config_is_equivalent(name, format, tmp_path, monkeypatch):
    """`ctal fit` saves it for `ctal test`: label keys must remain numbers, and decoders classes."""
    monkeypatch.chdir(tmp_path)
    WRITERS[name]()
    again = opened(LAYOUTS[name], format).datasets["train"]
    assert repr(again.maps) == repr(opened(LAYOUTS[name]).datasets["train"].maps)  # NaN != NaN
    assert len(again[0]) == 1 + len(again.maps)


def check(sample, expected, step):
    """Compare the maps of a sample with the expected ones, which are NaN or -1 where unlabelled."""
    assert sample.keys() == {"image", *expected}
    if "semseg" in expected:
        wanted = expected["semseg"]
        assert np.array_equal(sample["semseg"], np.where(wanted < 0, 255, wanted))
    if "depth" in expected:
        wanted = np.nan_to_num(expected["depth"])
        depth = sample["depth"][0].as_subclass(torch.Tensor).numpy()
        assert np.array_equal(depth == 0, wanted == 0)
        assert np.allclose(depth, wanted, rtol=1e-3, atol=step)
    if "normals" in expected:
        found = sample["normals"].permute(1, 2, 0).numpy()
        assert np.allclose(found, unknown(NORMALS, 0), atol=0.01)
