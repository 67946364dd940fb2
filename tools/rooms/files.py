"""Writing of views in the layout of ``ctal.data.FolderDataset``."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tools.rooms.views import View

SUFFIXES = {"image": ".jpg", "semseg": ".png", "depth": ".png", "normals": ".npz"}


def paths(out: Path, split: str, name: str) -> dict[str, Path]:
    """Return the files of the maps of a view called ``name``."""
    return {kind: out / split / kind / (name + suffix) for kind, suffix in SUFFIXES.items()}


def write_whole(path: Path, content: bytes) -> None:
    """Write a file atomically, under a temporary name that is then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + f".{os.getpid()}.part")
    part.write_bytes(content)
    part.replace(path)


def _png(array: Any) -> bytes:
    """Encode an array (H, W), uint8 or uint16, as PNG."""
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def write_view(out: Path, split: str, name: str, view: View) -> None:
    """Write the four files of a view: depth in whole millimeters, normals as float16."""
    place = paths(out, split, name)
    stream = io.BytesIO()
    np.savez_compressed(stream, normals=view.normals.astype(np.float16))
    write_whole(place["semseg"], _png(view.labels))
    write_whole(place["depth"], _png(np.round(view.depth * 1000).astype(np.uint16)))
    write_whole(place["normals"], stream.getvalue())
    stream = io.BytesIO()
    # Quality 95 without chroma subsampling: 8 kB instead of 20 kB as PNG, visually lossless.
    Image.fromarray(view.image).save(stream, "JPEG", quality=95, subsampling=0, optimize=True)
    write_whole(place["image"], stream.getvalue())  # last: a view with an image is complete


def write_card(out: Path, card: dict[str, Any]) -> None:
    """Write ``rooms.json``."""
    write_whole(out / "rooms.json", (json.dumps(card, indent=1) + "\n").encode())
