"""A mesh with coloured vertices as a binary glTF 2.0 file (Khronos, glTF 2.0 specification)."""

from __future__ import annotations

import itertools
import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

# numbers of the specification: types of components, and what a buffer is for
_FLOAT, _BYTE, _INT = 5126, 5121, 5125
_VERTICES, _INDICES = 34962, 34963


def glb(
    points: NDArray[np.float32], colours: NDArray[np.uint8], triangles: NDArray[np.uint32]
) -> bytes:
    """The content of a .glb file: one mesh, seen from both sides, its colours taken as they are.

    Args:
        points: (V, 3); x right, y up, z towards the viewer.
        colours: (V, 4), RGBA, linear.
        triangles: (N, 3), indices of points.
    """
    body = points.tobytes() + colours.tobytes() + triangles.tobytes()  # each of whole 4 bytes
    head = json.dumps(_content(points, colours, triangles)).encode()
    head += b" " * (-len(head) % 4)
    chunks = struct.pack("<I4s", len(head), b"JSON") + head
    chunks += struct.pack("<I4s", len(body), b"BIN\0") + body
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def _content(
    points: NDArray[np.float32], colours: NDArray[np.uint8], triangles: NDArray[np.uint32]
) -> dict[str, Any]:
    """What the file says of its bytes."""
    lengths = [points.nbytes, colours.nbytes, triangles.nbytes]
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
        _accessor(1, _BYTE, len(colours), "VEC4") | {"normalized": True},
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
