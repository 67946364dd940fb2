"""Cityscapes: street scenes with classes and disparity."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ctal.data.base import chosen_tasks
from ctal.data.completeness import check_present
from ctal.data.datasets.cityscapes_classes import cityscapes_classes, class_table
from ctal.data.datasets.folder import CompleteFolders
from ctal.data.folder_files import FolderFiles
from ctal.data.map_files import MapFiles
from ctal.errors import InputError
from ctal.maps import Map
from ctal.tasks import Depth, InverseDepth, SemanticSegmentation


class Cityscapes(CompleteFolders):
    """Cityscapes: pictures from a car in 50 cities, finely labelled, with stereo disparity.

    Source: Cordts et al., "The Cityscapes Dataset for Semantic Urban Scene Understanding", CVPR
    2016. To be fetched, after registration, from its authors' site; nothing is downloaded.
    Split: 2,975 train, 500 val (theirs; the labels of test are not public).
    Licence: the authors' own, for non-commercial use.

    Two forms, told apart by what lies under `root`:

    - Theirs, 1024x2048: `leftImg8bit/<split>/<city>/*_leftImg8bit.png`,
      `gtFine/<split>/<city>/*_gtFine_labelIds.png`, `disparity/<split>/<city>/*_disparity.png`
      and, for metres only, `camera/<split>/<city>/*_camera.json`.
    - MTAN's (Liu, Johns and Davison, CVPR 2019), 128x256 or 256x512:
      `{train,val}/{image,label_19,label_7,depth}` with a file `N.npy` per picture. Its "depth" is
      an inverse depth, never metres.

    Tasks: `semseg`, the 19 classes that are scored, or their 7 categories; `inverse_depth`, the
    disparity in pixels of the full picture / 256, which is MTAN's unit too (0 to 0.5; to 1e-5, as
    its numbers tell: no description exists), so that results of both forms compare; `depth`,
    metres = baseline * fx / disparity with the numbers of each picture's camera file, only in the
    authors' form and on request, in place of `inverse_depth` or beside it.

    Known defects: disparity is computed, not measured, by semi-global matching: it is missing at
    the left border, beside near objects and in the sky, and its error in metres grows with the
    square of the distance. The car's own hood is in every picture, without a class. MTAN's files
    were resized, their camera is not recorded.

    Args:
        root: the folder of either form.
        split: "train" or "val".
        classes: 19 or 7.
        tasks: names of the tasks to carry.
        fraction: the share of the split to use, as [begin, end] in 0..1.
        seed: None: a part is a stretch of the split, sorted by city. A number: it is drawn at
            random with this seed.

    Raises:
        InputError: neither form, a missing file, or an argument out of range.
    """

    def __init__(
        self,
        root: str | Path,
        split: str,
        *,
        classes: int = 19,
        tasks: Sequence[str] = ("semseg", "inverse_depth"),
        fraction: tuple[float, float] = (0.0, 1.0),
        seed: int | None = None,
    ) -> None:
        if split not in ("train", "val"):
            raise InputError(f"split: expected train or val, got {split!r}")
        root = Path(root)
        semseg = cityscapes_classes(classes)
        if (root / "leftImg8bit" / split).is_dir():
            image = f"leftImg8bit/{split}/{{name}}_leftImg8bit.png"
            maps = _official_maps(root, split, semseg)
        elif (root / split / "image").is_dir():
            image = f"{split}/image/{{name}}.npy"
            maps = _mtan_maps(split, semseg)
        else:
            raise InputError(
                f"root: expected leftImg8bit/{split} (the authors' form) or {split}/{{image,"
                f"label_{classes},depth}} (MTAN's) in {root}, which has neither"
            )
        chosen = chosen_tasks([entry.task for entry in maps], tasks)
        by_task = {entry.task: entry for entry in maps}
        super().__init__(
            root, image, [by_task[task] for task in chosen], fraction=fraction, seed=seed
        )
        if any(isinstance(entry, MetreFiles) for entry in self.maps):
            cameras = FolderFiles(root, f"camera/{split}/{{name}}_camera.json")
            check_present(self._paths(cameras), samples=len(self))


@dataclass(frozen=True, kw_only=True)
class MetreFiles(MapFiles):
    """Metres of a disparity file and the camera file that belongs to it.

    Args:
        root: the folder with the trees of both.
    """

    root: Path

    def read(self, path: Path) -> Map:
        """The depth of one disparity file.

        Raises:
            InputError: either file is broken.
        """
        place = self.root / "camera" / path.relative_to(self.root / "disparity")
        camera = place.with_name(path.name.replace("_disparity.png", "_camera.json"))
        # disparity d = (p - 1) / 256, so 1 / depth = p scale - scale
        scale = 1 / (256 * _baseline_times_focal_length(camera))
        files = MapFiles(
            self.task,
            self.files,
            scale=scale,
            offset=-scale,
            invert=True,
            ignore=self.ignore,
            bits=self.bits,
        )
        return files.read(path)


def _official_maps(root: Path, split: str, semseg: SemanticSegmentation) -> list[MapFiles]:
    disparity = f"disparity/{split}/{{name}}_disparity.png"
    labels = f"gtFine/{split}/{{name}}_gtFine_labelIds.png"
    return [
        MapFiles(semseg, labels, labels=class_table(semseg.num_classes), bits=8),
        # 0 is "not measured", 1 a disparity of 0
        MapFiles(InverseDepth(), disparity, scale=2**-16, offset=-(2**-16), ignore=[0, 1], bits=16),
        MetreFiles(Depth(), disparity, ignore=[0, 1], bits=16, root=root),
    ]


def _mtan_maps(split: str, semseg: SemanticSegmentation) -> list[MapFiles]:
    labels = f"{split}/label_{semseg.num_classes}/{{name}}.npy"
    return [
        MapFiles(semseg, labels, ignore=[-1]),
        MapFiles(InverseDepth(), f"{split}/depth/{{name}}.npy", ignore=[-1]),
    ]


def _baseline_times_focal_length(path: Path) -> float:
    """Of a camera file: metres times pixels.

    Raises:
        InputError: it is none.
    """
    try:
        camera = json.loads(path.read_text(encoding="utf-8"))
        product = float(camera["extrinsic"]["baseline"]) * float(camera["intrinsic"]["fx"])
    except (
        *(OSError, ValueError, KeyError, TypeError),
        *(RecursionError, OverflowError),  # at brackets without end, numbers beyond all floats
    ) as error:
        raise InputError(
            f"{path}: expected a camera file with extrinsic.baseline and intrinsic.fx, "
            f"got {type(error).__name__}: {error}"
        ) from error
    if not 0 < product < math.inf:
        raise InputError(f"{path}: expected a baseline and fx above 0, got {product:g}")
    return product
