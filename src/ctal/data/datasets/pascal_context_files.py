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
# the abbreviations of the annotations (l/r = left/right, lwr, up), joined to 6 parts
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
        task: the task.
        folder: their folder below the root.
        suffix: the end of their names.
        optional: whether a picture may lack its file, and so all labels of this task.
    """

    task: Task
    folder: str
    suffix: str
    optional: ClassVar[bool] = False

    def path(self, root: Path, name: str) -> Path:
        """Where the file of a picture lies."""
        return root / self.folder / f"{name}{self.suffix}"

    def needed(self, root: Path, name: str) -> list[Path]:
        """All files that reading the file of a picture takes."""
        return [self.path(root, name)]

    def read(self, path: Path) -> Map | None:
        """The checked map of one file, or None where it has no label.

        Raises:
            InputError: the file is broken, or has values that the task cannot have.
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
        """The array of one file in the task's unit, or None where it has no label."""


class SemsegFiles(LabelFiles):
    """Class ids: VOC's own where there are some, else those made of PASCAL-Context."""

    folder, suffix = "semseg/VOC12", ".png"

    def __init__(self) -> None:
        self.task = SemanticSegmentation(21, class_names=_CLASSES["names_21"])

    def path(self, root: Path, name: str) -> Path:
        """The file in `semseg/VOC12`, or else in `semseg/pascal-context`."""
        own = super().path(root, name)
        return own if own.is_file() else root / "semseg" / "pascal-context" / own.name

    def values(self, path: Path) -> NDArray[Any]:
        """Ids as stored, in grey or as indices of a palette."""
        return read_array(path, bits=8)


class SaliencyFiles(LabelFiles):
    """Saliency as a network gave it, 0..255."""

    folder, suffix = "sal_distill", ".png"

    def __init__(self) -> None:
        self.task = Saliency()

    def values(self, path: Path) -> NDArray[Any]:
        """1 above half of 255, else 0."""
        return (read_array(path, bits=8, ids=False) > 127.5).astype(np.uint8)


class PartFiles(LabelFiles):
    """Masks of body parts, person by person; pictures without people have none in some copies."""

    folder, suffix = "human_parts", ".mat"
    optional = True

    def __init__(self) -> None:
        self.task = HumanParts()

    def values(self, path: Path) -> NDArray[Any] | None:
        """Parts 1..6 of all people, 0 elsewhere; None without any part of a person."""
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
    """Normals as a network gave them, as colours.

    Attributes:
        signs: what x, y and z are multiplied with; to be set once known.
    """

    folder, suffix = "normals_distill", ".png"
    signs: tuple[float, float, float]

    def __init__(self) -> None:
        self.task = SurfaceNormals()

    def needed(self, root: Path, name: str) -> list[Path]:
        """The colours, and the classes that tell where they mean anything."""
        return [self.path(root, name), _classes_path(root, name)]

    def values(self, path: Path) -> NDArray[Any]:
        """Unit vectors in the conventions here."""
        return self.vectors(path) * np.array(self.signs, np.float32)

    def vectors(self, path: Path) -> NDArray[np.float32]:
        """Unit vectors as stored; (0, 0, 0) where the class is none that the teacher knew."""
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
    """The 459 classes, whose borders are the edges."""

    folder, suffix = "pascal-context/trainval", ".mat"

    def __init__(self) -> None:
        self.task = Edges()

    def values(self, path: Path) -> NDArray[Any]:
        """1 on a border, else 0."""
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
    """A struct array as `read_mat` gives it: a list, or its only element itself."""
    return [entries] if isinstance(entries, dict) else list(entries)
