"""Non-maximum suppression, compared with an implementation in loops."""

import math

import numpy as np
import pytest
import torch

from ctal.metrics.non_maxima import crests


def read_off(maps: np.ndarray, y: float, x: float) -> float:
    """Interpolate bilinearly; constant beyond the outermost pixels."""
    y, x = (min(max(v, 0), n - 1) for v, n in zip((y, x), maps.shape, strict=True))
    top, left = min(int(y), maps.shape[0] - 2), min(int(x), maps.shape[1] - 2)
    v, u = y - top, x - left
    rows = maps[top : top + 2, left : left + 2] @ np.array([1 - u, u])
    return float(rows @ np.array([1 - v, v]))


def triangle(maps: np.ndarray, radius: int) -> np.ndarray:
    weights = np.array([radius + 1 - abs(step) for step in range(-radius, radius + 1)], float)
    weights /= weights.sum()
    for axis in (0, 1):
        padding = [(radius, radius) if dim == axis else (0, 0) for dim in (0, 1)]
        padded = np.pad(maps, padding, mode="symmetric")
        maps = np.apply_along_axis(np.convolve, axis, padded, weights, "valid")
    return maps


def slow_crests(probability: np.ndarray) -> np.ndarray:
    smoothed = triangle(probability.astype(float), 1)
    d_y, d_x = np.gradient(triangle(smoothed, 4))
    d_yy, d_xy = np.gradient(d_y)
    d_xx = np.gradient(d_x, axis=1)
    height, width = smoothed.shape
    result = np.zeros((height, width))
    for y in range(height):
        for x in range(width):
            sign = -1 if d_xy[y, x] > 0 else 1
            angle = math.atan(d_yy[y, x] * sign / (d_xx[y, x] + 1e-5))
            beside = [
                read_off(smoothed, y + step * math.sin(angle), x + step * math.cos(angle))
                for step in (-1, 1)
            ]
            if 1.01 * smoothed[y, x] >= max(beside):
                inner = [min(1.0, min(i, n - 1 - i) / 5) for i, n in ((y, height), (x, width))]
                result[y, x] = smoothed[y, x] * inner[0] * inner[1]
    return result


@pytest.mark.parametrize("seed", range(4))
def test_a_batch_of_random_maps(seed):
    generator = np.random.default_rng(seed)
    maps = generator.random((2, 19, 26)).astype(np.float32)
    result = crests(torch.from_numpy(maps)).numpy()
    for found, probability in zip(result, maps, strict=True):
        assert 0.2 < (found > 0).mean() < 0.8
        np.testing.assert_allclose(found, slow_crests(probability), atol=1e-6)


@pytest.mark.parametrize("size", [(2, 2), (3, 12), (9, 4)])
def test_a_map_smaller_than_the_filter(size):
    maps = np.random.default_rng(0).random((1, *size)).astype(np.float32)
    result = crests(torch.from_numpy(maps)).numpy()
    np.testing.assert_allclose(result[0], slow_crests(maps[0]), atol=1e-6)


@pytest.mark.parametrize(("dy", "dx"), [(0, 1), (1, 0), (1, 1), (1, -1), (1, 2), (3, -1)])
def test_a_blurred_line_is_reduced_to_its_center(dy, dx):
    y, x = np.mgrid[-30:31, -40:41]
    distance = (y * dx - x * dy) / math.hypot(dy, dx)
    line = np.exp(-(distance**2) / (2 * 3**2)).astype(np.float32)
    found = crests(torch.from_numpy(line)[None])[0].numpy()[8:-8, 8:-8] > 0.2
    along = np.abs(distance[8:-8, 8:-8])
    assert found[along < 0.4].all()
    assert not found[along > 1.1].any()


def test_nan_is_no_edge_and_does_not_affect_other_images():
    maps = torch.rand(2, 20, 20, generator=torch.Generator().manual_seed(0))
    expected = crests(maps)[1]
    maps[0] = torch.nan
    result = crests(maps)
    assert not result[0].any()
    assert torch.equal(result[1], expected)


def test_half_precision_is_computed_in_float32():
    maps = torch.rand(1, 12, 12, generator=torch.Generator().manual_seed(0)).bfloat16()
    result = crests(maps)
    assert result.dtype == torch.float32
    assert torch.equal(result, crests(maps.float()))
