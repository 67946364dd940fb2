from __future__ import annotations

import pytest
import torch

from ctal.tasks import Depth, SemanticSegmentation, SurfaceNormals, Task
from ctal.weighting import RandomWeighting

TASKS: list[Task] = [SemanticSegmentation(2), Depth(), SurfaceNormals()]
LOSSES = {"depth": torch.tensor(2.0), "normals": torch.tensor(3.0), "semseg": torch.tensor(5.0)}


def test_weights_are_the_softmax_of_normal_numbers() -> None:
    weighting = RandomWeighting(TASKS)
    torch.manual_seed(7)
    total = weighting(LOSSES)
    torch.manual_seed(7)
    drawn = torch.randn(3).exp()
    first, second, third = (3 * drawn / drawn.sum()).tolist()
    assert weighting.weights is not None
    assert weighting.weights.tolist() == pytest.approx([first, second, third])
    assert total.item() == pytest.approx(5 * first + 2 * second + 3 * third)


def test_every_batch_has_different_weights_which_are_equal_on_average() -> None:
    weighting = RandomWeighting(TASKS)
    torch.manual_seed(0)
    drawn = []
    for _ in range(2000):
        weighting(LOSSES)
        assert weighting.weights is not None
        drawn.append(weighting.weights)
    weights = torch.stack(drawn)
    torch.testing.assert_close(weights.sum(dim=1), torch.full((2000,), 3.0))
    assert len(weights.unique(dim=0)) == 2000
    # the standard deviation of a weight is about 0.6: that of the mean of 2000 is 0.014
    torch.testing.assert_close(weights.mean(dim=0), torch.ones(3), atol=0.06, rtol=0)
