"""Non-maximum suppression: of the blurred edges that a network paints, their crests.

The usual one of edge detection: that of Dollár and Zitnick, "Fast Edge Detection Using Structured
Forests", PAMI 2015, with the constants of their evaluation, which later work kept. The numbers of
papers hold for these steps only, such as they are:

1. E is the probability, smoothed with the triangle filter [1 2 1] / 4 in x and y; beyond its
   borders a map is mirrored.
2. The direction across an edge, theta, comes from the second derivatives of E, smoothed once more
   with a triangle filter of radius 4: tan theta = E_yy sign(-E_xy) / (E_xx + 1e-5). Where E_xy is
   0, which it is along level lines of drawn maps, the sign is 1 here. Theirs is 0, and
   leaves a blurred level line as it is. Maps with noise or texture have no such pixels.
3. A pixel is kept if 1.01 E is at least E at the two points one pixel before and behind it in this
   direction, interpolated bilinearly.
4. In the 5 pixels along the borders, where filters know less, E falls linearly to 0.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_NEAR_TIE = 1.01
_FLAT = 1e-5
_BORDER = 5


def crests(probability: Tensor) -> Tensor:
    """E where a pixel is kept and 0 elsewhere, (B, H, W) float32.

    Args:
        probability: (B, H, W), 0..1; NaN counts as 0. H and W are 2 or more.
    """
    smoothed = _triangle(probability.float().nan_to_num().unsqueeze(1), 1)
    angle = _direction(_triangle(smoothed, 4))
    kept = torch.ones_like(smoothed, dtype=torch.bool)
    for step in (-1, 1):
        neighbour = _shifted(smoothed, step * angle.cos(), step * angle.sin())
        kept &= _NEAR_TIE * smoothed >= neighbour
    height, width = smoothed.shape[-2:]
    inner = _ramp(height, smoothed)[:, None] * _ramp(width, smoothed)
    return torch.where(kept, smoothed * inner, 0.0).squeeze(1)


def _triangle(maps: Tensor, radius: int) -> Tensor:
    """Smooths (B, 1, H, W) with a triangle of 2 * radius + 1 pixels, along x and then along y."""
    steps = torch.arange(-radius, radius + 1, device=maps.device)
    weights = (radius + 1 - steps.abs()) / (radius + 1) ** 2
    for dim in (2, 3):  # beyond a border the map is mirrored, its outermost pixels too
        places = torch.arange(-radius, maps.shape[dim] + radius, device=maps.device)
        places %= 2 * maps.shape[dim]
        maps = maps.index_select(dim, torch.minimum(places, 2 * maps.shape[dim] - 1 - places))
    return F.conv2d(F.conv2d(maps, weights.view(1, 1, 1, -1)), weights.view(1, 1, -1, 1))


def _direction(maps: Tensor) -> Tensor:
    """The angle theta of step 2, in -pi/2..pi/2 from the x axis, of (B, 1, H, W)."""
    d_y, d_x = torch.gradient(maps, dim=(2, 3))
    d_yy, d_xy = torch.gradient(d_y, dim=(2, 3))
    (d_xx,) = torch.gradient(d_x, dim=(3,))
    return torch.atan(torch.where(d_xy > 0, -d_yy, d_yy) / (d_xx + _FLAT))


def _shifted(maps: Tensor, right: Tensor, down: Tensor) -> Tensor:
    """(B, 1, H, W) read off at `right` and `down` pixels from every pixel; the border continues."""
    height, width = maps.shape[-2:]
    x = torch.arange(width, device=maps.device) + right
    y = torch.arange(height, device=maps.device)[:, None] + down
    # grid_sample has -1 and 1 for the centres of the outermost pixels
    places = torch.cat([2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1], dim=1)
    return F.grid_sample(
        maps, places.permute(0, 2, 3, 1), padding_mode="border", align_corners=True
    )


def _ramp(length: int, like: Tensor) -> Tensor:
    """From 0 at both ends to 1 at `_BORDER` pixels from them."""
    places = torch.arange(length, device=like.device)
    return (torch.minimum(places, length - 1 - places) / _BORDER).clamp(max=1)
