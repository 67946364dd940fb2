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
    """Cityscapes: street images from a car in 50 cities, with fine labels and stereo disparity.

    Source: Cordts et al., "The Cityscapes Dataset for Semantic Urban Scene Understanding", CVPR
    2016. Download it from the authors' site after registration; this class downloads nothing.
    Split: 2,975 train, 500 val (official; the labels of test are not public).
    License: the authors' own, for non-commercial use.

    Two layouts are supported and detected from the folders below `root`:

    - Official, 1024x2048: `leftImg8bit/<split>/<city>/*_leftImg8bit.png`,
      `gtFine/<split>/<city>/*_gtFine_labelIds.png`, `disparity/<split>/<city>/*_disparity.png`
      and, for depth in meters only, `camera/<split>/<city>/*_camera.json`.
    - MTAN (Liu, Johns and Davison, CVPR 2019), 128x256 or 256x512:
      `{train,val}/{image,label_19,label_7,depth}` with one file `N.npy` per image. Its "depth" is
      an inverse depth, not in meters.

    Tasks: `semseg`, the 19 evaluated classes, or their 7 categories; `inverse_depth`, the
    disparity in pixels of the full image / 256 (0 to 0.5), which is also MTAN's unit, so that
    results of both layouts are comparable (MTAN does not document its unit; its values agree to
    1e-5); `depth`, meters = baseline * fx / disparity with the values of each image's camera file,
    only in the official layout and on request, instead of or in addition to `inverse_depth`.

    Limitations: the disparity is computed by semi-global matching, not measured. It is missing at
    the left border, beside near objects and in the sky, and its error in meters grows with the
    square of the distance. The hood of the car is in every image, without a class. MTAN's files
    were resized; their camera is not recorded.

    Args:
        root: The folder of either layout.
        split: "train" or "val".
        classes: 19 or 7.
        tasks: Names of the tasks to load.
        fraction: Share of the split to use, as [begin, end] in 0..1.
        seed: None: a fraction is a contiguous range of the split, sorted by city. An integer: it is
            drawn at random with this seed.

    Raises:
        InputError: Neither layout is found, a file is missing, or an argument is out of range.
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
                f"root: expected leftImg8bit/{split} (official layout) or {split}/{{image,"
                f"label_{classes},depth}} (MTAN layout) in {root}, found neither"
            )
        chosen = chosen_tasks([entry.task for entry in maps], tasks)
        by_task = {entry.task: entry for entry in maps}
        super().__init__(
            root, image, [by_task[task] for task in chosen], fraction=fraction, seed=seed
        )
        if any(isinstance(entry, MetreFiles) for entry in self.maps):
            cameras = FolderFiles(root, f"camera/{split}/{{name}}_camera.json")
            check_present(self._paths(cameras))


@dataclass(frozen=True, kw_only=True)
class MetreFiles(MapFiles):
    """Depth in meters, from a disparity file and its camera file.

    Args:
        root: The folder that contains `disparity` and `camera`.
    """

    root: Path

    def read(self, path: Path, mask: Path | None = None) -> Map:
        """Read the depth of one disparity file; see `MapFiles.read`.

        Raises:
            InputError: Either file is broken.
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
        return files.read(path, mask)


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
    """Return the baseline times fx of a camera file, in meters times pixels.

    Raises:
        InputError: The file is not a camera file.
    """
    try:
        camera = json.loads(path.read_text(encoding="utf-8"))
        product = float(camera["extrinsic"]["baseline"]) * float(camera["intrinsic"]["fx"])
    except (
        *(OSError, ValueError, KeyError, TypeError),
        *(RecursionError, OverflowError),  # deeply nested brackets, numbers beyond the float range
    ) as error:
        raise InputError(
            f"{path}: expected a camera file with extrinsic.baseline and intrinsic.fx, "
            f"got {type(error).__name__}: {error}"
        ) from error
    if not 0 < product < math.inf:
        raise InputError(f"{path}: expected a baseline and fx > 0, got a product of {product:g}")
    return product
