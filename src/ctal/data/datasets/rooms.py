"""Rooms: the bundled dataset."""

from __future__ import annotations

from pathlib import Path

from ctal.data.datasets.folder import FolderDataset
from ctal.data.map_files import MapFiles
from ctal.errors import InputError
from ctal.tasks import Depth, SemanticSegmentation, SurfaceNormals

FOLDER = Path(__file__).parents[1] / "rooms"

CLASSES = {
    "wall": "#c9c2b4",
    "floor": "#9c6b43",
    "ceiling": "#eeeae0",
    "window": "#7cc7ee",
    "door": "#6b4a2f",
    "table": "#e0a030",
    "chair": "#d9483b",
    "bed": "#4f6fc4",
    "sofa": "#8a56b0",
    "cabinet": "#2f8f83",
    "lamp": "#f7e34b",
    "picture": "#f08fb2",
    "plant": "#4caf50",
    "clutter": "#5f6670",
}
"""The classes in the order of their ids, with their colors."""


class Rooms(FolderDataset):
    """Rendered views of furnished rooms, for tests, examples and quick comparisons.

    Content: images of 96x128 pixels in three splits, which share no room.
    Source: rendered by the scripts in tools/rooms with the path tracer Mitsuba 3, from a seed.
    Tasks: `semseg`, 14 classes (`CLASSES`); `depth`, meters along the optical axis, stored in
    millimeters; `normals` in camera coordinates (x right, y down, z into the scene), stored in
    half precision. Every pixel is labelled, and labels are exact, not estimated.
    Format: {train,val,test}/{image,semseg,depth,normals}/, one file per view.
    License: that of this package. Nothing is downloaded.
    Limitations: results do not transfer to real images. The rooms are simple, and networks score
    higher than on real data.

    Args:
        split: "train", "val" or "test".

    Raises:
        InputError: The split is unknown.
    """

    def __init__(self, split: str) -> None:
        splits = ("train", "val", "test")
        if split not in splits:
            raise InputError(f"split: expected one of {', '.join(splits)}, got {split!r}")
        semseg = SemanticSegmentation(
            len(CLASSES), class_names=list(CLASSES), colours=list(CLASSES.values())
        )
        super().__init__(
            FOLDER / split,
            "image/{name}.jpg",
            [
                MapFiles(semseg, "semseg/{name}.png"),
                MapFiles(Depth(), "depth/{name}.png", scale=0.001),
                MapFiles(SurfaceNormals(), "normals/{name}.npz"),
            ],
        )
