"""A user's own folders as a data set, described in YAML and read with no code."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from ctal.data.base import DenseDataset, Sample
from ctal.data.files import read_image
from ctal.data.map_files import NAME, MapFiles, check_pattern
from ctal.errors import InputError


class FolderDataset(DenseDataset):
    """Pictures and label maps in folders: one file per sample and task, found by its name.

    Reads pictures and maps of any format of Pillow (PNG of 8 or 16 bit, palette PNG as its
    indices, JPEG, ...), .npy, and .npz with one array. Class ids and depth are (H, W), normals
    (H, W, 3). docs/data.md has a worked example.

    Example in YAML::

        class_path: ctal.data.FolderDataset
        init_args:
          root: photos/train
          image: "image/{name}.jpg"
          maps:
            - task: {class_path: ctal.tasks.Depth}
              files: "depth/{name}.png"
              scale: 0.001     # stored in millimetres
              ignore: [0]

    Args:
        root: the folder; a relative path starts where the command runs.
        image: path of a picture below `root`, with `{name}` for the name of the sample.
        maps: the label maps, one entry per task.
        names: a text file with the name of one sample per line: the samples to use, in its order.
            None: all pictures that `image` finds, sorted by name.

    Raises:
        InputError: a missing folder, no picture, a listed sample without picture, a picture
            without map; the message names the first such file.
    """

    def __init__(
        self, root: str | Path, image: str, maps: list[MapFiles], *, names: str | Path | None = None
    ) -> None:
        check_pattern(image, "image")
        self.root = Path(root)
        if not self.root.is_dir():
            raise InputError(f"root: expected a folder, got {self.root}, which is none")
        self.image = image
        self.maps = list(maps)
        self.tasks = [files.task for files in self.maps]
        task_names = [task.name for task in self.tasks]
        if not task_names or len(set(task_names)) < len(task_names):
            raise InputError(f"maps: expected tasks with different names, got {task_names}")
        self.names = self._find_names() if names is None else _read_names(Path(names))
        for pattern in [image, *(files.files for files in self.maps)]:
            self._check_files(pattern)

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
        image = read_image(image_path)
        sample: Sample = {"image": image}
        for files in self.maps:
            path = self._path(files.files, index)
            label_map = files.read(path)
            (height, width), wanted = label_map.shape[-2:], image.shape[-2:]
            if (height, width) != tuple(wanted):
                raise InputError(
                    f"{path}: expected {wanted[0]}x{wanted[1]} pixels (height x width), the size "
                    f"of its picture {image_path}, got {height}x{width}"
                )
            sample[files.task.name] = label_map
        return sample

    def _path(self, pattern: str, index: int) -> Path:
        return self.root / pattern.replace(NAME, self.names[index])

    def _find_names(self) -> list[str]:
        before, after = self.image.split(NAME)
        folder = self.root / before.rpartition("/")[0]
        names = []
        for path in folder.rglob("*"):
            place = path.relative_to(self.root).as_posix()
            # hidden files are what other systems drop beside pictures (._0001.jpg)
            hidden = any(part.startswith(".") for part in PurePosixPath(place).parts)
            fits = place.startswith(before) and place.endswith(after)
            if fits and not hidden and not path.is_dir():  # a broken link is named as missing later
                names.append(place[len(before) : len(place) - len(after)])
        if not names:
            raise InputError(f"image: expected pictures {self.root / self.image}, found none")
        return sorted(names)

    def _check_files(self, pattern: str) -> None:
        paths = [self._path(pattern, index) for index in range(len(self))]
        missing = [path for path in paths if not path.is_file()]
        if missing:
            raise InputError(
                f"{missing[0]}: expected a file for each of the {len(self)} samples, "
                f"{len(missing)} are missing"
            )


def _read_names(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"names: expected a text file, got {path}: {error}") from error
    names = [line.strip() for line in lines if line.strip()]
    if not names or len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        got = f"{twice[0]} twice" if twice else "none"
        raise InputError(f"{path}: expected different names of samples, one per line, got {got}")
    return names
