"""Cross entropy of small maps, against that of enlarged maps in float64."""

import pytest
import torch
import torch.nn.functional as F

from ctal.losses.small_maps import cross_entropy_of_small

CLASSES = 5


def drawn(small, full, batch=2, scale=3.0):
    """Return scores, labels with unlabelled pixels, and class weights."""
    torch.manual_seed(0)
    labels = torch.randint(-1, CLASSES, (batch, *full))
    return torch.randn(batch, CLASSES, *small) * scale, labels, torch.rand(CLASSES) + 0.1


def reference(raw, labels, weights):
    raw = raw.double().requires_grad_()
    full = F.interpolate(raw, size=labels.shape[-2:], mode="bilinear", align_corners=False)
    losses = F.cross_entropy(full, labels, weights.double(), ignore_index=-1, reduction="sum")
    losses.backward()
    return losses.detach(), weights[labels[labels >= 0]].double().sum(), raw.grad


def assert_equal(raw, labels, weights):
    found = cross_entropy_of_small(raw, labels, weights)
    for value, expected in zip(found, reference(raw, labels, weights), strict=True):
        assert value.dtype == torch.float32
        error = (value - expected).norm() / expected.norm().clamp(min=1)
        assert error < 2e-6


@pytest.mark.parametrize("small", [(1, 1), (3, 5), (7, 40), (40, 7), (18, 24)])
@pytest.mark.parametrize("full", [(36, 48), (18, 24), (1, 3), (9, 31)])
def test_totals_and_gradient(small, full):
    assert_equal(*drawn(small, full))


@pytest.mark.parametrize("scale", [1e-4, 30.0, 1e4])
def test_small_and_large_scores(scale):
    assert_equal(*drawn((5, 6), (20, 24), scale=scale))


def test_scores_far_below_the_largest_count_as_zero():
    raw = torch.tensor([0.0, -200.0, -1e30]).reshape(1, 3, 1, 1)
    labels = torch.tensor([[[0, 1, 2]]])
    total, weight, gradient = cross_entropy_of_small(raw, labels, torch.ones(3))
    assert total.item() == pytest.approx(1e30)
    assert weight.item() == 3
    assert gradient.flatten().tolist() == pytest.approx([2, -1, -1])


def test_unlabelled_images_count_nothing():
    raw, labels, weights = drawn((3, 5), (12, 20))
    labels[1] = -1
    total, weight, gradient = cross_entropy_of_small(raw, labels, weights)
    assert not gradient[1].any()
    alone = cross_entropy_of_small(raw[:1], labels[:1], weights)
    assert [total, weight] == list(alone[:2])
    assert cross_entropy_of_small(raw, torch.full_like(labels, -1), weights)[:2] == (0, 0)


def test_threads_give_the_same_numbers():
    arguments = drawn((9, 12), (36, 48), batch=5)
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            found.append(cross_entropy_of_small(*arguments))
    finally:
        torch.set_num_threads(before)
    assert all(map(torch.equal, *found))


def test_arrays_that_are_views_of_others():
    raw, labels, weights = drawn((6, 10), (12, 20))
    expected = cross_entropy_of_small(raw, labels, weights)
    views = raw.contiguous(memory_format=torch.channels_last), labels.mT.contiguous().mT
    assert all(map(torch.allclose, cross_entropy_of_small(*views, weights), expected))
