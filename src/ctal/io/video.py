"""Read and write videos, and read cameras, with FFmpeg (PyAV, the extra `video`)."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ctal.errors import InputError, UnreadableError, first_line
from ctal.io.atomic import write_whole

_TICKS = 1000
"""Time resolution of written frames, ticks per second."""


class Frame(NamedTuple):
    """A frame of a video.

    Attributes:
        pixels: (3, H, W) uint8 RGB.
        seconds: Time since the first frame, seconds.
    """

    pixels: Tensor
    seconds: float


def video_frames(path: Path) -> Iterator[Frame]:
    """Yield the frames of a video, upright, while decoding.

    Raises:
        UnreadableError: The video cannot be read; if it is truncated or damaged, after the readable
            frames.
    """
    return _frames(str(path), str(path), None)


def camera_frames(number: int) -> Iterator[Frame]:
    """Yield the frames of a camera of this machine, without end.

    Raises:
        InputError: The camera is not found, or this system is neither Linux nor macOS.
    """
    devices = {"linux": (f"/dev/video{number}", "v4l2"), "darwin": (str(number), "avfoundation")}
    if sys.platform not in devices:
        raise InputError("camera: supported on Linux and macOS only; pass a video instead")
    device, kind = devices[sys.platform]
    return _frames(device, f"camera:{number}", kind)


def write_video(
    path: Path, frames: Iterable[Frame], *, endless: bool = False, comment: str = ""
) -> None:
    """Write frames as MP4 (H.264), atomically.

    Args:
        path: The file.
        frames: Frames of one size. If reading a frame raises InputError, the frames before it are
            written and the error is raised afterwards; an error of the first frame is raised at
            once.
        endless: Whether Ctrl-C ends the video and is not an interruption.
        comment: Text for the metadata of the file.

    Raises:
        InputError: The file cannot be written, or a frame cannot be read.
    """
    iterator = iter(frames)
    first = next(iterator)
    errors: list[InputError] = []

    def write(file: BinaryIO) -> None:
        with _av().open(file, "w", format="mp4") as container:
            if comment:
                container.metadata["comment"] = comment
            try:
                _encode(container, chain([first], iterator))
            except InputError as error:
                errors.append(error)
            except KeyboardInterrupt:
                if not endless:
                    raise
            for packet in container.streams.video[0].encode(None):
                container.mux(packet)

    write_whole(path, write)
    for error in errors:
        raise error


def video_comment(path: Path) -> str | None:
    """Return the comment in the metadata of a video; None if it has none or cannot be read."""
    try:
        with _av().open(str(path), metadata_errors="replace") as container:
            found: str | None = container.metadata.get("comment")
            return found
    except (_av().error.FFmpegError, OSError):
        return None


def _frames(source: str, name: str, kind: str | None) -> Iterator[Frame]:
    count = 0
    with _readable(name, lambda: count):
        # titles of old cameras and editors are not always UTF-8; they are not used
        with _av().open(source, format=kind, metadata_errors="replace") as container:
            if not container.streams.video:
                raise UnreadableError(f"{name}: expected a video, got no video stream")
            start = None
            for frame in container.decode(container.streams.video[0]):
                pixels = np.rot90(frame.to_ndarray(format="rgb24"), frame.rotation // 90)
                time = frame.time if frame.time is not None else count / 25
                start = time if start is None else start
                yield Frame(torch.from_numpy(pixels.copy()).permute(2, 0, 1), time - start)
                count += 1
        if count == 0:
            raise UnreadableError(f"{name}: expected a video, got no readable frame")


@contextmanager
def _readable(name: str, count: Any) -> Iterator[None]:
    """Convert errors of FFmpeg to one-line errors."""
    try:
        yield
    except (_av().error.FFmpegError, UnicodeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        part = f"frame {count() + 1}" if count() else "the video"
        reason = getattr(error, "strerror", None) or first_line(error)
        raise UnreadableError(f"{name}: {part} cannot be read ({reason})") from error


def _encode(container: Any, frames: Iterable[Frame]) -> None:
    stream, av, last = None, _av(), -1
    for pixels, seconds in frames:
        height, width = pixels.shape[-2:]
        even = F.pad(pixels, (0, width % 2, 0, height % 2), value=255)  # required by H.264
        if stream is None:
            stream = container.add_stream("libx264", rate=25, options={"crf": "18"})
            stream.height, stream.width = even.shape[-2:]
            stream.pix_fmt = "yuv420p"  # supported by all players
            stream.codec_context.time_base = Fraction(1, _TICKS)
        array = np.ascontiguousarray(even.permute(1, 2, 0).numpy())
        frame = av.VideoFrame.from_ndarray(array, format="rgb24")
        last = frame.pts = max(last + 1, round(seconds * _TICKS))  # clocks of cameras may jump
        frame.time_base = Fraction(1, _TICKS)
        for packet in stream.encode(frame):
            container.mux(packet)


def _av() -> Any:
    """Import PyAV, which only videos need."""
    try:
        import av
        import av.error
    except ImportError as error:
        raise InputError(
            "videos require PyAV; install it with: pip install 'ctal[video]'"
        ) from error
    return av
