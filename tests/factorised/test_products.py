"""The five products in both implementations, compared with sums over single pixels."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ctal.factorised import convolutions, matmuls, minimal_filtering

N, K = 3, 5

IMPLEMENTATIONS = pytest.mark.parametrize(
    ("products", "dtype"),
    [(matmuls, torch.float64), (convolutions, torch.float32)],
    ids=["matmuls", "convolutions"],
)


def neighbours(H, W, f):
    """Yield (q, q + d, d) for all q and q + d inside the image, with d as a window index."""
    for y, x, dy, dx in itertools.product(range(H), range(W), range(f), range(f)):
        y2, x2 = y + dy - f // 2, x + dx - f // 2
        if 0 <= y2 < H and 0 <= x2 < W:
            yield (y, x), (y2, x2), (dy, dx)


def make(*shape, dtype, seed=0):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def assert_close(a, b):
    torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


def check_products_over_the_window(products, dtype, H, W, f):
    V, X = make(1, N, H, W, dtype=dtype), make(1, H, W, K, dtype=dtype, seed=1)
    S = make(1, f * f, N, K, dtype=dtype, seed=2)
    correlated, gathered = torch.zeros_like(S), torch.zeros(1, N, H, W, dtype=dtype)
    before = make(1, H, W, K, dtype=dtype, seed=3)
    scattered = before.clone()
    for (y, x), (y2, x2), (dy, dx) in neighbours(H, W, f):
        d = dy * f + dx
        correlated[0, d] += torch.outer(V[0, :, y, x], X[0, y2, x2])
        gathered[0, :, y, x] += S[0, d] @ X[0, y2, x2]
        scattered[0, y2, x2] += S[0, d].T @ V[0, :, y, x]
    assert_close(products.correlate(V, X, f), correlated)
    assert_close(products.gather(X, S), gathered)
    products.scatter(V, S, before)
    assert_close(before, scattered)


@IMPLEMENTATIONS
@settings(max_examples=15, deadline=None)
@given(H=st.integers(1, 5), W=st.integers(1, 5), f=st.sampled_from([1, 3, 5]))
def test_products_over_the_window(products, dtype, H, W, f):
    check_products_over_the_window(products, dtype, H, W, f)


@settings(max_examples=15, deadline=None)
@given(H=st.integers(1, 7), W=st.integers(1, 7), band=st.integers(1, 49))
def test_minimal_filtering(H, W, band):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(minimal_filtering, "_BAND_PIXELS", band)
        patch.setattr(minimal_filtering, "_CHANNELS", 1)  # each channel is a part
        check_products_over_the_window(minimal_filtering, torch.float32, H, W, 3)


@IMPLEMENTATIONS
def test_products_of_rows(products, dtype):
    rows, G, S = (make(1, *s, dtype=dtype) for s in [(7, K), (7, N), (N, K)])
    assert_close(products.apply(rows, S)[0], torch.stack([S[0] @ row for row in rows[0]]))
    outer = sum(torch.outer(g, row) for g, row in zip(G[0], rows[0], strict=True))
    assert_close(products.outer(G, rows)[0], outer)


def test_bands_of_rows_do_not_change_the_correlation(monkeypatch):
    V, X = make(1, N, 7, 4, dtype=torch.float32), make(1, 7, 4, K, dtype=torch.float32, seed=1)
    whole = convolutions.correlate(V, X, 5)
    monkeypatch.setattr(convolutions, "_BAND_PIXELS", 8)  # 2 rows per band
    assert_close(convolutions.correlate(V, X, 5), whole)


def test_a_batch_of_images():
    V, X = make(2, N, 3, 4, dtype=torch.float64), make(2, 3, 4, K, dtype=torch.float64, seed=1)
    both = matmuls.correlate(V, X, 3)
    each = [matmuls.correlate(v[None], x[None], 3) for v, x in zip(V, X, strict=True)]
    assert_close(both, torch.cat(each))


@pytest.mark.parametrize(("channels", "size"), [(64, (24, 32)), (192, (23, 31))])
def test_rounding_errors_of_minimal_filtering(channels, size):
    V = make(1, channels, *size, dtype=torch.float32)
    X = make(1, *size, channels, dtype=torch.float32, seed=1)
    S = make(1, 9, channels, channels, dtype=torch.float32, seed=2)

    def results(products, V, X, S):
        scattered = torch.zeros_like(X)
        products.scatter(V, S, scattered)
        return [products.correlate(V, X, 3), products.gather(X, S), scattered]

    exact = results(matmuls, V.double(), X.double(), S.double())
    direct, minimal = (
        [(a - b).norm() for a, b in zip(results(products, V, X, S), exact, strict=True)]
        for products in (convolutions, minimal_filtering)
    )
    # measured: at most 1.4 times; larger tiles have 2.5 times the error
    assert all(a < 1.7 * b for a, b in zip(minimal, direct, strict=True))
