"""Thinning, compared with a pixelwise implementation of the paper and with scikit-image."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage import morphology

from ctal.metrics.thinning import thin, thin_at_thresholds

# east, then counterclockwise: (row, column) of the neighbors x1 to x8
AROUND = [(0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1)]


def removable(x: list[int], second: bool) -> bool:
    """Conditions G1, G2 and G3 (or its mirror image) for the neighbors x1..x8 as x[0]..x[7]."""
    g1 = sum(not x[i] and bool(x[i + 1] or x[(i + 2) % 8]) for i in (0, 2, 4, 6)) == 1
    n1 = sum(bool(x[i] or x[i + 1]) for i in (0, 2, 4, 6))
    n2 = sum(bool(x[i + 1] or x[(i + 2) % 8]) for i in (0, 2, 4, 6))
    g2 = 2 <= min(n1, n2) <= 3
    g3 = not ((x[5] or x[6] or not x[3]) and x[4]) if second else None
    g3 = not ((x[1] or x[2] or not x[7]) and x[0]) if g3 is None else g3
    return g1 and g2 and g3


def thinned(mask: np.ndarray) -> np.ndarray:
    padded = np.pad(mask, 1).astype(int)
    changing = True
    while changing:
        changing = False
        for second in (False, True):
            goes = [
                (row, column)
                for row, column in np.argwhere(padded)
                if removable([padded[row + y, column + x] for y, x in AROUND], second)
            ]
            for place in goes:
                padded[place] = 0
                changing = True
    return padded[1:-1, 1:-1].astype(bool)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6), share=st.floats(0.2, 0.95))
def test_a_random_mask_agrees_with_the_pixelwise_conditions(seed, share):
    generator = np.random.default_rng(seed)
    mask = generator.random(generator.integers(1, 14, 2)) < share
    assert np.array_equal(thin(mask), thinned(mask))


@pytest.mark.parametrize("count", [1, 63, 64, 65, 99, 130])
def test_all_thresholds_at_once(count):
    generator = np.random.default_rng(count)
    # blocks, so that lines are thick
    strength = generator.random((5, 6)).repeat(3, 0).repeat(2, 1).astype(np.float32)
    thresholds = np.linspace(0.01, strength.max(), count, dtype=np.float32)
    pixels, present = thin_at_thresholds(strength, thresholds)
    assert present.any(axis=1).all()
    for index in {0, count // 2, count - 1}:
        found = np.zeros(strength.size, bool)
        found[pixels[present[:, index]]] = True
        assert np.array_equal(found.reshape(strength.shape), thinned(strength >= thresholds[index]))


@pytest.mark.parametrize("blur", [0.0, 1.0, 3.0])
def test_thick_and_curved_lines_agree_with_scikit_image(blur):
    noise = np.random.default_rng(int(blur)).standard_normal((121, 150))
    strength = ndimage.gaussian_filter(noise, blur)
    thresholds = np.quantile(strength, np.linspace(0.02, 0.98, 25))
    pixels, present = thin_at_thresholds(strength, thresholds)
    for index, threshold in enumerate(thresholds):
        found = np.zeros(strength.size, bool)
        found[pixels[present[:, index]]] = True
        expected = morphology.thin(strength >= threshold)
        assert np.array_equal(found.reshape(strength.shape), expected)


def test_a_bar_becomes_a_line_and_a_line_is_unchanged():
    bar = np.zeros((9, 20), bool)
    bar[3:6, 2:18] = True
    line = thin(bar)
    assert line.any(axis=0).sum() >= 13
    assert line.sum(axis=0).max() == 1
    assert set(np.nonzero(line)[0]) == {4}
    assert np.array_equal(thin(line), line)


def test_an_empty_mask_is_unchanged():
    pixels, present = thin_at_thresholds(np.zeros((4, 5), np.float32), np.array([0.5, 0.7]))
    assert pixels.shape == (0,)
    assert present.shape == (0, 2)
