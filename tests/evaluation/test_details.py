"""Scores per class compared with scikit-learn, and per image with single evaluations."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import jaccard_score, recall_score

from ctal.evaluation.details import Details, ImageScore, relative_errors
from ctal.evaluation.evaluator import Scoring
from ctal.tasks import Depth, SemanticSegmentation

TASKS = [SemanticSegmentation(4, class_names=["a", "b", "c", "d"]), Depth()]
SIZE = (6, 8)


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(2)
    classes = torch.randint(3, (5, *SIZE), generator=generator)  # class d has no label
    classes[torch.rand(classes.shape, generator=generator) < 0.2] = 255
    depth = torch.rand(5, 1, *SIZE, generator=generator) * 4
    depth[4] = 0
    classes[4] = 255
    return {"image": torch.zeros(5, 3, *SIZE), "semseg": classes, "depth": depth}


@pytest.fixture
def raw():
    generator = torch.Generator().manual_seed(3)
    shapes = {"semseg": (5, 4, *SIZE), "depth": (5, 1, *SIZE)}
    return {name: torch.rand(shape, generator=generator) for name, shape in shapes.items()}


def scored(raw, batch):
    scoring = Scoring(TASKS)
    scoring.details = Details(TASKS)
    for part in (slice(0, 2), slice(2, 5)):
        cut = [{name: values[part] for name, values in maps.items()} for maps in (raw, batch)]
        scoring.update(*cut, torch.tensor(0.0))
    return scoring


def test_iou_and_accuracy_of_each_class(raw, batch):
    rows = scored(raw, batch).details.classes()["semseg"]
    known = batch["semseg"] != 255
    truth, found = batch["semseg"][known].numpy(), raw["semseg"].argmax(1)[known].numpy()
    labels = [0, 1, 2, 3]
    iou = jaccard_score(truth, found, labels=labels, average=None, zero_division=0)
    accuracy = recall_score(truth, found, labels=labels[:3], average=None, zero_division=0)
    assert [row.name for row in rows] == ["a", "b", "c", "d"]
    np.testing.assert_allclose([row.iou for row in rows], iou)
    np.testing.assert_allclose([row.accuracy for row in rows[:3]], accuracy)
    assert math.isnan(rows[3].accuracy)


def test_an_absent_class_has_no_iou(raw, batch):
    raw["semseg"][:, 3] = -1
    row = scored(raw, batch).details.classes()["semseg"][3]
    assert math.isnan(row.iou)


def test_image_scores_equal_separate_evaluation(raw, batch):
    images = scored(raw, batch).details.images
    assert len(images) == 5
    for index, image in enumerate(images):
        alone = Scoring(TASKS)
        one = slice(index, index + 1)
        cut = [{name: values[one] for name, values in maps.items()} for maps in (raw, batch)]
        alone.update(*cut, torch.tensor(0.0))
        assert image.scores == pytest.approx(alone.take().metrics, nan_ok=True)
    error = images[1].errors
    assert error["depth"] == pytest.approx(images[1].scores["depth/abs_error"])
    assert error["semseg"] == pytest.approx(1 - images[1].scores["semseg/pixel_accuracy"])


def test_details_do_not_change_the_scores_of_the_split(raw, batch):
    plain = Scoring(TASKS)
    for part in (slice(0, 2), slice(2, 5)):
        cut = [{name: values[part] for name, values in maps.items()} for maps in (raw, batch)]
        plain.update(*cut, torch.tensor(0.0))
    assert plain.take() == scored(raw, batch).take()


def test_relative_errors():
    nan, inf = math.nan, math.inf
    errors = [(1.0, 0.2), (3.0, nan), (2.0, 0.6), (nan, nan), (inf, 0.4)]
    images = [ImageScore({"depth": d, "semseg": s}, {}) for d, s in errors]
    found = relative_errors(images)  # the means of finite errors are 2 and 0.4
    assert found[:3] == pytest.approx([(0.5 + 0.5) / 2, 1.5, (1 + 1.5) / 2])
    assert math.isnan(found[3])
    assert found[4] == inf
    assert relative_errors([]) == []
