"""Requests that the demo server rejects before they reach gradio."""

import json

import pytest

pytest.importorskip("gradio", reason="needs gradio, the extra `demo`")
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from ctal.demo.guard import UPLOAD, Guard, names_another_machine

METHODS = ["GET", "POST", "PUT", "DELETE"]
EVENT = "/gradio_api/queue/join"


async def echo(request: Request) -> PlainTextResponse:
    declared = request.headers.get("content-type", "")
    return PlainTextResponse(await request.body(), headers={"declared": declared})


@pytest.fixture
def client(tmp_path):
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "out.png").symlink_to(tmp_path / "secret.png")
    app = Starlette(routes=[Route("/{rest:path}", echo, methods=METHODS)])
    return TestClient(Guard(app, tmp_path / "page"))


def test_events_with_uploaded_files_are_accepted(client, tmp_path):
    inside = {"path": str(tmp_path / "page" / "a" / "b.png"), "url": "http://127.0.0.1/b.png"}
    for data in ([], [inside, None, "text"], {"deep": [[inside]]}):
        sent = client.post(EVENT, json={"data": data})
        assert sent.status_code == 200
        assert json.loads(sent.text) == {"data": data}
        assert "default-src 'self'" in sent.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "http://10.0.0.1/a.png", "a.png", "../secret.png", "page/out.png", "", 3, "\0"],
)
def test_events_with_any_other_path_are_rejected(client, tmp_path, path):
    if isinstance(path, str) and path.startswith(("..", "page")):
        path = str(tmp_path / "page" / path.removeprefix("page/"))
    for data in ([{"path": path}], {"deep": [[{"x": {"path": path, "meta": {}}}]]}):
        for headers in ({}, {"content-type": "text/plain"}):
            sent = client.post(EVENT, content=json.dumps({"data": data}), headers=headers)
            assert sent.status_code == 403


@pytest.mark.parametrize("content_type", ["multipart/form-data; boundary=x", "a", "", "image/png"])
def test_the_declared_content_type_changes_nothing(client, content_type):
    headers = {"content-type": content_type}
    body = json.dumps({"data": [{"path": "/etc/passwd"}]}).encode()
    assert client.post(EVENT, content=body, headers=headers).status_code == 403
    sent = client.post(EVENT, content=b'{"data": []}', headers=headers)
    assert sent.status_code == 200
    assert sent.headers["declared"] == "application/json"


def test_events_are_forwarded_as_checked(client, tmp_path):
    page = json.dumps(str(tmp_path / "page" / "a.png"))
    body = f'{{"path": "/etc/passwd", "path": {page}}}'  # json uses the last of two equal keys
    for encoding in ("utf-8", "utf-16"):
        sent = client.post(EVENT, content=body.encode(encoding))
        assert sent.status_code == 200
        assert "passwd" not in sent.text


def test_invalid_json_is_rejected_unlike_uploads(client):
    assert client.post(EVENT, content=b"{").status_code == 403
    assert client.post(EVENT, content=b'{"a": NaN}').status_code == 403
    assert client.post(EVENT, content=b"[" * 100_000).status_code == 403
    assert client.post(EVENT, content=b"").status_code == 200
    assert client.post(UPLOAD, files={"files": ("a.png", b"{")}).status_code == 200


def test_bodies_without_a_length_are_counted(client):
    def endless(megabytes):
        yield from (b"0" * 1_000_000 for _ in range(megabytes))

    headers = {"content-type": "multipart/form-data; boundary=x"}
    assert client.post(UPLOAD, content=endless(20), headers=headers).status_code == 200
    assert client.post(UPLOAD, content=endless(60), headers=headers).status_code == 413


@pytest.mark.parametrize(
    ("path", "refused"),
    [
        ("/gradio_api/file=/tmp/a.png", False),
        ("/gradio_api/file=http://example.org/a.png", True),
        ("/gradio_api/file=HTTPS://example.org", True),
        ("/gradio_api/file=/http://example.org", True),
        ("/gradio_api/file=%2568ttp://example.org", True),
        ("/gradio_api/proxy=http://example.org", True),
        ("/assets/http.js", False),
    ],
)
def test_addresses_of_other_machines(client, path, refused):
    assert names_another_machine(path) is refused
    assert (client.get(path).status_code == 403) is refused


@pytest.mark.parametrize(
    "path",
    [
        *("/openapi.json", "/gradio_api/openapi.json", "/docs", "/gradio_api/runs", "/monitoring"),
        *("/gradio_api/api/x", "/gradio_api/dev/reload", "/login", "/assets", "/gradio_api"),
    ],
)
def test_urls_not_used_by_the_page_are_rejected(client, path):
    assert client.get(path).status_code == 403
    assert client.post(path, json={}).status_code == 403


def test_writing_requires_post_to_known_urls(client):
    for path in ("/gradio_api/run/first", "/gradio_api/call/first", "/upload", "/config"):
        assert client.post(path, json={}).status_code == 403
    for method in ("PUT", "DELETE", "PATCH"):
        assert client.request(method, EVENT, json={}).status_code == 403


def test_every_response_has_the_headers(client):
    for sent in (client.get("/"), client.get("/docs"), client.post(EVENT, content=b"{")):
        assert "frame-ancestors 'none'" in sent.headers["content-security-policy"]
        assert sent.headers["x-content-type-options"] == "nosniff"
        assert sent.headers["x-frame-options"] == "DENY"
