"""The files of Rooms that the package ships: counts, ranges, geometry and splits."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2] / "src" / "ctal" / "data" / "rooms"
SPLITS = {"train": 320, "val": 64, "test": 64}
H, W = 96, 128


def names(split):
    return sorted(path.stem for path in (ROOT / split / "image").iterdir())


def read(split, name):
    image = np.array(Image.open(ROOT / split / "image" / f"{name}.jpg"))
    semseg = np.array(Image.open(ROOT / split / "semseg" / f"{name}.png"))
    depth = np.array(Image.open(ROOT / split / "depth" / f"{name}.png")) / 1000.0
    with np.load(ROOT / split / "normals" / f"{name}.npz") as arrays:
        normals = arrays["normals"]
    return image, semseg, depth, normals


def rays(camera):
    x, y = np.meshgrid(
        (np.arange(W) - camera["cx"]) / camera["fx"], (np.arange(H) - camera["cy"]) / camera["fy"]
    )
    return np.stack([x, y, np.ones_like(x)], -1)


@pytest.fixture(scope="module")
def card():
    return json.loads((ROOT / "rooms.json").read_text())


def test_counts_and_names(card):
    for split, count in SPLITS.items():
        found = names(split)
        assert len(found) == count == card["views"][split]
        for kind in ("semseg", "depth", "normals"):
            assert sorted(path.stem for path in (ROOT / split / kind).iterdir()) == found
        assert all(card["cameras"][name]["split"] == split for name in found)
    assert len(card["cameras"]) == sum(SPLITS.values())


def test_no_scene_in_two_splits():
    scenes = [{name.split("_")[0] for name in names(split)} for split in SPLITS]
    assert len(set().union(*scenes)) == sum(map(len, scenes))


def test_size():
    assert sum(path.stat().st_size for path in ROOT.rglob("*") if path.is_file()) < 16 * 2**20


@pytest.mark.parametrize("split", SPLITS)
def test_every_class_in_every_split(split, card):
    counts = np.zeros(len(card["classes"]), int)
    views = np.zeros(len(card["classes"]), int)
    for name in names(split):
        ids = np.array(Image.open(ROOT / split / "semseg" / f"{name}.png"))
        assert ids.max() < len(card["classes"])
        seen = np.bincount(ids.ravel(), minlength=len(card["classes"]))
        counts, views = counts + seen, views + (seen > 0)
    assert counts.min() / counts.sum() > 0.004
    assert views.min() >= 8


@pytest.mark.parametrize("split", SPLITS)
def test_ranges_and_normals_face_the_camera(split, card):
    for name in names(split):
        image, semseg, depth, normals = read(split, name)
        assert image.shape == (H, W, 3)
        assert image.dtype == np.uint8
        assert 40 < image.mean() < 215
        assert semseg.shape == depth.shape == (H, W)
        assert semseg.dtype == np.uint8
        assert len(np.unique(semseg)) >= 5
        assert depth.min() > 0.2
        assert depth.max() < 10.0
        assert normals.shape == (H, W, 3)
        assert normals.dtype == np.float16
        wide = normals.astype(float)
        assert np.abs(np.linalg.norm(wide, axis=-1) - 1).max() < 2e-3
        view = rays(card["cameras"][name])
        view /= np.linalg.norm(view, axis=-1, keepdims=True)
        # half precision may lift a normal seen edge-on by a thousandth
        assert (wide * view).sum(-1).max() < 2e-3


@pytest.mark.parametrize("split", SPLITS)
def test_normals_agree_with_depth(split, card):
    medians = []
    for name in names(split):
        _, semseg, depth, normals = read(split, name)
        points = rays(card["cameras"][name]) * depth[..., None]
        across = points[1:-1, 2:] - points[1:-1, :-2]
        along = points[2:, 1:-1] - points[:-2, 1:-1]
        made = np.cross(along, across)
        made /= np.linalg.norm(made, axis=-1, keepdims=True)
        # smooth: one class around the pixel, and inverse depth (linear on a plane) without a bend
        inverse = 1 / depth
        bend = np.abs(inverse[1:-1, 2:] + inverse[1:-1, :-2] - 2 * inverse[1:-1, 1:-1])
        bend += np.abs(inverse[2:, 1:-1] + inverse[:-2, 1:-1] - 2 * inverse[1:-1, 1:-1])
        smooth = bend < 1e-3
        for dy, dx in ((0, 1), (2, 1), (1, 0), (1, 2)):
            smooth &= semseg[dy : H - 2 + dy, dx : W - 2 + dx] == semseg[1:-1, 1:-1]
        dot = (made * normals[1:-1, 1:-1].astype(float)).sum(-1)[smooth]
        assert smooth.mean() > 0.2, name
        medians.append(np.median(np.rad2deg(np.arccos(np.clip(dot, -1, 1)))))
    assert max(medians) < 2.0
