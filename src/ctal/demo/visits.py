"""State of the demo per visitor: the image and the predictions."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import functional as TF

from ctal.errors import InputError
from ctal.explanation import Observation
from ctal.explanation.drawing import shown_size
from ctal.inference.model import Model
from ctal.io.images import read_image
from ctal.tasks.entropy import entropy_maps

MEGAPIXELS = 50
"""Limit of an uploaded image: above those of phones, below a decompression bomb."""

_KEPT = 16  # visits; each has the features of an image, about 20 MB for 288x384
_IMAGES = 128  # visits of which the image is kept, at most 1 MB


@dataclass(frozen=True, eq=False)
class Visit:
    """An image, and the data to explain any of its pixels.

    Attributes:
        size: (H, W) of the original image, in which pixels are given.
        image: (3, H', W') uint8, reduced if it is larger than the displayed size.
        maps: decoded maps of CTAL at that size, by task, and entropies.
        single: those of the single-task network, or empty.
        seen: the recorded inputs of each CTAL module.
    """

    size: tuple[int, int]
    image: Tensor
    maps: dict[str, Tensor]
    single: dict[str, Tensor]
    seen: dict[str, Observation]


class Sized(NamedTuple):
    """An image as shown, and the size (H, W) of the original one."""

    size: tuple[int, int]
    image: Tensor


class Visits:
    """The last visits by session; the least recently used one is dropped first.

    Of more visits only the images are kept, with which `visit` can predict the rest again.

    Args:
        age: seconds after which a visit that is not used is dropped by `clear`.
    """

    def __init__(self, age: float = 900) -> None:
        self._kept: OrderedDict[str, Visit] = OrderedDict()
        self._images: OrderedDict[str, tuple[float, Sized]] = OrderedDict()
        self._age = age
        self._lock = threading.Lock()  # events and the upkeep run in threads

    def put(self, session: str, visit: Visit) -> None:
        """Store a visit in place of the session's last one."""
        with self._lock:
            self._kept[session] = visit
            self._images[session] = time.monotonic(), Sized(visit.size, visit.image)
            for visits, limit in ((self._kept, _KEPT), (self._images, _IMAGES)):
                visits.move_to_end(session)
                while len(visits) > limit:
                    visits.popitem(last=False)

    def get(self, session: str) -> Visit | Sized:
        """Return the visit of a session, or its image alone.

        Raises:
            InputError: both were dropped.
        """
        with self._lock:
            if session not in self._images:
                raise InputError("this image is no longer stored; choose it again")
            image = self._images[session][1]
            self._images[session] = time.monotonic(), image
            self._images.move_to_end(session)
            if session not in self._kept:
                return image
            self._kept.move_to_end(session)
            return self._kept[session]

    def drop(self, session: str) -> None:
        """Drop a session."""
        with self._lock:
            self._drop(session)

    def clear(self) -> None:
        """Drop visits that were not used for long."""
        with self._lock:
            latest = time.monotonic() - self._age
            for session in [name for name, (used, _) in self._images.items() if used < latest]:
                self._drop(session)

    def __len__(self) -> int:
        return len(self._images)

    def _drop(self, session: str) -> None:
        self._kept.pop(session, None)
        self._images.pop(session, None)


def visit(
    image: Tensor, model: Model, single: Model | None, size: tuple[int, int] | None = None
) -> Visit:
    """Predict all maps of an image, and record the inputs of CTAL.

    Args:
        image: (3, H, W) uint8.
        model: a network with CTAL.
        single: a single-task network, or None.
        size: (H, W) of the original image, if it was reduced already.
    """
    size = size or (image.shape[-2], image.shape[-1])
    # small ones keep their size: their maps are enlarged for display
    shown = [min(side, limit) for side, limit in zip(size, shown_size(size), strict=True)]
    image = TF.resize(image, shown, antialias=True)
    with model.capture_affinities() as seen:
        maps = next(model.stream([image], entropy=bool(entropy_maps(model.tasks))))
    others = {} if single is None else single.decoded(image)
    return Visit(size, image, maps, others, seen)


def take_upload(path: str | None, folder: Path) -> Tensor:
    """Read an uploaded image, (3, H, W) uint8, and remove its file.

    Args:
        path: the path of the file, as given in the request.
        folder: the folder of uploads; files outside it are not touched.

    Raises:
        InputError: the file is missing, not an image or too large; messages name no file.
    """
    # gradio checks only paths that are marked as those of a file
    file = Path(path or "").resolve()
    if not file.is_relative_to(folder.resolve()) or not file.is_file():
        raise InputError("expected an uploaded image")
    try:
        return _read(file)
    finally:
        file.unlink(missing_ok=True)


def _read(path: Path) -> Tensor:
    """Read an image within the limit."""
    try:
        with Image.open(path) as opened:
            width, height = opened.size
    except Image.DecompressionBombError as error:
        raise InputError(f"expected an image of at most {MEGAPIXELS} megapixels") from error
    except Exception as error:  # readers raise anything on a broken file
        raise InputError("this file cannot be read as an image") from error
    if width * height > MEGAPIXELS * 1_000_000:
        raise InputError(
            f"expected an image of at most {MEGAPIXELS} megapixels, got {width}x{height}"
        )
    try:
        return read_image(path)
    except InputError as error:
        raise InputError("this image is damaged and cannot be read") from error
