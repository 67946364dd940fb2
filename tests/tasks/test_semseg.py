"""Semantic segmentation task."""

import math

import pytest
import torch
import torch.nn.functional as F

from ctal.errors import InputError
from ctal.maps import ClassMap
from ctal.tasks import SemanticSegmentation
from ctal.tasks.colours import class_colours


def test_loss_of_two_pixels_by_hand():
    # pixel 0: scores 0, ln 3 and label 1 -> -ln(3/4); pixel 1: unlabelled
    raw = torch.tensor([0.0, math.log(3.0)]).view(1, 2, 1, 1).repeat(1, 1, 1, 2)
    loss = SemanticSegmentation(2).loss(raw, torch.tensor([[[1, 255]]]))
    assert loss.item() == pytest.approx(-math.log(0.75))


def test_loss_equals_torch():
    raw = torch.randn(3, 6, 5, 7)
    target = torch.randint(6, (3, 5, 7))
    target[torch.rand(target.shape) < 0.3] = 255
    expected = F.cross_entropy(raw, target, ignore_index=255)
    torch.testing.assert_close(SemanticSegmentation(6).loss(raw, target), expected)


def test_decode_returns_the_class_with_the_highest_score():
    raw = torch.tensor([[[[1.0, 0.0]], [[2.0, -5.0]], [[0.0, -1.0]]]])
    decoded = SemanticSegmentation(3).decode(raw)
    assert decoded.dtype == torch.int64
    assert decoded.tolist() == [[[1, 0]]]


def test_an_unlabelled_pixel_has_no_class_in_the_encoding():
    encoded = SemanticSegmentation(3).encode(torch.tensor([[[2, 255]]]))
    assert encoded.movedim(1, -1).tolist() == [[[[0, 0, 1], [0, 0, 0]]]]


@pytest.mark.parametrize("wrong", [-1, 3, 254, 256])
def test_the_error_of_a_class_out_of_range_names_it_and_the_range(wrong):
    target = ClassMap(torch.tensor([[0, 2], [255, wrong]]))
    with pytest.raises(
        InputError, match=rf"semseg: expected class ids 0\.\.2.* got \[{wrong}\] \(in 1 pixel\)"
    ):
        SemanticSegmentation(3).check(target)


def test_error_is_one_where_the_class_is_wrong():
    task = SemanticSegmentation(3)
    error = task.error(torch.tensor([[[0, 1, 2]]]), torch.tensor([[[0, 2, 255]]]))
    assert error[0, 0, :2].tolist() == [0, 1]
    assert error[0, 0, 2].isnan()


def test_given_colors_are_used():
    task = SemanticSegmentation(2, ["wall", "floor"], ["#ff8000", "#0000FF"])
    picture = task.visualize(ClassMap(torch.tensor([[0, 1, 255]])))
    assert picture[:, 0].T.tolist() == [[255, 128, 0], [0, 0, 255], [0, 0, 0]]


def test_the_legend_lists_the_visible_classes():
    task = SemanticSegmentation(3, class_names=["bed", "wall", "tv"])
    prediction = torch.full((10, 20), 1)
    prediction[0, :3], prediction[1, 0], prediction[2] = 0, 2, 255
    colors = task.palette()
    assert task.legend(prediction) == [
        (colors[1], "wall"),
        (colors[0], "bed"),
        (colors[2], "tv"),
    ]
    assert SemanticSegmentation(3).legend(prediction) == []
    # with the shares of 200 pixels, of which 20 have no label
    assert task.key(prediction).entries == [
        (colors[1], "wall", pytest.approx(176 / 200)),
        (colors[0], "bed", pytest.approx(3 / 200)),
        (colors[2], "tv", pytest.approx(1 / 200)),
    ]
    assert SemanticSegmentation(3).key(prediction).entries[0][1] == "class 1"


def simulated(colors, matrix):
    """Convert colors "#rrggbb" to CIELAB as seen with a color vision deficiency."""
    rgb = torch.tensor([list(bytes.fromhex(color[1:])) for color in colors]) / 255
    linear = torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = (linear @ torch.tensor(matrix).T).clamp(0, 1)
    to_xyz = torch.tensor(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    xyz = linear @ to_xyz.T / torch.tensor([0.9505, 1.0, 1.0888])
    f = torch.where(xyz > 0.008856, xyz ** (1 / 3), 7.787 * xyz + 16 / 116)
    x, y, z = f.T
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=1)


@pytest.mark.parametrize(
    "matrix",
    [  # Machado et al., 2009, of severity 1: protanopia, deuteranopia, tritanopia
        [[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.0520]],
        [[0.3673, 0.8606, -0.2280], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]],
        [[1.2555, -0.0767, -0.1788], [-0.0784, 0.9308, 0.1476], [0.0047, 0.6914, 0.3039]],
    ],
)
def test_default_colors_are_distinct_for_color_blind_readers(matrix):
    lab = simulated(class_colours(13), matrix)
    assert (torch.cdist(lab, lab) + 1e3 * torch.eye(13)).min() > 22
    lab = simulated(class_colours(24), matrix)
    assert (torch.cdist(lab, lab) + 1e3 * torch.eye(24)).min() > 13


def test_default_colors_look_different_with_full_color_vision():
    lab = simulated(class_colours(13), torch.eye(3).tolist())
    distances = torch.cdist(lab, lab) + 1e3 * torch.eye(13)
    assert distances.min() > 34  # two violets at 29 once
    lab = simulated(class_colours(24), torch.eye(3).tolist())
    assert (torch.cdist(lab, lab) + 1e3 * torch.eye(24)).min() > 26
    assert distances[3, 11] > 60  # chairs and walls of NYUv2, both frequent; two dark reds once


def test_the_entropy_of_probabilities():
    task = SemanticSegmentation(4)
    raw = torch.zeros(1, 4, 1, 3)
    raw[0, 0, 0, 1] = 100.0  # sure
    raw[0, :2, 0, 2] = 100.0  # one of two: ln 2 / ln 4
    assert task.entropy(raw)[0, 0, 0].tolist() == pytest.approx([1.0, 0.0, 0.5], abs=1e-6)


def test_default_colors_are_all_different_and_far_from_black():
    colours = [tuple(bytes.fromhex(colour[1:])) for colour in class_colours(255)]
    assert len(set(colours)) == 255
    assert min(max(colour) for colour in colours) >= 120
    # the first colors do not depend on the number of classes, and are well separated
    assert class_colours(13) == class_colours(255)[:13]
    first = torch.tensor(colours[:13]).float()
    distances = torch.cdist(first, first) + 1e3 * torch.eye(13)
    assert distances.min() > 50


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 1}, "num_classes: expected an integer in 2..255, got 1"),
        ({"num_classes": 256}, "num_classes"),
        ({"num_classes": 2.0}, "num_classes"),
        ({"num_classes": True}, "num_classes"),
        ({"num_classes": 2, "class_names": ["a"]}, "class_names: expected a list of 2"),
        ({"num_classes": 2, "class_names": "ab"}, "class_names"),
        ({"num_classes": 2, "colours": ["#000000"]}, "colours: expected a list of 2"),
        ({"num_classes": 2, "colours": ["#00000g", "#000000"]}, "colours: expected '#rrggbb'"),
        ({"num_classes": 2, "colours": ["red", "#000000"]}, "got 'red'"),
    ],
)
def test_invalid_arguments_are_rejected(arguments, message):
    with pytest.raises(InputError, match=message):
        SemanticSegmentation(**arguments)


def test_a_task_equals_its_copy_loaded_with_lists():
    task = SemanticSegmentation(2, ("a", "b"))
    assert task == SemanticSegmentation(2, ["a", "b"])
    assert hash(task) == hash(SemanticSegmentation(2, ["a", "b"]))


@pytest.mark.parametrize("name", [None, 1.5, {"a": 1}, ["a"], "\ud800"])
def test_class_names_are_strings(name):
    with pytest.raises(InputError, match="class_names: expected strings"):
        SemanticSegmentation(2, ["a", name])
