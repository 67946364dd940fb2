"""Mistakes in a task of the user are reported by class and method, before they spread."""

import re
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch import nn

from ctal.errors import InputError
from ctal.networks import Predictions
from ctal.tasks import Depth
from ctal.training import MultiTaskModule
from ctal.training.losses import TaskLosses


@dataclass(frozen=True)
class OwnDepth(Depth):
    returned: ClassVar[object] = None

    def loss(self, raw, target):
        return self.returned

    def metrics(self):
        return self.returned


@pytest.mark.parametrize(
    ("returned", "got"),
    [
        (None, "NoneType"),
        (0.5, "float"),
        (torch.ones(2, 1, 4, 4), "the shape (2, 1, 4, 4)"),
        (torch.ones(1), "the shape (1,)"),
    ],
)
def test_a_loss_that_is_no_scalar(returned, got, monkeypatch):
    monkeypatch.setattr(OwnDepth, "returned", returned)
    maps = torch.ones(2, 1, 4, 4)
    text = f"OwnDepth.loss: expected a scalar tensor, got {got}"
    with pytest.raises(InputError, match=re.escape(text)):
        TaskLosses([OwnDepth()], {})(Predictions({"depth": maps}, []), {"depth": maps})


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ({}, "expected a dict with at least one metric, got none"),
        (None, "expected a dict with at least one metric, got none"),
        ([Depth().metrics()["rmse"]], "expected a dict with at least one metric, got list"),
        (
            {"rmse": abs},
            "expected a torchmetrics.Metric for 'rmse', got builtin_function_or_method",
        ),
    ],
)
def test_metrics_that_are_none(returned, message, monkeypatch):
    monkeypatch.setattr(OwnDepth, "returned", returned)
    network = nn.Conv2d(3, 1, 1)
    network.tasks = [OwnDepth()]
    with pytest.raises(InputError, match=re.escape(f"OwnDepth.metrics: {message}")):
        MultiTaskModule(network)


def test_a_type_of_maps_that_is_none():
    class NoMap(Depth):
        map_type = torch.Tensor

    with pytest.raises(InputError, match=r"NoMap\.map_type: expected a Map, got <class 'torch"):
        NoMap()
