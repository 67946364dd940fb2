"""Non-maximum suppression: the local maxima of blurred edges.

The standard method of edge detection, by Dollár and Zitnick, "Fast Edge Detection Using Structured
Forests", PAMI 2015, with the constants of their evaluation, which later work kept. Published scores
are comparable only with exactly these steps:

1. E is the probability, smoothed with the triangle filter [1 2 1] / 4 in x and y; the map is
   mirrored at its borders.
2. The direction across an edge, theta, is computed from the second derivatives of E, smoothed again
   with a triangle filter of radius 4: tan theta = E_yy sign(-E_xy) / (E_xx + 1e-5). Where E_xy is
   0, as along horizontal or vertical lines of drawn maps, the sign is 1 here. In the original it is
   0, which leaves such a blurred line unchanged. Maps with noise or texture have no such pixels.
3. A pixel is kept if 1.01 E is at least E at the two points one pixel before and behind it in this
   direction, interpolated bilinearly.
4. In the 5 pixels along the borders, where the filters are less reliable, E falls linearly to 0.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_NEAR_TIE = 1.01
_FLAT = 1e-5
_BORDER = 5


def crests(probability: Tensor) -> Tensor:
    """Return E where a pixel is kept and 0 elsewhere, (B, H, W) float32.

    Args:
        probability: (B, H, W), 0..1; NaN counts as 0. H and W are at least 2.
    """
    smoothed = _triangle(probability.float().nan_to_num().unsqueeze(1), 1)
    angle = _direction(_triangle(smoothed, 4))
    kept = torch.ones_like(smoothed, dtype=torch.bool)
    for step in (-1, 1):
        neighbor = _shifted(smoothed, step * angle.cos(), step * angle.sin())
        kept &= _NEAR_TIE * smoothed >= neighbor
    height, width = smoothed.shape[-2:]
    inner = _ramp(height, smoothed)[:, None] * _ramp(width, smoothed)
    return torch.where(kept, smoothed * inner, 0.0).squeeze(1)


def _triangle(maps: Tensor, radius: int) -> Tensor:
    """Smooth (B, 1, H, W) with a triangle of 2 * radius + 1 pixels, along x and then along y."""
    steps = torch.arange(-radius, radius + 1, device=maps.device)
    weights = (radius + 1 - steps.abs()) / (radius + 1) ** 2
    for dim in (2, 3):  # mirror the map at its borders, including the outermost pixels
        places = torch.arange(-radius, maps.shape[dim] + radius, device=maps.device)
        places %= 2 * maps.shape[dim]
        maps = maps.index_select(dim, torch.minimum(places, 2 * maps.shape[dim] - 1 - places))
    return F.conv2d(F.conv2d(maps, weights.view(1, 1, 1, -1)), weights.view(1, 1, -1, 1))


def _direction(maps: Tensor) -> Tensor:
    """Return the angle theta of step 2, in -pi/2..pi/2 from the x axis, of (B, 1, H, W)."""
    d_y, d_x = torch.gradient(maps, dim=(2, 3))
    d_yy, d_xy = torch.gradient(d_y, dim=(2, 3))
    (d_xx,) = torch.gradient(d_x, dim=(3,))
    return torch.atan(torch.where(d_xy > 0, -d_yy, d_yy) / (d_xx + _FLAT))


def _shifted(maps: Tensor, right: Tensor, down: Tensor) -> Tensor:
    """Sample (B, 1, H, W) at `right` and `down` pixels from every pixel; the border is repeated."""
    height, width = maps.shape[-2:]
    x = torch.arange(width, device=maps.device) + right
    y = torch.arange(height, device=maps.device)[:, None] + down
    # in grid_sample, -1 and 1 are the centers of the outermost pixels
    places = torch.cat([2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1], dim=1)
    return F.grid_sample(
        maps, places.permute(0, 2, 3, 1), padding_mode="border", align_corners=True
    )


def _ramp(length: int, like: Tensor) -> Tensor:
    """Return weights that increase from 0 at both ends to 1 at `_BORDER` pixels from them."""
    places = torch.arange(length, device=like.device)
    return (torch.minimum(places, length - 1 - places) / _BORDER).clamp(max=1)
