"""Pixels of heat maps and bars."""

import numpy as np
import pytest
import torch

from ctal.explanation.drawing import bars, heat_map, marked, shown_size


def test_positive_is_red_negative_blue_and_zero_gray():
    picture = torch.full((3, 20, 40), 90, dtype=torch.uint8)
    values = np.repeat(np.array([[1.0, -1.0, 0.0, 5.0]], np.float32), 20, axis=0)
    painted = heat_map(values.repeat(10, axis=1), picture, limit=1.0).int()
    red, green, blue = painted[:, 10, 5]
    assert red > green + 50
    assert red > blue + 50
    red, green, blue = painted[:, 10, 15]
    assert blue > red + 50
    assert np.ptp(painted[:, 10, 25].numpy()) <= 3  # one step from white
    assert (painted[:, 10, 35] == painted[:, 10, 5]).all()


def test_a_map_of_zeros_has_a_scale():
    picture = torch.zeros(3, 20, 40, dtype=torch.uint8)
    heat_map(np.zeros((2, 4), np.float32), picture, limit=0.0)


def test_bar_lengths_are_proportional_to_shares():
    picture = bars(["depth", "bias"], np.array([0.75, 0.25], np.float32), (240, 320)).int()
    coloured = (picture.amax(0) - picture.amin(0) > 40).sum(dim=1).max()
    assert coloured == pytest.approx(0.75 * 320, abs=3)
    grey = ((picture == 176).all(dim=0)).sum(dim=1).max()
    assert grey == pytest.approx(0.25 * 320, abs=3)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (2, 5), (700, 500)])
def test_images_of_any_shape(size):
    shown = shown_size(size)
    assert min(shown) >= 1
    assert 320 <= max(shown) <= 640
    assert bars(["depth", "bias"], np.array([1, 0], np.float32), shown).shape == (3, *shown)
    picture = torch.full((3, *shown), 100, dtype=torch.uint8)
    assert (marked(picture, (size[1] - 1, size[0] - 1), size) != picture).any()


def test_the_marker_surrounds_its_pixel():
    picture = torch.full((3, 200, 320), 100, dtype=torch.uint8)
    ring = (marked(picture, (50, 20), (100, 160)) != picture).any(dim=0)
    ys, xs = ring.nonzero(as_tuple=True)
    # the center of pixel (50, 20) at twice the size
    assert (xs.min() + xs.max()).item() / 2 == pytest.approx(101, abs=2)
    assert (ys.min() + ys.max()).item() / 2 == pytest.approx(41, abs=2)
    assert not ring[41, 101]
