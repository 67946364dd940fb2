"""Options of `MapFiles` for vectors, distances, masks and maps of another size."""

import numpy as np
import pytest
import torch
from PIL import Image

from ctal.data import Camera, DepthMap, FolderDataset, MapFiles, NormalsFromDepth
from ctal.errors import InputError
from ctal.tasks import Depth, Edges, SemanticSegmentation, SurfaceNormals

CAMERA = Camera(fx=4.0, fy=2.0, cx=1.0, cy=0.0)


def test_distances_along_rays_become_depth(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[5, 3, 0], [5, np.nan, 2]], np.float16)[..., None])
    files = MapFiles(Depth(), "{name}", along_ray=CAMERA, ignore=[float("nan")])
    depth = files.read(tmp_path / "a.npy")[0].numpy()
    x, y = np.array([[-0.25, 0, 0.25]]), np.array([[0], [0.5]])
    length = np.sqrt(1 + x**2 + y**2)
    assert np.allclose(depth, np.array([[5, 3, 0], [5, 0, 2]]) / length)
    with pytest.raises(InputError, match="along_ray: expected a task of depth"):
        MapFiles(SurfaceNormals(), "{name}", along_ray=CAMERA)


def test_the_distance_of_a_point_is_converted_to_its_depth(tmp_path):
    """Independent reference: back-project a depth map, and compute the distances of its points."""
    camera = Camera(fx=50.0, fy=55.0, cx=20.3, cy=14.1)
    depth = np.random.default_rng(0).uniform(1, 9, (30, 40)).astype(np.float32)
    np.save(tmp_path / "a.npy", np.linalg.norm(camera.points(depth), axis=-1))
    read = MapFiles(Depth(), "{name}", along_ray=camera).read(tmp_path / "a.npy")
    assert np.allclose(read[0], depth, rtol=1e-6)


def test_intrinsics_of_another_size_are_scaled():
    """A camera of 4x8 pixels resized to 2x4: every second pixel edge keeps its position."""
    camera = Camera(fx=8.0, fy=6.0, cx=3.5, cy=1.5, size=(4, 8))
    small = camera.for_size(2, 4)
    assert (small.fx, small.fy, small.cx, small.cy) == (4, 3, 1.5, 0.5)
    assert camera.for_size(4, 8) is camera
    assert CAMERA.for_size(9, 9) is CAMERA
    # the ray of an edge between pixels does not depend on the size of the image
    assert (1.5 - camera.cx) / camera.fx == (0.5 - small.cx) / small.fx
    depth = np.ones((2, 4), np.float32)
    assert np.allclose(camera.points(depth), small.points(depth))
    with pytest.raises(InputError, match="camera: size: expected height and width >= 1"):
        Camera(8.0, 6.0, 3.5, 1.5, size=(0, 8))


def test_vectors_are_normalized(tmp_path):
    vectors = np.array([[[0, 0, -2], [0.6, 0, -0.6], [0.1, 0, 0], [np.nan, 0, 0]]], np.float16)
    np.save(tmp_path / "a.npy", vectors)
    nan = [float("nan")]
    normals = MapFiles(SurfaceNormals(), "{name}", normalize=True, ignore=nan).read(
        tmp_path / "a.npy"
    )
    half = 0.5**0.5
    expected = [[0, 0, -1], [half, 0, -half], [0, 0, 0], [0, 0, 0]]
    assert np.allclose(normals[:, 0].T, expected, atol=1e-6)
    with pytest.raises(InputError, match="normalize: expected a task of vectors"):
        MapFiles(Depth(), "{name}", normalize=True)


@pytest.fixture
def masked(tmp_path):
    """Return depth, normals and classes that are wrong where the mask is 0."""
    Image.fromarray(np.zeros((1, 3, 3), np.uint8)).save(tmp_path / "i.png")
    np.save(tmp_path / "i_depth.npy", np.array([[2, -1, np.inf]], np.float32)[..., None])
    np.save(tmp_path / "i_normal.npy", np.array([[[0, 0, -1], [9, 9, 9], [0, 0, 0]]], np.float32))
    np.save(tmp_path / "i_class.npy", np.array([[1, 77, 78]]))
    np.save(tmp_path / "i_mask.npy", np.array([[1, 0, 0]], np.float32))
    return tmp_path


def test_a_mask_removes_labels(masked):
    mask = {"mask": "{name}_mask.npy"}
    maps = [
        MapFiles(Depth(), "{name}_depth.npy", **mask),
        MapFiles(SurfaceNormals(), "{name}_normal.npy", normalize=True, **mask),
        MapFiles(SemanticSegmentation(2), "{name}_class.npy", labels={1: 0}, **mask),
    ]
    dataset = FolderDataset(masked, "{name}.png", maps)
    sample = dataset[0]
    assert sample["depth"].tolist() == [[[2, 0, 0]]]
    assert sample["normals"][:, 0].T.tolist() == [[0, 0, -1], [0, 0, 0], [0, 0, 0]]
    assert sample["semseg"].tolist() == [[0, 255, 255]]
    assert dataset.unused_files() == []
    np.save(masked / "i_mask.npy", np.ones((2, 3)))
    with pytest.raises(InputError, match=r"i_depth\.npy: mask: expected the size of the map, 1x3"):
        dataset[0]
    (masked / "i_mask.npy").unlink()
    with pytest.raises(
        InputError, match=r"i_mask\.npy: expected a file for each sample, 1 of 1 missing"
    ):
        FolderDataset(masked, "{name}.png", maps)


@pytest.fixture
def smaller(tmp_path):
    """Return an image of 4x6, with depth and classes of 2x3."""
    Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(tmp_path / "i.png")
    np.save(tmp_path / "i_d.npy", np.array([[1, 2, 3], [4, 5, 6]], np.float32))
    np.save(tmp_path / "i_c.npy", np.array([[0, 1, 1], [0, 0, 1]]))
    return tmp_path


def test_smaller_maps_are_resized_to_their_image(smaller):
    maps = [
        MapFiles(Depth(), "{name}_d.npy", resize=True),
        MapFiles(SemanticSegmentation(2), "{name}_c.npy", resize=True),
    ]
    sample = FolderDataset(smaller, "{name}.png", maps)[0]
    doubled = np.kron(np.array([[1, 2, 3], [4, 5, 6]]), np.ones((2, 2)))
    assert isinstance(sample["depth"], DepthMap)
    assert np.array_equal(sample["depth"][0], doubled)
    assert np.array_equal(sample["semseg"], np.kron([[0, 1, 1], [0, 0, 1]], np.ones((2, 2))))


def test_maps_of_another_size_are_refused_unless_resize_is_set(smaller):
    message = r"i_d\.npy: expected 4x6 .* the size .*got 2x3; set `resize: true`"
    with pytest.raises(InputError, match=message):
        FolderDataset(smaller, "{name}.png", [MapFiles(Depth(), "{name}_d.npy")])[0]
    np.save(smaller / "i_d.npy", np.ones((3, 3), np.float32))
    with pytest.raises(InputError, match=r"4x6 .* the aspect ratio of its image .*got 3x3$"):
        FolderDataset(smaller, "{name}.png", [MapFiles(Depth(), "{name}_d.npy", resize=True)])[0]


def test_derived_maps_are_computed_before_the_resizing(smaller):
    """A small depth map of a plane gives the correct normals with the intrinsics of the image."""
    y, x = np.indices((16, 24), dtype=np.float32)
    large = Camera(fx=60.0, fy=60.0, cx=23.5, cy=15.5, size=(32, 48))
    small = large.for_size(16, 24)
    rays = np.stack([(x - small.cx) / small.fx, (y - small.cy) / small.fy, np.ones_like(x)], -1)
    normal = np.array([0.6, 0, -0.8], np.float32)
    np.save(smaller / "i_d.npy", (-2 / (rays @ normal)).astype(np.float32))
    Image.fromarray(np.zeros((32, 48, 3), np.uint8)).save(smaller / "i.png")
    derived = NormalsFromDepth(60.0, 60.0, 23.5, 15.5, size=(32, 48), radius=1)
    maps = [MapFiles(Depth(), "{name}_d.npy", resize=True)]
    sample = FolderDataset(smaller, "{name}.png", maps, derived=[derived])[0]
    found = sample["normals"].as_subclass(torch.Tensor)
    assert found.shape == (3, 32, 48)
    assert torch.allclose(
        found, torch.from_numpy(normal)[:, None, None].expand_as(found), atol=1e-3
    )


def test_resized_edges_remain_connected(smaller):
    np.save(smaller / "i_c.npy", np.array([[0, 1, 0], [0, 1, 0]]))
    maps = [MapFiles(Edges(), "{name}_c.npy", resize=True)]
    edges = FolderDataset(smaller, "{name}.png", maps)[0]["edges"]
    assert edges.tolist() == [[0, 0, 1, 1, 0, 0]] * 4
