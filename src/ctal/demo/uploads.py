"""Uploaded files: each under a name of its own, removed if no event reads it."""

from __future__ import annotations

import re
import shutil
import time
import uuid
from contextlib import suppress
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from ctal.demo.guard import MEGABYTES

_TOTAL = 1_000_000_000  # bytes of all uploads that wait for their event


class Uploads:
    """Stores uploads in a folder.

    gradio names an upload after its content: of two visitors with the same file, the first would
    remove that of the second.

    Args:
        folder: the folder, created when missing.
        age: seconds after which a file that no event has read is removed.
    """

    def __init__(self, folder: Path, age: float = 600) -> None:
        self._folder, self._age = folder, age
        folder.mkdir(parents=True, exist_ok=True)

    async def upload(self, request: Request) -> Response:
        """Store the file of a form; the response is a list with its path, as of gradio."""
        async with request.form(max_files=1, max_fields=4) as form:
            files = [file for file in form.getlist("files") if isinstance(file, UploadFile)]
            if len(files) != 1:
                return PlainTextResponse("expected a form with one file", 400)
            if (files[0].size or 0) > MEGABYTES * 1_000_000:
                return PlainTextResponse(f"expected at most {MEGABYTES} MB", 413)
            if sum(self._sizes()) > _TOTAL:
                return PlainTextResponse("too many uploads are waiting; try again later", 503)
            path = await run_in_threadpool(self._stored, files[0])
        return JSONResponse([str(path)])

    async def progress(self, request: Request) -> Response:
        """Answer the page's question for the progress of an upload, which gradio cannot know."""
        return Response('data: {"msg": "done"}\n\n', media_type="text/event-stream")

    def clear(self) -> None:
        """Remove files that no event has read."""
        latest = time.time() - self._age
        for file in self._folder.iterdir():
            with suppress(FileNotFoundError):  # an event was faster
                if file.stat().st_mtime < latest:
                    file.unlink()

    def _stored(self, upload: UploadFile) -> Path:
        suffix = Path(upload.filename or "").suffix
        name = uuid.uuid4().hex + (suffix if re.fullmatch(r"\.[A-Za-z0-9]{1,8}", suffix) else "")
        with (self._folder / name).open("xb") as file:
            shutil.copyfileobj(upload.file, file)
        return self._folder / name

    def _sizes(self) -> list[int]:
        sizes = []
        for file in self._folder.iterdir():
            with suppress(FileNotFoundError):
                sizes.append(file.stat().st_size)
        return sizes
