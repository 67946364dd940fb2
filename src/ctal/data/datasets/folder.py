"""Your own folders as a dataset, described in YAML and read without code."""

from __future__ import annotations

from pathlib import Path

from ctal.data.array_files import read_float_image
from ctal.data.array_limits import MAX_GIB, array_limit, checked_limit
from ctal.data.base import NamedSamples, Sample
from ctal.data.completeness import check_folder, check_present
from ctal.data.derived import DerivedMap
from ctal.data.folder_files import FolderFiles, Patterns, check_patterns
from ctal.data.folder_names import complete_names, found_names, names_in_folders
from ctal.data.map_files import MapFiles
from ctal.data.map_sizes import check_size, fitted
from ctal.data.names import read_names, select_fraction
from ctal.errors import InputError
from ctal.io.formats import looks_like_image


class FolderDataset(NamedSamples):
    """Images and label maps in folders: one file per sample and task, found by its name.

    Reads images of any common format, maps in PNG (up to 16 bits, palettes as their indices),
    TIFF and the like, .npy, .npz, HDF5 and EXR. Class ids and depth are (H, W), normals (H, W, 3).
    docs/data.md has a worked example, docs/datasets.md the layouts of published datasets.

    Example in YAML::

        class_path: ctal.data.FolderDataset
        init_args:
          root: photos
          image: "image/{name}.*"
          maps:
            - task: {class_path: ctal.tasks.Depth}
              files: "depth/{name}.png"
              scale: 0.001     # stored in millimeters
              ignore: [0]
          derived:             # camera of these depth files, in pixels
            - class_path: ctal.data.NormalsFromDepth
              init_args: {fx: 311.3, fy: 311.7, cx: 195.3, cy: 152.2}
          fraction: [0.0, 0.8] # four fifths of the samples, chosen with this seed
          seed: 0

    Args:
        root: The folder; a relative path starts in the current directory.
        image: Path of an image below `root`, with `{name}` for the name of the sample, or with
            several fields, `{scene}/color/{frame}.jpg`, whose values joined by slashes are its
            name. `{name}` may contain folders, other fields not. `*` matches any characters. The
            ending matches in any case. `.*` at the end matches any format; a list gives several
            paths, one of which must exist for each sample.
        maps: The label maps, one entry per task. Their paths have some or all of these fields.
        names: Text file with the name of one sample per line: the samples to use, in this order. A
            line may be a folder of names, such as a scene, which stands for all samples in it.
            None: all images that `image` finds, sorted by name.
        image_key: Name of the array of an image in an .npz or HDF5 file. None: the only one.
        skip_incomplete: Use only the samples that have the map of every task that is not
            `optional`. False: a missing map is an error.
        derived: Maps computed from those of `maps`, one entry per task.
        fraction: Share of the names to use, as [begin, end] in 0..1. Adjacent fractions cover
            all samples.
        seed: None: a fraction is a contiguous range of the names. An integer: it is drawn at random
            with this seed, which must be the same for all fractions.
        max_array_gib: Limit of one unpacked array of a file, in GiB, since a small file can unpack
            to any size.

    Raises:
        InputError: `max_array_gib` is not above 0, the folder is missing, it has no image, a listed
            sample has no image, an image has no map, a sample has two files, or a derived map has
            no source. The message names the first such file.
    """

    def __init__(
        self,
        root: str | Path,
        image: Patterns,
        maps: list[MapFiles],
        *,
        names: str | Path | None = None,
        image_key: str | None = None,
        skip_incomplete: bool = False,
        derived: list[DerivedMap] | None = None,
        fraction: tuple[float, float] = (0.0, 1.0),
        seed: int | None = None,
        max_array_gib: float = MAX_GIB,
    ) -> None:
        check_patterns(image, "image")
        self.max_array_gib = checked_limit(max_array_gib)
        self.root = Path(root)
        check_folder(self.root)
        self.image_key = image_key
        self.maps = list(maps)
        self.derived = list(derived or [])
        stored = [files.task for files in self.maps]
        self.tasks = stored + [entry.task for entry in self.derived]
        task_names = [task.name for task in self.tasks]
        if not stored or len(set(task_names)) < len(task_names):
            raise InputError(f"maps: expected tasks with different names, got {task_names}")
        for entry in self.derived:
            entry.check_source({task.name: task for task in stored})
        self.images = FolderFiles(self.root, image)
        fields = self.images.fields
        self.map_files = [FolderFiles(self.root, kind.files, fields) for kind in self.maps]
        self.mask_files = [
            None if kind.mask is None else FolderFiles(self.root, kind.mask, fields)
            for kind in self.maps
        ]
        self.names = select_fraction(
            self._wanted_names(names, skip_incomplete), fraction, seed, str(root)
        )
        self._check_files()

    def __getitem__(self, index: int) -> Sample:
        """Read and check one sample.

        Raises:
            InputError: A file is broken or too large, has values out of its task's range, or the
                size of a map differs from its image's.
        """
        with array_limit(self.max_array_gib):
            return self._read(self.names[index])

    def _read(self, name: str) -> Sample:
        image_path = self.images.path(name)
        image = read_float_image(image_path, self.image_key)
        found: Sample = {}
        for kind, files, masks in zip(self.maps, self.map_files, self.mask_files, strict=True):
            path = files.path(name)
            if not path.is_file():
                if kind.optional:
                    continue
                raise InputError(f"{path}: file not found{_advice(kind)}")
            label_map = kind.read(path, masks.path(name) if masks else None)
            check_size(label_map, path, image.shape[-2:], image_path, resized=kind.resize)
            found[kind.task.name] = label_map
        for entry in self.derived:
            if entry.source in found:
                # from the map as stored, since pixels of a resized one repeat
                found[entry.task.name] = entry.derive(found)
        return {"image": image} | {key: fitted(value, image) for key, value in found.items()}

    def unused_files(self) -> list[tuple[Path, str]]:
        """Return files in the folders of the patterns that no sample uses, each with the reason.

        These are maps without an image, and images that match no pattern.
        """
        sets = [self.images, *self.map_files, *filter(None, self.mask_files)]
        matched = {path for files in sets for path in files.found.values()}
        others = {path for files in sets for path in files.others} - matched
        images = set(self.images.found.values())
        orphans = [
            (path, "a map without an image")
            for files in self.map_files
            for path in files.unused(self.images.found)
            if path not in images
        ]
        strays = [(path, "matches no pattern") for path in sorted(others) if looks_like_image(path)]
        return orphans + strays

    def _wanted_names(self, listed: str | Path | None, skip_incomplete: bool) -> list[str]:
        if listed is None:
            names = self._found_names()
        else:
            names = names_in_folders(read_names(Path(listed)), list(self.images.found))
        if not skip_incomplete:
            return names
        pairs = zip(self.maps, self.map_files, strict=True)
        return complete_names(names, [files for kind, files in pairs if not kind.optional])

    def _check_files(self) -> None:
        """Check that all samples have an image, and the maps that are not optional."""
        check_present(self._paths(self.images))
        for files, kind in zip(self.map_files, self.maps, strict=True):
            check_present(
                self._paths(files),
                optional=kind.optional,
                advice=_advice(kind),
            )
        for files, masks in zip(self.map_files, self.mask_files, strict=True):
            if masks:
                present = [name for name in self.names if files.path(name).is_file()]
                paths = [masks.path(name) for name in present]
                check_present(paths)

    def _found_names(self) -> list[str]:
        return found_names(self.images, [])

    def _paths(self, files: FolderFiles) -> list[Path]:
        return [files.path(name) for name in self.names]


class CompleteFolders(FolderDataset):
    """Folders of a published dataset; a map without an image is reported as a missing image."""

    def unused_files(self) -> list[tuple[Path, str]]:
        """Return an empty list, since published folders contain further files."""
        return []

    def _found_names(self) -> list[str]:
        return found_names(self.images, self.map_files)


def _advice(kind: MapFiles) -> str:
    """Return what to do about a missing map."""
    return (
        f"; set `optional: true` for {kind.task.name} if samples may lack this map, or "
        "`skip_incomplete: true` to leave such samples out"
    )
