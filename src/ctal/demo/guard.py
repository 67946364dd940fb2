"""Access rules of the demo server, in front of gradio."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ctal.demo.bodies import Bodies, GoneError, RefusedError, replayed
from ctal.demo.origins import READING, is_foreign

MEGABYTES = 25
"""Limit of an upload."""

UPLOAD = "/gradio_api/upload"
"""The address of uploads, whose bodies are forms; all other bodies are JSON."""

PROGRESS = "/gradio_api/upload_progress"
"""The address of the progress of an upload."""

_FORM = 1_000_000  # bytes of the form around a file
_EVENT = 1_000_000  # bytes of the JSON of an event

# All that the page requests; gradio has much more, such as a description of all its addresses.
_WRITTEN = ("/gradio_api/queue/join", "/gradio_api/cancel", "/gradio_api/reset", UPLOAD)
_READ = (
    *("/", "/config", "/theme.css", "/favicon.ico", "/manifest.json", "/robots.txt"),
    *("/gradio_api/queue/data", PROGRESS, "/gradio_api/startup-events"),
    *("/gradio_api/theme.css", "/gradio_api/info"),
)
_READ_BELOW = (
    *("/assets/", "/static/", "/svelte/", "/gradio_api/file=", "/gradio_api/heartbeat/"),
    "/pwa_icon",
)

# The page needs its own scripts and styles; it must not request anything from other machines.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' data: blob:; worker-src 'self' blob:; frame-ancestors 'none'; "
    "form-action 'self'; base-uri 'self'; object-src 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """ASGI middleware in front of gradio that checks every request.

    It refuses addresses that the page does not use, among them those by which gradio downloads
    files; bodies above `MEGABYTES`, and those that are not completed; events that are not JSON; and
    files in the JSON of an event that are not files of the page, local ones (which gradio copies if
    it is mounted in another server) and remote ones (which gradio would download). The declared
    content type of a body has no influence. The headers of every response forbid requests to other
    machines, and frames of other sites.

    Args:
        app: the server.
        folder: the folder of all files of the page.
        local: whether the server listens on this machine only: requests that a page of another
            site may have sent are refused then.
    """

    def __init__(self, app: ASGIApp, folder: Path, local: bool = False) -> None:
        self.app = app
        self._folder = folder.resolve()
        self._local = local
        self._bodies = Bodies(self._folder)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        send = _with_headers(send)
        try:
            self._check_address(scope)
            if scope["method"] in READING:
                await self.app(scope, receive, send)
            else:
                await self._written(scope, receive, send)
        except RefusedError as error:
            await PlainTextResponse(str(error), error.status)(scope, receive, send)
        except GoneError:
            return

    def _check_address(self, scope: Scope) -> None:
        path = scope["path"]
        if self._local and is_foreign(scope):
            raise RefusedError(403, "expected a request of the page of this server")
        if names_another_machine(path):
            raise RefusedError(403, "expected a file of this server")
        if scope["method"] in READING:
            used = path in _READ or path.startswith(_READ_BELOW)
        else:
            used = scope["method"] == "POST" and path in _WRITTEN
        if not used:
            raise RefusedError(403, "expected an address of the page")

    async def _written(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request with a body, once the body is complete and checked."""
        uploaded = scope["path"] == UPLOAD
        limit = MEGABYTES * 1_000_000 + _FORM if uploaded else _EVENT
        async with self._bodies.received(receive, limit) as body:
            if uploaded:
                await self.app(scope, replayed(body, receive), send)
                return
            checked = self._checked(body.read())
        await self.app(_as_json(scope, checked), replayed(io.BytesIO(checked), receive), send)

    def _checked(self, body: bytes) -> bytes:
        """Return the JSON of an event, written anew: nothing in it can be read in two ways.

        Raises:
            RefusedError: it has a path that is not a file of the page, or is not JSON.
        """
        if not body:
            return body
        try:
            event = json.loads(body)
            if self._any_other(event):
                raise RefusedError(403, "expected an uploaded file")
            return json.dumps(event, allow_nan=False).encode()
        except (ValueError, TypeError, OSError, RecursionError) as error:
            raise RefusedError(403, "expected the JSON of an event") from error

    def _any_other(self, value: Any) -> bool:
        if isinstance(value, list):
            return any(map(self._any_other, value))
        if not isinstance(value, dict):
            return False
        path = value.get("path")
        if path is not None and not Path(path).resolve().is_relative_to(self._folder):
            return True
        return any(map(self._any_other, value.values()))


def names_another_machine(path: str) -> bool:
    """Return whether gradio would download a file for the path of a request."""
    # until nothing is quoted, since gradio may unquote it once more
    while (plain := unquote(path)) != path:
        path = plain
    tail = path.partition("file=")[2].lstrip("/").lower()
    return "/proxy=" in path or tail.startswith(("http:", "https:", "ftp:", "data:"))


def _as_json(scope: Scope, body: bytes) -> Scope:
    """Return the scope of a request with this body, which is JSON whatever was declared."""
    kept = [
        (name, value)
        for name, value in scope["headers"]
        if name not in (b"content-type", b"content-length", b"transfer-encoding")
    ]
    declared = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    return {**scope, "headers": [*kept, *declared]}


def _with_headers(send: Send) -> Send:
    async def send_on(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
        await send(message)

    return send_on
