import numpy as np
import pytest
import torch

from ctal.comparison.trivial import constant_maps, trivial_scores
from ctal.errors import InputError
from ctal.evaluation.depth_protocol import DepthProtocol
from ctal.evaluation.protocol import Protocol
from ctal.maps import ClassMap, DepthMap, EdgeMap, NormalMap
from ctal.tasks import (
    Depth,
    Edges,
    HumanParts,
    Saliency,
    SemanticSegmentation,
    SurfaceNormals,
)

TASKS = [SemanticSegmentation(3), Depth(), SurfaceNormals()]


def batch(classes, depths, normals):
    """Return a batch with one image of one row."""
    return {
        "semseg": ClassMap(torch.tensor(classes)[None, None]),
        "depth": DepthMap(torch.tensor(depths)[None, None, None]),
        "normals": NormalMap(torch.tensor(normals).T[None, :, None]),
    }


UP, LEFT, NONE = [0.0, -1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 0.0]
TRAIN = [
    batch([0, 1, 1, 255], [1.0, 2.0, 0.0, 0.0], [UP, NONE, NONE, NONE]),
    batch([2, 255, 255, 1], [3.0, 0.0, 0.0, 4.0], [UP, LEFT, LEFT, LEFT]),
]


def test_constants_are_means_over_all_labelled_pixels():
    constants = constant_maps(TASKS, TRAIN)
    # 1 of 5 pixels is of class 0, 3 of class 1; depths 1, 2, 3, 4; normals 2 up, 3 left
    assert int(constants["semseg"].argmax()) == 1
    assert constants["depth"].tolist() == [2.5]
    np.testing.assert_allclose(constants["normals"], [-0.6, -0.4, 0.0], rtol=1e-6)


def test_scores_by_hand():
    test = [
        batch([1, 1, 0, 255], [2.0, 0.0, 4.0, 2.5], [LEFT, NONE, NONE, NONE]),
        batch([2, 255, 255, 255], [0.0, 0.0, 0.0, 3.0], [NONE, UP, NONE, NONE]),
    ]
    scores = trivial_scores(TASKS, TRAIN, test)
    # class 1 everywhere: correct on 2 of 4; IoU 2/4 for class 1, 0 for 0 and 2
    assert scores["semseg/pixel_accuracy"] == pytest.approx(0.5)
    assert scores["semseg/miou"] == pytest.approx(0.5 / 3)
    # 2.5 m against 2, 4, 2.5, 3
    assert scores["depth/abs_error"] == pytest.approx((0.5 + 1.5 + 0 + 0.5) / 4)
    assert scores["depth/rmse"] == pytest.approx(np.sqrt((0.25 + 2.25 + 0.25) / 4))
    angles = np.degrees([np.arccos(0.6 / np.sqrt(0.52)), np.arccos(0.4 / np.sqrt(0.52))])
    assert scores["normals/mean"] == pytest.approx(angles.mean(), rel=1e-5)
    assert set(scores) == {f"{t.name}/{metric}" for t in TASKS for metric in t.metrics()}


def test_no_labels_in_train():
    blank = batch([255, 0], [0.0, 0.0], [UP, UP])
    with pytest.raises(InputError, match="depth: the training images have no labelled pixel"):
        constant_maps(TASKS, [blank])


def test_binary_tasks_predict_the_majority():
    tasks = [Edges(), Saliency(), HumanParts()]
    # 1 of 4 labelled pixels is an edge or salient, and on the parts of a body
    answers = torch.tensor([[[0, 1, 0, 0, 255]]]).repeat(1, 10, 4)
    labels = {"edges": EdgeMap(answers), "saliency": ClassMap(answers)}
    labels["human_parts"] = ClassMap(torch.where(answers == 1, 4, answers))
    constants = constant_maps(tasks, [labels])
    assert [len(constants[task.name]) for task in tasks] == [1, 2, 7]
    for task in tasks[:2]:
        raw = constants[task.name][None, :, None, None]
        assert task.decode(raw).item() < 0.01
    scores = trivial_scores(tasks, [labels], [labels])
    assert scores["edges/odsf"] == 0
    # a constant map has all pixels salient or none; P = 1/4, R = 1
    assert scores["saliency/maxf"] == pytest.approx(1.3 * 0.25 / (0.3 * 0.25 + 1))
    assert scores["saliency/miou"] == pytest.approx(0.25)
    assert scores["human_parts/miou"] == pytest.approx((0.75 + 0) / 2)


def test_a_task_without_labels_in_the_evaluated_split_has_no_score():
    labels = {"edges": EdgeMap.blank(8, 8)[None], "saliency": ClassMap.blank(8, 8)[None]}
    answers = torch.zeros(1, 8, 8, dtype=torch.int64)
    train = {"edges": EdgeMap(answers), "saliency": ClassMap(answers)}
    scores = trivial_scores([Edges(), Saliency()], [train], [labels])
    assert list(scores) == ["edges/odsf", "saliency/maxf", "saliency/miou"]
    assert all(np.isnan(score) for score in scores.values())


def test_the_protocol_selects_pixels():
    test = [batch([0, 0, 0, 1], [2.0, 3.0, 9.0, 1.0], [UP] * 4)]
    protocol = Protocol(depth=DepthProtocol(1.5, 5))
    scores = trivial_scores(TASKS, TRAIN, test, protocol)
    assert scores["depth/abs_error"] == pytest.approx(0.5)  # 2.5 m against 2 and 3
