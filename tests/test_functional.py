"""The operator compared with a loop over the paper's indices, and between its two forms."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.factorised.inputs import make_inputs

from ctal.errors import InputError
from ctal.functional import cross_task_affinity


def by_index(features, values, weight, bias):
    """Compute G_t[j, q] = b_t[j] + sum_k sum_d W_t[j,k,d] A_k[j,q+d] in a loop."""
    B, T, _, H, W = features.shape
    f = weight.shape[-1]
    unit = features / features.norm(dim=2, keepdim=True)
    out = torch.zeros_like(values)
    pixels = list(itertools.product(range(H), range(W)))
    for n, t, (j, (jy, jx)), (qy, qx) in itertools.product(
        range(B), range(T), enumerate(pixels), pixels
    ):
        m = t % weight.shape[0]
        mixed = bias[m, j].clone()
        for k, dy, dx in itertools.product(range(T), range(f), range(f)):
            y, x = qy + dy - f // 2, qx + dx - f // 2
            if 0 <= y < H and 0 <= x < W:
                affinity = unit[n, k, :, jy, jx] @ unit[n, k, :, y, x]
                mixed = mixed + weight[m, j, k, dy, dx] * affinity
        out[n, t, :, jy, jx] += values[n, t, :, qy, qx] * mixed
    return out


@pytest.mark.parametrize("method", ["dense", "factorised"])
@pytest.mark.parametrize(("f", "shared"), [(3, False), (3, True), (1, False), (5, False)])
def test_both_forms_equal_a_loop_over_the_papers_indices(method, f, shared):
    inputs = make_inputs(2, 2, 3, 3, 4, f, shared)
    out = cross_task_affinity(*inputs, method=method)
    torch.testing.assert_close(out, by_index(*inputs), rtol=1e-12, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(
    B=st.integers(0, 3),
    T=st.integers(1, 5),
    C=st.integers(1, 6),
    H=st.integers(1, 6),
    W=st.integers(1, 6),
    f=st.sampled_from([1, 3, 5]),
    shared=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_forms_agree_in_forward_and_backward_pass(B, T, C, H, W, f, shared, seed):
    inputs = make_inputs(B, T, C, H, W, f, shared, seed)
    dense = cross_task_affinity(*inputs, method="dense")
    factorised = cross_task_affinity(*inputs, method="factorised")
    torch.testing.assert_close(factorised, dense, rtol=1e-10, atol=1e-10)
    direction = torch.randn_like(dense)
    for a, b in zip(
        torch.autograd.grad(dense, inputs, direction),
        torch.autograd.grad(factorised, inputs, direction),
        strict=True,
    ):
        torch.testing.assert_close(b, a, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("method", ["dense", "factorised"])
def test_gradients_equal_finite_differences(method):
    inputs = make_inputs(1, 2, 2, 2, 3, 3, shared=False)
    assert torch.autograd.gradcheck(lambda *a: cross_task_affinity(*a, method=method), inputs)


def test_result_does_not_depend_on_the_scale_of_features():
    features, values, weight, bias = make_inputs(1, 2, 4, 3, 3, 3, shared=False)
    once = cross_task_affinity(features, values, weight, bias)
    again = cross_task_affinity(features * 7.5, values, weight, bias)
    torch.testing.assert_close(again, once)


def test_zero_features_give_finite_output_and_gradients():
    features, values, weight, bias = make_inputs(1, 2, 3, 3, 3, 3, shared=False)
    features = torch.zeros_like(features).requires_grad_()
    for method in ("dense", "factorised"):
        out = cross_task_affinity(features, values, weight, bias, method=method)
        (gradient,) = torch.autograd.grad(out.sum(), features)
        assert out.isfinite().all()
        assert gradient.isfinite().all()


@pytest.mark.parametrize("method", ["dense", "factorised"])
def test_float32_is_close_to_float64(method):
    inputs = make_inputs(1, 3, 16, 8, 8, 3, shared=False)
    exact = cross_task_affinity(*inputs, method="dense")
    rounded = cross_task_affinity(*[x.float() for x in inputs], method=method)
    assert (rounded - exact).abs().max() < 1e-5 * exact.abs().max()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda i: (i[0], i[1][:, :1], i[2], i[3]), "features and values"),
        (lambda i: (i[0], i[1], i[2][:, :-1], i[3]), "weight: expected"),
        (lambda i: (i[0], i[1], i[2][..., :2, :2], i[3]), "f odd"),
        (lambda i: (i[0], i[1], i[2], i[3][:, 1:]), "bias: expected"),
    ],
)
def test_invalid_shapes(change, message):
    inputs = make_inputs(1, 2, 3, 4, 4, 3, shared=False)
    with pytest.raises(InputError, match=message):
        cross_task_affinity(*change(inputs))


def test_unknown_method():
    with pytest.raises(InputError, match="got 'sparse'"):
        cross_task_affinity(*make_inputs(1, 2, 3, 4, 4, 3, shared=False), method="sparse")
