"""`Model.explain` with any network that contains CTAL."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ctal import CTAL
from ctal.errors import InputError
from ctal.explanation import capture_affinities, checked_pixel, grid_pixel
from ctal.inference import Model
from ctal.networks import CTALNet, MultiScaleCTALNet, Network, Predictions, SharedEncoderNet
from ctal.tasks import Depth, SemanticSegmentation, SurfaceNormals

TASKS = [SemanticSegmentation(3), Depth(), SurfaceNormals()]
NAMES = ["semseg", "depth", "normals"]


class TwoScales(Network):
    """CTAL on image colors at two scales, with one module called by keyword."""

    def __init__(self, tasks, *, image_size):
        super().__init__(tasks, image_size=image_size)
        names, (H, W) = [task.name for task in tasks], image_size
        self.fine, self.coarse = CTAL(names, 3, (H, W)), CTAL(names, 3, (H // 4, W // 4))
        self.heads = nn.ModuleDict({task.name: nn.Conv2d(3, task.channels, 1) for task in tasks})

    def predict_raw(self, images):
        small = nn.functional.avg_pool2d(images, 4)
        coarse = self.coarse(features={name: small for name in self.heads})
        grown = {name: nn.functional.interpolate(x, scale_factor=4) for name, x in coarse.items()}
        refined = self.fine(grown)
        return Predictions({n: head(refined[n]) for n, head in self.heads.items()}, [])


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return Model(CTALNet(TASKS, "test_resnet", image_size=(32, 64), channels=8))


@pytest.mark.parametrize("network", [CTALNet, MultiScaleCTALNet])
def test_networks_of_the_package(network):
    torch.manual_seed(0)
    model = Model(network(TASKS, "test_resnet", image_size=(32, 64), channels=8))
    picture = torch.rand(3, 64, 100)
    explained = model.explain(picture, (99, 63))
    assert list(explained) == ["refinement.ctal"]
    found = explained["refinement.ctal"]
    assert found.tasks == NAMES
    assert found.pixel == (15, 7)
    assert {name: m.shape for name, m in found.mixed.items()} == dict.fromkeys(NAMES, (8, 16))
    for row in found.affinity.values():
        assert row.dtype == np.float32
        assert row[7, 15] == pytest.approx(1, abs=1e-6)
        assert np.abs(row).max() <= 1 + 1e-6
    assert found.contributions.shape == (3, 4)


def test_a_custom_network_with_several_modules():
    model = Model(TwoScales(TASKS, image_size=(32, 64)))
    explained = model.explain(torch.rand(3, 32, 64), (63, 0))
    assert {name: found.pixel for name, found in explained.items()} == {
        "fine": (63, 0),
        "coarse": (15, 0),
    }
    assert explained["coarse"].affinity["depth"].shape == (8, 16)


def test_explaining_has_no_side_effects(model):
    picture = torch.rand(3, 32, 64)
    before = model.predict(picture)["depth"]
    model.explain(picture, (0, 0))
    assert not model.network.refinement.ctal._forward_hooks
    np.testing.assert_array_equal(model.predict(picture)["depth"], before)
    with pytest.raises(InputError), capture_affinities(model.network):
        model.network(torch.rand(1, 3, 7, 7))
    assert not model.network.refinement.ctal._forward_hooks


def test_different_pixels_have_different_rows(model):
    picture = torch.rand(3, 32, 64)
    one, other = (model.explain(picture, p)["refinement.ctal"].mixed for p in ((0, 0), (40, 20)))
    assert not np.allclose(one["depth"], other["depth"])


@pytest.mark.parametrize(
    ("pixel", "message"),
    [
        (
            (64, 0),
            r"x in 0\.\.63 and y in 0\.\.31 in an image of width 64 .* got x 64 and y 0",
        ),
        ((0, 32), "got x 0 and y 32"),
        ((-1, 5), "got x -1 and y 5"),
        ((1.5, 2), r"expected two integers, x and y, got '1\.5 2'"),
        ((1, 2, 3), "expected two integers"),
    ],
)
def test_invalid_pixels(model, pixel, message):
    with pytest.raises(InputError, match=f"^pixel: .*{message}"):
        model.explain(torch.rand(3, 32, 64), pixel)


def test_a_network_without_ctal():
    model = Model(SharedEncoderNet(TASKS, "test_resnet", image_size=(32, 64)))
    with pytest.raises(InputError, match="SharedEncoderNet has no CTAL module"):
        model.explain(torch.rand(3, 32, 64), (0, 0))


@given(st.integers(1, 50), st.integers(1, 50), st.integers(1, 20), st.integers(1, 20))
def test_every_pixel_maps_to_the_grid_and_every_cell_is_used(height, width, rows, columns):
    size, grid = (height, width), (rows, columns)
    xs = [grid_pixel(checked_pixel((x, 0), size), size, grid)[0] for x in range(width)]
    ys = [grid_pixel(checked_pixel((0, y), size), size, grid)[1] for y in range(height)]
    for places, count, side in ((xs, columns, width), (ys, rows, height)):
        assert places == [int((p + 0.5) * count / side + 1e-9) for p in range(side)]
        assert 0 <= min(places) <= max(places) < count
        assert set(places) == set(range(count)) or side < count
