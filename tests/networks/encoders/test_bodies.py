"""Selection of feature maps of timm models, and supported image sizes."""

import pytest

from ctal.errors import InputError
from ctal.networks.encoders.bodies import body_options, feature_maps


@pytest.mark.parametrize(
    ("name", "indices", "patch"),
    [
        ("resnet18", (1, 2, 3, 4), None),  # its first map has stride 2
        ("test_convnext", (0, 1, 2, 3), None),
        ("vgg11", (2, 3, 4, 5), None),
        ("vit_tiny_patch16_224", (2, 5, 8, 11), 16),
        ("vit_large_patch14_dinov2", (5, 11, 17, 23), 14),
        ("vit_giant_patch14_dinov2", (9, 19, 29, 39), 14),
        ("test_vit", (1, 2, 4, 5), 16),
        ("vit_small_patch14_dinov2.lvd142m", (2, 5, 8, 11), 14),  # with the tag of its weights
    ],
)
def test_maps_of_a_pyramid_or_of_blocks_at_regular_depths(name, indices, patch):
    assert feature_maps(name) == (indices, patch)


def test_a_patch_size_is_rounded_to_a_power_of_two():
    maps = feature_maps("eva02_tiny_patch14_224")
    assert maps.strides == (16, 16, 16, 16)
    assert maps.body_size((512, 288)) == (448, 252)
    assert feature_maps("vit_small_patch8_224").strides == (8, 8, 8, 8)
    assert feature_maps("vit_small_patch8_224").body_size((512, 288)) == (512, 288)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("swinv2_small_window8_256", (512, 512)),
        ("swin_tiny_patch4_window7_224", (96, 160)),
        ("maxvit_tiny_tf_224", (288, 384)),
    ],
)
def test_windows_do_not_limit_the_sizes(name, size):
    assert body_options(name, size)["img_size"] == size


def test_errors_name_supported_values():
    with pytest.raises(InputError, match="unknown timm model 'resnett18'; did you mean 'resnet18'"):
        feature_maps("resnett18")
    with pytest.raises(InputError, match=r"got 'levit_128s' with \(16, 32, 64\); use a pyramid"):
        feature_maps("levit_128s")
    for name, reason in (
        ("efficientformer_l1", "use another size .it was designed for 224x224. or another encoder"),
        ("legacy_xception", "expected maps of 16x24, .*, got 15x23, "),
    ):
        start = f"image_size: the encoder '{name}' does not support images of 64x96: "
        with pytest.raises(InputError, match=f"^{start}.*{reason}") as caught:
            body_options(name, (64, 96))
        assert "\n" not in str(caught.value)
