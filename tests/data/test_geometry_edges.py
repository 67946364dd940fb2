import numpy as np
import pytest

from ctal.data.geometry_edges import class_borders, depth_jumps
from ctal.errors import InputError


def test_a_border_is_the_pixel_left_of_or_above_another_class():
    classes = np.array([[1, 1, 2], [1, 1, 2], [3, 3, 2]])
    assert class_borders(classes).tolist() == [[0, 1, 0], [1, 1, 0], [0, 1, 0]]


def test_pixels_beside_unlabelled_ones_are_unknown():
    classes = np.array([[4, 4, 4, 255, 5, 5, 5]])
    assert class_borders(classes).tolist() == [[0, 0, 255, 255, 255, 0, 0]]


def test_a_sliver_is_closed_in_its_middle():
    classes = np.array([[4, 4, 255, 255, 5, 5]])
    assert class_borders(classes, gap=1).tolist() == [[0, 0, 1, 0, 0, 0]]
    wide = np.array([[4, 255, 255, 255, 255, 5]])
    assert class_borders(wide, gap=1).tolist() == [[0, 255, 255, 255, 255, 0]]
    assert class_borders(wide, gap=2).tolist() == [[0, 0, 1, 0, 0, 0]]
    assert wide.tolist() == [[4, 255, 255, 255, 255, 5]]  # not modified in place


def test_a_border_pixel_beside_unknown_pixels_is_an_edge():
    classes = np.array([[1, 2], [255, 2]])
    assert class_borders(classes).tolist() == [[1, 0], [255, 255]]


def test_without_an_unlabelled_value_all_values_are_classes():
    assert class_borders(np.array([[0, 255, 255]]), unlabelled=-1).tolist() == [[1, 0, 0]]


def test_the_nearer_side_of_a_jump_is_an_edge():
    depth = np.array([[1.0, 1.05, 2.0, 2.0, 1.0, 0.0, 3.0]])
    assert depth_jumps(depth, jump=0.1).tolist() == [[0, 1, 0, 0, 1, 255, 0]]
    assert depth_jumps(depth.T, jump=0.1).T.tolist() == [[0, 1, 0, 0, 1, 255, 0]]
    assert depth_jumps(depth, jump=0.01).tolist() == [[1, 1, 0, 0, 1, 255, 0]]


def test_invalid_shapes_and_arguments_are_refused():
    with pytest.raises(InputError, match="gap >= 0"):
        class_borders(np.zeros((2, 2), int), gap=-1)
    with pytest.raises(InputError, match="jump > 0"):
        depth_jumps(np.ones((2, 2)), jump=0)
    for function in (class_borders, depth_jumps):
        with pytest.raises(InputError, match=r"expected \(H, W\)"):
            function(np.ones((1, 2, 2)))
