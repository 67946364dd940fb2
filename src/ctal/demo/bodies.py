"""Bodies of requests, kept on the disk until they are complete, within limits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO

from starlette.types import Message, Receive

_MEMORY = 64_000  # bytes of a body that are held in memory; the rest is on the disk
_DISCARDED = 4  # times the limit that is read and discarded, so that the client sees the answer
_CHUNK = 65_536


class RefusedError(Exception):
    """A body that the server does not accept.

    Attributes:
        status: the status of the response.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class GoneError(Exception):
    """The client closed the connection before its body was complete."""


class Bodies:
    """Receives bodies into files without a name, which vanish when they are closed.

    Args:
        folder: the folder of the files.
        total: bytes that all unfinished bodies may have together.
        patience: seconds to wait for the next part of a body.
        duration: seconds that a body may take in all.
    """

    def __init__(
        self, folder: Path, total: int = 500_000_000, patience: float = 20, duration: float = 300
    ) -> None:
        self._folder, self._total = folder, total
        self._patience, self._duration = patience, duration
        self._pending = 0

    @asynccontextmanager
    async def received(self, receive: Receive, limit: int) -> AsyncIterator[IO[bytes]]:
        """Open a file of a complete body, at its start.

        Raises:
            RefusedError: the body is larger than `limit`, too slow, or one too many.
            GoneError: the client closed the connection.
        """
        with SpooledTemporaryFile(max_size=_MEMORY, dir=str(self._folder)) as file:
            await self._fill(file, receive, limit)
            file.seek(0)
            yield file

    async def _fill(self, file: IO[bytes], receive: Receive, limit: int) -> None:
        size = stored = 0
        end = time.monotonic() + self._duration
        more = True
        try:
            while more:
                part, more = await self._part(receive, end)
                size += len(part)
                if size > _DISCARDED * limit:
                    break
                if size > limit:
                    continue
                if self._pending + len(part) > self._total:
                    raise RefusedError(503, "too many uploads at the same time; try again later")
                self._pending += len(part)
                stored += len(part)
                file.write(part)
        finally:
            self._pending -= stored
        if size > limit:
            raise RefusedError(413, f"expected at most {limit / 1e6:.0f} MB")

    async def _part(self, receive: Receive, end: float) -> tuple[bytes, bool]:
        """Return the next part of a body, and whether there are more."""
        try:
            async with asyncio.timeout(min(self._patience, max(end - time.monotonic(), 0))):
                message = await receive()
        except TimeoutError:
            raise RefusedError(408, "the request was not completed in time") from None
        if message["type"] != "http.request":
            raise GoneError
        return message.get("body", b""), message.get("more_body", False)


def replayed(file: IO[bytes], receive: Receive) -> Receive:
    """Replay a body from its file, then receive as before."""
    complete = False

    async def replay() -> Message:
        nonlocal complete
        if complete:
            return await receive()
        part = file.read(_CHUNK)
        complete = len(part) < _CHUNK
        return {"type": "http.request", "body": part, "more_body": not complete}

    return replay
