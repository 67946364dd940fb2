"""The label files of PASCAL-Context's five tasks, each in its own encoding."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ctal.data.array_files import read_array
from ctal.data.geometry import unit_vectors
from ctal.data.geometry_edges import class_borders
from ctal.data.mat_files import read_mat
from ctal.errors import InputError
from ctal.maps import Map
from ctal.tasks import Edges, HumanParts, Saliency, SemanticSegmentation, SurfaceNormals, Task

_CLASSES = json.loads(
    (Path(__file__).parent / "pascal_context_classes.json").read_text(encoding="utf-8")
)
_PERSON = 15  # class_ind of a person in the part annotations
# the part names of the annotations (l/r = left/right, lwr, up), merged into 6 parts
_PARTS = {
    "head hair lear rear leye reye lebrow rebrow nose mouth": 1,
    "torso neck": 2,
    "luarm ruarm": 3,
    "llarm rlarm lhand rhand": 4,
    "luleg ruleg": 5,
    "llleg rlleg lfoot rfoot": 6,
}
_PART_IDS = {name: part for names, part in _PARTS.items() for name in names.split()}


class LabelFiles(ABC):
    """The files of one task.

    Attributes:
        task: The task.
        folder: Their folder below the root.
        suffix: The end of their names.
        optional: Whether a sample may lack its file, and so the map of this task.
    """

    task: Task
    folder: str
    suffix: str
    optional: ClassVar[bool] = False

    def path(self, root: Path, name: str) -> Path:
        """Return the path of one sample's file."""
        return root / self.folder / f"{name}{self.suffix}"

    def needed(self, root: Path, name: str) -> list[Path]:
        """Return all files that are required to read one sample's map."""
        return [self.path(root, name)]

    def read(self, path: Path) -> Map | None:
        """Read and check the map of one file; None if it has no label.

        Raises:
            InputError: The file is broken, or has values out of the task's range.
        """
        values = self.values(path)
        if values is None:
            return None
        try:
            label_map = self.task.map_type.from_array(values)
            self.task.check(label_map)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        return label_map

    @abstractmethod
    def values(self, path: Path) -> NDArray[Any] | None:
        """Return the array of one file in the task's unit; None if it has no label."""


class SemsegFiles(LabelFiles):
    """Class ids: those of VOC where available, otherwise those derived from PASCAL-Context."""

    folder, suffix = "semseg/VOC12", ".png"

    def __init__(self) -> None:
        self.task = SemanticSegmentation(21, class_names=_CLASSES["names_21"])

    def path(self, root: Path, name: str) -> Path:
        """Return the file in `semseg/VOC12` if it exists, else in `semseg/pascal-context`."""
        own = super().path(root, name)
        return own if own.is_file() else root / "semseg" / "pascal-context" / own.name

    def values(self, path: Path) -> NDArray[Any]:
        """Return ids as stored, as gray values or palette indices."""
        return read_array(path, bits=8)


class SaliencyFiles(LabelFiles):
    """Saliency predicted by a network, 0..255."""

    folder, suffix = "sal_distill", ".png"

    def __init__(self) -> None:
        self.task = Saliency()

    def values(self, path: Path) -> NDArray[Any]:
        """Return 1 above half of 255, else 0."""
        return (read_array(path, bits=8, ids=False) > 127.5).astype(np.uint8)


class PartFiles(LabelFiles):
    """Masks of body parts per person; some copies have no files for images without people."""

    folder, suffix = "human_parts", ".mat"
    optional = True

    def __init__(self) -> None:
        self.task = HumanParts()

    def values(self, path: Path) -> NDArray[Any] | None:
        """Return parts 1..6 of all people, 0 elsewhere; None if there is no part of a person."""
        try:
            parts = [
                (_PART_IDS[part["part_name"]], np.asarray(part["mask"]) > 0)
                for thing in _listed(read_mat(path, "anno")["objects"])
                if int(thing["class_ind"]) == _PERSON
                for part in _listed(thing["parts"])
            ]
        except InputError:
            raise
        except (KeyError, TypeError, IndexError, ValueError) as error:
            raise InputError(
                f"{path}: expected anno.objects with class_ind and parts (part_name, mask), "
                f"got {type(error).__name__}: {error}"
            ) from error
        if not parts:
            return None
        ids = np.zeros(parts[0][1].shape, np.uint8)
        for part, mask in parts:
            if mask.shape != ids.shape:
                raise InputError(f"{path}: expected masks {ids.shape}, got one {mask.shape}")
            ids[mask] = part
        return ids


class NormalFiles(LabelFiles):
    """Normals predicted by a network, encoded as colors.

    Attributes:
        signs: Factors of x, y and z, 1 or -1; set after construction.
    """

    folder, suffix = "normals_distill", ".png"
    signs: tuple[float, float, float]

    def __init__(self) -> None:
        self.task = SurfaceNormals()

    def needed(self, root: Path, name: str) -> list[Path]:
        """Return the file of the colors, and that of the classes, which define the valid pixels."""
        return [self.path(root, name), _classes_path(root, name)]

    def values(self, path: Path) -> NDArray[Any]:
        """Return unit vectors with the axes of `ctal.maps.NormalMap`."""
        return self.vectors(path) * np.array(self.signs, np.float32)

    def vectors(self, path: Path) -> NDArray[np.float32]:
        """Return unit vectors as stored; (0, 0, 0) for classes unknown to the teacher network."""
        colours = read_array(path, bits=8, ids=False)
        classes_path = _classes_path(path.parents[1], path.stem)
        classes = _label_map(classes_path)
        if colours.shape != (*classes.shape, 3):
            raise InputError(
                f"{path}: expected RGB {(*classes.shape, 3)}, the size of {classes_path}, "
                f"got {colours.shape}"
            )
        known = np.isin(classes, _CLASSES["with_normals"])
        return unit_vectors(np.where(known[..., None], colours / 127.5 - 1, 0))


class EdgeFiles(LabelFiles):
    """Edges: the borders of the 459 classes."""

    folder, suffix = "pascal-context/trainval", ".mat"

    def __init__(self) -> None:
        self.task = Edges()

    def values(self, path: Path) -> NDArray[Any]:
        """Return 1 on a border, else 0."""
        return class_borders(_label_map(path), unlabelled=-1)


def _classes_path(root: Path, name: str) -> Path:
    return root / EdgeFiles.folder / f"{name}{EdgeFiles.suffix}"


def _label_map(path: Path) -> NDArray[np.int64]:
    labels = np.atleast_2d(np.asarray(read_mat(path, "LabelMap")))
    if labels.ndim != 2 or labels.dtype.kind not in "ui":
        raise InputError(
            f"{path}: expected LabelMap with a class per pixel, (H, W), got {labels.dtype} of the "
            f"shape {labels.shape}"
        )
    return labels.astype(np.int64)


def _listed(entries: Any) -> list[Any]:
    """Return a struct array of `read_mat` as a list; it returns a single element without one."""
    return [entries] if isinstance(entries, dict) else list(entries)
