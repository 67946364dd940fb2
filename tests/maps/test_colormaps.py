"""Colormaps compared with matplotlib."""

import numpy as np
import pytest
from matplotlib import colormaps

from ctal.maps.colormaps import BUNDLED, apply_colormap

SHARES = np.linspace(0, 1, 4001, dtype=np.float32).reshape(-1, 1)


@pytest.mark.parametrize("name", [*BUNDLED, "Blues_r", "tab10"])
def test_the_same_colors_as_matplotlib(name):
    expected = colormaps[name](SHARES, bytes=True)[..., :3]
    np.testing.assert_array_equal(apply_colormap(SHARES, name), expected)


def test_unknown_names():
    with pytest.raises(ValueError, match=r"colormap: expected a name .* got 'viridiss'"):
        apply_colormap(SHARES, "viridiss")
