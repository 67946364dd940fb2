from __future__ import annotations

import math

import pytest
import torch

from ctal.tasks import (
    Depth,
    Edges,
    HumanParts,
    InverseDepth,
    Saliency,
    SemanticSegmentation,
    SurfaceNormals,
    Task,
)
from ctal.weighting import UncertaintyWeighting

TASKS: list[Task] = [SemanticSegmentation(2), Depth()]


def test_total_and_weights_by_hand() -> None:
    weighting = UncertaintyWeighting(TASKS)
    with torch.no_grad():
        weighting.log_variances.copy_(torch.tensor([0.4, -0.2]))
    total = weighting({"semseg": torch.tensor(3.0), "depth": torch.tensor(5.0)})
    # classes: L / sigma^2 + log sigma; meters: L / (2 sigma^2) + log sigma
    weights = [math.exp(-0.4), math.exp(0.2) / 2]
    assert total.item() == pytest.approx(weights[0] * 3 + 0.2 + weights[1] * 5 - 0.1)
    assert weighting.weights is not None
    assert weighting.weights.tolist() == pytest.approx(weights)


def test_initial_weights_equal_those_of_the_paper() -> None:
    tasks = [SemanticSegmentation(2), HumanParts(), Saliency(), Edges(), Depth(), SurfaceNormals()]
    weighting = UncertaintyWeighting([*tasks, InverseDepth(name="inverse")])
    weighting({name: torch.tensor(1.0) for name in weighting.names})
    assert weighting.weights is not None
    assert weighting.weights.tolist() == [1, 1, 1, 1, 0.5, 0.5, 0.5]


def test_gradients_reach_losses_and_log_variances() -> None:
    weighting = UncertaintyWeighting(TASKS)
    losses = {
        name: torch.tensor(loss, requires_grad=True)
        for name, loss in zip(("semseg", "depth"), (3.0, 5.0), strict=True)
    }
    weighting.backward(weighting(losses), weighting.parameters())
    assert [loss.grad.item() for loss in losses.values() if loss.grad is not None] == [1, 0.5]
    assert weighting.log_variances.grad is not None
    assert weighting.log_variances.grad.tolist() == [0.5 - 3, 0.5 - 2.5]


def test_weights_converge_to_half_the_inverse_of_a_constant_loss() -> None:
    weighting = UncertaintyWeighting(TASKS)
    optimizer = torch.optim.SGD(weighting.parameters(), lr=0.5)
    for _ in range(200):
        optimizer.zero_grad()
        weighting({"semseg": torch.tensor(3.0), "depth": torch.tensor(0.2)}).backward()
        optimizer.step()
    assert weighting.weights is not None
    assert weighting.weights.tolist() == pytest.approx([1 / 6, 1 / 0.4], rel=1e-4)
