"""odsF."""

import math

import pytest
import torch

from ctal.errors import InputError
from ctal.metrics import OdsF

H, W = 40, 60  # a diagonal of 72.1 pixels
ROWS = slice(10, 30)


def label(*columns: int) -> torch.Tensor:
    """Return the label of an image with vertical edges of 20 pixels, (1, H, W)."""
    target = torch.zeros(1, H, W, dtype=torch.int64)
    target[:, ROWS, list(columns)] = 1
    return target


def guess(**probabilities: float) -> torch.Tensor:
    """Return a prediction with lines in these columns ("c20"); smoothing halves the values."""
    prediction = torch.zeros(1, H, W)
    for column, probability in probabilities.items():
        prediction[:, ROWS, int(column[1:])] = probability
    return prediction


def score(*pictures: tuple[torch.Tensor, torch.Tensor], max_distance: float = 0.03) -> float:
    metric = OdsF(max_distance)
    for prediction, target in pictures:
        metric.update(prediction, target)
    value = metric.compute()
    assert value.dtype == torch.float64
    return value.item()


def test_a_perfect_prediction_scores_one():
    assert score((label(20, 35).float(), label(20, 35))) == 1


@pytest.mark.parametrize(
    ("shift", "max_distance", "expected"),
    [(0, 0.0075, 1), (1, 0.0075, 0), (1, 0.015, 1), (2, 0.03, 1), (3, 0.03, 0), (3, 0.042, 1)],
)
def test_the_tolerance_is_a_fraction_of_the_diagonal(shift, max_distance, expected):
    pair = (guess(**{f"c{20 + shift}": 0.8}), label(20))
    assert score(pair, max_distance=max_distance) == pytest.approx(expected, abs=1e-12)


def test_two_lines_cannot_match_the_same_edge():
    # 20 of 40 found pixels have a partner, and all 20 true ones
    assert score((guess(c18=0.8, c22=0.8), label(20))) == pytest.approx(2 / 3)


def test_two_edges_cannot_match_the_same_line():
    assert score((guess(c20=0.8), label(18, 22))) == pytest.approx(2 / 3)


def test_counts_are_pooled_over_images():
    # 20 of 20 found, 20 of 60 true: not the mean of 1 and 0
    pictures = [(guess(c20=0.8), label(20)), (guess(), label(20, 35))]
    assert score(*pictures) == pytest.approx(2 * 20 / (20 + 60))
    batch = tuple(torch.cat(maps) for maps in zip(*pictures, strict=True))
    assert score(batch) == score(*pictures)


def test_the_dataset_has_one_threshold():
    # each image has another threshold at which it is perfect
    strong, weak = (guess(c20=1.0, c35=0.6), label(20)), (guess(c20=0.6, c35=0.2), label(20))
    assert score(strong) == score(weak) == 1
    # 40 of 40 edges and one false line, or 20 of 40 edges and no false line
    assert score(strong, weak) == pytest.approx(2 * 40 / (60 + 40))


def test_precision_and_recall_are_interpolated_between_thresholds():
    metric = OdsF()
    metric.update(guess(), label())
    # P = 1, R = 0.2 at one threshold, P = 0.4, R = 1 at the next: F = 1/3 and 4/7
    metric.true += 100
    metric.paired[:50], metric.found[:50] = 100, 250
    metric.paired[50:], metric.found[50:] = 20, 20
    best = max(
        2 * p * r / (p + r) for p, r in ((0.4 + 0.6 * s / 99, 1 - 0.8 * s / 99) for s in range(100))
    )
    assert best > 4 / 7
    assert metric.compute().item() == pytest.approx(best, abs=1e-12)


def test_predictions_on_unlabelled_pixels_are_ignored():
    target = label(20)
    target[..., 30:] = 255
    assert score((guess(c20=0.8, c35=0.8), target)) == 1
    # nor on an unlabelled image; an image without edges is labelled, though
    nothing = guess(c20=0.8), torch.full((1, H, W), 255)
    assert score((guess(c20=0.8), label(20)), nothing) == 1
    assert score((guess(c20=0.8), label(20)), (guess(c20=0.8), label())) == pytest.approx(2 / 3)


def test_the_score_without_true_edges_is_nan():
    assert math.isnan(score((guess(c20=0.8), label())))
    assert math.isnan(score((guess(c20=0.8), torch.full((1, H, W), 255))))


def test_an_edge_widened_by_resizing_counts_once():
    wide = label(20, 21)
    pixels = OdsF(0.03)
    pixels.update(guess(c20=0.8), wide)
    assert pixels.true.item() == pytest.approx(20, abs=2)
    assert score((guess(c20=0.8), wide)) > 0.95


@pytest.mark.parametrize("value", [0.0, 0.7, 1.0, math.nan])
def test_a_constant_map_scores_almost_zero(value):
    assert score((torch.full((1, H, W), value), label(20))) < 0.5


def test_autocast_does_not_change_the_score():
    prediction = torch.rand(1, H, W, generator=torch.Generator().manual_seed(0))
    expected = score((prediction, label(20)))
    with torch.autocast("cpu", torch.bfloat16):
        assert score((prediction, label(20))) == expected


@pytest.mark.parametrize("wrong", [0.0, -0.1, 1.0, 4.3, math.nan])
def test_an_invalid_tolerance_is_refused(wrong):
    with pytest.raises(InputError, match="max_distance: expected a fraction"):
        OdsF(wrong)
