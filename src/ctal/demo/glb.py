"""A mesh with colored vertices as a binary glTF 2.0 file (Khronos, glTF 2.0 specification)."""

from __future__ import annotations

import itertools
import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

# numbers of the specification: types of components, and targets of buffers
_FLOAT, _BYTE, _INT = 5126, 5121, 5125
_VERTICES, _INDICES = 34962, 34963


def glb(
    points: NDArray[np.float32], colors: NDArray[np.uint8], triangles: NDArray[np.uint32]
) -> bytes:
    """Return the content of a .glb file with one mesh, double-sided and unlit.

    Args:
        points: (V, 3); x right, y up, z toward the viewer.
        colors: (V, 4), RGBA, linear.
        triangles: (N, 3), indices of points.
    """
    body = points.tobytes() + colors.tobytes() + triangles.tobytes()  # each of whole 4 bytes
    head = json.dumps(_content(points, colors, triangles)).encode()
    head += b" " * (-len(head) % 4)
    chunks = struct.pack("<I4s", len(head), b"JSON") + head
    chunks += struct.pack("<I4s", len(body), b"BIN\0") + body
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def _content(
    points: NDArray[np.float32], colors: NDArray[np.uint8], triangles: NDArray[np.uint32]
) -> dict[str, Any]:
    """Return the JSON part of the file."""
    lengths = [points.nbytes, colors.nbytes, triangles.nbytes]
    starts = [0, *itertools.accumulate(lengths)]
    views = [
        {"buffer": 0, "byteOffset": start, "byteLength": length, "target": target}
        for start, length, target in zip(
            starts[:3], lengths, [_VERTICES, _VERTICES, _INDICES], strict=True
        )
    ]
    bounds = {"min": points.min(axis=0).tolist(), "max": points.max(axis=0).tolist()}
    accessors = [
        _accessor(0, _FLOAT, len(points), "VEC3") | bounds,
        _accessor(1, _BYTE, len(colors), "VEC4") | {"normalized": True},
        _accessor(2, _INT, triangles.size, "SCALAR"),
    ]
    mesh = {"attributes": {"POSITION": 0, "COLOR_0": 1}, "indices": 2, "material": 0}
    return {
        "asset": {"version": "2.0"},
        "extensionsUsed": ["KHR_materials_unlit"],
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [mesh]}],
        "materials": [{"doubleSided": True, "extensions": {"KHR_materials_unlit": {}}}],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": starts[3]}],
    }


def _accessor(view: int, component: int, count: int, kind: str) -> dict[str, Any]:
    return {"bufferView": view, "componentType": component, "count": count, "type": kind}
