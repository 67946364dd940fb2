"""The two layouts of NYUv2 with one file per map; see `ctal.data.NYUv2`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ctal.data.camera import Floats
from ctal.data.datasets.nyuv2_mat import nyuv2_classes, table_of_40
from ctal.data.folder_files import FolderFiles
from ctal.data.map_files import MapFiles
from ctal.data.normal_axes import Signs, stored_axes
from ctal.errors import InputError
from ctal.maps import UNLABELLED_CLASS
from ctal.tasks import Depth, SurfaceNormals


def small_maps(classes: int) -> list[MapFiles]:
    """Return the stored maps of the layout with images at 288x384."""
    return [
        MapFiles(
            nyuv2_classes(classes),
            "label40/{name}.png",
            labels=[None if c == UNLABELLED_CLASS else int(c) for c in table_of_40(classes)],
        ),
        # nearest-neighbor resizing of the depth, whose holes the authors filled
        MapFiles(Depth(), "depth/{name}.png", scale=0.004, ignore=[0], bits=16),
    ]


def mtan_maps(folder: Path, classes: int, normals: bool, axes: Signs | None) -> list[MapFiles]:
    """Return the stored maps of the MTAN layout."""
    if classes != 13:
        raise InputError(
            f"classes: expected 13, the only choice for {folder} (MTAN layout), got {classes}"
        )
    maps = [
        MapFiles(nyuv2_classes(13), "label/{name}.npy", ignore=[-1]),
        MapFiles(Depth(), "depth/{name}.npy", ignore=[-1]),
    ]
    if normals:
        pattern = "normal/{name}.npy"
        if not (folder / "normal").is_dir():
            raise InputError(
                f"{folder / 'normal'}: folder of the normals not found; to derive normals, set "
                "camera (fx, fy, cx, cy) for the depth files"
            )
        stored = FolderFiles(folder, pattern)
        signs = stored_axes(axes, list(stored.found), _normals_reader(stored, pattern))
        # resizing changed their length
        normals_of = MapFiles(SurfaceNormals(), pattern, scale=list(signs), normalize=True)
        maps.append(normals_of)
    return maps


def _normals_reader(stored: FolderFiles, pattern: str) -> Callable[[str], Floats]:
    """Return a function that reads the normals of one image with the signs of its file."""
    files = MapFiles(SurfaceNormals(), pattern, normalize=True)

    def read(name: str) -> Floats:
        return files.read(stored.path(name)).permute(1, 2, 0).numpy()

    return read
