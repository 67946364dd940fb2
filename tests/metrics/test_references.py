"""All metrics compared with scikit-learn or numpy over the concatenated pixels."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, jaccard_score
from tests.metrics.batches import TASKS, make_batches, score

from ctal.metrics import MeanAngle, MeanIoU, MedianAngle, PixelAccuracy, WithinAngle, WithinRatio
from ctal.metrics.normals import angles

SCORES = score(make_batches())


def labelled_pixels(task: str) -> tuple[np.ndarray, np.ndarray]:
    """Return predictions and targets of all labelled pixels, (N,) or (N, 3), float64 or int64."""
    pairs = [batch[task] for batch in make_batches()]
    prediction, target = (
        np.concatenate(
            [
                np.moveaxis(pair[i].numpy().reshape(len(pair[i]), -1, 48), 1, 2).reshape(
                    len(pair[i]) * 48, -1
                )
                for pair in pairs
            ]
        )
        for i in (0, 1)
    )
    known = target[:, 0] != 255 if task == "semseg" else (target != 0).any(axis=1)
    assert 0 < known.sum() < len(known)
    return prediction[known].squeeze(), target[known].squeeze()


def test_semseg():
    prediction, target = labelled_pixels("semseg")
    # sklearn's macro mean is over the classes that occur in either of the two
    iou = jaccard_score(target, prediction, average="macro")
    assert set(target) | set(prediction) == {0, 1, 2, 3}
    assert SCORES["semseg/miou"] == pytest.approx(iou, abs=1e-6)
    assert SCORES["semseg/pixel_accuracy"] == pytest.approx(accuracy_score(target, prediction))


def test_depth():
    p, t = (values.astype(np.float64) for values in labelled_pixels("depth"))
    ratio = np.maximum(p / t, t / p)
    expected = {
        "abs_error": np.abs(p - t).mean(),
        "rel_error": (np.abs(p - t) / t).mean(),
        "rmse": np.sqrt(((p - t) ** 2).mean()),
        "log_rmse": np.sqrt((np.log(p / t) ** 2).mean()),
        "delta_1": (ratio < 1.25).mean(),
        "delta_2": (ratio < 1.5625).mean(),
        "delta_3": (ratio < 1.953125).mean(),
    }
    assert {key: SCORES[f"depth/{key}"] for key in expected} == pytest.approx(expected, rel=1e-12)


def test_normals():
    p, t = (values.astype(np.float64) for values in labelled_pixels("normals"))
    cross = np.linalg.norm(np.cross(p, t), axis=1)
    degrees = np.degrees(np.arctan2(cross, (p * t).sum(axis=1)))
    expected = {
        "mean": degrees.mean(),
        "rmse": np.sqrt((degrees**2).mean()),
        "within_11.25": (degrees < 11.25).mean(),
        "within_22.5": (degrees < 22.5).mean(),
        "within_30": (degrees < 30).mean(),
    }
    assert {key: SCORES[f"normals/{key}"] for key in expected} == pytest.approx(expected, rel=1e-6)
    assert SCORES["normals/median"] == pytest.approx(np.median(degrees), abs=0.005)


def test_the_score_of_a_dataset_without_labels_is_nan():
    scores = score(make_batches()[3:4])
    assert len(scores) == 18
    assert all(math.isnan(value) for value in scores.values()), scores


def test_a_batch_without_labels_does_not_change_the_score():
    batches = make_batches()
    assert score(batches[:3]) == score(batches[:4])


def test_a_class_that_is_only_predicted_has_iou_zero():
    metric = MeanIoU(4)
    # class 0: 2 of 3 pixels; class 1: only predicted; class 2: in neither; class 3: all
    metric.update(torch.tensor([[[0, 0, 1, 2, 3]]]), torch.tensor([[[0, 0, 0, 255, 3]]]))
    assert metric.compute().item() == pytest.approx((2 / 3 + 0 + 1) / 3)


def test_a_ratio_equal_to_the_limit_is_not_below_it():
    metric = WithinRatio(1.25)
    metric.update(torch.tensor([[[[1.25, 1.24, 0.81]]]]), torch.ones(1, 1, 1, 3))
    assert metric.compute().item() == pytest.approx(2 / 3)


@pytest.mark.parametrize("degrees", [0.0, 1e-4, 0.01, 1.0, 45.0, 90.0, 179.9999, 180.0])
def test_angles_are_accurate_near_0_and_180_degrees(degrees):
    turned = math.radians(degrees)
    v = torch.tensor([0.0, 0.0, -1.0]).view(1, 3, 1, 1)
    w = torch.tensor([math.sin(turned), 0.0, -math.cos(turned)]).view(1, 3, 1, 1)
    assert angles(v, w).item() == pytest.approx(degrees, rel=1e-6, abs=2e-5 if degrees > 179 else 0)
    assert angles(3 * v, 0.2 * w).item() == pytest.approx(degrees, rel=1e-6, abs=1e-4)


def test_a_zero_vector_has_an_angle_of_90_degrees():
    target = torch.tensor([0.0, 0.0, -1.0]).view(1, 3, 1, 1)
    assert angles(torch.zeros(1, 3, 1, 1), target).item() == pytest.approx(90)


@pytest.mark.parametrize("degrees", [[10], [10, 20], [170, 10, 30], [10, 20, 80, 179], [180, 180]])
def test_median_of_few_pixels(degrees):
    turned = torch.tensor(degrees, dtype=torch.float64).deg2rad()
    vectors = torch.stack([turned.sin(), 0 * turned, -turned.cos()])[None, :, None].float()
    target = torch.tensor([0.0, 0.0, -1.0]).view(1, 3, 1, 1).expand_as(vectors)
    metric = MedianAngle()
    metric.update(vectors, target)
    assert metric.compute().item() == pytest.approx(np.median(degrees), abs=0.0051)


def test_a_nan_prediction_counts_as_wrong():
    target = torch.tensor([0.0, 0.0, -1.0]).view(1, 3, 1, 1)
    mean, median, share = MeanAngle(), MedianAngle(), WithinAngle(30)
    for metric in (mean, median, share):
        metric.update(target * torch.nan, target)
    assert math.isnan(mean.compute())
    assert median.compute().item() == pytest.approx(180, abs=0.005)
    assert share.compute() == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda metric: metric.half(),
        lambda metric: metric.to(torch.bfloat16),
        lambda metric: torch.nn.ModuleList([metric]).to(torch.float16)[0],
        lambda metric: metric.to("cpu"),
    ],
    ids=["half", "to bfloat16", "in a module", "to cpu"],
)
def test_casting_the_network_to_half_does_not_change_scores(change):
    values = torch.rand(1, 1, 20, 20)
    for task in TASKS[1:3]:
        for name, metric in task.metrics().items():
            prediction = values.expand(1, task.channels, 20, 20) + 0.1
            target = prediction.flip(-1) + 0.2
            metric.update(prediction, target)
            expected = metric.compute()
            metric = change(metric)
            metric.reset()
            metric.update(prediction, target)
            assert metric.compute().dtype == torch.float64
            assert torch.equal(metric.compute(), expected), name


def test_states_stay_on_the_cpu_if_the_device_lacks_float64():
    metric = MeanAngle()
    metric._apply(lambda state: SimpleNamespace(device=torch.device("mps")))
    assert (metric.total.device.type, metric.total.dtype) == ("cpu", torch.float64)
    metric.update(*make_batches()[0]["normals"])
    assert metric.compute().dtype == torch.float64
    assert metric._apply(lambda state: state.to("meta")).total.device.type == "meta"


def test_twenty_million_pixels_are_counted_exactly():
    metric = PixelAccuracy()
    right = torch.zeros(1, 1000, 1000, dtype=torch.int64)
    right[0, 0, 1] = 1  # accuracy is NaN for a single class
    for _ in range(20):
        metric.update(right, right)
    one = right[:, :1, :1]
    metric.update(one + 1, one)
    assert 1 - metric.compute().item() == pytest.approx(1 / 20_000_001)
