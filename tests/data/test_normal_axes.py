import numpy as np
import pytest

from ctal.data.completeness import allowing_incomplete
from ctal.data.normal_axes import stored_axes
from ctal.errors import InputError

HEIGHT, WIDTH = 9, 12


def corridor(signs):
    """Return normals of two walls, a floor and an end, with axes of these signs."""
    normals = np.full((HEIGHT, WIDTH, 3), [0, 0, -1.0], np.float32)
    normals[:, :4], normals[:, 8:] = [0.8, 0, -0.6], [-0.8, 0, -0.6]
    normals[6:, 4:8] = [0, -1, 0]
    return normals * np.array(signs, np.float32)


def reader(broken, signs=(1, -1, -1)):
    def read(name):
        if name in broken:
            raise InputError(f"{name}.png: broken")
        return corridor(signs)

    return read


def test_axes_are_estimated_from_some_samples():
    asked = []

    def read(name):
        asked.append(name)
        return corridor((-1, 1, -1))

    assert stored_axes(None, [str(i) for i in range(100)], read) == (-1, 1, -1)
    assert len(asked) == 16
    assert asked[:3] == ["0", "6", "12"]


def test_given_axes_must_be_signs():
    assert stored_axes((1, -1, 1), ["a"], reader("a")) == (1, -1, 1)
    for wrong in ((0, 1, 1), (1, 2, 1), (1, 1, float("nan"))):
        with pytest.raises(InputError, match="normal_axes: expected 1 or -1 for each of x, y and"):
            stored_axes(wrong, ["a"], reader(""))


def test_a_broken_sample_is_reported_at_once_or_when_it_is_read():
    with pytest.raises(InputError, match=r"b\.png: broken"):
        stored_axes(None, "abc", reader("b"))
    with allowing_incomplete():
        assert stored_axes(None, "abc", reader("b")) == (1, -1, -1)
        with pytest.raises(InputError, match=r"c\.png: broken"):  # no readable sample is left
            stored_axes(None, "abc", reader("abc"))
