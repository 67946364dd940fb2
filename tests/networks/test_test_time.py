"""Test-time augmentation, compared with explicit means over flipped and scaled copies."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.small_networks import TASKS, Echo

from ctal.errors import InputError
from ctal.inference import Model
from ctal.maps import NormalMap
from ctal.networks import Network, Predictions
from ctal.networks.test_time import TestTimeAugmentation, scaled
from ctal.tasks import Depth, SemanticSegmentation, SurfaceNormals


class Slopes(Network):
    """Network whose normals follow the gradient of the red channel, consistently with flips."""

    def __init__(self, tasks, *, image_size):
        super().__init__(tasks, image_size=image_size)
        self.scale = torch.nn.Parameter(torch.tensor(5.0))

    def predict_raw(self, images):
        red = self.scale * F.pad(images[:, :1], (1, 1, 1, 1), mode="replicate")
        x = red[..., 1:-1, 2:] - red[..., 1:-1, :-2]
        y = red[..., 2:, 1:-1] - red[..., :-2, 1:-1]
        return Predictions({"normals": torch.cat([x, y, -torch.ones_like(x)], dim=1)}, [])


@pytest.fixture
def image():
    return torch.rand(3, 32, 64, generator=torch.Generator().manual_seed(1))


def test_a_mirrored_scene_has_mirrored_normals(image):
    model = Model(Slopes([SurfaceNormals()], image_size=(32, 64)))
    once = model.predict(image)["normals"]
    assert np.abs(once[..., 0]).mean() > 0.3
    np.testing.assert_allclose(model.predict(image, flip=True)["normals"], once, atol=1e-6)


def test_a_flip_averages_raw_maps_and_flips_directions(image):
    echo = Model(Echo(TASKS, image_size=(32, 64)))
    maps = echo.predict(image, flip=True)
    # Echo's raw maps do not depend on the neighborhood, so both copies have equal values
    vector = image - 0.5
    vector[0] = 0  # x and -x
    expected = F.normalize(vector, dim=0).permute(1, 2, 0).numpy()
    np.testing.assert_allclose(maps["normals"], expected, atol=1e-5)
    np.testing.assert_allclose(maps["depth"], (10 * image[0]).clamp(min=1e-3), rtol=1e-5)
    assert np.array_equal(maps["semseg"], image.argmax(0).numpy())


def test_a_flip_is_the_mean_of_two_predictions(network, image):
    model = Model(network)
    with torch.no_grad():
        one, other = (network(x[None]).final["depth"][0, 0] for x in (image, image.flip(-1)))
    expected = ((one + other.flip(-1)) / 2).clamp(min=1e-3)
    np.testing.assert_allclose(model.predict(image, flip=True)["depth"], expected, atol=1e-5)


def test_scales_are_resized_from_the_image_and_averaged(network, image):
    model = Model(network)
    large = F.interpolate(image[None], (64, 128), mode="bilinear", antialias=True).clamp(0, 1)
    with torch.no_grad():
        one = network(image[None]).final["depth"]
        network.resize((64, 128))
        other = network(large).final["depth"]
    other = F.interpolate(other, (32, 64), mode="bilinear", antialias=True)
    network.resize((32, 64))
    found = model.predict(image, scales=[1, 2])["depth"]
    np.testing.assert_allclose(found, ((one + other) / 2)[0, 0].clamp(min=1e-3), atol=1e-4)
    alone = model.predict(image, scales=[2])["depth"]
    np.testing.assert_allclose(alone, other[0, 0].clamp(min=1e-3), atol=1e-4)


def test_without_options_nothing_changes(network, image):
    model = Model(network)
    plain, same = model.predict(image), model.predict(image, flip=False, scales=[1])
    assert all(np.array_equal(plain[name], same[name]) for name in plain)


def test_each_tile_is_flipped(image):
    model = Model(Slopes([SurfaceNormals()], image_size=(32, 32)))
    once = model.predict(image, tiled=True)["normals"]
    both = model.predict(image, tiled=True, flip=True)["normals"]
    np.testing.assert_allclose(both, once, atol=1e-5)


@pytest.mark.parametrize(
    ("scale", "size"),
    [(1, (33, 50)), (0.5, (64, 64)), (1.25, (128, 160)), (2, (192, 256)), (0.01, (32, 32))],
)
def test_sizes_are_multiples_of_32(scale, size):
    assert scaled((33, 50) if scale == 1 else (96, 128), scale) == size


@pytest.mark.parametrize("scales", [[], [0], [-1, 1], [float("nan")], [float("inf")]])
def test_scales_out_of_range(network, image, scales):
    with pytest.raises(InputError, match=r"^scales: expected one or more numbers > 0"):
        Model(network).predict(image, scales=scales)
    with pytest.raises(InputError, match=r"^scales: "):
        Model(network).predict([image], scales=scales)


@dataclass(frozen=True)
class Angles(SurfaceNormals):
    """Task with normals as two angles."""

    channels: ClassVar[int] = 2  # type: ignore[assignment]


def test_directions_in_other_channels_require_their_own_rule():
    assert Angles.map_type is NormalMap
    with pytest.raises(InputError, match=r"^flip: expected a rule .* override Angles\.mirrored"):
        Angles().mirrored(torch.zeros(1, 2, 4, 4))


def test_title_copies_and_flips():
    assert TestTimeAugmentation().title() == ""
    assert TestTimeAugmentation(True, [0.5, 1]).title() == "flip and scales 0.5, 1"
    assert TestTimeAugmentation(True, [0.5, 1]).copies == 4
    raw = torch.rand(2, 5, 4, 6)
    assert torch.equal(SemanticSegmentation(5).mirrored(raw), raw.flip(-1))
    assert torch.equal(Depth().mirrored(raw[:, :1]), raw[:, :1].flip(-1))
