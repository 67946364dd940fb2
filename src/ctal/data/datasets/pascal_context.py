"""PASCAL-Context in its five-task form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ctal.data.array_files import read_float_image
from ctal.data.base import NamedSamples, Sample, chosen_tasks
from ctal.data.completeness import check_present
from ctal.data.datasets.folder import check_size
from ctal.data.datasets.pascal_context_files import (
    EdgeFiles,
    LabelFiles,
    NormalFiles,
    PartFiles,
    SaliencyFiles,
    SemsegFiles,
)
from ctal.data.geometry import Floats
from ctal.data.names import read_names, select_fraction
from ctal.data.normal_axes import stored_axes
from ctal.errors import InputError


class PASCALContext(NamedSamples):
    """PASCAL-Context with five tasks: all kinds of pictures of PASCAL VOC 2010.

    Source: Mottaghi et al., "The Role of Context for Object Detection and Semantic Segmentation in
    the Wild", CVPR 2014; body parts of Chen et al., CVPR 2014; put together, with two tasks
    distilled from networks, by Maninis, Radosavovic and Kokkinos, "Attentive Single-Tasking of
    Multiple Tasks", CVPR 2019, as `PASCAL_MT.tgz`; copies by the authors of ATRC and InvPT as
    `PASCALContext.tar.gz`. Nothing is downloaded.
    Split: 4,998 train, 5,105 val, lists included. Choose models on a `fraction` of train.
    Licence: that of PASCAL VOC (pictures of flickr, whose terms hold); the derived labels have none
    stated.

    Tree below `root`::

        ImageSets/Context/{train,val}.txt           names, one per line
        JPEGImages/<name>.jpg                       sizes differ from picture to picture
        semseg/VOC12/<name>.png                     where VOC 2012 has its own classes, or else
        semseg/pascal-context/<name>.png            the same 21 from PASCAL-Context; 255 unlabelled
        human_parts/<name>.mat                      struct `anno`: objects with masks and parts
        sal_distill/<name>.png                      grey, 0..255
        normals_distill/<name>.png                  RGB, -1..1 stored as 0..255
        pascal-context/trainval/<name>.mat          `LabelMap`, 459 classes

    Tasks: `semseg`, 21 classes (0 background); `human_parts`, 6 parts and background, only of
    pictures that show a part of a person: the others lack the map; `saliency`, the distilled
    map above half of 255; `normals`, distilled, of the classes that NYUv2 has as well, since its
    teacher saw no others; `edges`, the borders of the 459 classes, one pixel wide. Reading .mat
    files needs the extra `data`.

    Known defects: saliency and normals are predictions of networks, not measured; the colours of
    the normals are not documented, their signs are found by looking
    (`ctal.data.geometry.axis_signs`).

    Args:
        root: the folder.
        split: "train" or "val".
        tasks: names of the tasks to carry.
        normal_axes: 1 for each axis of the stored normals that points as here (x right, y down, z
            into the scene), -1 for each other; None: found by looking at 16 of them.
        fraction: the share of the split to use, as [begin, end] in 0..1.
        seed: None: a part is a stretch of the list. A number: it is drawn at random with this seed.

    Raises:
        InputError: a missing or broken file, or an argument out of range.
    """

    def __init__(
        self,
        root: str | Path,
        split: str,
        *,
        tasks: Sequence[str] = ("semseg", "human_parts", "saliency", "normals", "edges"),
        normal_axes: tuple[float, float, float] | None = None,
        fraction: tuple[float, float] = (0.0, 1.0),
        seed: int | None = None,
    ) -> None:
        if split not in ("train", "val"):
            raise InputError(f"split: expected train or val, got {split!r}")
        self.root = Path(root)
        if not self.root.is_dir():
            raise InputError(f"root: {root} is not a directory")
        listed = read_names(self.root / "ImageSets" / "Context" / f"{split}.txt")
        self.names = select_fraction(listed, fraction, seed)
        kinds = [SemsegFiles(), PartFiles(), SaliencyFiles(), NormalFiles(), EdgeFiles()]
        self.tasks = chosen_tasks([files.task for files in kinds], tasks)
        by_task = {files.task: files for files in kinds}
        self.files: list[LabelFiles] = [by_task[task] for task in self.tasks]
        images = [self._image(index) for index in range(len(self))]
        check_present(images, samples=len(self))
        for files in self.files:
            needed = [path for name in self.names for path in files.needed(self.root, name)]
            check_present(needed, samples=len(self), optional=files.optional)
            if isinstance(files, NormalFiles):
                files.signs = stored_axes(normal_axes, self.names, self._stored_normals(files))

    def __getitem__(self, index: int) -> Sample:
        """Reads one sample.

        Raises:
            InputError: a file is broken, or a map is of another size than its picture.
        """
        image_path = self._image(index)
        sample: Sample = {"image": read_float_image(image_path)}
        for files in self.files:
            path = files.path(self.root, self.names[index])
            if files.optional and not path.is_file():
                continue
            label_map = files.read(path)
            if label_map is not None:
                check_size(label_map, path, sample["image"].shape[-2:], image_path)
                sample[files.task.name] = label_map
        return sample

    def _image(self, index: int) -> Path:
        return self.root / "JPEGImages" / f"{self.names[index]}.jpg"

    def _stored_normals(self, files: NormalFiles) -> Callable[[str], Floats]:
        return lambda name: files.vectors(files.path(self.root, name))
