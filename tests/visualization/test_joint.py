"""Panels of several images in the same colors."""

import torch

from ctal.maps import ClassMap, DepthMap
from ctal.tasks import Depth, Edges, SemanticSegmentation
from ctal.tasks.keys import ClassKey, ScaleKey
from ctal.visualization import joint
from ctal.visualization.joint import joined, joint_key, labeled_panel, mean_errors

TASKS = [SemanticSegmentation(3, ["wall", "bed", "lamp"]), Depth()]


def maps(label, depth):
    return {
        "image": torch.full((3, 8, 8), 0.5),
        "semseg": ClassMap(torch.full((8, 8), label)),
        "depth": DepthMap(torch.full((1, 8, 8), depth)),
    }


NEAR, FAR = maps(0, 1.0), maps(2, 5.0)


def test_the_key_has_the_classes_and_the_range_of_all_images():
    classes, depth = (joint_key(task, [NEAR, FAR], joined(task, [NEAR, FAR])) for task in TASKS)
    assert isinstance(classes, ClassKey)
    assert [(name, share) for _, name, share in classes.entries] == [("wall", None), ("lamp", None)]
    assert isinstance(depth, ScaleKey)
    assert (depth.low, depth.high, depth.unit) == (1.0, 5.0, "m")


def test_a_task_without_any_map_has_no_key():
    assert joined(Edges(), [NEAR]) is None
    assert joint_key(Edges(), [NEAR], None) is None


def test_mean_errors_by_hand():
    labels = maps(255, 1.0)
    labels["depth"][:, :4] = 0  # without a label
    assert mean_errors(TASKS, FAR, labels) == "mean error\nsemseg -\ndepth 4 m"
    labels["semseg"][:] = 2
    labels["semseg"][:, :1] = 0  # one of eight columns is wrong
    assert mean_errors(TASKS[:1], FAR, labels) == "mean error\nsemseg 12.5 %"


def test_titles_and_keys_are_those_of_prediction_panels(monkeypatch):
    """The file of `ctal quickstart` and val.png have the titles of `ctal predict`."""
    drawn = {}

    def panel(rows, titles, row_titles, keys):
        drawn.update(rows=rows, titles=titles, row_titles=row_titles, keys=keys)
        return torch.zeros(3, 1, 1)

    monkeypatch.setattr(joint, "panel", panel)
    labeled_panel(TASKS, [NEAR, FAR], [FAR, FAR])
    assert drawn["titles"] == ["Image", "Semantic segmentation", "Depth"]
    assert drawn["row_titles"] == ["Ground truth", "Prediction"] * 2
    assert drawn["keys"][0] is None
    assert [type(key) for key in drawn["keys"][1:]] == [ClassKey, ScaleKey]
    # the depth of the second image is at the far end of the range of both
    (near, _, far, _) = (row[2] for row in drawn["rows"])
    ends = Depth().visualize(torch.tensor([[[1.0, 5.0]]]))
    assert near[:, 0, 0].tolist() == ends[:, 0, 0].tolist()
    assert far[:, 0, 0].tolist() == ends[:, 0, 1].tolist()
