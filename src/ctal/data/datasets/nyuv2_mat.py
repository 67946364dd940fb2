"""The official layout of NYUv2: one large .mat file, and one with the split."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision.tv_tensors import Image

from ctal.data.base import NamedSamples, Sample
from ctal.data.mat_files import open_hdf5, pixel_rows, read_mat
from ctal.data.names import select_fraction
from ctal.errors import InputError
from ctal.maps import UNLABELLED_CLASS, ClassMap, DepthMap
from ctal.tasks import Depth, SemanticSegmentation

MAT_FILE, SPLIT_FILE = "nyu_depth_v2_labeled.mat", "splits.mat"

_CLASSES = json.loads((Path(__file__).parent / "nyuv2_classes.json").read_text(encoding="utf-8"))
_VARIABLES = {"train": "trainNdxs", "test": "testNdxs"}


def nyuv2_classes(count: int) -> SemanticSegmentation:
    """Return the task of the 13 or the 40 classes.

    Raises:
        InputError: `count` is neither 13 nor 40.
    """
    if count not in (13, 40):
        raise InputError(f"classes: expected 13 or 40, got {count}")
    return SemanticSegmentation(count, class_names=_CLASSES[f"names_{count}"])


def class_table(count: int) -> NDArray[np.int64]:
    """Return the class id of each label 0..894; 0 (void) is unlabelled."""
    return table_of_40(count)[np.array([0, *_CLASSES["894_to_40"]])]


def table_of_40(count: int) -> NDArray[np.int64]:
    """Return the class id of each of the usual labels 0..40; 0 (void) is unlabelled."""
    table = np.array([0, *_CLASSES["40_to_13"]]) if count == 13 else np.arange(41)
    return np.where(table == 0, UNLABELLED_CLASS, table - 1)


class NYUv2Mat(NamedSamples):
    """The classes and the depth of `nyu_depth_v2_labeled.mat`; see `ctal.data.NYUv2`.

    Samples are named by the official number of their image, "0001" to "1449".

    Args:
        root: Folder with the two .mat files.
        split: "train" or "test".
        classes: 13 or 40.
        fraction: See `ctal.data.FolderDataset`.
        seed: See `ctal.data.FolderDataset`.

    Raises:
        InputError: A file is missing, truncated, or not in the documented format.
    """

    def __init__(
        self, root: Path, split: str, classes: int, fraction: tuple[float, float], seed: int | None
    ) -> None:
        self.tasks = [nyuv2_classes(classes), Depth()]
        self.path = root / MAT_FILE
        self._table = class_table(classes)
        count = _image_count(self.path)
        self.names = select_fraction(_split_names(root / SPLIT_FILE, split, count), fraction, seed)

    def __getitem__(self, index: int) -> Sample:
        """Read one sample.

        Raises:
            InputError: Its part of the file is broken, or has a label beyond 894.
        """
        place = int(self.names[index]) - 1
        with open_hdf5(self.path) as file:
            image, meters, labels = (
                pixel_rows(file[key][place]) for key in ("images", "depths", "labels")
            )
        wrong = labels[(labels < 0) | (labels >= len(self._table))]
        if wrong.size:
            raise InputError(
                f"{self.path}: image {self.names[index]}: expected labels 0..894, got {wrong[0]}"
            )
        sample: Sample = {
            "image": Image(torch.from_numpy(image).float() / 255),
            "semseg": ClassMap.from_array(self._table[labels]),
            "depth": DepthMap.from_array(meters),
        }
        try:
            self.tasks[1].check(sample["depth"])
        except InputError as error:
            raise InputError(f"{self.path}: image {self.names[index]}: {error}") from error
        return sample


def _image_count(path: Path) -> int:
    """Return the number of images.

    Raises:
        InputError: The arrays are not in the documented format.
    """
    with open_hdf5(path) as file:
        # an HDF5 group has neither shape nor dtype
        forms: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {
            key: (getattr(file[key], "shape", ()), getattr(file[key], "dtype", np.dtype("O")))
            for key in ("images", "depths", "labels")
        }
    images, depths, labels = (shape for shape, _ in forms.values())
    kinds = [dtype.kind for _, dtype in forms.values()]
    fits = len(images) == 4 and images[1] == 3 and depths == labels == (images[0], *images[2:])
    typed = forms["images"][1] == np.uint8 and kinds[1] == "f" and kinds[2] in "ui"
    # all images are wider than high; otherwise the axes were transposed
    if not (fits and typed and images[2] >= images[3]):
        found = ", ".join(f"{key} {dtype} {shape}" for key, (shape, dtype) in forms.items())
        raise InputError(
            f"{path}: expected images (N, 3, 640, 480) of uint8, depths (N, 640, 480) of floats "
            f"and labels (N, 640, 480) of integers, as HDF5 shows them, got {found}"
        )
    return int(images[0])


def _split_names(path: Path, split: str, count: int) -> list[str]:
    """Return the official numbers of a split's images, four digits each.

    Raises:
        InputError: The file is broken, its numbers are not distinct integers in 1..`count`, or the
            splits overlap.
    """
    numbers = {key: _numbers(path, variable, count) for key, variable in _VARIABLES.items()}
    shared = np.intersect1d(numbers["train"], numbers["test"])
    if shared.size:
        raise InputError(
            f"{path}: expected {' and '.join(_VARIABLES.values())} to share no image, "
            f"got {shared.size} in both, such as {shared[0]}"
        )
    return [f"{number:04d}" for number in numbers[split]]


def _numbers(path: Path, variable: str, count: int) -> NDArray[np.int64]:
    found = np.atleast_1d(np.asarray(read_mat(path, variable)))
    numeric = found.dtype.kind in "uif" and found.ndim == 1 and found.size
    whole = found[np.isin(found, np.arange(1, count + 1))] if numeric else found[:0]
    if not numeric or whole.size < found.size or len(np.unique(whole)) < whole.size:
        span = f"from {found.min()} to {found.max()}" if numeric else f"of type {found.dtype}"
        raise InputError(
            f"{path}: expected {variable} to list distinct numbers in 1..{count}, the images in "
            f"{MAT_FILE}, got {found.size} {span}"
        )
    return whole.astype(np.int64)
