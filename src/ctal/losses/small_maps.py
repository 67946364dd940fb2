"""Cross entropy of small maps that are enlarged to the size of the labels, on a CPU."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from ctal.losses.enlarging import axis_weights


def cross_entropy_of_small(
    raw: Tensor, labels: Tensor, weights: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the sums of w_y * loss and of w_y over labelled pixels, and the gradient of the first.

    Maps are enlarged bilinearly. No map of the size of the labels is written to memory:
    columns are interpolated by a matrix product, rows in the loops of `ctal.losses.class_loops`.
    Images are computed in as many threads as torch uses.

    Args:
        raw: (B, C, h, w) float32 scores before softmax, finite, on the CPU.
        labels: (B, H, W) int64 classes y, -1 where unlabelled.
        weights: (C,) float32, w.
    """
    from ctal.losses.class_loops import cross_entropy_program  # late: it imports numba

    height, width = labels.shape[-2:]
    columns = axis_weights(raw.shape[-1], width, raw)
    scores = (raw @ columns.mT).contiguous()
    slopes = torch.zeros_like(scores)
    rows, shares = _rows(raw.shape[-2], height)
    program, numbers = cross_entropy_program(), weights.numpy()

    def image(n: int) -> tuple[float, float]:
        one = scores[n].numpy(), labels[n].contiguous().numpy()
        return program(*one, numbers, rows.numpy(), shares.numpy(), slopes[n].numpy())

    threads = min(torch.get_num_threads(), len(raw))
    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(image, range(len(raw))))
    else:
        found = [image(n) for n in range(len(raw))]
    total, weight = torch.tensor(found, dtype=torch.float64).reshape(-1, 2).sum(dim=0).float()
    return total, weight, slopes @ columns


def _rows(small: int, full: int) -> tuple[Tensor, Tensor]:
    """Return the upper and lower row (2, full) of linear interpolation, and the lower one's share.

    As `torch.nn.functional.interpolate` without `align_corners`.
    """
    centers = (torch.arange(full, dtype=torch.float64) + 0.5) * small / full - 0.5
    centers = centers.clamp(min=0)
    upper = centers.long()
    return torch.stack([upper, (upper + 1).clamp(max=small - 1)]), (centers - upper).float()
