"""Tiling: prediction of a large image at its own resolution, in overlapping tiles."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise

import torch
from torch import Tensor

from ctal.inference.postprocessing import Strip

OVERLAP = 4
"""Neighboring tiles overlap by 1/OVERLAP of a side, where they are blended."""


def can_tile(size: tuple[int, int], tile: tuple[int, int]) -> bool:
    """Return whether an image of `size` is large enough for more than one tile."""
    return size != tile and all(side >= least for side, least in zip(size, tile, strict=True))


def tile_strips(
    run: Callable[[Tensor], dict[str, Tensor]],
    pixels: Tensor,
    tile: tuple[int, int],
    batch_size: int,
) -> Iterator[Strip]:
    """Yield the raw maps of an image, merged from overlapping tiles, from top to bottom.

    In overlaps, raw maps are averaged with weights that fall linearly towards the edge of each
    tile. At most one row of tiles is in memory at a time.

    Args:
        run: The network: images (B, 3, h, w) to raw maps {task name: (B, channels, h, w)}.
        pixels: (3, H, W), at least as large as a tile.
        tile: (h, w), the size of the network.
        batch_size: Number of tiles per forward pass.
    """
    (h, w), (H, W) = tile, (pixels.shape[-2], pixels.shape[-1])
    tops, lefts = _starts(H, h), _starts(W, w)
    fade_y, fade_x = _fade(h), _fade(w)
    total_y, total_x = _total(tops, fade_y, H), _total(lefts, fade_x, W)
    sums: dict[str, Tensor] = {}
    for top, below in pairwise([*tops, H]):
        for first in range(0, len(lefts), batch_size):
            some = lefts[first : first + batch_size]
            windows = [pixels[:, top : top + h, left : left + w] for left in some]
            for name, maps in run(torch.stack(windows)).items():
                if name not in sums:
                    sums[name] = maps.new_zeros(1, maps.shape[1], h, W)
                weight = (fade_y[:, None] * fade_x).to(maps)
                for left, raw in zip(some, maps * weight, strict=True):
                    sums[name][0, :, :, left : left + w] += raw
        rows = slice(top, below)
        total = total_y[rows, None] * total_x
        yield rows, {n: s[..., : below - top, :] / total.to(s) for n, s in sums.items()}
        sums = {name: _moved_up(s, below - top) for name, s in sums.items()}


def _starts(length: int, side: int) -> list[int]:
    """Return the starts of tiles that cover a length evenly, with at least the overlap."""
    count = 1 + math.ceil((length - side) / (side - side // OVERLAP))
    return [round(i * (length - side) / max(count - 1, 1)) for i in range(count)]


def _fade(side: int) -> Tensor:
    """Return weights (side,): 1 in the middle, falling linearly to nearly 0 at both ends."""
    inside = torch.arange(side) + 0.5
    return (torch.minimum(inside, side - inside) / max(1, side // OVERLAP)).clamp(max=1)


def _total(starts: list[int], fade: Tensor, length: int) -> Tensor:
    """Return the sum of the weights of all tiles at every position, (length,)."""
    total = torch.zeros(length)
    for start in starts:
        total[start : start + len(fade)] += fade
    return total


def _moved_up(sums: Tensor, rows: int) -> Tensor:
    """Return the rows that the next tiles add to, below the completed ones."""
    rest = sums[..., rows:, :]
    return torch.cat([rest, sums.new_zeros(*sums.shape[:2], rows, sums.shape[3])], dim=2)
