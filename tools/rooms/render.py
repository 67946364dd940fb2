"""Rendering of rooms with Mitsuba: images by path tracing, ground truth by ray casting."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mitsuba as mi
import numpy as np
from numpy.typing import NDArray

from tools.rooms.camera import Camera
from tools.rooms.parts import Part, Room
from tools.rooms.shapes import Floats
from tools.rooms.surfaces import describe

# The scalar variant needs no compiler at run time and is reproducible on every machine.
mi.set_variant("scalar_rgb")

PATH_DEPTH = 6  # maximum number of path segments; more hardly brighten a room
BUFFERS = 3  # independent renderings of a view, for estimating the noise
SUN_SAMPLES = 25  # per pixel, for antialiasing only, since direct sunlight has no noise
FINE = 2  # rays per pixel and axis for the albedo
SUNLIGHT = 28.0  # irradiance; the radiance of the sky is 5 to 9


def _traced(scene: Any, sensor: Any, seed: int) -> Floats:
    """Render linear RGB (H, W, 3)."""
    image: Any = mi.render(scene, sensor=sensor, seed=mi.UInt32(seed))
    return np.array(image, float)


class Scene:
    """Room loaded into Mitsuba.

    Args:
        parts: parts of the room.
        sun: (3,) direction in which sunlight travels, or None.
    """

    def __init__(self, parts: list[Part], sun: Floats | None = None) -> None:
        integrator = {"type": "path", "max_depth": PATH_DEPTH}
        base: dict[str, Any] = {"type": "scene", "integrator": integrator}
        with tempfile.TemporaryDirectory() as folder:
            # Loaded separately: both scenes share them, and merged meshes would lose their labels.
            shapes = {k: mi.load_dict(v) for k, v in describe(parts, Path(folder)).items()}
        self._scene = mi.load_dict({**base, **shapes}, optimize=False)
        self._sunlit = None
        if sun is not None:
            # The emissive panes would block sunlight, so sunlight is rendered separately, without
            # the room's light sources, and added. Indirect sunlight is omitted, since paths that
            # hit the sunlit patch by chance are the main source of noise.
            dark = {k: v for k, v in shapes.items() if not v.is_emitter()}
            light = {"type": "directional", "direction": sun.tolist(), "irradiance": SUNLIGHT}
            direct = {"type": "direct", "emitter_samples": 1, "bsdf_samples": 0}
            self._sunlit = mi.load_dict(
                {"type": "scene", "integrator": direct, **dark, "sun": light}, optimize=False
            )
        self._labels = {s.id(): int(s.id().split("_")[0]) for s in self._scene.shapes()}

    @classmethod
    def of(cls, room: Room) -> Scene:
        """Load a furnished room."""
        return cls(room.parts(), room.sun)

    def _sensor(self, camera: Camera, width: int, height: int, spp: int) -> Any:
        """Make the Mitsuba camera."""
        film = {
            "type": "hdrfilm", "width": width, "height": height, "pixel_format": "rgb",
            "component_format": "float32", "rfilter": {"type": "gaussian"},
        }  # fmt: skip
        forward, up = camera.rotation[:, 2], -camera.rotation[:, 1]
        pose = mi.ScalarTransform4f().look_at(
            origin=camera.position.tolist(),
            target=(camera.position + forward).tolist(),
            up=up.tolist(),
        )
        sampler = {"type": "multijitter", "sample_count": spp}
        return mi.load_dict(
            {
                "type": "perspective", "fov": camera.fov, "fov_axis": "x", "to_world": pose,
                "film": film, "sampler": sampler,
            }
        )  # fmt: skip

    def radiance(self, camera: Camera, width: int, height: int, spp: int, seed: int) -> Floats:
        """Render a view with ``spp`` samples per pixel in total.

        Returns:
            Independent renderings (BUFFERS, H, W, 3), linear RGB.
        """
        sensor = self._sensor(camera, width, height, spp // BUFFERS)
        buffers = np.stack([_traced(self._scene, sensor, seed + i) for i in range(BUFFERS)])
        if self._sunlit is not None:
            sensor = self._sensor(camera, width, height, SUN_SAMPLES)
            buffers += _traced(self._sunlit, sensor, seed)
        return buffers

    def _hits(self, camera: Camera, rays: Floats) -> Iterator[Any]:
        """Cast rays (N, 3), in camera axes with z = 1, and yield their intersections."""
        origin = mi.ScalarPoint3f(*camera.position.tolist())
        for direction in rays @ camera.rotation.T:
            hit = self._scene.ray_intersect(
                mi.ScalarRay3f(origin, mi.ScalarVector3f(*direction.tolist()))
            )
            if not hit.is_valid():
                raise ValueError(f"a ray leaves the room at {camera.position}")
            yield hit

    def albedo(self, camera: Camera, width: int, height: int) -> Floats:
        """Return the reflectance of the surfaces averaged over each pixel, (H, W, 3)."""
        fine = camera.rays(width * FINE, height * FINE).reshape(-1, 3)
        colors = [
            hit.shape.bsdf().eval_diffuse_reflectance(hit) for hit in self._hits(camera, fine)
        ]
        return np.array(colors, float).reshape(height, FINE, width, FINE, 3).mean((1, 3))

    def truth(
        self, camera: Camera, width: int, height: int
    ) -> tuple[Floats, Floats, NDArray[np.uint8]]:
        """Compute the ground truth by casting one ray through each pixel center.

        Returns:
            Depth (H, W) in meters along the optical axis, unit normals (H, W, 3) in camera axes
            facing the camera, and class ids (H, W).
        """
        rays = camera.rays(width, height).reshape(-1, 3)
        depth, normals = np.zeros(len(rays)), np.zeros((len(rays), 3))
        labels = np.zeros(len(rays), np.uint8)
        for i, hit in enumerate(self._hits(camera, rays)):
            depth[i], normals[i] = (
                hit.t,
                hit.sh_frame.n,
            )  # t is the depth, since the rays have z = 1
            labels[i] = self._labels[hit.shape.id()]
        normals = normals @ camera.rotation
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        normals *= -np.sign((normals * rays).sum(1, keepdims=True))
        shape = (height, width)
        return depth.reshape(shape), normals.reshape(*shape, 3), labels.reshape(shape)
