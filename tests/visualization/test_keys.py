"""Drawn keys: classes, color bars and spheres."""

import matplotlib
import numpy as np
import pytest
import torch

from ctal.tasks import Depth, Edges, InverseDepth, SemanticSegmentation, SurfaceNormals
from ctal.tasks.keys import ClassKey, ScaleKey, percent
from ctal.visualization.keys import draw_key, wrapped
from ctal.visualization.panels import load_font

FONT = load_font(13)


def drawn(key, width=300):
    return np.asarray(draw_key(key, width, FONT))


def shows(image, color):
    return (image == np.array(list(bytes.fromhex(color[1:])))).all(axis=-1).any()


def test_rare_classes_are_shown_and_many_are_summed():
    colors = SemanticSegmentation(40).palette()
    some = [(color, "chair", 0.2) for color in colors[:5]]
    assert all(shows(drawn(ClassKey(some)), color) for color, _, _ in some)
    many = [(color, f"class {i}", 0.02) for i, color in enumerate(colors)]
    image = drawn(ClassKey(many))
    assert image.shape[0] <= 6 * 19
    seen = [shows(image, color) for color in colors]
    assert seen[:10] == [True] * 10
    assert not any(seen[20:])


def test_a_color_bar_runs_from_the_first_to_the_last_color():
    image = drawn(ScaleKey(1.0, 3.0, "viridis", "m", ("near", "far")))
    viridis = matplotlib.colormaps["viridis"]
    assert image[5, 0].tolist() == list(viridis(0.0, bytes=True)[:3])
    assert image[5, -1].tolist() == list(viridis(1.0, bytes=True)[:3])
    without = drawn(ScaleKey(1.0, 3.0, "viridis"))
    assert without.shape[0] < image.shape[0]
    assert (without[20:] == 0).any()  # numbers


@pytest.mark.parametrize(("task", "near"), [(Depth(), "low"), (InverseDepth(), "high")])
def test_the_scale_of_depth_names_its_near_end(task, near):
    depth = torch.tensor([[[1.0, 2.0, 0.0, 4.0]]])
    key = task.key(depth)
    assert (key.low, key.high) == (1.0, 4.0)
    assert key.ends[near == "high"] == "near"
    # the colors are those of the map
    colors = matplotlib.colormaps[key.colormap]
    shown = task.visualize(depth)[:, 0].T.tolist()
    assert shown[0] == list(colors(0.0, bytes=True)[:3])
    assert shown[3] == list(colors(1.0, bytes=True)[:3])
    assert task.key(depth, torch.tensor([[[3.0, 9.0]]])).high == 9.0


def test_the_sphere_has_the_colors_of_normals():
    task = SurfaceNormals()
    key = task.key(torch.zeros(3, 1, 1))
    directions = torch.tensor([[0.0, 0.0], [-1.0, 0.0], [0.0, -1.0]])[:, None]  # up, to the camera
    up, ahead = task.visualize(directions)[:, 0].T.tolist()
    assert key.sphere[:, 64, 64].tolist() == ahead
    assert key.sphere[:, 0, 64].tolist() == up
    assert not key.inside[0, 0]
    assert drawn(key).shape[1] == 300


def test_probabilities_have_the_names_of_their_ends():
    assert Edges().key(torch.zeros(2, 2)).ends == ("no edge", "edge")


def test_text_is_broken_at_spaces():
    lines = wrapped("one two three extraordinarily", FONT.getlength("one two"), FONT)
    assert lines == ["one two", "three", "extraordinarily"]


def test_shares_near_none_and_all():
    shares = [0.0, -0.0, 1e-6, 0.0099, 0.01, 0.5, 0.99, 0.9999, 1.0]
    texts = ["0 %", "0 %", "<1 %", "<1 %", "1 %", "50 %", "99 %", ">99 %", "100 %"]
    assert [percent(share) for share in shares] == texts
