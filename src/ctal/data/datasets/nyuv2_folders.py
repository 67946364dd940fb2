"""The two forms of NYUv2 that are folders of files; `ctal.data.NYUv2` has the card."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctal.data.datasets.nyuv2_mat import nyuv2_classes, table_of_40
from ctal.data.folder_files import FolderFiles
from ctal.data.geometry import Floats, unit_vectors
from ctal.data.map_files import MapFiles
from ctal.data.normal_axes import Signs, stored_axes
from ctal.errors import InputError
from ctal.maps import UNLABELLED_CLASS
from ctal.tasks import Depth, SurfaceNormals


def small_maps(classes: int) -> list[MapFiles]:
    """What the folders of pictures at 288x384 hold."""
    return [
        MapFiles(
            nyuv2_classes(classes),
            "label40/{name}.png",
            labels=[None if c == UNLABELLED_CLASS else int(c) for c in table_of_40(classes)],
        ),
        # nearest neighbours of a depth that the authors filled in
        MapFiles(Depth(), "depth/{name}.png", scale=0.004, ignore=[0], bits=16),
    ]


@dataclass(frozen=True)
class NormalFiles(MapFiles):
    """Stored normals, brought back to length 1, which resizing took from them."""

    def meaning(self, stored: NDArray[np.float64]) -> NDArray[Any]:
        """Unit vectors, or (0, 0, 0)."""
        return unit_vectors(super().meaning(stored))


def mtan_maps(folder: Path, classes: int, normals: bool, axes: Signs | None) -> list[MapFiles]:
    """What MTAN's folders hold."""
    if classes != 13:
        raise InputError(
            f"classes: expected 13, all that {folder} (MTAN's form) has, got {classes}"
        )
    maps = [
        MapFiles(nyuv2_classes(13), "label/{name}.npy", ignore=[-1]),
        MapFiles(Depth(), "depth/{name}.npy", ignore=[-1]),
    ]
    if normals:
        pattern = "normal/{name}.npy"
        if not (folder / "normal").is_dir():
            raise InputError(
                f"{folder / 'normal'}: expected the folder of the normals; without it give the "
                "camera (fx, fy, cx, cy) of the depth files, to derive them"
            )
        stored = FolderFiles(folder, pattern)
        signs = stored_axes(axes, list(stored.found), _normals_reader(stored, pattern))
        maps.append(NormalFiles(SurfaceNormals(), pattern, scale=list(signs)))
    return maps


def _normals_reader(stored: FolderFiles, pattern: str) -> Callable[[str], Floats]:
    """Return a function that reads the normals of one image with the signs of its file."""
    files = NormalFiles(SurfaceNormals(), pattern)

    def read(name: str) -> Floats:
        return files.read(stored.path(name)).permute(1, 2, 0).numpy()

    return read
