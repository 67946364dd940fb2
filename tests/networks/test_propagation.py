"""Propagation along affinities, compared with sums over single pixels and dense matrices."""

import pytest
import torch
import torch.nn.functional as F

from ctal.networks.propagation import Propagation

TASKS = ["a", "b", "c"]


def by_pixels(features, shares, beta):
    """Compute the definition pixel by pixel, {name: (C, H, W)} of one image."""
    tasks = list(features)
    X = {task: x.flatten(1) for task, x in features.items()}
    P = X[tasks[0]].shape[1]
    out = {task: (1 - beta) * x for task, x in X.items()}
    for t, target in enumerate(tasks):
        for j in range(P):
            for k, source in enumerate(tasks):
                x = X[source]
                row = torch.tensor(
                    [1 + x[:, j] @ x[:, q] / (x[:, j].norm() * x[:, q].norm()) for q in range(P)],
                    dtype=x.dtype,
                )
                out[target][:, j] += beta * shares[t, k] * (X[target] @ (row / row.sum()))
    size = features[tasks[0]].shape[1:]
    return {task: x.unflatten(1, size) for task, x in out.items()}


def dense(features, weights, beta):
    """Compute the definition with P x P matrices, differentiably."""
    X = torch.stack([x.flatten(2) for x in features.values()], dim=1)  # (B, T, C, P)
    unit = F.normalize(X, dim=2)
    affinity = 1 + unit.mT @ unit
    affinity = affinity / affinity.sum(3, keepdim=True)
    joint = torch.einsum("tk,bkjq->btjq", weights.softmax(1), affinity)
    refined = beta * torch.einsum("btcq,btjq->btcj", X, joint) + (1 - beta) * X
    shape = next(iter(features.values())).shape
    return {name: refined[:, t].reshape(shape) for t, name in enumerate(features)}


def make(beta=0.3, size=(3, 4), channels=4):
    torch.manual_seed(0)
    module = Propagation(TASKS, beta=beta).double()
    module.weights.data = torch.randn(3, 3, dtype=torch.float64)
    features = {
        name: torch.randn(2, channels, *size, dtype=torch.float64, requires_grad=True)
        for name in TASKS
    }
    return module, features


def test_equals_the_sum_over_pixels():
    module, features = make()
    with torch.no_grad():
        found = module(features)
    shares = module.weights.softmax(dim=1).detach()
    for index in range(2):
        single = {name: x[index].detach() for name, x in features.items()}
        expected = by_pixels(single, shares, 0.3)
        for name in TASKS:
            torch.testing.assert_close(found[name][index], expected[name])


def test_equals_dense_matrices_including_gradients():
    module, features = make(beta=0.9, size=(12, 16), channels=8)
    inputs = [*features.values(), module.weights]
    gradients = {}
    for name, form in {"linear": module, "dense": lambda x: dense(x, module.weights, 0.9)}.items():
        out = torch.stack([*form(features).values()])
        loss = (out * torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out)).sum()
        gradients[name] = [out, *torch.autograd.grad(loss, inputs)]
    for found, expected in zip(gradients["linear"], gradients["dense"], strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


def test_gradients():
    torch.manual_seed(0)
    module = Propagation(["a", "b"]).double()
    features = [torch.randn(1, 2, 2, 3, dtype=torch.float64, requires_grad=True) for _ in "ab"]

    def run(a, b, weights):
        return torch.func.functional_call(module, {"weights": weights}, ({"a": a, "b": b},))["a"]

    weights = torch.randn(2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(run, (*features, weights))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_sums_keep_float32_precision_under_autocast(dtype):
    module, features = make(size=(32, 32))
    module, features = module.float(), {name: x.detach().float() for name, x in features.items()}
    expected = module(features)
    with torch.autocast("cpu", dtype):
        found = module(features)
    torch.testing.assert_close(found, expected)


def test_all_tasks_have_equal_initial_weights():
    module = Propagation(["a", "b", "c", "d"])
    torch.testing.assert_close(module.weights.softmax(dim=1), torch.full((4, 4), 0.25))


def test_constant_features_are_unchanged():
    features = {name: torch.full((1, 3, 4, 4), 2.0) for name in "ab"}
    torch.testing.assert_close(Propagation(["a", "b"], beta=0.5)(features), features)


def test_opposite_and_zero_features_give_finite_results():
    x = torch.zeros(1, 3, 4, 4)
    x[:, 0, :2], x[:, 0, 2:] = 1.0, -1.0
    module = Propagation(["a", "b"], beta=0.5)
    for features in ({"a": x, "b": -x}, {"a": torch.zeros_like(x), "b": x}):
        assert all(torch.isfinite(out).all() for out in module(features).values())
