import pytest
import torch
from torchvision.transforms import v2
from torchvision.tv_tensors import Image

from ctal.data import ClassMap, DepthMap, NormalMap, RandomZoomCrop
from ctal.data.transforms import resize
from ctal.errors import InputError

HEIGHT, WIDTH, FOCAL = 60, 80, 70.0
CENTRE = (37.0, 28.0)  # principal point, x and y, not at the image's center
NORMAL = torch.tensor([0.36, -0.48, -0.8], dtype=torch.float64)
OFFSET = -2.0  # the plane: NORMAL . X = OFFSET


def rays(focal, centre, height=HEIGHT, width=WIDTH):
    """Return viewing rays (H, W, 3) through the center of each pixel, at depth 1."""
    y, x = torch.meshgrid(
        torch.arange(height, dtype=torch.float64) + 0.5,
        torch.arange(width, dtype=torch.float64) + 0.5,
        indexing="ij",
    )
    return torch.stack([(x - centre[0]) / focal, (y - centre[1]) / focal, torch.ones_like(x)], -1)


def plane():
    """Return a sample of one plane; image and classes encode the pixel's column and row."""
    depth = OFFSET / (rays(FOCAL, CENTRE) @ NORMAL)
    columns = (torch.arange(WIDTH) + 0.5).expand(HEIGHT, WIDTH) / WIDTH
    rows = (torch.arange(HEIGHT) + 0.5)[:, None].expand(HEIGHT, WIDTH) / HEIGHT
    return {
        "image": Image(torch.stack([columns, rows, torch.zeros_like(rows)])),
        "columns": ClassMap(torch.arange(WIDTH).expand(HEIGHT, WIDTH).clone()),
        "rows": ClassMap(torch.arange(HEIGHT)[:, None].expand(HEIGHT, WIDTH).clone()),
        "depth": DepthMap(depth.float()[None]),
        "normals": NormalMap(NORMAL.float()[:, None, None].expand(3, HEIGHT, WIDTH).clone()),
        "name": "plane",
    }


def test_a_plane_remains_a_plane_after_zoom_and_crop():
    transform = RandomZoomCrop((1.5, 1.5))
    torch.manual_seed(3)
    zoomed = transform(plane())
    # the position of the crop, from the ids: 1.5 new pixels show one old pixel
    left, top = (
        1.5 * (zoomed[key].double().mean().item() + 0.5) - length / 2
        for key, length in [("columns", WIDTH), ("rows", HEIGHT)]
    )
    assert 0 <= left <= 0.5 * WIDTH + 0.5
    assert left > 1 or top > 1  # otherwise this would not test the crop
    # The corresponding camera has 1.5 times the focal length, and its principal point moved with
    # the crop; in the units of the original camera the plane is 1.5 times nearer.
    centre = (1.5 * CENTRE[0] - left, 1.5 * CENTRE[1] - top)
    seen = OFFSET / (rays(1.5 * FOCAL, centre) @ NORMAL)
    error = zoomed["depth"][0].double() * 1.5 - seen
    # the error of each pixel is that of at most half an old pixel, and there is no shift on average
    slope = torch.maximum(seen.diff(dim=1).abs().max(), seen.diff(dim=0).abs().max()).item()
    assert error.abs().max() < 2 * 0.75 * slope
    assert abs(error.mean()) < 0.05 * slope
    assert torch.equal(zoomed["normals"], plane()["normals"])
    assert zoomed["name"] == "plane"


def test_a_frontal_wall_is_nearer_by_the_factor():
    sample = plane() | {"depth": DepthMap(torch.full((1, HEIGHT, WIDTH), 3.0))}
    assert RandomZoomCrop((1.5, 1.5))(sample)["depth"].unique().tolist() == [2.0]


@pytest.mark.parametrize("factor", [1.1, 1.37, 2.0])  # without centers midway between pixels
def test_image_and_maps_are_transformed_together(factor):
    torch.manual_seed(0)
    zoomed = RandomZoomCrop((factor, factor))(plane())
    inner = (slice(3, -3), slice(3, -3))
    for channel, key, length in [(0, "columns", WIDTH), (1, "rows", HEIGHT)]:
        told = zoomed["image"][channel].as_subclass(torch.Tensor)[inner] * length - 0.5
        difference = told - zoomed[key].as_subclass(torch.Tensor)[inner]
        assert difference.abs().max() < 0.75
        assert difference.mean().abs() < 0.1


def test_shrinking_pads_with_unlabelled_pixels():
    torch.manual_seed(0)
    small = RandomZoomCrop((0.5, 0.5))(plane())
    known = small["depth"][0] > 0
    assert known.sum() == (HEIGHT // 2) * (WIDTH // 2)
    assert torch.equal(small["columns"] != 255, known)
    assert torch.equal(small["normals"].norm(dim=0) > 0, known)
    assert small["image"][:, ~known].abs().max() == 0
    assert small["image"].shape == (3, HEIGHT, WIDTH)
    farthest = plane()["depth"].max().item()
    assert small["depth"].max().item() == pytest.approx(2 * farthest, rel=0.02)


def test_a_plane_remains_a_plane_after_a_flip():
    flipped = v2.RandomHorizontalFlip(p=1.0)(plane())
    mirrored_centre = (WIDTH - CENTRE[0], CENTRE[1])
    points = rays(FOCAL, mirrored_centre) * flipped["depth"][0].double()[..., None]
    normals = flipped["normals"].double().permute(1, 2, 0)
    assert torch.allclose((points * normals).sum(-1), torch.tensor(OFFSET).double(), atol=1e-5)
    # seen from the camera's side, as before
    assert ((rays(FOCAL, mirrored_centre) * normals).sum(-1) < 0).all()


def test_color_jitter_changes_only_the_image():
    torch.manual_seed(0)
    before, after = plane(), v2.ColorJitter(0.5, 0.5, 0.5, 0.1)(plane())
    assert not torch.allclose(after["image"], before["image"], atol=0.01)
    for key in ("columns", "rows", "depth", "normals"):
        assert type(after[key]) is type(before[key])
        assert torch.equal(after[key], before[key])


def test_resizing_does_not_change_values():
    sample = plane()
    del sample["name"]
    small = resize(sample, (HEIGHT // 2, WIDTH // 2))
    assert small["image"].shape == (3, HEIGHT // 2, WIDTH // 2)
    assert torch.isin(small["depth"], sample["depth"]).all()
    assert torch.equal(small["normals"].unique(), sample["normals"].unique())
    # antialias: the mean of the area of a pixel, at its center
    assert small["image"][0, 0, 9].item() == pytest.approx(19 / WIDTH)


@pytest.mark.parametrize("scale", [(0.0, 1.0), (2.0, 1.0), (-1.0, 1.0), (1.0, float("inf"))])
def test_an_invalid_range_is_refused(scale):
    with pytest.raises(InputError, match="scale: expected two numbers"):
        RandomZoomCrop(scale)
