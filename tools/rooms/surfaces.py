"""Conversion of parts and materials to Mitsuba's scene description."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mitsuba as mi
import numpy as np

from tools.rooms.parts import Material, Part
from tools.rooms.shapes import Mesh, merge


def write_ply(mesh: Mesh, path: Path) -> None:
    """Write a mesh as binary PLY, which Mitsuba loads much faster than from Python."""
    rows = np.concatenate([mesh.vertices, mesh.normals, mesh.uv], 1).astype("<f4")
    faces = np.zeros(len(mesh.faces), dtype=[("n", "u1"), ("v", "<i4", 3)])
    faces["n"], faces["v"] = 3, mesh.faces
    fields = "".join(
        f"property float {name}\n" for name in ("x", "y", "z", "nx", "ny", "nz", "u", "v")
    )
    header = (
        f"ply\nformat binary_little_endian 1.0\nelement vertex {len(rows)}\n{fields}"
        f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    path.write_bytes(header.encode() + rows.tobytes() + faces.tobytes())


def _texture(material: Material) -> dict[str, Any]:
    """Return the texture of a material for Mitsuba."""
    linear = np.where(
        material.texture <= 0.04045,
        material.texture / 12.92,
        ((material.texture + 0.055) / 1.055) ** 2.4,
    )
    if material.emission:
        linear = linear * material.emission
    if linear.shape[:2] == (1, 1):
        return {"type": "rgb", "value": linear.reshape(3).tolist()}
    scale = mi.ScalarTransform3f().scale([1 / material.tile, 1 / material.tile])
    return {
        "type": "bitmap", "bitmap": mi.Bitmap(linear.astype(np.float32)), "raw": True,
        "to_uv": scale, "wrap_mode": "repeat",
    }  # fmt: skip


def _bsdf(material: Material) -> dict[str, Any]:
    """Return the BSDF of a material; it is two-sided, since leaves and curtains are thin."""
    if material.emission:
        return {"type": "diffuse", "reflectance": {"type": "rgb", "value": [0.05, 0.05, 0.05]}}
    color = _texture(material)
    if material.metal:
        inner = {
            "type": "roughconductor",
            "alpha": 0.35,
            "material": "none",
            "specular_reflectance": color,
        }
    elif material.gloss > 0.05:
        inner = {
            "type": "roughplastic",
            "alpha": 0.5 - 0.4 * material.gloss,
            "diffuse_reflectance": color,
        }
    else:
        inner = {"type": "diffuse", "reflectance": color}
    return {"type": "twosided", "bsdf": inner}


def describe(parts: list[Part], folder: Path) -> dict[str, Any]:
    """Return the parts for Mitsuba, merged by class and material to keep the scene small."""
    groups: dict[tuple[int, int], list[Part]] = {}
    for part in parts:
        groups.setdefault((part.label, id(part.material)), []).append(part)
    shapes: dict[str, Any] = {}
    for i, ((label, _), members) in enumerate(groups.items()):
        path, material = folder / f"{i}.ply", members[0].material
        write_ply(merge([part.mesh for part in members]), path)
        shape = {"type": "ply", "filename": str(path), "bsdf": _bsdf(material)}
        if material.emission:
            shape["emitter"] = {"type": "area", "radiance": _texture(material)}
        shapes[f"{label}_{i}"] = shape
    return shapes
