"""Propagation along affinities, against sums over single pixels."""

import pytest
import torch

from ctal.networks import propagation
from ctal.networks.propagation import Propagation


def by_pixels(features, shares, beta):
    """The definition, pixel by pixel: {name: (C, H, W)} of one picture."""
    tasks = list(features)
    X = {task: x.flatten(1) for task, x in features.items()}
    P = X[tasks[0]].shape[1]
    out = {task: (1 - beta) * x for task, x in X.items()}
    for t, target in enumerate(tasks):
        for j in range(P):
            for k, source in enumerate(tasks):
                x = X[source]
                cosines = torch.tensor(
                    [x[:, j] @ x[:, q] / (x[:, j].norm() * x[:, q].norm()) for q in range(P)],
                    dtype=x.dtype,
                )
                row = cosines / cosines.abs().sum()
                out[target][:, j] += beta * shares[t, k] * (X[target] @ row)
    size = features[tasks[0]].shape[1:]
    return {task: x.unflatten(1, size) for task, x in out.items()}


@pytest.mark.parametrize("rows", [1024, 5])
def test_is_the_sum_over_pixels_in_blocks_of_any_size(rows, monkeypatch):
    monkeypatch.setattr(propagation, "_ROWS", rows)
    torch.manual_seed(0)
    module = Propagation(["a", "b", "c"], beta=0.3).double()
    module.weights.data = torch.randn(3, 3, dtype=torch.float64)
    features = {name: torch.randn(2, 4, 3, 4, dtype=torch.float64) for name in "abc"}
    with torch.no_grad():
        found = module(features)
    shares = module.weights.softmax(dim=1).detach()
    for index in range(2):
        expected = by_pixels({name: x[index] for name, x in features.items()}, shares, 0.3)
        for name in "abc":
            torch.testing.assert_close(found[name][index], expected[name])


def test_gradients():
    torch.manual_seed(0)
    module = Propagation(["a", "b"]).double()
    features = [torch.randn(1, 2, 2, 3, dtype=torch.float64, requires_grad=True) for _ in "ab"]

    def run(a, b, weights):
        return torch.func.functional_call(module, {"weights": weights}, ({"a": a, "b": b},))["a"]

    weights = torch.randn(2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(run, (*features, weights))


def test_all_tasks_count_the_same_at_the_start():
    module = Propagation(["a", "b", "c", "d"])
    torch.testing.assert_close(module.weights.softmax(dim=1), torch.full((4, 4), 0.25))


def test_constant_features_stay_as_they_are():
    features = {name: torch.full((1, 3, 4, 4), 2.0) for name in "ab"}
    torch.testing.assert_close(Propagation(["a", "b"], beta=0.5)(features), features)
