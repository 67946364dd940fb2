"""Gradients of the mixing in bfloat16: all offsets at once, against sums in float64."""

import pytest
import torch

from ctal.factorised import convolutions, mixing
from ctal.factorised.mixing_loops import mixing_program


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).bfloat16()


def block(J, T=2, C=5, N=4, window=9):
    """Return G, x, S^T and W of one image."""
    K = T * C
    return (
        drawn(1, J, N),
        drawn(1, J, T, C, seed=1),
        drawn(1, window, K, N, seed=2),
        drawn(window, J, T, seed=3),
    )


def run(G, x, S_T, W):
    """Return dS, dX and dW, which start at 1 since gradients are added."""
    dS = torch.ones(1, len(W), G.shape[-1], x[0, 0].numel())
    dX, dW = torch.ones(x.shape), torch.ones(W.shape)
    mixing.add_gradients(convolutions, G, x, S_T, W, dS, dX, dW)
    return dS, dX, dW


def exact(G, x, S_T, W):
    G, x, S_T, W = (a.double() for a in (G[0], x[0], S_T[0], W))
    Z = torch.einsum("dkn,jn->djk", S_T, G).view(len(W), *x.shape)
    dS = torch.einsum("jn,djtc->dntc", G, W[..., None] * x).flatten(2)
    dX, dW = (W[..., None] * Z).sum(0), (Z * x).sum(3)
    return 1 + dS[None], 1 + dX[None], 1 + dW


@pytest.mark.parametrize(("J", "numbers"), [(7, 1), (40, 1), (40, 1 << 20), (96, 90 * 32)])
@pytest.mark.parametrize("threads", [1, 3])
def test_gradients_equal_sums_in_float64_up_to_rounding(J, numbers, threads, monkeypatch):
    monkeypatch.setattr(mixing, "_NUMBERS", numbers)  # of a thread: 16, 32 or all pixels
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        found = run(*block(J))
    finally:
        torch.set_num_threads(before)
    for a, b in zip(found, exact(*block(J)), strict=True):
        assert a.dtype == torch.float32
        assert (a - b).norm() < 5e-3 * b.norm()


@pytest.mark.parametrize(("numbers", "together"), [(90, True), (89, False)])
def test_all_offsets_together_unless_they_are_too_many(numbers, together, monkeypatch):
    used = []
    plain = mixing._all_offsets
    monkeypatch.setattr(mixing, "_all_offsets", lambda *args: (used.append(1), plain(*args)))
    monkeypatch.setattr(mixing, "_MOST", numbers)
    for a, b in zip(run(*block(20)), exact(*block(20)), strict=True):
        assert (a - b).norm() < 6e-3 * b.norm()
    assert bool(used) is together


def test_the_other_path_computes_the_same():
    G, x, S_T, W = block(20)
    wide = [a.float() for a in (G, x, S_T, W)]
    for a, b in zip(run(G, x, S_T, W), run(*wide), strict=True):
        assert (a - b).norm() < 5e-3 * b.norm()


def test_the_weighted_copy_is_rounded_as_by_torch():
    x, W = drawn(64, 3, 8), drawn(9, 64, 3, seed=1)
    x[0], W[:, 1], x[2] = torch.nan, torch.inf, 3e38
    Z = torch.zeros(64, 9, 3, 8, dtype=torch.bfloat16)
    arrays = [a.view(torch.int16).numpy() for a in (Z, x)]
    sums = torch.zeros(64, 3, 8), torch.zeros(9, 64, 3)
    mixing_program()(*arrays, W.float().numpy(), *(a.numpy() for a in sums))
    expected = x[:, None] * W.transpose(0, 1)[..., None]
    torch.testing.assert_close(Z, expected, rtol=0, atol=0, equal_nan=True)


def test_not_a_number_is_not_lost():
    G, x, S_T, W = block(20)
    x[0, 3, 0, 0] = torch.nan
    dS, dX, dW = run(G, x, S_T, W)
    assert dS[..., 0].isnan().all()
    assert dW[:, 3, 0].isnan().all()
    assert not dX.isnan().any()  # x has no part in it
