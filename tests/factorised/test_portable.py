"""The form for exported files, compared with the dense form."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.factorised.inputs import make_inputs
from torch.utils._python_dispatch import TorchDispatchMode

from ctal.factorised.portable import portable_affinity
from ctal.functional import cross_task_affinity


@settings(max_examples=25, deadline=None)
@given(
    B=st.integers(1, 3),
    T=st.integers(1, 3),
    H=st.integers(1, 6),
    W=st.integers(1, 6),
    f=st.sampled_from([1, 3, 5]),
    shared=st.booleans(),
)
def test_it_equals_the_dense_form(B, T, H, W, f, shared):
    inputs = make_inputs(B, T, 4, H, W, f, shared)
    expected = cross_task_affinity(*inputs, method="dense")
    torch.testing.assert_close(portable_affinity(*inputs)[0], expected)


def test_features_of_length_zero_count_as_zero():
    features, *others = make_inputs(1, 2, 4, 3, 5)
    features = features.detach().clone()
    features[:, 0, :, 1, 2] = 0
    expected = cross_task_affinity(features, *others, method="dense")
    torch.testing.assert_close(portable_affinity(features, *others)[0], expected)


class Largest(TorchDispatchMode):
    """Record the size of the largest result of any operation."""

    numbers = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if isinstance(out, torch.Tensor):
            self.numbers = max(self.numbers, out.numel())
        return out


@pytest.mark.parametrize("shared", [False, True])
def test_no_tensor_has_the_size_of_the_affinities(shared):
    T, C, H, W = 2, 16, 16, 20
    inputs = make_inputs(1, T, C, H, W, shared=shared)
    with torch.no_grad(), Largest() as seen:
        portable_affinity(*inputs)
    padded = T * C * (H * (W + 1) + 2 * (W + 2))
    assert T * C * H * W <= seen.numbers <= padded < (H * W) ** 2
