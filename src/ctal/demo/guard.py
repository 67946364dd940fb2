"""Access rules of the demo server, in front of gradio."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MEGABYTES = 25
"""Limit of an upload."""

_SLACK = 1_000_000  # of the form around a file, or of a click

# The page needs its own scripts and styles; it must not request anything from other machines.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' data: blob:; worker-src 'self' blob:; frame-ancestors 'self'; "
    "form-action 'self'; base-uri 'self'; object-src 'none'"
)


class Guard:
    """ASGI middleware in front of gradio that checks every path and address in a request.

    It refuses bodies above `MEGABYTES`; files in the JSON of an event that are not files of the
    page, local ones (which gradio copies if it is mounted in another server) and remote ones
    (which gradio would download); and the addresses by which gradio downloads files. It sets a
    content security policy that forbids requests to other machines.

    Args:
        app: the server.
        folder: the folder of all files of the page.
    """

    def __init__(self, app: ASGIApp, folder: Path) -> None:
        self.app = app
        self._folder = folder.resolve()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if names_another_machine(scope["path"]):
            await PlainTextResponse("expected a file of this server", 403)(scope, receive, send)
            return
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self.app(scope, receive, _with_policy(send))
            return
        body = await _body(receive)
        if body is None:
            limit = f"expected at most {MEGABYTES} MB"
            await PlainTextResponse(limit, 413)(scope, receive, send)
        elif _is_json(scope) and self._names_files(body):
            await PlainTextResponse("expected an uploaded file", 403)(scope, receive, send)
        else:
            await self.app(scope, _again(body, receive), _with_policy(send))

    def _names_files(self, body: bytes) -> bool:
        """Return whether the JSON of an event has a path that is not a file of the page."""
        try:
            return self._any_other(json.loads(body))
        except (ValueError, TypeError, OSError, RecursionError):
            return bool(body)  # gradio could not read it either, or it is not a path

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


async def _body(receive: Receive) -> bytes | None:
    """Read the body of a request; None if it is too large."""
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size > MEGABYTES * 1_000_000 + _SLACK:
            return None
        parts.append(part)
        more = message["type"] == "http.request" and message.get("more_body", False)
    return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """Replay a body that was read, then receive as before."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


def _is_json(scope: Scope) -> bool:
    # an upload is a form, an event of the page is JSON
    return "multipart/form-data" not in Headers(scope=scope).get("content-type", "")


def _with_policy(send: Send) -> Send:
    async def send_on(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Content-Security-Policy"] = _POLICY
            headers["Referrer-Policy"] = "no-referrer"
        await send(message)

    return send_on
