"""Requirements on the loss, the encoding and the names of all tasks."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tasks.loss_contract import (
    assert_an_image_without_label_adds_nothing,
    assert_costs_nothing_without_labels,
    assert_unlabelled_pixels_do_not_count,
    labels,
    raw_map,
)

from ctal.errors import InputError
from ctal.tasks import (
    Depth,
    Edges,
    HumanParts,
    InverseDepth,
    Saliency,
    SemanticSegmentation,
    SurfaceNormals,
)
from ctal.tasks.classes import ClassTask

TASKS = [
    SemanticSegmentation(5),
    Depth(),
    SurfaceNormals(),
    Edges(),
    Saliency(),
    HumanParts(),
    InverseDepth(),
]


def each_task_but(name: str):
    """Run a test for all tasks except one."""
    tasks = [task for task in TASKS if task.name != name]
    return pytest.mark.parametrize("task", tasks, ids=lambda task: task.name)


each_task = each_task_but("")


@each_task
def test_a_batch_without_labels_has_zero_loss_and_gradient(task):
    assert_costs_nothing_without_labels(task)


@each_task
def test_values_of_unlabelled_pixels_are_ignored(task):
    assert_unlabelled_pixels_do_not_count(task)


@pytest.mark.parametrize("labelled", [[1, 3], [0], []])
@each_task
def test_an_image_without_labels_does_not_change_the_loss_of_a_batch(task, labelled):
    assert_an_image_without_label_adds_nothing(task, labelled)


@pytest.mark.parametrize("missing", [[0], [0, 2], [0, 1, 2]])
@each_task
def test_metrics_ignore_images_without_labels(task, missing):
    size = (16, 20)
    target, raw = labels(task, batch=3, size=size), raw_map(task, batch=3, size=size)
    target[missing] = task.map_type.unlabelled
    kept = [index for index in range(3) if index not in missing]
    prediction = task.decode(raw)
    for mixed, alone in zip(task.metrics().values(), task.metrics().values(), strict=True):
        mixed.update(prediction[:2], target[:2])
        mixed.update(prediction[2:], target[2:])
        alone.update(prediction[kept], target[kept])
        assert mixed.compute().isnan().item() == (not kept)
        torch.testing.assert_close(mixed.compute(), alone.compute(), equal_nan=True)


# Saliency weights its two classes by their shares of the batch
@each_task_but("saliency")
def test_every_labelled_pixel_of_the_batch_has_the_same_weight(task):
    target, raw = labels(task, batch=3), raw_map(task, batch=3)
    valid = task.valid(target)
    pixels = [
        task.loss(
            raw[b : b + 1, :, y : y + 1, x : x + 1], target[b : b + 1, ..., y : y + 1, x : x + 1]
        )
        for b, y, x in valid.nonzero().tolist()
    ]
    assert task.loss(raw, target).item() == pytest.approx(
        torch.stack(pixels).mean().item(), rel=1e-5
    )


@each_task
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_the_loss_of_a_half_precision_map_is_computed_in_float32(task, dtype):
    raw = raw_map(task).to(dtype).requires_grad_()
    loss = task.loss(raw, labels(task))
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss.item() == task.loss(raw.detach().float(), labels(task)).item()
    assert raw.grad.isfinite().all()


@each_task
@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10**6), height=st.integers(1, 5), width=st.integers(1, 5))
def test_encoding_and_decoding_gives_the_target(task, seed, height, width):
    target = labels(task, seed, batch=1, size=(height, width))
    raw = task.encode(target)
    assert raw.shape == (1, task.channels, height, width)
    prediction = task.decode(raw)
    assert prediction.shape == target.shape
    assert prediction.dtype == (torch.int64 if isinstance(task, ClassTask) else torch.float32)
    valid = task.valid(target)
    if target.ndim == 4:
        valid = valid[:, None].expand_as(target)
    torch.testing.assert_close(prediction[valid], target[valid].to(prediction.dtype))
    task.check(target[0])


@each_task
def test_the_error_of_a_perfect_prediction_is_zero_or_nan_if_unlabelled(task):
    target = labels(task)
    error = task.error(task.decode(task.encode(target)), target)
    assert error.dtype == torch.float32
    assert torch.equal(error.isnan(), ~task.valid(target))
    assert error[task.valid(target)].abs().max() < 1e-4


# edges in noise of 4x6 pixels are not lines; tests/metrics/test_edges.py tests lines
@each_task_but("edges")
def test_a_perfect_prediction_has_the_best_score(task):
    target = labels(task)
    for metric in task.metrics().values():
        metric.update(task.decode(task.encode(target)), target)
        best = float(bool(metric.higher_is_better))
        assert metric.compute().item() == pytest.approx(best, abs=6e-3)


@each_task
def test_unlabelled_pixels_are_black(task):
    target = task.map_type(labels(task)[0])
    picture = task.visualize(target)
    assert picture.shape == (3, 4, 6)
    assert picture.dtype == torch.uint8
    assert torch.equal((picture == 0).all(dim=0), ~task.valid(target.unsqueeze(0))[0])
    assert type(picture) is torch.Tensor


@each_task
def test_metrics_are_new_instances_with_a_direction(task):
    metrics = task.metrics()
    assert metrics
    assert all(metrics[name] is not task.metrics()[name] for name in metrics)
    assert all(isinstance(metric.higher_is_better, bool) for metric in metrics.values())


DEPTH_METRICS = ["abs_error", "rel_error", "rmse", "log_rmse", "delta_1", "delta_2", "delta_3"]
METRICS = {
    "semseg": ["miou", "pixel_accuracy"],
    "depth": DEPTH_METRICS,
    "normals": ["mean", "median", "rmse", "within_11.25", "within_22.5", "within_30"],
    "edges": ["odsf"],
    "saliency": ["maxf", "miou"],
    "human_parts": ["miou", "pixel_accuracy"],
    "inverse_depth": DEPTH_METRICS,
}
"""Names that scores, configurations and tables have; a new task needs no entry."""


@pytest.mark.parametrize("name", METRICS)
def test_names_order_and_directions_of_metrics_are_fixed(name):
    metrics = next(task for task in TASKS if task.name == name).metrics()
    assert list(metrics) == METRICS[name]
    shares = ("miou", "pixel_accuracy", "odsf", "maxf")
    signs = [name in shares or name[:6] in ("delta_", "within") for name in metrics]
    assert [metric.higher_is_better for metric in metrics.values()] == signs


@pytest.mark.parametrize(
    "name", ["", "a.b", "a/b", "my depth", "image", "keys", "type", "training"]
)
def test_a_name_that_cannot_be_a_key_is_rejected(name):
    with pytest.raises(InputError, match="name: expected"):
        Depth(name=name)


@each_task
def test_stored_predictions_are_close(task):
    prediction = task.decode(raw_map(task, batch=2, size=(16, 20)))
    stored = task.compact(prediction)
    assert stored.dtype == (torch.float16 if prediction.is_floating_point() else torch.uint8)
    if not isinstance(task, SurfaceNormals):
        torch.testing.assert_close(stored.to(prediction.dtype), prediction, rtol=5e-4, atol=1e-7)


def test_stored_normals_are_within_a_thirtieth_of_a_degree():
    vectors = torch.nn.functional.normalize(torch.randn(1, 3, 200, 200).double(), dim=1)
    stored = SurfaceNormals().compact(vectors).double()
    sine = torch.linalg.cross(vectors, stored, dim=1).norm(dim=1) / stored.norm(dim=1)
    assert 0.005 < sine.max().asin().rad2deg() < 0.03
    assert torch.equal(stored * 2048, (stored * 2048).round())


def test_values_beyond_float16_are_stored_as_they_are():
    far = torch.tensor([[[1.0, 65505.0]]])
    assert torch.equal(Depth().compact(far), far)
    assert Depth().compact(far.clamp(max=65504.0)).dtype == torch.float16
