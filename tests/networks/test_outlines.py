"""Shapes of networks without values."""

import subprocess
import sys

import pytest
import timm
import torch
from torch.nn import functional as F

from ctal.networks.outlines import outlined


@pytest.mark.parametrize(
    "name",
    [
        *("test_resnet", "test_efficientnet", "test_convnext", "test_vit", "test_mambaout"),
        "hrnet_w18_small",
    ],
)
def test_shapes_are_those_of_the_network(name):
    images = torch.rand(1, 3, 96, 96)
    options = {"img_size": 96} if name == "test_vit" else {}
    body = timm.create_model(name, features_only=True, **options).eval()
    with outlined(), torch.no_grad():
        outline = timm.create_model(name, features_only=True, **options).eval()
        maps = outline(torch.zeros(images.shape))
    assert all(value.is_meta for value in outline.state_dict().values())
    assert {key: value.shape for key, value in outline.state_dict().items()} == {
        key: value.shape for key, value in body.state_dict().items()
    }
    assert [x.shape for x in maps] == [x.shape for x in body(images)]


def test_sums_and_products_are_broadcast():
    with outlined():
        column, row = torch.zeros(2, 3, 1), torch.zeros(1, 4, dtype=torch.float64)
        assert (column + row).shape == (column * row).shape == (2, 3, 4)
        assert (column + row).dtype == torch.float64
        assert (torch.zeros(2, dtype=torch.int64) * 0.5).dtype == torch.float32
        with pytest.raises(ValueError, match="mismatch"):
            torch.zeros(2, 3) + torch.zeros(4)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stride": (2, 3), "padding": (1, 0), "dilation": (1, 2)},
        {"stride": 2, "padding": 3, "groups": 2, "bias": False},
        {"padding": "same", "dilation": 2},
    ],
)
def test_convolutions(options):
    expected = torch.nn.Conv2d(4, 6, (3, 2), **options)(torch.zeros(2, 4, 19, 17)).shape
    with outlined():
        assert torch.nn.Conv2d(4, 6, (3, 2), **options)(torch.zeros(2, 4, 19, 17)).shape == expected


def test_values_of_tensors_in_memory_are_computed():
    with outlined():
        values = torch.tensor([-1.0, 2.0], device="cpu")
        assert F.relu(values).tolist() == [0, 2]
        assert (values + values).tolist() == [-2, 4]
        assert torch.nn.init.constant_(values, 3.0).tolist() == [3, 3]
    assert torch.nn.init.constant_(values, 4.0).tolist() == [4, 4]


def test_outlines_do_not_import_the_compiler():
    code = (
        "import sys\n"
        "from ctal.compat import import_image_libraries\n"
        "import_image_libraries()\n"
        "from ctal.networks.encoders.bodies import body_options\n"
        "body_options('tf_efficientnet_lite0', (64, 96))\n"
        "sys.exit('torch._dynamo' in sys.modules or 'sympy' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
