import numpy as np
import pytest
import torch

from ctal.cli.point_cloud import camera_of, check_center, save_ply
from ctal.data.geometry import Camera
from ctal.errors import InputError


def test_points_of_a_pinhole_camera():
    depth = torch.full((3, 5), 2.0)
    depth[0, 4] = 4.0
    found = torch.from_numpy(Camera(100.0, 50.0, 2.0, 1.0).points(depth.numpy()))
    torch.testing.assert_close(found[1, 2], torch.tensor([0.0, 0.0, 2.0]))  # the axis
    torch.testing.assert_close(found[0, 4], torch.tensor([2 / 100 * 4, -1 / 50 * 4, 4.0]))
    torch.testing.assert_close(found[2, 0], torch.tensor([-2 / 100 * 2, 1 / 50 * 2, 2.0]))


def test_the_header_describes_the_content(tmp_path):
    depth, picture = torch.rand(4, 6) + 1, torch.randint(0, 256, (3, 4, 6), dtype=torch.uint8)
    camera = camera_of([5.0, 5.0, 2.5, 1.5])
    save_ply(depth, picture, camera, tmp_path / "a.ply")
    header, _, body = (tmp_path / "a.ply").read_bytes().partition(b"end_header\n")
    assert header.startswith(b"ply\nformat binary_little_endian 1.0\nelement vertex 24\n")
    properties = [line.split()[1:] for line in header.decode().splitlines() if "property" in line]
    kinds = {"float": "<f4", "uchar": "u1"}
    vertices = np.frombuffer(body, dtype=[(name, kinds[kind]) for kind, name in properties])
    assert list(vertices.dtype.names) == ["x", "y", "z", "red", "green", "blue"]
    expected = camera.points(depth.numpy()).reshape(-1, 3)
    for axis, name in enumerate("xyz"):
        np.testing.assert_array_equal(vertices[name], expected[:, axis])
    for channel, name in enumerate(("red", "green", "blue")):
        np.testing.assert_array_equal(vertices[name], picture[channel].flatten().numpy())


@pytest.mark.parametrize(
    "intrinsics", [[500, 500, 320], [500, 0, 1, 1], [500, float("nan"), 1, 1], [5, 5, 1, 1, 0]]
)
def test_invalid_intrinsics(intrinsics):
    with pytest.raises(InputError, match="expected fx fy cx cy, in pixels"):
        camera_of(intrinsics)


@pytest.mark.parametrize("center", [(6.5, 2), (3, -1), (3, 4.1)])
def test_a_center_outside_the_image(center):
    with pytest.raises(InputError, match=r"expected cx in 0..6 and cy in 0..4, .*got "):
        check_center(camera_of([5, 5, *center]), torch.zeros(3, 4, 6, dtype=torch.uint8))
