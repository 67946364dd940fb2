"""A user's own folders as a data set, described in YAML and read with no code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ctal.data.array_files import read_float_image
from ctal.data.base import DenseDataset, Sample
from ctal.data.completeness import check_present
from ctal.data.derived import DerivedMap
from ctal.data.map_files import MapFiles
from ctal.data.names import NAME, check_pattern, find_names, read_names, select_fraction
from ctal.errors import InputError
from ctal.maps import Map


class FolderDataset(DenseDataset):
    """Pictures and label maps in folders: one file per sample and task, found by its name.

    Reads pictures and maps of any format of Pillow (PNG of 8 or 16 bit, palette PNG as its
    indices, JPEG, ...), .npy, and .npz with one array. Class ids and depth are (H, W), normals
    (H, W, 3). docs/data.md has a worked example.

    Example in YAML::

        class_path: ctal.data.FolderDataset
        init_args:
          root: photos
          image: "image/{name}.jpg"
          maps:
            - task: {class_path: ctal.tasks.Depth}
              files: "depth/{name}.png"
              scale: 0.001     # stored in millimetres
              ignore: [0]
          derived:             # the camera of these depth files, in pixels
            - class_path: ctal.data.NormalsFromDepth
              init_args: {fx: 311.3, fy: 311.7, cx: 195.3, cy: 152.2}
          fraction: [0.0, 0.8]     # four fifths of the samples, chosen with this seed
          seed: 0

    Args:
        root: the folder; a relative path starts where the command runs.
        image: path of a picture below `root`, with `{name}` for the name of the sample.
        maps: the label maps, one entry per task.
        names: a text file with the name of one sample per line: the samples to use, in its order.
            None: all pictures that `image` finds, sorted by name.
        derived: maps computed from those of `maps`, one entry per task.
        fraction: the share of the names to use, as [begin, end] in 0..1; fractions that meet
            omit no sample.
        seed: None: a part is a stretch of the names in their order. A number: it is drawn at
            random with this seed, which must be the same for all parts.

    Raises:
        InputError: a missing folder, no picture, a listed sample without picture, a picture
            without map, a derived map without source; the message names the first such file.
    """

    def __init__(
        self,
        root: str | Path,
        image: str,
        maps: list[MapFiles],
        *,
        names: str | Path | None = None,
        derived: list[DerivedMap] | None = None,
        fraction: tuple[float, float] = (0.0, 1.0),
        seed: int | None = None,
    ) -> None:
        check_pattern(image, "image")
        self.root = Path(root)
        if not self.root.is_dir():
            raise InputError(f"root: expected a folder, got {self.root}, which is none")
        self.image = image
        self.maps = list(maps)
        self.derived = list(derived or [])
        stored = [files.task for files in self.maps]
        self.tasks = stored + [entry.task for entry in self.derived]
        task_names = [task.name for task in self.tasks]
        if not stored or len(set(task_names)) < len(task_names):
            raise InputError(f"maps: expected tasks with different names, got {task_names}")
        for entry in self.derived:
            entry.check_source({task.name: task for task in stored})
        found = self._found_names() if names is None else read_names(Path(names))
        self.names = select_fraction(found, fraction, seed)
        self._check_files(image)
        for files in self.maps:
            self._check_files(files.files, optional=files.optional)

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.names)

    def sample_name(self, index: int) -> str:
        """What stands for `{name}` in the sample's paths."""
        return self.names[index]

    def __getitem__(self, index: int) -> Sample:
        """Reads and checks one sample.

        Raises:
            InputError: a file is broken, has values that its task cannot have, or a map is of
                another size than its picture.
        """
        image_path = self._path(self.image, index)
        sample: Sample = {"image": read_float_image(image_path)}
        for files in self.maps:
            path = self._path(files.files, index)
            if files.optional and not path.is_file():
                continue
            label_map = files.read(path)
            check_size(label_map, path, sample["image"].shape[-2:], image_path)
            sample[files.task.name] = label_map
        for entry in self.derived:
            if entry.source in sample:
                sample[entry.task.name] = entry.derive(sample)
        return sample

    def _found_names(self) -> list[str]:
        return find_names(self.root, [self.image])

    def _path(self, pattern: str, index: int) -> Path:
        return self.root / pattern.replace(NAME, self.names[index])

    def _check_files(self, pattern: str, *, optional: bool = False) -> None:
        paths = [self._path(pattern, index) for index in range(len(self))]
        check_present(paths, samples=len(self), optional=optional)


class CompleteFolders(FolderDataset):
    """Folders of a published data set: every map has its picture, or else that is missing."""

    def _found_names(self) -> list[str]:
        return find_names(self.root, [self.image, *(files.files for files in self.maps)])


def check_size(label_map: Map, path: Path, wanted: Sequence[int], image_path: Path) -> None:
    """Refuses a map of another (height, width) than its picture's; the paths are for the message.

    Raises:
        InputError: the sizes differ.
    """
    height, width = label_map.shape[-2:]
    if (height, width) != tuple(wanted):
        raise InputError(
            f"{path}: expected {wanted[0]}x{wanted[1]} pixels (height x width), the size "
            f"of its picture {image_path}, got {height}x{width}"
        )
