"""Affinities of one pixel: rows of A and G, and the contribution of each task, without P x P maps.

The symbols and equations are those of `ctal.functional`; gamma blends as in `ctal.CTAL`. For one
pixel j, row j of A_k is one product of T C P numbers, row j of G_t one convolution of T maps, and

    gamma out_t[:, j] = sum_k gamma sum_q V_t[:, q] sum_d W_t[j, k, d] A_k[j, q + d]
                        + gamma b_t[j] sum_q V_t[:, q]

is a sum of T parts, one per task k, and one of the bias: vectors of C channels, added to
(1 - gamma) F_t[:, j]. This takes O(T^2 P (C + f^2)) operations and O(T P (C + T)) memory.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Affinities:
    """Affinities of one pixel j in the grid of H x W of a CTAL module.

    Attributes:
        tasks: the names of the T tasks, in the order of the rows and columns below.
        pixel: (x, y) of j in the module's grid.
        affinity: {task k: (H, W)}, A_k[j, :], cosines in -1..1.
        mixed: {task t: (H, W)}, G_t[j, :], the weight of the values of each pixel for t.
        contributions: (T, T + 1), in the unit of the features: [t, k] is the norm of the vector
            that the affinities of task k add to the features of task t at j, [t, T] that of the
            bias. The vectors can cancel each other.
        added: (T,), the norm of their sum, gamma out_t[:, j].
        kept: (T,), the norm of (1 - gamma) F_t[:, j], to which the sum is added.

    With `norm_start`, gamma is one number per channel, that of the BatchNorm; its constant part,
    which no pixel contributes, is left out, and F_t is kept as it is.
    """

    tasks: list[str]
    pixel: tuple[int, int]
    affinity: dict[str, Array]
    mixed: dict[str, Array]
    contributions: Array
    added: Array
    kept: Array

    @property
    def shares(self) -> Array:
        """(T, T + 1): `contributions` divided by the sum of their row; zeros for a row of zeros."""
        total = self.contributions.sum(axis=1, keepdims=True)
        return self.contributions / total.clip(min=np.finfo(np.float32).tiny)

    @property
    def strength(self) -> Array:
        """(T,): `added` relative to `kept`; 0.1 is a refinement of a tenth of the features."""
        return self.added / self.kept.clip(min=np.finfo(np.float32).tiny)


@torch.inference_mode()
def affinities_at(
    pixel: tuple[int, int],
    tasks: list[str],
    features: Tensor,
    values: Tensor,
    weight: Tensor,
    bias: Tensor,
    gamma: Tensor,
    kept: Tensor,
) -> Affinities:
    """Compute the affinities of one pixel.

    Args:
        pixel: (x, y) in the grid of H x W.
        tasks: names of the T tasks.
        features: (T, C, H, W), F_k.
        values: (T, C, H, W), V_t.
        weight: (M, P, T, f, f), W_t[j, k, d]; M = T, or 1 if shared.
        bias: (M, P), b_t[j].
        gamma: (T, C), factors of the diffused features in the output.
        kept: (T, C, H, W), the features that they are added to.
    """
    T, _, H, W = features.shape
    x, y = pixel
    j, M, f = y * W + x, len(weight), weight.shape[-1]
    unit = F.normalize(features, dim=1)
    A = torch.einsum("kchw,kc->khw", unit, unit[:, :, y, x])
    # group k has the maps of A_k, one for each of the M mixings
    kernels = weight[:, j].transpose(0, 1).reshape(T * M, 1, f, f)
    parts = F.conv2d(A[None], kernels, padding=f // 2, groups=T).reshape(T, M, H, W)
    mixed = bias[:, j, None, None] + parts.sum(dim=0)
    vectors = []  # per task t (T + 1, C): contributions of the tasks, then of the bias
    for t in range(T):
        V = values[t].flatten(1)
        of_tasks = parts[:, t % M].flatten(1) @ V.mT
        vectors.append(gamma[t] * torch.cat([of_tasks, bias[t % M, j] * V.sum(dim=1)[None]]))
    added = torch.stack(vectors)
    return Affinities(
        tasks=list(tasks),
        pixel=pixel,
        affinity={task: _array(A[k]) for k, task in enumerate(tasks)},
        mixed={task: _array(mixed[t % M]) for t, task in enumerate(tasks)},
        contributions=_array(added.norm(dim=-1)),
        added=_array(added.sum(dim=1).norm(dim=-1)),
        kept=_array(kept[:, :, y, x].norm(dim=-1)),
    )


def _array(values: Tensor) -> Array:
    return np.ascontiguousarray(values.float().cpu().numpy())
