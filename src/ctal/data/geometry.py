"""What depth says of surfaces: a camera's viewing rays, and normals from fitted planes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctal.errors import InputError

Floats = NDArray[np.float32]
Plane = tuple[Floats, Floats, Floats]
"""Per pixel: growth of inverse depth per column, per row, and its value at the pixel itself."""

_SAMPLES = 7  # along each side of a window: more cost time and hardly lessen the noise
_FLATNESS = 0.4  # share of `jump` that a pixel may be off the first plane and still count
_LEAST_SHARE = 0.25  # of a window's pixels that must be on the plane: a corner's are all inside


@dataclass(frozen=True)
class Camera:
    """A pinhole camera: pixel (u, v) shows the point Z ((u - cx) / fx, (v - cy) / fy, 1).

    u counts columns, v rows, both from 0 at the centre of the first pixel. Axes: x right, y down,
    z into the scene; Z is the depth. The numbers belong to one size of picture.

    Args:
        fx: focal length in pixels, horizontal.
        fy: focal length in pixels, vertical.
        cx: column of the optical axis.
        cy: row of the optical axis.

    Raises:
        InputError: a number is not finite, or a focal length not above 0.
    """

    fx: float
    fy: float
    cx: float
    cy: float

    def __post_init__(self) -> None:
        values = (self.fx, self.fy, self.cx, self.cy)
        if not (all(map(math.isfinite, values)) and self.fx > 0 and self.fy > 0):
            raise InputError(f"camera: expected finite fx, fy > 0, cx, cy in pixels, got {values}")

    def points(self, depth: Floats) -> Floats:
        """Where the pixels of a depth map (H, W), metres, are in space: (H, W, 3), metres."""
        v, u = np.indices(depth.shape, dtype=np.float32)
        x, y = (u - self.cx) / self.fx, (v - self.cy) / self.fy
        return np.stack([depth * x, depth * y, depth], axis=-1).astype(np.float32)


def normals_from_depth(
    depth: Floats, camera: Camera, *, radius: int | None = None, jump: float = 0.05
) -> Floats:
    """Normals of the planes that fit the back-projected points around every pixel best.

    A plane m . p = 1 is linear in inverse depth: with the viewing ray r of a pixel, p = Z r, so
    1 / Z = m . r, and r is linear in the pixel's place. Least squares in that form are those of a
    line in two variables, closed per window; a stereo camera's noise is even in it; and -m is on
    the camera's side without a further test, since m . r = 1 / Z > 0.

    A window must not reach over the border of an object. So a first fit takes the pixels whose
    inverse depth is within `jump` of the centre's, and a second one those near the first plane.

    Args:
        depth: (H, W), metres along the optical axis; 0 or not finite where unknown.
        camera: the camera of this picture at this size.
        radius: half the width of the window, pixels. None: 1/64 of the width, which suits a
            Kinect; exact depth needs less.
        jump: relative change of depth that separates two objects.

    Returns:
        (H, W, 3) float32, unit vectors; (0, 0, 0) where the depth is unknown, or less than a
        quarter of the window is on one plane.

    Raises:
        InputError: a radius below 1, a jump that is not above 0, or no (H, W).
    """
    if depth.ndim != 2 or jump <= 0 or (radius is not None and radius < 1):
        raise InputError(
            "normals: expected depth (H, W), radius >= 1 and jump > 0, "
            f"got {depth.shape}, {radius} and {jump}"
        )
    radius = max(1, round(depth.shape[1] / 64)) if radius is None else radius
    count = min(_SAMPLES, 2 * radius + 1)
    offsets = [round(step) for step in np.linspace(-radius, radius, count)]
    known = np.isfinite(depth) & (depth > 0)
    inverse = np.where(known, 1 / np.where(known, depth, 1), 0).astype(np.float32)
    flat = np.zeros_like(inverse)
    first, _ = _fit_planes(inverse, (flat, flat, inverse), jump * inverse, offsets)
    plane, share = _fit_planes(inverse, first, _FLATNESS * jump * inverse, offsets)
    fitted = known & (share >= _LEAST_SHARE) & (plane[2] > 0)
    return np.where(fitted[..., None], _normals_of(plane, camera), np.float32(0))


def _fit_planes(
    inverse: Floats, guess: Plane, tolerance: Floats, offsets: list[int]
) -> tuple[Plane, Floats]:
    """The planes through those pixels of every window that are within `tolerance` of a guess.

    Returns:
        The planes, and the share of the window that each is of; 0 for pixels in a line, which leave
        a plane undetermined.
    """
    reach = max(offsets)
    padded = np.pad(inverse, reach)  # 0, which is "unknown"
    height, width = inverse.shape
    sums = np.zeros((9, height, width), np.float32)
    for dv in offsets:
        row = np.zeros((5, height, width), np.float32)
        for du in offsets:
            seen = padded[reach + dv :, reach + du :][:height, :width]
            expected = guess[2] + guess[0] * np.float32(du) + guess[1] * np.float32(dv)
            used = ((seen > 0) & (np.abs(seen - expected) <= tolerance)).astype(np.float32)
            powers = np.array([1, du, du * du], np.float32)[:, None, None]
            row[:3] += powers * used
            # differences to the centre, since sums of the values themselves would round worse
            row[3:] += powers[:2] * ((seen - inverse) * used)
        n, u, uu, w, uw = row
        sums += np.stack([n, u, dv * n, uu, dv * u, dv * dv * n, w, uw, dv * w])
    (a, b, c), determined = _solve(sums)
    return (a, b, inverse + c), np.where(determined, sums[0] / len(offsets) ** 2, 0)


def _solve(sums: Floats) -> tuple[Plane, NDArray[np.bool_]]:
    """Least squares of w = a u + b v + c, from sums of 1, u, v, uu, uv, vv, w, uw, vw.

    Returns:
        a, b and c, and whether they were determined; a = b = 0 otherwise.
    """
    n, u, v, uu, uv, vv, w, uw, vw = sums
    n_or_1 = np.maximum(n, 1)
    uu, uv, vv = uu - u * u / n_or_1, uv - u * v / n_or_1, vv - v * v / n_or_1
    uw, vw = uw - u * w / n_or_1, vw - v * w / n_or_1
    determinant = uu * vv - uv * uv
    determined = determinant > 0.05 * uu * vv
    divisor = np.where(determined, determinant, 1)
    a = np.where(determined, (vv * uw - uv * vw) / divisor, 0)
    b = np.where(determined, (uu * vw - uv * uw) / divisor, 0)
    return (a, b, (w - a * u - b * v) / n_or_1), determined


def _normals_of(plane: Plane, camera: Camera) -> Floats:
    """Unit normals (H, W, 3), towards the camera, of planes given in inverse depth."""
    a, b, c = plane
    height, width = c.shape
    u, v = np.arange(width) - camera.cx, np.arange(height)[:, None] - camera.cy
    # 1 / Z = a (u - u0) + b (v - v0) + c at u = fx x + cx, v = fy y + cy, sorted by x, y and 1
    m = np.stack([a * camera.fx, b * camera.fy, c - a * u - b * v], axis=-1)
    lengths = np.linalg.norm(m, axis=-1, keepdims=True)
    return (-m / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def axis_signs(normal_maps: Iterable[Floats]) -> tuple[float, float, float]:
    """What to multiply stored normals with, per channel, so that they follow the conventions here.

    For data whose description does not say which way its axes point. A camera sees the sides that
    face it, so that every normal n of a visible surface has n . r < 0 with the viewing ray r. In
    the mean over pictures that holds for each axis by itself: what is seen on the right faces
    left, what is seen below (floors) faces up, and all faces the camera. Of 200 pictures of NYUv2
    by itself each, x comes out right in 198, y in 196, z in all; of 2,000 draws of 16 pictures all
    do, by a mean product of -0.38 times the mean of its size and beyond.

    Args:
        normal_maps: (H, W, 3) each, some ten or more pictures of scenes, not of single objects;
            channels in the order x, y, z, signs unknown.

    Returns:
        1 or -1 for x, y and z.

    Raises:
        InputError: the pictures do not tell.
    """
    product, size = np.zeros(3), np.zeros(3)
    for normals in normal_maps:
        height, width = normals.shape[:2]
        u = (np.arange(width) - (width - 1) / 2) / width
        v = (np.arange(height)[:, None] - (height - 1) / 2) / width
        for axis, ray in enumerate((u, v, 1.0)):
            along = normals[..., axis] * ray
            product[axis] += along.sum()
            size[axis] += np.abs(along).sum()
    scores = product / np.where(size > 0, size, 1)
    if (np.abs(scores) < 0.1).any():
        raise InputError(
            "normal_axes: the stored normals do not tell which way their axes point (x, y, z: "
            f"{scores.round(2).tolist()}, expected beyond -0.1..0.1); give [1, 1, 1] if they are "
            "x right, y down, z into the scene, and -1 for each axis the other way round"
        )
    x, y, z = (-1.0 if score > 0 else 1.0 for score in scores)
    return x, y, z


def unit_vectors(vectors: NDArray[np.floating]) -> Floats:
    """Vectors (H, W, 3) at length 1, which resizing and 8 bits cost them; (0, 0, 0) below 0.5.

    What is not finite comes out as NaN: it is broken, and not unlabelled.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
        known = ~(lengths < 0.5)
        return np.where(known, vectors / np.where(known, lengths, 1), 0).astype(np.float32)
