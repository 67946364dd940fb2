"""The bundled files of Rooms: complete, exact, disjoint."""

import json
from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from ctal.data.datasets.rooms import CLASSES, FOLDER

SPLITS = {"train": 320, "val": 64, "test": 64}
HEIGHT, WIDTH = 96, 128


@pytest.fixture(scope="module")
def card():
    return json.loads((FOLDER / "rooms.json").read_text())


@pytest.fixture(scope="module")
def views():
    """{split: {view name: {"image", "semseg", "depth", "normals"}}}, as stored."""
    return {split: {name: read(split, name) for name in names(split)} for split in SPLITS}


def names(split):
    return sorted(path.stem for path in (FOLDER / split / "semseg").iterdir())


def read(split, name):
    folder = FOLDER / split
    with np.load(folder / f"normals/{name}.npz") as archive:
        normals = archive["normals"]
    view = {
        "image": Image.open(folder / f"image/{name}.jpg"),
        "semseg": Image.open(folder / f"semseg/{name}.png"),
        "depth": Image.open(folder / f"depth/{name}.png"),
    }
    return {key: np.asarray(value) for key, value in view.items()} | {"normals": normals}


def rays(camera):
    """Return viewing rays (H, W, 3) of the pixel centers, with z = 1; the first is at (0, 0)."""
    u, v = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    x = (u - camera["cx"]) / camera["fx"]
    y = (v - camera["cy"]) / camera["fy"]
    return np.stack([x, y, np.ones_like(x)], axis=-1)


def test_every_view_has_all_files(views):
    for split, count in SPLITS.items():
        assert len(views[split]) == count
        for kind, ending in [("image", "jpg"), ("depth", "png"), ("normals", "npz")]:
            found = sorted(path.name for path in (FOLDER / split / kind).iterdir())
            assert found == [f"{name}.{ending}" for name in views[split]]


def test_shapes_types_and_ranges(views):
    for view in (view for split in views.values() for view in split.values()):
        assert view["image"].shape == (HEIGHT, WIDTH, 3)
        assert view["image"].dtype == view["semseg"].dtype == np.uint8
        assert view["semseg"].shape == view["depth"].shape == (HEIGHT, WIDTH)
        assert view["semseg"].max() < len(CLASSES)
        assert view["depth"].min() > 200  # millimeters; nothing touches the camera
        assert view["depth"].max() < 20_000
        assert view["normals"].shape == (HEIGHT, WIDTH, 3)
        assert view["normals"].dtype == np.float16
        assert 5 < view["image"].mean() < 250
        assert len(np.unique(view["semseg"])) >= 4


def test_normals_are_unit_and_face_the_camera(views, card):
    for split in views.values():
        for name, view in split.items():
            normals = view["normals"].astype(np.float64)
            np.testing.assert_allclose(np.linalg.norm(normals, axis=-1), 1, atol=2e-3)
            facing = (normals * rays(card["cameras"][name])).sum(-1)
            assert facing.max() < 5e-3  # of surfaces seen edge-on, half precision blurs the sign


def test_normals_agree_with_the_depth(views, card):
    """Back-projected points of neighbors on one surface span its tangent plane."""
    angles = []
    for name, view in views["val"].items():
        points = rays(card["cameras"][name]) * (view["depth"][..., None] / 1000)
        right, down = points[1:-1, 2:] - points[1:-1, :-2], points[2:, 1:-1] - points[:-2, 1:-1]
        cross = np.cross(down, right)  # x right, y down: down x right points to the camera
        cross /= np.linalg.norm(cross, axis=-1, keepdims=True)
        normals = view["normals"].astype(np.float64)
        centre = normals[1:-1, 1:-1]
        around = [normals[1:-1, 2:], normals[1:-1, :-2], normals[2:, 1:-1], normals[:-2, 1:-1]]
        smooth = np.all([(centre * other).sum(-1) > 0.999 for other in around], axis=0)
        cosine = (cross * centre).sum(-1)[smooth]
        angles.append(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
    assert np.median(np.concatenate(angles)) < 2


def test_no_scene_is_in_two_splits(views):
    scenes = [{name.partition("_")[0] for name in split} for split in views.values()]
    assert all(not (a & b) for a, b in combinations(scenes, 2))
    assert [len(scene) for scene in scenes] == [80, 16, 16]


def test_every_class_is_in_every_split(views):
    for split in views.values():
        counts = np.bincount(
            np.concatenate([view["semseg"].ravel() for view in split.values()]),
            minlength=len(CLASSES),
        )
        assert (counts / counts.sum()).min() > 0.002


def test_the_card_matches_the_files(card):
    assert card["classes"] == list(CLASSES)
    assert (card["height"], card["width"]) == (HEIGHT, WIDTH)
    assert card["views"] == SPLITS
    assert {"fx", "fy", "cx", "cy"} <= set(card["cameras"][names("test")[0]])


def test_size():
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < 16 * 2**20
