"""NYUv2: indoor images with classes and depth, and maps derived from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ctal.data.base import DenseDataset, Sample, chosen_tasks
from ctal.data.camera import Camera
from ctal.data.datasets.folder import CompleteFolders
from ctal.data.datasets.nyuv2_folders import mtan_maps, small_maps
from ctal.data.datasets.nyuv2_mat import MAT_FILE, SPLIT_FILE, NYUv2Mat
from ctal.data.derived import DerivedMap, EdgesFromClasses, NormalsFromDepth
from ctal.errors import InputError
from ctal.tasks import Edges

# fx_rgb, ... of the authors' toolbox, camera_params.m. It counts pixels from 1, so the principal
# point may be off by one pixel here, which rotates a normal by 0.1 degrees.
KINECT = Camera(fx=518.8579, fy=519.4696, cx=325.5824, cy=253.7362)

# Rows and columns that the authors' toolbox evaluates: beyond them the Kinect measures no depth,
# and the inpainted depth would turn ceilings into walls.
MEASURED = (44, 471, 40, 601)

SMALL_KINECT = Camera(fx=311.3, fy=311.7, cx=195.3, cy=152.2)
"""KINECT for images resized from 480x640 to 288x384."""

SMALL_MEASURED = (27, 282, 24, 360)
"""MEASURED for images resized from 480x640 to 288x384."""

_FOLDERS = {"train": "train", "test": "val"}
_MAT_GAP, _SMALL_GAP = 7, 4  # half the usual sliver between outlined objects, pixels


class NYUv2(DenseDataset):
    """NYU Depth v2: 1,449 indoor images with classes, depth, normals and edges.

    Source: Silberman, Hoiem, Kohli and Fergus, "Indoor Segmentation and Support Inference from RGBD
    Images", ECCV 2012; recorded with a Kinect.
    Split: 795 train, 654 test (official). There is no validation split: select models on a
    `fraction` of train.
    License: not stated by the authors; used for research. Nothing is downloaded.

    Three layouts are supported and detected from the files below `root`:

    - Official: `nyu_depth_v2_labeled.mat` (2.8 GB) and `splits.mat`, 480x640; needs the extra
      `data`.
    - MTAN (Liu, Johns and Davison, CVPR 2019), 288x384: `{train,val}/{image,label,depth,normal}`
      with one file `N.npy` per image; `val` is the test split; 13 classes only.
    - Images at 288x384: `{train,test}/{image/NNNN.jpg,depth/NNNN.png,label40/NNNN.png}`, NNNN the
      official number; depth 16-bit in units of 4 mm, 0 unknown; label 0 void, 1..40 the 40 classes.
      One twentieth of the size of the official file. Resized from it without cropping, so the
      camera is known.

    Tasks: `semseg`, 13 or 40 classes, mapped from the 894 labels in the usual way, void unlabelled;
    `depth`, meters, holes filled by the authors; `normals`, never measured: normals of planes
    fitted to `depth` (`ctal.data.geometry`), or as stored in the MTAN layout (by Eigen and Fergus,
    ICCV 2015); `edges`, the borders between the selected classes.

    Limitations: the images have a white frame of a few pixels without labels. The Kinect does not
    measure the outermost 40 pixels or so, nor glass, dark and shiny objects: depth is inpainted
    there. Normals are not derived in the frame (`MEASURED`), but they are on such objects. Both are
    noisy beyond 3 m. A fifth of the pixels is void, much of it slivers between objects; edges
    bridge slivers up to 14 pixels wide (at 288x384: 8). MTAN cropped the frame in an undocumented
    way, so the camera of its files is unknown. The axes of its normals are undocumented too and are
    estimated from the data (`ctal.data.geometry.axis_signs`).

    Args:
        root: The folder of any layout.
        split: "train" or "test".
        classes: 13 or 40.
        tasks: Names of the tasks to load.
        camera: Camera, for the size of the files, with which normals are derived. None: the
            Kinect's, except in the MTAN layout, whose stored normals are loaded.
        normal_axes: For stored normals: 1 for each axis with the direction used here (x right, y
            down, z into the scene), -1 for each opposite axis. None: estimated from 16 files.
        fraction: Share of the split to use, as [begin, end] in 0..1.
        seed: None: a fraction is a contiguous range of the split, so that views of one room mostly
            stay together. An integer: it is drawn at random with this seed.

    Raises:
        InputError: No layout is found, a file is missing or broken, or an argument is out of range.
    """

    def __init__(
        self,
        root: str | Path,
        split: str,
        *,
        classes: int = 13,
        tasks: Sequence[str] = ("semseg", "depth", "normals"),
        camera: Camera | None = None,
        normal_axes: tuple[float, float, float] | None = None,
        fraction: tuple[float, float] = (0.0, 1.0),
        seed: int | None = None,
    ) -> None:
        if split not in _FOLDERS:
            raise InputError(f"split: expected train or test, got {split!r}")
        self.root = Path(root)
        folder = self.root / _FOLDERS[split]
        self._derived: list[DerivedMap] = []
        if (self.root / MAT_FILE).is_file():
            camera, within, gap = camera or KINECT, MEASURED, _MAT_GAP
            self._source: DenseDataset = NYUv2Mat(self.root, split, classes, fraction, seed)
        elif (folder / "label").is_dir():
            within, gap = None, _SMALL_GAP
            maps = mtan_maps(folder, classes, "normals" in tasks and not camera, normal_axes)
            self._source = CompleteFolders(
                folder, "image/{name}.npy", maps, fraction=fraction, seed=seed
            )
        elif (self.root / split / "label40").is_dir():
            camera, within, gap = camera or SMALL_KINECT, SMALL_MEASURED, _SMALL_GAP
            folder, maps = self.root / split, small_maps(classes)
            self._source = CompleteFolders(
                folder, "image/{name}.jpg", maps, fraction=fraction, seed=seed
            )
        else:
            raise _no_known_form(self.root, split)
        if camera:
            self._derived.append(NormalsFromDepth(**asdict(camera), within=within))
        # 0.011 is usual for NYUv2, whose borders are rough
        self._derived.append(EdgesFromClasses(gap=gap, task=Edges(max_distance=0.011)))
        derived = [entry.task for entry in self._derived]
        self.tasks = chosen_tasks([*self._source.tasks, *derived], tasks)

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._source)

    def sample_name(self, index: int) -> str:
        """Return the official number of the image, or the name of its files."""
        return self._source.sample_name(index)

    def __getitem__(self, index: int) -> Sample:
        """Read one sample and derive the maps that are not stored.

        Raises:
            InputError: A file is broken or has values out of range.
        """
        sample = self._source[index]
        names = [task.name for task in self.tasks]
        for entry in self._derived:
            if entry.task.name in names:
                sample[entry.task.name] = entry.derive(sample)
        return {name: sample[name] for name in ["image", *names]}


def _no_known_form(root: Path, split: str) -> InputError:
    return InputError(
        f"root: expected {MAT_FILE} and {SPLIT_FILE} (official layout), "
        f"{_FOLDERS[split]}/{{image,label,depth,normal}} (MTAN layout) or "
        f"{split}/{{image,label40,depth}} (images) in {root}, found none of them"
    )
