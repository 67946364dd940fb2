"""NYUv2: indoor pictures with classes, depth, and what follows from these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

from ctal.data.base import DenseDataset, Sample, chosen_tasks
from ctal.data.datasets.folder import CompleteFolders
from ctal.data.datasets.nyuv2_folders import mtan_maps, small_maps
from ctal.data.datasets.nyuv2_mat import MAT_FILE, SPLIT_FILE, NYUv2Mat
from ctal.data.derived import DerivedMap, EdgesFromClasses, NormalsFromDepth
from ctal.data.geometry import Camera
from ctal.errors import InputError
from ctal.tasks import Edges

# fx_rgb, ... of the authors' toolbox, camera_params.m. It counts pixels from 1, so that its axis
# may be a pixel off here, which turns a normal by 0.1 degrees.
KINECT = Camera(fx=518.8579, fy=519.4696, cx=325.5824, cy=253.7362)

# Rows and columns that the authors' toolbox evaluates: beyond them the Kinect measures no depth,
# and its in-painted continuation would turn ceilings into walls.
MEASURED = (44, 471, 40, 601)

SMALL_KINECT = Camera(fx=311.3, fy=311.7, cx=195.3, cy=152.2)
"""KINECT when its pictures of 480x640 are resized to 288x384."""

SMALL_MEASURED = (27, 282, 24, 360)
"""MEASURED likewise."""

_FOLDERS = {"train": "train", "test": "val"}
_MAT_GAP, _SMALL_GAP = 7, 4  # half the usual sliver between outlined objects, pixels


class NYUv2(DenseDataset):
    """NYU Depth v2: 1,449 pictures of rooms with classes, depth, normals and edges.

    Source: Silberman, Hoiem, Kohli and Fergus, "Indoor Segmentation and Support Inference from RGBD
    Images", ECCV 2012; taken with a Kinect.
    Split: 795 train, 654 test (theirs). There is no third: choose models on a `fraction` of train.
    Licence: none stated by the authors; used for research. Nothing is downloaded.

    Three forms, told apart by what lies under `root`:

    - Theirs: `nyu_depth_v2_labeled.mat` (2.8 GB) and `splits.mat`, 480x640, by the extra `data`.
    - MTAN's (Liu, Johns and Davison, CVPR 2019), 288x384: `{train,val}/{image,label,depth,normal}`
      with a file `N.npy` per picture; `val` is the test split; 13 classes only.
    - Pictures at 288x384: `{train,test}/{image/NNNN.jpg,depth/NNNN.png,label40/NNNN.png}`, NNNN the
      official number; depth 16-bit in units of 4 mm, 0 unknown; label 0 void, 1..40 the 40 classes.
      A twentieth of the authors' file in size; resized from it as a whole, so its camera is known.

    Tasks: `semseg`, 13 or 40 classes, their 894 labels mapped the usual way, void unlabelled;
    `depth`, metres, holes filled in by the authors; `normals`, in no case measured: of planes
    fitted to `depth` here (`ctal.data.geometry`), or as stored in MTAN's form (of Eigen and Fergus,
    ICCV 2015); `edges`, the borders between the classes chosen.

    Known defects: a white frame of some pixels around the pictures, without labels. The Kinect
    never measured the outermost 40 pixels or so, nor glass, dark and shiny things: depth there is
    a smooth invention; normals are not derived in the frame (`MEASURED`), but on such things they
    are. Both are noisy beyond 3 m. A fifth of the pixels is void, much of it slivers between
    objects, which edges close up to a width of 14 pixels (at 288x384: 8). MTAN cut the frame off,
    in a way not recorded, so the camera of its files is not known; nor are the axes of its normals,
    which are found by looking (`ctal.data.geometry.axis_signs`).

    Args:
        root: the folder of either form.
        split: "train" or "test".
        classes: 13 or 40.
        tasks: names of the tasks to carry.
        camera: derive normals with this camera, that of the files' own size; None: with the
            Kinect's, but in MTAN's form take the stored ones.
        normal_axes: for stored normals: 1 for each axis that points as here (x right, y down, z
            into the scene), -1 for each other; None: found by looking at 16 of them.
        fraction: the share of the split to use, as [begin, end] in 0..1.
        seed: None: a part is a stretch of the split, so that views of one room mostly stay
            together. A number: it is drawn at random with this seed.

    Raises:
        InputError: none of these forms, a missing or broken file, or an argument out of range.
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
            self._derived.append(NormalsFromDepth(*astuple(camera), within=within))
        # 0.011 is usual for NYUv2, whose borders are rough
        self._derived.append(EdgesFromClasses(gap=gap, task=Edges(max_distance=0.011)))
        derived = [entry.task for entry in self._derived]
        self.tasks = chosen_tasks([*self._source.tasks, *derived], tasks)

    def __len__(self) -> int:
        """Number of samples."""
        return len(self._source)

    def sample_name(self, index: int) -> str:
        """The official number of the picture, or the name of its files."""
        return self._source.sample_name(index)

    def __getitem__(self, index: int) -> Sample:
        """Reads one sample and derives what is not stored.

        Raises:
            InputError: a file is broken or has values that it cannot have.
        """
        sample = self._source[index]
        names = [task.name for task in self.tasks]
        for entry in self._derived:
            if entry.task.name in names:
                sample[entry.task.name] = entry.derive(sample)
        return {name: sample[name] for name in ["image", *names]}


def _no_known_form(root: Path, split: str) -> InputError:
    return InputError(
        f"root: expected {MAT_FILE} and {SPLIT_FILE} (the authors' form), "
        f"{_FOLDERS[split]}/{{image,label,depth,normal}} (MTAN's) or "
        f"{split}/{{image,label40,depth}} (pictures) in {root}, which has none of them"
    )
