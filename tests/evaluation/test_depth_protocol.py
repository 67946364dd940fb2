"""Crops, limits and median scaling, compared with published evaluation code in numpy."""

import numpy as np
import pytest
import torch

from ctal.errors import InputError
from ctal.evaluation.depth_protocol import Crop, DepthProtocol
from ctal.metrics import RelativeError


def published(prediction, target, low, high, crop, scaling):
    """Return the relative error of one image as KITTI evaluation code computes it."""
    height, width = target.shape
    mask = (target > low) & (target < high)
    box = (np.array(crop) * [height, height, width, width]).astype(np.int32)
    inside = np.zeros_like(mask)
    inside[box[0] : box[1], box[2] : box[3]] = True
    mask &= inside
    p, t = prediction[mask], target[mask]
    if scaling:
        p = p * (np.median(t) / np.median(p))
    p = np.clip(p, low, high)
    return p, t, np.mean(np.abs(p - t) / t)


@pytest.mark.parametrize("scaling", [False, True])
@pytest.mark.parametrize("crop", [Crop.garg, Crop.eigen])
@pytest.mark.parametrize("size", [(375, 1242), (51, 170)])
def test_relative_error_of_kitti(scaling, crop, size):
    generator = np.random.default_rng(3)
    target = generator.uniform(0, 100, size).astype(np.float32)
    target[generator.random(size) < 0.7] = 0  # without a label
    prediction = generator.uniform(0.5, 120, size).astype(np.float32)
    p, t, expected = published(prediction, target, 1e-3, 80, crop.value, scaling)
    protocol = DepthProtocol(1e-3, 80, crop, scaling)
    found = protocol.apply(*(torch.from_numpy(x)[None, None] for x in (prediction, target)))
    known = found[1] > 0
    np.testing.assert_allclose(found[0][known], p, rtol=1e-5)
    np.testing.assert_array_equal(found[1][known], t)
    metric = RelativeError()
    metric.update(*found)
    assert float(metric.compute()) == pytest.approx(expected, rel=1e-5)


def test_pixels_of_the_crops():
    """The pixels given by the sources."""
    assert Crop.nyuv2.box(480, 640) == (slice(45, 471), slice(41, 601))
    assert Crop.garg.box(375, 1242) == (slice(153, 371), slice(44, 1197))
    assert Crop.eigen.box(375, 1242) == (slice(124, 342), slice(44, 1197))


def test_each_image_is_scaled_separately():
    target = torch.tensor([[1.0, 3, 0], [2, 2, 8]]).reshape(2, 1, 1, 3)
    prediction = torch.tensor([[1.0, 1, 50], [4, 4, 1]]).reshape(2, 1, 1, 3)
    scaled, same = DepthProtocol(median_scaling=True).apply(prediction, target)
    # medians: truth (1 + 3) / 2 = 2 of prediction 1; truth 2 of prediction 4
    assert scaled.flatten().tolist() == [2, 2, 100, 2, 2, 0.5]
    assert torch.equal(same, target)


def test_an_image_without_labels_is_unchanged():
    blank = torch.zeros(1, 1, 2, 2)
    prediction, target = DepthProtocol(median_scaling=True).apply(blank + 3, blank)
    assert torch.equal(prediction, blank + 3)
    assert not target.any()


def test_the_plain_protocol_changes_nothing():
    prediction, target = torch.rand(2, 1, 3, 4), torch.rand(2, 1, 3, 4)
    found = DepthProtocol().apply(prediction, target)
    assert found[0] is prediction
    assert found[1] is target


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ((0, None), "min_depth: expected a number of meters > 0, got 0"),
        ((None, float("inf")), "max_depth: expected a number of meters > 0, got inf"),
        ((5, 2), "min_depth: expected less than max_depth, 2, got 5"),
    ],
)
def test_limits_out_of_range(limits, message):
    with pytest.raises(InputError, match=f"^{message}"):
        DepthProtocol(*limits)


def test_title():
    assert DepthProtocol(1e-3, 80, Crop.garg, True).title() == (
        "0.001 to 80 m, crop garg, median scaling"
    )
    assert DepthProtocol(max_depth=10).title() == "0 to 10 m"
    assert DepthProtocol(min_depth=0.5).title() == "above 0.5 m"
    assert DepthProtocol().title() == ""
