"""Pyramid of a plain vision transformer: positions, and magnitude of channels."""

import pytest
import torch

from ctal.networks.encoders.neck import PyramidNeck

STRIDES = (4, 8, 16, 32)


@pytest.mark.parametrize("given", [8, 16, 32])
def test_scales_halve_and_channels_double(given):
    neck = PyramidNeck([32] * 4, [given] * 4, STRIDES)
    side = 64 // given
    scales = neck([torch.rand(2, 32, side, 2 * side) for _ in STRIDES])
    assert neck.out_channels == [4, 8, 16, 32]
    assert [tuple(x.shape) for x in scales] == [
        (2, 4, 16, 32),
        (2, 8, 8, 16),
        (2, 16, 4, 8),
        (2, 32, 2, 4),
    ]


def test_a_pixel_keeps_its_position():
    """At each scale it affects its own position within the window of one 3x3 convolution."""
    torch.manual_seed(0)
    neck = PyramidNeck([32] * 4, [16] * 4, STRIDES).eval()
    maps = torch.rand(4, 1, 32, 8, 8)
    other = maps.clone()
    other[..., 5, 2] += 1  # which are rows 80 to 95 and columns 32 to 47 of an image
    with torch.no_grad():
        pairs = list(zip(neck(list(maps)), neck(list(other)), strict=True))
    places = {4: (20, 24, 8, 12), 8: (10, 12, 4, 6), 16: (5, 6, 2, 3), 32: (2, 3, 1, 2)}
    for (before, after), (top, bottom, left, right) in zip(pairs, places.values(), strict=True):
        changed = (before != after).any(dim=1)[0]
        rows, columns = changed.any(dim=1).nonzero(), changed.any(dim=0).nonzero()
        assert (rows.min(), rows.max()) == (max(top - 1, 0), min(bottom, before.shape[2] - 1))
        assert (columns.min(), columns.max()) == (max(left - 1, 0), min(right, before.shape[3] - 1))


def test_a_channel_that_is_large_everywhere_does_not_dominate_the_others():
    torch.manual_seed(0)
    neck = PyramidNeck([32] * 4, [16] * 4, STRIDES)
    maps = torch.randn(4, 2, 32, 8, 8)
    large = maps.clone()
    large[:, :, 7] = 1000 * large[:, :, 7] + 5000
    for one, other in zip(neck(list(maps)), neck(list(large)), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3)
