"""Inputs of `ctal predict`: images, folders, glob patterns, videos, a camera."""

from __future__ import annotations

import glob
import importlib.util
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ctal.errors import InputError
from ctal.io.formats import advice, is_readable, is_video, looks_like_image

if TYPE_CHECKING:
    from ctal.io.video import Frame

_CAMERA = re.compile(r"camera(?::(\d+))?")


class Source:
    """An image, a video, an animated image or a camera.

    Args:
        path: The file, or the name of a camera.
        camera: Number of the camera. None: a file.
    """

    def __init__(self, path: Path, camera: int | None = None) -> None:
        self.path = path
        self.camera = camera

    @cached_property
    def moves(self) -> bool:
        """Whether it has frames; an animated image only if videos can be written."""
        if self.camera is not None or is_video(self.path):
            return True
        from ctal.io.animation import is_animation  # imports torch

        return is_animation(self.path) and importlib.util.find_spec("av") is not None

    @property
    def stem(self) -> str:
        """Base name of its outputs."""
        return self.path.stem if self.camera is None else f"camera{self.camera}"

    def frames(self) -> Iterator[Frame]:
        """Yield its frames."""
        from ctal.io.animation import animation_frames
        from ctal.io.video import camera_frames, video_frames

        if self.camera is not None:
            return camera_frames(self.camera)
        return video_frames(self.path) if is_video(self.path) else animation_frames(self.path)


def find_sources(inputs: Iterable[str]) -> list[Source]:
    """Find the sources of paths, folders, glob patterns, `camera` and `camera:1`.

    Returns:
        The distinct sources, in the order of the inputs.

    Raises:
        InputError: An input matches nothing.
    """
    sources: dict[Path, Source] = {}
    for entry in inputs:
        for source in _found(entry):
            sources.setdefault(source.path.resolve(), source)
    return list(sources.values())


def find_images(inputs: Iterable[str]) -> list[Path]:
    """Find the distinct images of paths, folders and glob patterns, in their order.

    Raises:
        InputError: An input matches nothing, or a source with frames.
    """
    sources = find_sources(inputs)
    for source in sources:
        if source.moves:
            raise InputError(
                f"{source.path}: expected images, got a video, an animation or a camera"
            )
    return [source.path for source in sources]


def skipped_images(inputs: Iterable[str]) -> list[str]:
    """Return messages about images in input folders that cannot be read, with advice."""
    skipped: dict[Path, str] = {}
    for folder in filter(Path.is_dir, map(Path, inputs)):
        for file in _files(folder):
            if not _is_named_as_source(file) and looks_like_image(file):
                reason = advice(file) or "an image without the ending of its format; rename it"
                skipped[file] = f"{file}: skipped; it is {reason}"
    return list(skipped.values())


def _found(entry: str) -> list[Source]:
    path, camera = Path(entry), _CAMERA.fullmatch(entry)
    if path.is_file():
        return [Source(path)]
    if path.is_dir():
        found = [file for file in _files(path) if _is_named_as_source(file)]
    elif camera:
        return [Source(path, int(camera[1] or 0))]
    else:
        found = sorted(Path(match) for match in glob.glob(entry, recursive=True))
        found = [file for file in found if file.is_file()]
    if not found:
        skipped = "".join(f"; {line}" for line in skipped_images([entry])[:3])
        state = "contains no image or video" if path.is_dir() else "not found"
        raise InputError(
            f"{entry}: {state}; expected an image, a folder of images or videos, a glob pattern, a "
            f"video or `camera`{skipped}"
        )
    return [Source(file) for file in found]


def _files(folder: Path) -> list[Path]:
    """List the files of a folder; hidden files (temporary files, metadata of macOS) are ignored."""
    try:
        return sorted(f for f in folder.iterdir() if f.is_file() and not f.name.startswith("."))
    except OSError as error:
        raise InputError(f"{folder}: cannot be listed ({error.strerror})") from error


def _is_named_as_source(file: Path) -> bool:
    return is_readable(file) or is_video(file)


def output_names(sources: Sequence[Source | Path]) -> list[str]:
    """Return a unique name for the outputs of each source."""
    names: dict[str, None] = {}  # an ordered set
    for source in sources:
        name, number = source.stem, 1
        while name in names:
            number += 1
            name = f"{source.stem}-{number}"
        names[name] = None
    return list(names)
