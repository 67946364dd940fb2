import pytest
import torch

from ctal.export.scoring import primary_scores
from ctal.maps import ClassMap, DepthMap
from ctal.tasks import Depth, SemanticSegmentation


def test_primary_metrics_of_two_programs_by_hand():
    tasks = [SemanticSegmentation(2), Depth()]
    batches = [
        {
            "image": torch.zeros(1, 3, 1, 2),
            "semseg": ClassMap(torch.tensor([[[0, 1]]])),
            "depth": DepthMap(torch.tensor([[[[1.0, depth]]]])),
        }
        for depth in (2.0, 0.0)  # 0 is unlabeled
    ]

    def run(images):
        return {
            "semseg": torch.tensor([[[0, 1]]]),
            "depth": torch.tensor([[[[1.0, 2.0]]]]),
        }

    def other(images):
        return {
            "semseg": torch.tensor([[[0, 0]]]),
            "depth": torch.tensor([[[[1.5, 2.25]]]]),
        }

    scores = primary_scores({"a": run, "b": other}, tasks, batches)
    assert scores["a"] == {"semseg": 1.0, "depth": 0.0}
    # classes: IoU 1/2 and 0; depths: errors of 0.5, 0.25 and 0.5 m
    assert scores["b"]["semseg"] == pytest.approx(0.25)
    assert scores["b"]["depth"] == pytest.approx(1.25 / 3)

    def raw(images):
        return {
            "semseg": torch.tensor([[[[5.0, 5.0]], [[1.0, 2.0]]]]),
            "depth": torch.tensor([[[[1.5, 2.25]]]]),
        }

    assert primary_scores({"raw": raw}, tasks, batches, raw=True)["raw"] == scores["b"]
