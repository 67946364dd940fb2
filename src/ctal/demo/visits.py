"""What the demo keeps of a visitor: the picture, and what the network made of it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import functional as TF

from ctal.errors import InputError
from ctal.explanation import Observation, observing
from ctal.explanation.drawing import shown_size
from ctal.inference.model import Model
from ctal.io.images import read_image

MEGAPIXELS = 50
"""The largest picture that is decoded: those of telephones are, a bomb of a few bytes is not."""

_KEPT = 16  # visits: each holds the features of a picture, some 20 MB of a network at 288x384


@dataclass(frozen=True, eq=False)
class Visit:
    """A picture, and all that is needed to explain any pixel of it.

    Attributes:
        size: (H, W) of the picture as it came; pixels are told in it.
        picture: (3, H', W') uint8, shrunk if it is larger than what is shown.
        maps: the decoded maps of CTAL at that size, by task.
        single: those of the single-task network, or none.
        seen: what each CTAL module saw.
    """

    size: tuple[int, int]
    picture: Tensor
    maps: dict[str, Tensor]
    single: dict[str, Tensor]
    seen: dict[str, Observation]


class Visits:
    """The last visits, by the visitor's session; the one that was longest unused goes first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Visit] = OrderedDict()

    def put(self, session: str, visit: Visit) -> None:
        """Keeps a visit in place of the session's last one."""
        self._kept[session] = visit
        self._kept.move_to_end(session)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)

    def get(self, session: str) -> Visit:
        """The visit of a session.

        Raises:
            InputError: it is no longer kept.
        """
        if session not in self._kept:
            raise InputError("this picture is no longer kept; choose it again")
        self._kept.move_to_end(session)
        return self._kept[session]

    def drop(self, session: str) -> None:
        """Forgets a session."""
        self._kept.pop(session, None)

    def __len__(self) -> int:
        return len(self._kept)


def visit(picture: Tensor, model: Model, single: Model | None) -> Visit:
    """Predicts all maps of a picture (3, H, W) uint8, and keeps what CTAL saw."""
    size = (picture.shape[-2], picture.shape[-1])
    # small ones keep their size: their maps are enlarged when shown
    shown = [min(side, limit) for side, limit in zip(size, shown_size(size), strict=True)]
    picture = TF.resize(picture, shown, antialias=True)
    with observing(model.network) as seen:
        maps = model.decoded(picture)
    others = {} if single is None else single.decoded(picture)
    return Visit(size, picture, maps, others, seen)


def take_upload(path: str | None, folder: Path) -> Tensor:
    """Reads a picture that a visitor sent, (3, H, W) uint8, and removes its file.

    Args:
        path: what the visitor says where the server put it.
        folder: the folder in which the server puts such files; what is not in it is not touched.

    Raises:
        InputError: it is not there, no picture or too large; no message names a file.
    """
    # gradio itself looks only at paths that are marked as those of a file, and hands on any other
    file = Path(path or "").resolve()
    if not file.is_relative_to(folder.resolve()) or not file.is_file():
        raise InputError("expected an uploaded picture")
    try:
        return _read(file)
    finally:
        file.unlink(missing_ok=True)


def _read(path: Path) -> Tensor:
    """A picture that is not too large."""
    try:
        with Image.open(path) as image:
            width, height = image.size
    except Image.DecompressionBombError as error:
        raise InputError(f"expected a picture of at most {MEGAPIXELS} megapixels") from error
    except Exception as error:  # readers raise whatever a broken file makes them stumble over
        raise InputError("this file cannot be read as a picture") from error
    if width * height > MEGAPIXELS * 1_000_000:
        raise InputError(
            f"expected a picture of at most {MEGAPIXELS} megapixels, got {width}x{height}"
        )
    try:
        return read_image(path)
    except InputError as error:
        raise InputError("this picture is damaged and cannot be read") from error
