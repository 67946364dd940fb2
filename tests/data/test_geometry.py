"""Normals from depth, compared with analytic planes, a sphere and the rendered ones of Rooms."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms.v2 import functional as TF

from ctal.data import Camera, DepthMap, NormalMap, Rooms
from ctal.data.datasets.rooms import FOLDER
from ctal.data.geometry import axis_signs, normals_from_depth, unit_vectors
from ctal.errors import InputError

CAMERA = Camera(fx=60.0, fy=62.0, cx=31.0, cy=22.5)
SIZE = (48, 64)


def rays(camera=CAMERA, size=SIZE):
    v, u = np.mgrid[: size[0], : size[1]]
    x, y = (u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy
    return np.stack([x, y, np.ones(size)], axis=-1)


def plane(normal, distance, camera=CAMERA, size=SIZE):
    """Return the depth of the plane with this unit normal and distance from the camera."""
    along = rays(camera, size) @ normal
    return np.where(along < -1e-6, -distance / np.minimum(along, -1e-6), 0)


def degrees(a, b):
    return np.rad2deg(np.arccos(np.clip((a * b).sum(-1), -1, 1)))


@pytest.mark.parametrize(
    "normal",
    [(0, 0, -1), (0.6, 0, -0.8), (-0.6, 0, -0.8), (0, 0.6, -0.8), (0.48, -0.36, -0.8)],
    ids=["facing", "left wall", "right wall", "leaning over", "oblique"],
)
@pytest.mark.parametrize("radius", [1, 3, 6])
def test_the_normal_of_a_plane_is_recovered_at_every_pixel(normal, radius):
    found = normals_from_depth(plane(normal, 2.0), CAMERA, radius=radius)
    assert found.dtype == np.float32
    assert degrees(found, np.array(normal)).max() < 0.1


def test_a_floor_faces_up_and_a_wall_behind_it_faces_the_camera():
    # the camera is tilted down by 36.87 degrees, 1.6 m above the floor
    up, ahead = np.array([0, -0.8, -0.6]), np.array([0, 0.6, -0.8])
    floor, wall = plane(up, 1.6), plane(ahead, 2.4)
    depth = np.where((floor > 0) & (floor < wall), floor, wall)
    on_floor = depth == floor
    found = normals_from_depth(depth, CAMERA, radius=2)
    # they meet in a fold, and a window of 5 x 5 near it covers both
    meet = int(on_floor[:, 0].argmax())
    assert 10 < meet < 38
    assert degrees(found[: meet - 2], ahead).max() < 0.1
    assert degrees(found[meet + 2 :], up).max() < 0.1


def test_normals_of_a_sphere_point_away_from_its_center():
    centre, r = np.array([0.2, -0.1, 5.0]), 1.5
    ray = rays()
    a, b, c = (ray**2).sum(-1), ray @ centre, centre @ centre - r**2
    inside = b**2 - a * c
    hit = inside > 0
    depth = np.where(hit, (b - np.sqrt(np.maximum(inside, 0))) / a, 0)
    expected = (ray * depth[..., None] - centre) / r
    found = normals_from_depth(depth, CAMERA, radius=1)
    # away from its outline, where a window covers a tenth of the sphere and more
    middle = hit & ((expected * ray).sum(-1) < -0.7)
    assert middle.sum() > 400
    errors = degrees(found, expected)[middle]
    assert np.median(errors) < 0.2
    assert errors.max() < 1.5


def test_normals_on_both_sides_of_a_depth_border_are_correct():
    near, far = plane((0.6, 0, -0.8), 1.0), plane((-0.6, 0, -0.8), 3.0)
    left = np.arange(SIZE[1]) < 30
    found = normals_from_depth(np.where(left, near, far), CAMERA, radius=3)
    assert degrees(found[:, left], np.array([0.6, 0, -0.8])).max() < 0.1
    assert degrees(found[:, ~left], np.array([-0.6, 0, -0.8])).max() < 0.1


def test_unknown_normals_are_zero():
    depth = plane((0, 0, -1), 2.0)
    depth[:, :30] = 0
    depth[10, 50], depth[11, 51] = np.nan, np.inf
    depth[:4, 28:31] = 2.0  # three columns that touch the known part
    found = normals_from_depth(depth, CAMERA, radius=2)
    known = np.isfinite(depth) & (depth > 0)
    assert not found[~known].any()
    assert not found[:, :20].any()
    assert np.allclose(np.linalg.norm(found[known], axis=-1), 1, atol=1e-5)
    lonely = np.zeros(SIZE)
    lonely[20, 30], lonely[5, :] = 2.0, 2.0  # a point or a line does not determine a plane
    assert not normals_from_depth(lonely, CAMERA, radius=1).any()


@given(
    st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5)),
    st.floats(0.5, 8.0),
    st.tuples(st.integers(0, 10), st.integers(0, 14)),
)
@settings(max_examples=25, deadline=None)
def test_a_plane_remains_a_plane_after_flip_zoom_and_crop(slope, distance, corner):
    """n . p is constant on a plane; magnification by s scales points by 1 / s."""
    normal = np.array([*slope, -1.0]) / np.linalg.norm([*slope, -1.0])
    meters = plane(normal, distance)
    maps = [
        DepthMap.from_array(meters),
        NormalMap.from_array(normals_from_depth(meters, CAMERA, radius=2)),
    ]
    zoom, (top, left) = 2, corner
    moved = []
    for label_map in maps:
        zoomed = TF.resize(TF.horizontal_flip(label_map), [zoom * n for n in SIZE]).zoomed(zoom)
        moved.append(TF.crop(zoomed, top, left, *SIZE).numpy())
    depth, normals = moved[0][0], moved[1].transpose(1, 2, 0)
    # its camera: mirrored, s times the focal length, principal point moved by the crop
    mirrored = SIZE[1] - 1 - CAMERA.cx
    camera = Camera(
        zoom * CAMERA.fx,
        zoom * CAMERA.fy,
        zoom * (mirrored + 0.5) - 0.5 - left,
        zoom * (CAMERA.cy + 0.5) - 0.5 - top,
    )
    products = (normals * rays(camera) * depth[..., None]).sum(-1)
    # a new pixel is a quarter of an old pixel away from the source of its value
    step = np.abs(np.gradient(meters)).max() / meters.max()
    assert np.allclose(products, -distance / zoom, rtol=max(1e-3, 2 * step))
    again = normals_from_depth(depth, camera, radius=4)
    assert np.median(degrees(again, normals)) < 2


def test_normals_agree_with_the_rendered_ones_of_rooms():
    cameras = json.loads((FOLDER / "rooms.json").read_text())["cameras"]
    rooms, errors = Rooms("val"), []
    for index in range(0, len(rooms), 8):
        sample = rooms[index]
        k = {key: cameras[rooms.sample_name(index)][key] for key in ("fx", "fy", "cx", "cy")}
        found = normals_from_depth(sample["depth"][0].numpy(), Camera(**k), radius=1)
        errors.append(degrees(found, sample["normals"].numpy().transpose(1, 2, 0)))
    errors = np.concatenate([error.ravel() for error in errors])
    assert np.median(errors) < 1.2
    assert (errors < 10).mean() > 0.7  # the rest are pixels with several surfaces


def corridor(signs):
    """Return normals of two walls, floor, ceiling and end, stored with these signs."""
    ray = rays()
    x, y = ray[..., 0], ray[..., 1]
    side, level = np.abs(x) > np.maximum(np.abs(y), 0.3), np.abs(y) > np.maximum(np.abs(x), 0.3)
    normals = np.zeros((*SIZE, 3))
    normals[..., 0] = np.where(side, -np.sign(x), 0)
    normals[..., 1] = np.where(level & ~side, -np.sign(y), 0)
    normals[..., 2] = np.where(side | level, 0, -1.0)
    return normals * signs


@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, -1, -1), (1, -1, -1), (-1, 1, -1)])
def test_the_signs_of_axes_are_estimated(signs):
    assert axis_signs([corridor(signs)]) == signs


def test_undetermined_signs_are_an_error():
    with pytest.raises(InputError, match=r"normal_axes: .*cannot be determined"):
        axis_signs([np.broadcast_to(np.array([0, 0, -1.0]), (*SIZE, 3))])


def test_the_estimated_signs_of_rooms_are_positive():
    rooms = Rooms("val")
    normals = [rooms[i]["normals"].numpy().transpose(1, 2, 0) for i in range(0, 64, 4)]
    assert axis_signs(normals) == (1, 1, 1)


def test_vectors_are_normalized_and_short_ones_zeroed():
    vectors = np.array([[[0.0, 0.9, 0.0], [0.2, 0.2, 0.2], [0, 0, 0]]])
    assert unit_vectors(vectors).tolist() == [[[0, 1, 0], [0, 0, 0], [0, 0, 0]]]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_vector_that_is_not_finite_is_not_unlabelled(value):
    assert np.isnan(unit_vectors(np.array([[[0.0, value, 0.0]]]))).any()


@pytest.mark.parametrize(
    "change", [{"fx": 0.0}, {"fy": -1.0}, {"cx": float("nan")}, {"cy": float("inf")}]
)
def test_camera_parameters_must_be_finite(change):
    with pytest.raises(InputError, match="camera: expected finite fx, fy > 0"):
        Camera(**({"fx": 1.0, "fy": 1.0, "cx": 0.0, "cy": 0.0} | change))


def test_radius_and_jump_must_be_positive():
    for change in ({"radius": 0}, {"jump": 0.0}):
        with pytest.raises(InputError, match=r"normals: expected depth \(H, W\), radius >= 1"):
            normals_from_depth(np.ones((4, 4)), CAMERA, **change)
    with pytest.raises(InputError, match=r"normals: expected depth \(H, W\)"):
        normals_from_depth(np.ones((4, 4, 1)), CAMERA)


def test_depth_may_be_a_tensor_or_an_array():
    depth = torch.full(SIZE, 2.0)
    assert np.allclose(normals_from_depth(np.asarray(depth), CAMERA), [0, 0, -1], atol=1e-4)
