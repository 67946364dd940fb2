import pytest
import torch
from torch import nn

from ctal.comparison import figure
from ctal.comparison.figure import comparison_figure
from ctal.data import ClassMap, DepthMap
from ctal.inference import Model
from ctal.networks import Network, Predictions
from ctal.tasks import Depth, SemanticSegmentation
from ctal.visualization.panels import error_image


class Constant(Network):
    """Predict one class and one depth everywhere."""

    def __init__(self, tasks, *, image_size, depth):
        super().__init__(tasks, image_size=image_size)
        self.depth = nn.Parameter(torch.tensor(depth))

    def predict_raw(self, images):
        classes = torch.tensor([1.0, 0.0])[None, :, None, None].expand(1, 2, *self.image_size)
        depth = self.depth.expand(1, 1, *self.image_size)
        return Predictions({"semseg": classes, "depth": depth}, [])


def test_rows_and_columns():
    tasks = [SemanticSegmentation(2, colours=["#ff0000", "#00ff00"]), Depth()]
    classes = torch.zeros(32, 32, dtype=torch.int64)
    classes[:, 16:] = 1
    classes[:8] = 255
    sample = {
        "image": torch.full((3, 32, 32), 0.2),
        "semseg": ClassMap(classes),
        "depth": DepthMap(torch.full((1, 32, 32), 2.0)),
    }
    size = {"image_size": (32, 32)}
    models = {
        "good": Model(Constant(tasks, **size, depth=2.0)),
        "bad": Model(Constant(tasks, **size, depth=9.0)),
    }
    result = comparison_figure(tasks, [sample, sample], models)
    # 5 columns and 2 x 3 rows of tiles of 256 pixels
    assert 5 * 256 < result.shape[2] < 5 * 270
    assert 6 * 256 < result.shape[1] < 6 * 270 + 60  # and their keys

    def area(colour):
        same = result == torch.tensor(colour, dtype=torch.uint8)[:, None, None]
        return pytest.approx(int(same.all(0).sum()) / 256**2, abs=0.01)  # text has gray pixels too

    assert area([51, 51, 51]) == 2
    # the color of class 1 is only in the labels, on half of 3/4 of the image
    assert area([0, 255, 0]) == 2 * 3 / 8
    # gray where semseg has no label, once for each network
    assert area([128, 128, 128]) == 4 / 4


def test_a_missing_map_is_drawn_as_unlabelled():
    tasks = [SemanticSegmentation(2), Depth()]
    sample = {
        "image": torch.full((3, 32, 32), 0.2),
        "depth": DepthMap(torch.full((1, 32, 32), 2.0)),
    }
    models = {"a": Model(Constant(tasks, image_size=(32, 32), depth=2.0))}
    blank = sample | {"semseg": ClassMap.blank(32, 32)}
    assert torch.equal(
        comparison_figure(tasks, [sample], models), comparison_figure(tasks, [blank], models)
    )


def test_titles_and_keys(monkeypatch):
    drawn = {}

    def panel(rows, titles, row_titles, keys):
        drawn.update(titles=titles, row_titles=row_titles, keys=keys)
        return torch.zeros(3, 1, 1)

    monkeypatch.setattr(figure, "panel", panel)
    tasks = [SemanticSegmentation(2, ["wall", "bed"]), Depth()]
    near, far = (
        {
            "image": torch.full((3, 32, 32), 0.2),
            "semseg": ClassMap(torch.ones(32, 32, dtype=torch.int64)),
            "depth": DepthMap(torch.full((1, 32, 32), depth)),
        }
        for depth in (1.0, 3.0)
    )
    models = {"a": Model(Constant(tasks, image_size=(32, 32), depth=2.0))}
    comparison_figure(tasks, [near, far], models)
    assert drawn["titles"] == [
        *("Image", "Semantic segmentation", "Error of semseg", "Depth", "Error of depth")
    ]
    assert drawn["row_titles"] == ["Ground truth", "a"] * 2
    none, classes, wrong, depth, error = drawn["keys"]
    assert none is None
    # labeled bed, predicted wall
    assert {name for _, name, _ in classes.entries} == {"wall", "bed"}
    assert [name for _, name, _ in wrong.entries] == ["correct", "wrong", "no label"]
    limits = torch.tensor([[0.0, 1.0]])
    ends = [bytes(color.tolist()).hex() for color in error_image(limits, 1.0)[:, 0].T]
    assert [color for color, _, _ in wrong.entries] == [*(f"#{end}" for end in ends), "#808080"]
    assert (depth.low, depth.high) == (1.0, 3.0)
    assert (error.low, error.high) == (0.0, Depth().error_limit)
