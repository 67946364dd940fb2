"""PASCAL-Context with five tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ctal.data.array_files import read_float_image
from ctal.data.base import NamedSamples, Sample, chosen_tasks
from ctal.data.camera import Floats
from ctal.data.completeness import check_present
from ctal.data.datasets.pascal_context_files import (
    EdgeFiles,
    LabelFiles,
    NormalFiles,
    PartFiles,
    SaliencyFiles,
    SemsegFiles,
)
from ctal.data.map_sizes import check_size
from ctal.data.names import read_names, select_fraction
from ctal.data.normal_axes import stored_axes
from ctal.errors import InputError


class PASCALContext(NamedSamples):
    """PASCAL-Context with five tasks: diverse images of PASCAL VOC 2010.

    Source: Mottaghi et al., "The Role of Context for Object Detection and Semantic Segmentation in
    the Wild", CVPR 2014; body parts by Chen et al., CVPR 2014; combined, with two tasks distilled
    from networks, by Maninis, Radosavovic and Kokkinos, "Attentive Single-Tasking of Multiple
    Tasks", CVPR 2019, as `PASCAL_MT.tgz`; copies by the authors of ATRC and InvPT as
    `PASCALContext.tar.gz`. Nothing is downloaded.
    Split: 4,998 train, 5,105 val, lists included. Select models on a `fraction` of train.
    License: that of PASCAL VOC (the images are from Flickr, whose terms apply); none is stated for
    the derived labels.

    Files below `root`::

        ImageSets/Context/{train,val}.txt           names, one per line
        JPEGImages/<name>.jpg                       sizes differ between images
        semseg/VOC12/<name>.png                     labels of VOC 2012 where available, otherwise
        semseg/pascal-context/<name>.png            21 classes of PASCAL-Context; 255 unlabelled
        human_parts/<name>.mat                      struct `anno`: objects with masks and parts
        sal_distill/<name>.png                      gray, 0..255
        normals_distill/<name>.png                  RGB, -1..1 stored as 0..255
        pascal-context/trainval/<name>.mat          `LabelMap`, 459 classes

    Tasks: `semseg`, 21 classes (0 background); `human_parts`, 6 parts and background, only for
    images with a part of a person; other samples lack the map; `saliency`, the distilled map above
    half of 255; `normals`, distilled, only for the classes that NYUv2 has too, since the teacher
    was trained on them; `edges`, the borders of the 459 classes, one pixel wide. Reading .mat files
    needs the extra `data`.

    Limitations: saliency and normals are predictions of networks, not measured. The color encoding
    of the normals is not documented; the signs are estimated from the data
    (`ctal.data.geometry.axis_signs`).

    Args:
        root: The folder.
        split: "train" or "val".
        tasks: Names of the tasks to load.
        normal_axes: For each axis of the stored normals: 1 with the direction used here (x right, y
            down, z into the scene), -1 with the opposite one. None: estimated from 16 files.
        fraction: Share of the split to use, as [begin, end] in 0..1.
        seed: None: a fraction is a contiguous range of the list. An integer: it is drawn at random
            with this seed.

    Raises:
        InputError: A file is missing or broken, or an argument is out of range.
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
        check_present(images)
        for files in self.files:
            needed = [path for name in self.names for path in files.needed(self.root, name)]
            check_present(needed, optional=files.optional)
            if isinstance(files, NormalFiles):
                files.signs = stored_axes(normal_axes, self.names, self._stored_normals(files))

    def __getitem__(self, index: int) -> Sample:
        """Read one sample.

        Raises:
            InputError: A file is broken, or the size of a map differs from its image's.
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
