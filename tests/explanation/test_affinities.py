"""Affinity rows of one pixel, compared with the dense form of the paper's equations in numpy."""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ctal import CTAL
from ctal.errors import InputError
from ctal.explanation import capture_affinities

TASKS = ["semseg", "depth", "normals"]
H, W, C = 5, 6, 4
PIXELS = [(0, 0), (W - 1, 0), (2, 3), (W - 1, H - 1), (3, 0)]


def module(**arguments):
    torch.manual_seed(0)
    return CTAL(TASKS, C, (H, W), **arguments)


def features(size=(H, W), channels=C, batch=1):
    torch.manual_seed(1)
    return {task: torch.randn(batch, channels, *size) for task in TASKS}


def dense(refine, given):
    """Compute A (T, P, P), G (T, P, P) and contributions (T, T + 1, C, P) from full matrices."""
    T, P, f = len(TASKS), H * W, refine.mixing_weight.shape[-1]
    scale = P**-refine.mixing_power
    weight = scale * refine.mixing_weight.detach().double().numpy()
    bias = scale * refine.mixing_bias.detach().double().numpy()
    A, V = [], []
    for task in TASKS:
        F = given[task][0].double().numpy().reshape(C, P)
        X = F / np.linalg.norm(F, axis=0)
        A.append(X.T @ X)
        with torch.no_grad():
            V.append(refine.value[task](given[task])[0].double().numpy().reshape(C, P))
    A = np.stack(A)
    r = f // 2
    # zeros around every affinity map; (dy, dx) then reads the pixel q + d
    padded = np.pad(A.reshape(T, P, H, W), ((0, 0), (0, 0), (r, r), (r, r)))
    G, added = [], []
    for t in range(T):
        m = t % len(weight)
        parts = np.zeros((T, P, P))
        for k in range(T):
            for dy in range(f):
                for dx in range(f):
                    shifted = padded[k, :, dy : dy + H, dx : dx + W].reshape(P, P)
                    parts[k] += weight[m, :, k, dy, dx][:, None] * shifted
        constant = np.broadcast_to(bias[m][:, None], (P, P))
        G.append(parts.sum(axis=0) + constant)
        added.append([V[t] @ part.T for part in (*parts, constant)])
    return A, np.stack(G), torch.as_tensor(refine.gamma).item() * np.array(added)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("f", [1, 3, 5])
@pytest.mark.parametrize("learned", [False, True])
def test_rows_equal_the_dense_form(f, shared, learned):
    refine = module(
        kernel_size=f, shared_mixing=shared, gamma=0.3, learned_gamma=learned, mixing_power=0.2
    )
    given = features()
    A, G, added = dense(refine, given)
    with capture_affinities(refine) as seen:
        refine(given)
    for x, y in PIXELS:
        found, j = seen["ctal"].at((x, y)), y * W + x
        assert found.pixel == (x, y)
        for t, task in enumerate(TASKS):
            expected = A[t, j].reshape(H, W)
            np.testing.assert_allclose(found.affinity[task], expected, atol=1e-6)
            np.testing.assert_allclose(found.mixed[task], G[t, j].reshape(H, W), atol=1e-5)
        lengths = np.linalg.norm(added[..., j], axis=-1)
        np.testing.assert_allclose(found.contributions, lengths, rtol=1e-4, atol=1e-5)
        sums = np.linalg.norm(added[..., j].sum(axis=1), axis=-1)
        np.testing.assert_allclose(found.added, sums, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", ["dense", "factorised"])
def test_lengths_equal_those_of_the_module_output(method):
    refine, given = module(gamma=0.2, method=method), features()
    with capture_affinities(refine) as seen:
        out = refine(given)
    for x, y in PIXELS:
        found = seen["ctal"].at((x, y))
        for t, task in enumerate(TASKS):
            kept = 0.8 * given[task][0, :, y, x]
            assert found.kept[t] == pytest.approx(kept.norm().item(), rel=1e-5)
            added = out[task][0, :, y, x] - kept
            assert found.added[t] == pytest.approx(added.norm().item(), rel=1e-4)
            assert found.strength[t] == pytest.approx(found.added[t] / found.kept[t], rel=1e-5)


def test_shares_sum_to_one_or_are_zero():
    refine, given = module(), features()
    with capture_affinities(refine) as seen:
        refine(given)
    np.testing.assert_allclose(seen["ctal"].at((1, 1)).shares.sum(axis=1), 1, rtol=1e-6)
    silent = module(gamma=0.0)
    with capture_affinities(silent) as seen:
        silent(given)
    found = seen["ctal"].at((1, 1))
    assert (found.shares == 0).all()
    assert (found.contributions == 0).all()


def test_a_task_without_weights_contributes_nothing():
    refine, given = module(), features()
    torch.nn.init.zeros_(refine.mixing_bias)
    with torch.no_grad():
        refine.mixing_weight[1, :, 2] = 0  # from normals to depth
    with capture_affinities(refine) as seen:
        refine(given)
    shares = seen["ctal"].at((4, 2)).shares
    assert shares[1, 2] == shares[1, 3] == 0
    assert (np.delete(shares[:, :3], 1, axis=0) > 0).all()


class Largest(TorchDispatchMode):
    """Record the largest number of elements of any operator's result."""

    numel = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for tensor in torch.utils._pytree.tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self.numel = max(self.numel, tensor.numel())
        return result


def test_no_tensor_has_size_p_by_p():
    torch.manual_seed(0)
    size = (24, 32)
    refine = CTAL(TASKS, 8, size, method="factorised").requires_grad_(False)
    with Largest() as largest:
        with capture_affinities(refine) as seen:
            refine(features(size, channels=8))
        seen["ctal"].at((3, 4))
    T, P = len(TASKS), size[0] * size[1]
    largest_of_the_module = T * T * P * 9  # its mixing weights
    assert P <= largest.numel <= largest_of_the_module < P * P
    with Largest() as largest:
        seen["ctal"].at((30, 20))
    assert largest.numel <= T * P * 9
    refine.method = "dense"  # check that such a tensor is detected
    with Largest() as largest:
        refine(features(size, channels=8))
    assert largest.numel >= P * P


def test_the_first_image_of_a_batch_is_captured():
    refine, given = module(), features(batch=3)
    with capture_affinities(refine) as seen:
        refine(given)
    several = seen["ctal"].at((2, 1))
    with capture_affinities(refine) as seen:
        refine({task: maps[:1] for task, maps in given.items()})
    np.testing.assert_allclose(several.mixed["depth"], seen["ctal"].at((2, 1)).mixed["depth"])


def test_pixels_outside_the_grid():
    refine = module()
    with capture_affinities(refine) as seen:
        refine(features())
    with pytest.raises(InputError, match=r"pixel: expected x in 0\.\.5 and y in 0\.\.4"):
        seen["ctal"].at((6, 0))
