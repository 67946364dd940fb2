"""Image formats by file name: supported formats, formats that need an extra, and all others."""

from __future__ import annotations

import mimetypes
from functools import cache
from pathlib import Path

from PIL import Image

from ctal.errors import InputError

READABLE = "PNG, JPEG, TIFF, WebP, AVIF, GIF, BMP, JPEG 2000 and PPM"
"""The common formats that are supported without an extra, for messages."""

ARRAY_SUFFIXES = frozenset({".npy", ".npz"})
"""Lower-case endings of array files."""

_HEIF = frozenset({".heic", ".heics", ".heif", ".heifs", ".hif"})
_RAW = frozenset(
    {".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".iiq", ".kdc", ".mef", ".mos"}
    | {".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf"}
    | {".srw", ".x3f"}
)
_OTHERS = {
    **dict.fromkeys([".exr", ".hdr"], "high dynamic range; save it as .npy or as a 16-bit PNG"),
    ".jxl": "JPEG XL; save it as PNG or JPEG",
    ".jxr": "JPEG XR; save it as PNG or JPEG",
    ".svg": "a vector drawing; render it as PNG",
    ".psb": "a large Photoshop document; save it as PNG or TIFF",
    ".xcf": "a GIMP document; export it as PNG",
}
# supported by FFmpeg, but unknown to mimetypes on some systems
_VIDEOS = frozenset(
    {".avi", ".flv", ".m2ts", ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg"}
    | {".mts", ".ogv", ".webm", ".wmv"}
)


def is_video(path: Path) -> bool:
    """Return whether a file has the name of a video; motion JPEG is a video."""
    kind = mimetypes.guess_type(path.name)[0] or ""
    return path.suffix.lower() in _VIDEOS or kind.startswith("video/")


def is_readable(path: Path) -> bool:
    """Return whether a file has the ending of an image format that can be read."""
    if path.suffix.lower() in _HEIF:
        return register_heif()
    format_name = Image.registered_extensions().get(path.suffix.lower())
    return format_name in Image.OPEN and not is_video(path)


def looks_like_image(path: Path) -> bool:
    """Return whether a file is an image by its name or, without a known ending, by its content."""
    suffix = path.suffix.lower()
    if suffix in _HEIF | _RAW | _OTHERS.keys() | Image.registered_extensions().keys():
        return True
    kind = mimetypes.guess_type(path.name)[0]
    return kind.startswith("image/") if kind else _is_image_inside(path)


def advice(path: Path) -> str:
    """Return a short advice for an image that cannot be read; "" if there is none."""
    suffix = path.suffix.lower()
    if suffix in _HEIF:
        return "" if register_heif() else "HEIF; install its reader: pip install 'ctal[heif]'"
    if suffix in _RAW:
        return (
            "a camera raw format; convert it to JPEG or PNG with the camera's software or with "
            "rawpy"
        )
    if suffix == ".avif":
        return "AVIF, which this build of Pillow does not read; pip install 'pillow>=11.3'"
    return _OTHERS.get(suffix, "")


@cache
def register_heif() -> bool:
    """Register HEIF in Pillow with the extra `heif`; return whether it is installed."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener()
    return True


def unreadable(path: Path, reason: str) -> InputError:
    """Return the error for a file of an unsupported image format."""
    known = advice(path)
    hint = f"it is {known}" if known else f"{READABLE} are supported; save it as one of these"
    return InputError(f"{path}: cannot be read as an image ({reason}); {hint}")


def _is_image_inside(path: Path) -> bool:
    try:
        with Image.open(path):
            return True
    except Exception:  # readers raise anything on a file of another format
        return False
