"""Pillow's limit on the pixels of an image."""

from __future__ import annotations

import threading

from PIL import Image


class _WithoutLimit:
    """Disables Pillow's pixel limit, which only warns; `ctal.io.images.MAX_PIXELS` replaces it.

    The limit is one for all threads: the last one to leave restores it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._before: int | None = None

    def __enter__(self) -> None:
        with self._lock:
            if self._users == 0:
                self._before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            self._users += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                Image.MAX_IMAGE_PIXELS = self._before


without_pixel_limit = _WithoutLimit()
