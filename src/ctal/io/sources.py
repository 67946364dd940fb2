"""What a person names to be predicted: pictures, folders, glob patterns, videos, a camera."""

from __future__ import annotations

import glob
import mimetypes
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from ctal.errors import InputError
from ctal.io.video import Frame, camera_frames, video_frames

_CAMERA = re.compile(r"camera(?::(\d+))?")


class Source(NamedTuple):
    """A picture, a video or a camera.

    Attributes:
        path: the file, or for a camera its name.
        camera: the camera's number; None for files.
    """

    path: Path
    camera: int | None = None

    @property
    def moves(self) -> bool:
        """Whether it has frames."""
        return self.camera is not None or _kind(self.path) == "video"

    @property
    def stem(self) -> str:
        """How its outputs are called."""
        return self.path.stem if self.camera is None else f"camera{self.camera}"

    def frames(self) -> Iterator[Frame]:
        """Its frames."""
        return video_frames(self.path) if self.camera is None else camera_frames(self.camera)


def find_sources(inputs: Iterable[str]) -> list[Source]:
    """What paths, folders, glob patterns, `camera` and `camera:1` mean, each once, in their order.

    Raises:
        InputError: one of them means nothing.
    """
    sources: dict[Path, Source] = {}
    for entry in inputs:
        for source in _found(entry):
            sources.setdefault(source.path.resolve(), source)
    return list(sources.values())


def find_images(inputs: Iterable[str]) -> list[Path]:
    """The pictures that paths, folders and glob patterns mean, each once, in their order.

    Raises:
        InputError: one of them means nothing, or a video or camera.
    """
    sources = find_sources(inputs)
    for source in sources:
        if source.moves:
            raise InputError(f"{source.path}: expected pictures, got a video or camera")
    return [source.path for source in sources]


def _found(entry: str) -> list[Source]:
    path, camera = Path(entry), _CAMERA.fullmatch(entry)
    if path.is_file():
        return [Source(path)]
    if path.is_dir():
        found = sorted(file for file in path.iterdir() if _is_named_as_source(file))
    elif camera:
        return [Source(path, int(camera[1] or 0))]
    else:
        found = sorted(Path(match) for match in glob.glob(entry, recursive=True))
        found = [file for file in found if file.is_file()]
    if not found:
        raise InputError(
            f"{entry}: expected a picture, a folder of pictures or videos, a glob pattern, a video "
            "or `camera`"
        )
    return [Source(file) for file in found]


def _is_named_as_source(file: Path) -> bool:
    """Whether a file of this name is read; dot files (a Mac's, a temporary one) are left out."""
    format_name = Image.registered_extensions().get(file.suffix.lower())
    readable = format_name in Image.OPEN or _kind(file) == "video"
    return file.is_file() and readable and not file.name.startswith(".")


def _kind(file: Path) -> str:
    return (mimetypes.guess_type(file.name)[0] or "").partition("/")[0]


def output_names(sources: Sequence[Source | Path]) -> list[str]:
    """A name for the outputs of each source, no two the same."""
    names: dict[str, None] = {}  # a set that keeps its order
    for source in sources:
        name, number = source.stem, 1
        while name in names:
            number += 1
            name = f"{source.stem}-{number}"
        names[name] = None
    return list(names)
