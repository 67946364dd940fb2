"""Surface files, parsed by the glTF specification."""

import json
import struct

import numpy as np
import pytest
import torch

from ctal.demo.surface import FIELD_OF_VIEW, surface


def read(content):
    """Return the positions, colors and triangles of a .glb file."""
    magic, version, length = struct.unpack_from("<4sII", content)
    assert (magic, version, length) == (b"glTF", 2, len(content))
    size, kind = struct.unpack_from("<I4s", content, 12)
    assert kind == b"JSON"
    head = json.loads(content[20 : 20 + size])
    size_of_body, kind = struct.unpack_from("<I4s", content, 20 + size)
    assert kind == b"BIN\0"
    assert head["buffers"][0]["byteLength"] == size_of_body
    body = content[28 + size :]
    assert len(body) == size_of_body
    arrays = []
    for accessor, (kind, columns) in zip(
        head["accessors"], [("<f4", 3), ("u1", 4), ("<u4", 3)], strict=True
    ):
        view = head["bufferViews"][accessor["bufferView"]]
        part = body[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]
        arrays.append(np.frombuffer(part, kind).reshape(-1, columns))
        assert accessor["count"] in (len(arrays[-1]), arrays[-1].size)
    assert head["accessors"][0]["min"] == pytest.approx(arrays[0].min(axis=0).tolist())
    return arrays


def test_a_wall_is_a_plane_with_the_width_of_the_view():
    picture = torch.zeros(3, 30, 40, dtype=torch.uint8)
    picture[0, :, 20:] = 255
    points, colours, triangles = read(surface(torch.full((1, 30, 40), 2.0), picture))
    assert len(points) == 30 * 40
    assert (points[:, 2] == -2).all()
    # 39 steps from the first to the last of 40 pixels
    width = 2 * 2.0 * np.tan(np.radians(FIELD_OF_VIEW / 2)) * 39 / 40
    assert np.ptp(points[:, 0]) == pytest.approx(width, rel=1e-5)
    assert np.ptp(points[:, 1]) == pytest.approx(width * 29 / 39, rel=1e-5)
    first, last = points[0], points[-1]
    assert first[0] < 0 < last[0]  # left to right
    assert first[1] > 0 > last[1]  # top to bottom
    red = points[:, 0] > 0
    assert (colours[red] == [255, 0, 0, 255]).all()
    assert (colours[~red] == [0, 0, 0, 255]).all()
    assert len(triangles) == 2 * 29 * 39


def test_the_surface_has_gaps_at_depth_jumps():
    depth = torch.full((1, 10, 10), 1.0)
    depth[:, :, 5:] = 3.0
    points, _, triangles = read(surface(depth, torch.zeros(3, 10, 10, dtype=torch.uint8)))
    spans = np.ptp(points[triangles][..., 2], axis=1)
    assert (spans == 0).all()
    assert len(triangles) == 2 * 9 * 8


def test_triangles_face_the_camera():
    points, _, triangles = read(
        surface(torch.full((1, 6, 7), 1.5), torch.zeros(3, 6, 7, dtype=torch.uint8))
    )
    a, b, c = np.moveaxis(points[triangles], 1, 0)
    assert (np.cross(b - a, c - a)[:, 2] > 0).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (600, 800)])
def test_any_size_with_limited_detail(size):
    points, _, _ = read(surface(torch.ones(1, *size), torch.zeros(3, *size, dtype=torch.uint8)))
    assert 4 <= len(points) <= 192 * 192
