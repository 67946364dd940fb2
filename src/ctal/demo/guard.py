"""What the demo's server refuses, whatever the page it serves would allow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MEGABYTES = 25
"""The largest upload."""

_SLACK = 1_000_000  # what the form around a file, or a click, may take

# The page needs scripts and styles of its own; it must ask no other machine for anything.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' data: blob:; worker-src 'self' blob:; frame-ancestors 'self'; "
    "form-action 'self'; base-uri 'self'; object-src 'none'"
)


class Guard:
    """Stands before the page's server, gradio's, and trusts it with nothing that a visitor names.

    It refuses bodies above `MEGABYTES`; files in an event's JSON that are not among the page's own,
    be they of this machine (gradio copies any, if it is mounted in another server) or of another
    (gradio would fetch them); the addresses by which gradio fetches from elsewhere; and it tells
    the browser to ask nothing of other machines.

    Args:
        app: the server.
        folder: the folder of all files of the page.
    """

    def __init__(self, app: ASGIApp, folder: Path) -> None:
        self.app = app
        self._folder = folder.resolve()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, or refuses it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if names_another_machine(scope["path"]):
            await PlainTextResponse("only this machine's own files", 403)(scope, receive, send)
            return
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self.app(scope, receive, _with_policy(send))
            return
        body = await _body(receive)
        if body is None:
            told = f"expected at most {MEGABYTES} MB"
            await PlainTextResponse(told, 413)(scope, receive, send)
        elif _is_json(scope) and self._names_files(body):
            await PlainTextResponse("expected an uploaded file", 403)(scope, receive, send)
        else:
            await self.app(scope, _again(body, receive), _with_policy(send))

    def _names_files(self, body: bytes) -> bool:
        """Whether an event's JSON has a path that is not one of the page's own files."""
        try:
            return self._any_other(json.loads(body))
        except (ValueError, TypeError, OSError, RecursionError):
            return bool(body)  # gradio would not read it either, or the path is none

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
    """Whether a request's path is one by which gradio would fetch something from elsewhere."""
    # twice and more quoted, since what is behind may unquote it once more
    while (plain := unquote(path)) != path:
        path = plain
    tail = path.partition("file=")[2].lstrip("/").lower()
    return "/proxy=" in path or tail.startswith(("http:", "https:", "ftp:", "data:"))


async def _body(receive: Receive) -> bytes | None:
    """The whole body of a request, or nothing if it is too large."""
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
    """Hands a body on that was read already, and then what comes after it."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def hand_on() -> Message:
        return messages.pop() if messages else await receive()

    return hand_on


def _is_json(scope: Scope) -> bool:
    # a body of any other type is no event of the page's, but an upload
    return "multipart/form-data" not in Headers(scope=scope).get("content-type", "")


def _with_policy(send: Send) -> Send:
    async def send_on(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Content-Security-Policy"] = _POLICY
            headers["Referrer-Policy"] = "no-referrer"
        await send(message)

    return send_on
