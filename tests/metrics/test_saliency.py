"""maxF and the mean IoU of saliency, compared with single masks and scikit-learn's curves."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import precision_recall_curve
from tests.metrics.batches import make_batches

from ctal.metrics import MaxF, MaxIoU

THRESHOLDS = np.arange(256, dtype=np.float32) / np.float32(255)


def by_threshold(measure) -> np.ndarray:
    """Return the means over labelled images, at each threshold, of `measure` of the counts."""
    pictures = []
    for prediction, target in (batch["saliency"] for batch in make_batches()):
        for probability, answers in zip(prediction.numpy(), target.numpy(), strict=True):
            known = answers != 255
            if known.any():
                masks = [probability[known] >= t for t in THRESHOLDS]
                salient = answers[known] == 1
                counts = [((m & salient).sum(), m.sum(), salient.sum()) for m in masks]
                pictures.append([measure(*count) for count in counts])
    assert len(pictures) == 7  # of 8
    return np.mean(pictures, axis=0)


def value(metric, *pairs) -> float:
    for prediction, target in pairs:
        metric.update(torch.tensor([[prediction]]), torch.tensor([[target]]))
    return metric.compute().item()


def test_maxf_equals_the_reference():
    p = by_threshold(lambda hits, found, true: hits / max(found, 1))
    r = by_threshold(lambda hits, found, true: hits / max(true, 1))
    expected = (1.3 * p * r / np.maximum(0.3 * p + r, 1e-12)).max()
    pairs = [batch["saliency"] for batch in make_batches()]
    metric = MaxF()
    for pair in pairs:
        metric.update(*pair)
    assert metric.compute().item() == pytest.approx(expected, rel=1e-9)


def test_miou_equals_the_reference():
    metric = MaxIoU()
    for batch in make_batches():
        metric.update(*batch["saliency"])
    expected = by_threshold(lambda hits, found, true: hits / (found + true - hits)).max()
    assert metric.compute().item() == pytest.approx(expected, rel=1e-9)


def picture(seed: int, *, levels: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Return a probability, quantized to `levels` if given, and the salient pixels, each (H, W)."""
    generator = np.random.default_rng(seed)
    salient = generator.random(generator.integers(60, 90, 2)) < generator.uniform(0.05, 0.6)
    noise = generator.normal(0, 2, salient.shape)
    probability = 1 / (1 + np.exp(3 - 4 * salient - noise))
    if levels is not None:
        probability = np.round(probability * (levels - 1)) / (levels - 1)
    return probability.astype(np.float32), salient


@pytest.mark.parametrize("levels", [None, 256, 16, 2])
def test_both_agree_with_the_curves_of_scikit_learn(levels):
    pictures = [picture(seed, levels=levels) for seed in range(6)]
    curves = np.zeros((3, 256))
    max_f, max_iou = MaxF(), MaxIoU()
    for probability, salient in pictures:
        precision, recall, values = precision_recall_curve(salient.ravel(), probability.ravel())
        precision[-1] = 0  # sklearn returns 1 if no pixel is predicted
        reached = np.searchsorted(values, THRESHOLDS)
        p, r = precision[reached], recall[reached]
        curves += [p, r, p * r / np.maximum(p + r - p * r, 1e-12)]
        pair = torch.from_numpy(probability)[None], torch.from_numpy(salient).long()[None]
        max_f.update(*pair)
        max_iou.update(*pair)
    p, r, iou = curves / len(pictures)
    f = 1.3 * p * r / np.maximum(0.3 * p + r, 1e-12)
    assert 0.3 < f.max() < 0.9
    assert max_f.compute().item() == pytest.approx(f.max(), rel=1e-12)
    assert max_iou.compute().item() == pytest.approx(iou.max(), rel=1e-12)


def test_hand_computed_values():
    # P = R = 1/2 at 0.9, P = 2/3 and R = 1 at 0.8
    pair = ([0.9, 0.8, 0.9, 0.1], [1, 1, 0, 0])
    assert value(MaxF(), pair) == pytest.approx(1.3 * (2 / 3) / (0.3 * 2 / 3 + 1))
    assert value(MaxIoU(), pair) == pytest.approx(2 / 3)


def test_precision_and_recall_are_means_over_images_of_any_size():
    # P and R at 0.4: 1/2 and 1, then 1 and 1/4; at 0.3 the second image has all 4
    pairs = [([0.9, 0.9], [1, 0]), ([0.9, 0.3, 0.3, 0.3], [1, 1, 1, 1])]
    assert value(MaxF(), *pairs) == pytest.approx(1.3 * 0.75 / (0.3 * 0.75 + 1))
    assert value(MaxIoU(), *pairs) == pytest.approx((0.5 + 1) / 2)
    pairs[1] = ([0.9, 0.3, 0.3, 0.2], [1, 1, 0, 0])
    # at 0.9: P = 3/4, R = 3/4; at 0.3: P = (1/2 + 2/3) / 2, R = 1
    best = max(1.3 * p * r / (0.3 * p + r) for p, r in ((0.75, 0.75), (7 / 12, 1)))
    assert value(MaxF(), *pairs) == pytest.approx(best)


def test_every_level_of_an_8_bit_image_is_a_threshold():
    levels = torch.arange(256) / 255
    metric = MaxF()
    metric.update(levels[None, None], torch.ones(1, 1, 256, dtype=torch.int64))
    recall = metric.totals[1]
    assert torch.equal(recall, torch.arange(256, 0, -1, dtype=torch.float64) / 256)


def test_an_image_without_salient_pixels():
    # precision and recall of the second image are 0, and its IoU is 1 if no pixel is predicted
    pairs = [([1.0, 0.0], [1, 0]), ([0.2, 0.2], [0, 0])]
    assert value(MaxF(), *pairs) == pytest.approx(0.5)
    assert value(MaxIoU(), *pairs) == 1


def test_a_nan_probability_is_not_salient():
    assert value(MaxF(), ([math.nan, math.nan], [1, 0])) == 0
    # half of the salient pixels are predicted, and no other pixel
    pair = ([math.nan, 0.9, 0.1], [1, 1, 0])
    assert value(MaxF(), pair) == pytest.approx(1.3 * 0.5 / (0.3 + 0.5))
    assert value(MaxIoU(), pair) == 0.5


@pytest.mark.parametrize("change", [lambda m: m.to(torch.bfloat16), lambda m: m.half()])
def test_casting_the_network_to_half_does_not_change_scores(change):
    pair = make_batches()[1]["saliency"]
    for metric in (MaxF(), MaxIoU()):
        metric.update(*pair)
        expected = metric.compute()
        metric = change(metric)
        metric.reset()
        metric.update(*pair)
        assert metric.compute().dtype == torch.float64
        assert torch.equal(metric.compute(), expected)
