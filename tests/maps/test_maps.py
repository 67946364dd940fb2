"""Effect of transforms on the pixels and the values of label maps."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms import v2
from torchvision.tv_tensors import Image

from ctal.errors import InputError
from ctal.maps import ClassMap, DepthMap, EdgeMap, Map, NormalMap

MAPS = [
    ClassMap(torch.tensor([[0, 1, 255], [3, 4, 5]])),
    DepthMap(torch.tensor([[[1.0, 2.0, 0.0], [4.0, 5.0, 6.0]]])),
    NormalMap(
        torch.tensor(
            [[[0.6, 0, 0], [1, 0, 0]], [[0, 1, 0], [0, 0, 0]], [[-0.8, 0, 0], [0, -1, -1]]]
        )
    ),
    EdgeMap(torch.tensor([[0, 1, 255], [1, 0, 0]])),
]
NORMALS = MAPS[2]


@pytest.mark.parametrize("label", MAPS, ids=lambda label: type(label).__name__)
def test_a_flip_mirrors_pixels_and_preserves_the_type(label):
    flipped = v2.functional.horizontal_flip(label)
    assert type(flipped) is type(label)
    expected = label.as_subclass(torch.Tensor).flip(-1)
    if isinstance(label, NormalMap):
        expected = torch.stack([-expected[0], expected[1], expected[2]])
    assert torch.equal(flipped.as_subclass(torch.Tensor), expected)


def test_a_horizontal_flip_negates_the_x_component():
    flipped = v2.functional.horizontal_flip(NORMALS)
    assert flipped[:, 0, 2].tolist() == pytest.approx([-0.6, 0, -0.8])


def test_two_flips_of_a_batch_cancel():
    batch = NormalMap(torch.randn(2, 3, 4, 5))
    flip = v2.functional.horizontal_flip
    assert torch.equal(flip(flip(batch)), batch)


def test_a_random_flip_transforms_image_and_maps_together():
    image = Image(torch.rand(3, 2, 3))
    sample = {"image": image, "normals": NORMALS, "depth": MAPS[1]}
    flipped = v2.RandomHorizontalFlip(p=1.0)(sample)
    assert torch.equal(flipped["image"], image.flip(-1))
    assert torch.equal(flipped["depth"], MAPS[1].flip(-1))
    assert torch.equal(flipped["normals"][0], -NORMALS.flip(-1)[0])


def test_zooming_divides_only_depth():
    zoomed = MAPS[1].zoomed(2.0)
    assert type(zoomed) is DepthMap
    assert zoomed.tolist() == [[[0.5, 1.0, 0.0], [2.0, 2.5, 3.0]]]
    for label in (MAPS[0], NORMALS, MAPS[3]):
        assert torch.equal(label.zoomed(2.0), label)


@pytest.mark.parametrize("label", MAPS, ids=lambda label: type(label).__name__)
def test_resizing_uses_the_nearest_value(label):
    resized = v2.Resize((4, 6))(label)
    assert type(resized) is type(label)
    doubled = label.as_subclass(torch.Tensor).repeat_interleave(2, -1).repeat_interleave(2, -2)
    assert torch.equal(resized.as_subclass(torch.Tensor), doubled)


def test_the_unlabelled_value_of_each_type():
    assert [type(label).unlabelled for label in MAPS] == [255, 0, 0, 255]


def test_arrays_are_converted_to_the_documented_shape_and_type():
    classes = ClassMap.from_array(np.array([[0, 7, 255]], np.uint8))
    assert classes.dtype == torch.int64
    assert classes.tolist() == [[0, 7, 255]]
    for array in (np.ones((2, 3)), np.ones((2, 3, 1)), np.ones((1, 2, 3))):
        depth = DepthMap.from_array(array)
        assert depth.shape == (1, 2, 3)
        assert depth.dtype == torch.float32
    vectors = np.arange(24).reshape(2, 4, 3).astype(np.float16)
    normals = NormalMap.from_array(vectors)
    assert normals.shape == (3, 2, 4)
    assert normals[:, 1, 2].tolist() == [18, 19, 20]


@pytest.mark.parametrize(
    ("map_type", "array", "message"),
    [
        (
            ClassMap,
            np.zeros((4, 5, 3)),
            r"one value per pixel, \(H, W\), got the shape \(4, 5, 3\)",
        ),
        (ClassMap, np.array([[0.5]]), "not integers"),
        (ClassMap, np.array([[np.nan]]), "not integers"),
        (DepthMap, np.zeros((4, 5, 2)), "one value per pixel"),
        (NormalMap, np.zeros((4, 5)), "a vector per pixel"),
        (NormalMap, np.zeros((3, 4, 5)), "a vector per pixel"),
    ],
)
def test_an_array_of_another_shape_is_refused(map_type, array, message):
    with pytest.raises(InputError, match=message):
        map_type.from_array(array)


def test_a_blank_map_has_no_label():
    assert ClassMap.blank(2, 3).tolist() == [[255] * 3] * 2
    assert DepthMap.blank(2, 3).tolist() == [[[0.0] * 3] * 2]
    assert NormalMap.blank(2, 3).shape == (3, 2, 3)


def test_a_vertical_flip_negates_the_y_component():
    normals = NormalMap(torch.tensor([[[0.6], [0.0]], [[0.0], [0.8]], [[-0.8], [-0.6]]]))
    flipped = v2.functional.vertical_flip(normals)
    assert type(flipped) is NormalMap
    expected = torch.tensor([[[0.0], [0.6]], [[-0.8], [0.0]], [[-0.6], [-0.8]]])
    assert torch.equal(flipped.as_subclass(torch.Tensor), expected)


def test_resizing_uses_the_pixel_at_the_new_center():
    classes = ClassMap(torch.tensor([[1, 2, 3, 255, 5, 6]]))
    # centers of the 2 new pixels are at 1.5 and 4.5 of the old: inside the 2nd and 5th pixel
    assert v2.functional.resize(classes, [1, 2]).tolist() == [[2, 5]]


@settings(deadline=None, max_examples=50)
@given(
    seed=st.integers(0, 10**6),
    old=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    new=st.tuples(st.integers(1, 24), st.integers(1, 24)),
)
def test_resizing_preserves_edges(seed, old, new):
    values = torch.randint(3, old, generator=torch.Generator().manual_seed(seed))
    edges = EdgeMap(torch.where(values == 2, 255, values))
    resized = v2.functional.resize(edges, list(new))
    assert type(resized) is EdgeMap
    # each edge pixel is present at the position of its center
    places = (edges == 1).nonzero().double()
    centres = (places + 0.5) * torch.tensor(new) / torch.tensor(old)
    expected = torch.zeros(new, dtype=torch.bool)
    expected[tuple(centres.floor().long().T)] = True
    nearest = v2.functional.resize(ClassMap(edges), list(new)).as_subclass(torch.Tensor)
    assert torch.equal(resized == 1, expected | (nearest == 1))
    other = resized != 1
    assert torch.equal(resized[other], nearest[other])
    if new[0] >= old[0] and new[1] >= old[1]:
        assert torch.equal(resized.as_subclass(torch.Tensor), nearest)


def test_a_thin_line_remains_connected_when_reduced():
    edges = torch.zeros(2, 30, 40, dtype=torch.int64)
    edges[0, 7], edges[1, :, 11] = 1, 1
    smaller = v2.functional.resize(EdgeMap(edges), [7, 9])
    assert smaller.shape == (2, 7, 9)
    assert smaller[0].sum(dim=0).tolist() == [1] * 9
    assert smaller[1].sum(dim=1).tolist() == [1] * 7


def test_padding_is_unlabelled_for_any_fill_value_of_the_image():
    sample = {"image": Image(torch.ones(3, 1, 1)), "semseg": ClassMap(torch.tensor([[4]]))}
    padded = v2.Pad(1, fill=0)(sample)
    assert padded["semseg"].tolist() == [[255] * 3, [255, 4, 255], [255] * 3]


def test_a_crop_outside_the_map_is_unlabelled():
    classes = ClassMap(torch.tensor([[1, 2], [3, 4]]))
    crop = v2.functional.crop
    assert crop(classes, -1, 1, 2, 2).tolist() == [[255, 255], [2, 255]]
    assert crop(classes, 1, -1, 2, 2).tolist() == [[255, 3], [255, 255]]
    assert crop(classes, 0, 1, 2, 1).tolist() == [[2], [4]]
    assert type(crop(classes, 0, 1, 2, 1)) is ClassMap


def test_a_center_crop_is_unlabelled_outside_the_map():
    classes = ClassMap(torch.tensor([[1, 2, 3], [4, 5, 6]]))
    cropped = v2.CenterCrop((4, 1))(classes)
    assert cropped.tolist() == [[255], [2], [5], [255]]
    assert type(cropped) is ClassMap
    normals = v2.CenterCrop((4, 3))(NORMALS)
    assert torch.equal(normals[:, 1:3], NORMALS)
    assert not normals[:, [0, 3]].any()


@pytest.mark.parametrize(
    "transform",
    [v2.RandomRotation(10), v2.RandomAffine(10), v2.RandomPerspective(p=1.0), v2.ElasticTransform(),
     v2.RandomResizedCrop(4)],
)  # fmt: skip
def test_transforms_that_would_produce_wrong_values_are_refused(transform):
    with pytest.raises(InputError, match="RandomZoomCrop"):
        transform({"image": Image(torch.rand(3, 64, 64)), "depth": DepthMap(torch.ones(1, 64, 64))})


class Flow(Map):
    """A vector per pixel, without a kernel for flips."""

    leading = (2,)


class Angle(Map):
    """A direction as one value."""

    leading = (1,)
    directed = True


class Heat(Map):
    """Several values that are not a direction."""

    leading = (2,)
    directed = False


class TurnedNormalMap(NormalMap):
    """A subclass, which inherits the kernel of its base class."""


@pytest.mark.parametrize("transform", [v2.RandomHorizontalFlip(1.0), v2.RandomVerticalFlip(1.0)])
def test_a_direction_without_a_kernel_for_flips_is_refused(transform):
    for kind in (Flow, Angle):
        message = f"kernel for flips of {kind.__name__}, .* or set {kind.__name__}.directed = False"
        with pytest.raises(InputError, match=message):
            transform({"image": Image(torch.rand(3, 4, 4)), "flow": kind.blank(4, 4)})
    heat = Heat(torch.rand(2, 4, 4))
    dim = -1 if isinstance(transform, v2.RandomHorizontalFlip) else -2
    assert torch.equal(transform(heat), heat.flip(dim))
    assert type(transform(heat)) is Heat
    normals = torch.randn(3, 4, 4)
    assert torch.equal(transform(TurnedNormalMap(normals)), transform(NormalMap(normals)))


class Gap(Map):
    """Values; NaN where unlabelled."""

    leading = (1,)
    unlabelled = float("nan")


VALUES = torch.arange(1.0, 13).reshape(1, 3, 4)


@pytest.mark.parametrize(
    "transform",
    [
        lambda x: v2.functional.center_crop(x, [5, 2]),
        lambda x: v2.functional.center_crop(x, [3, 6]),
        lambda x: v2.functional.center_crop(x, [2, 2]),
        lambda x: v2.functional.pad(x, [1, 1]),
        lambda x: v2.functional.crop(x, -1, 1, 3, 4),
        lambda x: v2.functional.crop(x, 1, 1, 2, 2),
    ],
)
def test_new_pixels_of_a_map_with_nan_as_unlabelled_value(transform):
    """They are those of a map with the unlabelled value 0, whose values are all > 0."""
    reference = transform(DepthMap(VALUES)).as_subclass(torch.Tensor)
    moved = transform(Gap(VALUES))
    assert type(moved) is Gap
    values = moved.as_subclass(torch.Tensor)
    assert torch.equal(values.isnan(), reference == 0)
    assert torch.equal(values.nan_to_num(0), reference)


def test_a_nan_pixel_inside_a_crop_does_not_affect_its_neighbors():
    values = VALUES.clone()
    values[0, 1, 1] = torch.nan
    cropped = v2.functional.center_crop(Gap(values), [3, 2]).as_subclass(torch.Tensor)
    assert cropped.nan_to_num(-1).tolist() == [[[2, 3], [-1, 7], [10, 11]]]
    assert Gap.blank(2, 2).isnan().all()
