"""What the demo's server refuses before gradio sees it."""

import json

import pytest

pytest.importorskip("gradio", reason="needs gradio, the extra `demo`")
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from ctal.demo.guard import Guard, names_another_machine


async def echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(await request.body())


@pytest.fixture
def client(tmp_path):
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "out.png").symlink_to(tmp_path / "secret.png")
    app = Starlette(routes=[Route("/{rest:path}", echo, methods=["GET", "POST"])])
    return TestClient(Guard(app, tmp_path / "page"))


def test_events_pass_with_files_of_the_page(client, tmp_path):
    inside = {"path": str(tmp_path / "page" / "a" / "b.png"), "url": "http://127.0.0.1/b.png"}
    for data in ([], [inside, None, "text"], {"deep": [[inside]]}):
        sent = client.post("/queue/join", json={"data": data})
        assert sent.status_code == 200
        assert json.loads(sent.text) == {"data": data}
        assert "default-src 'self'" in sent.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "http://10.0.0.1/a.png", "a.png", "../secret.png", "page/out.png", "", 3, "\0"],
)
def test_events_with_any_other_path_are_refused(client, tmp_path, path):
    if isinstance(path, str) and path.startswith(("..", "page")):
        path = str(tmp_path / "page" / path.removeprefix("page/"))
    for data in ([{"path": path}], {"deep": [[{"x": {"path": path, "meta": {}}}]]}):
        for headers in ({}, {"content-type": "text/plain"}):
            sent = client.post("/queue/join", content=json.dumps({"data": data}), headers=headers)
            assert sent.status_code == 403


def test_what_is_no_json_is_refused_and_uploads_are_not(client):
    assert client.post("/queue/join", content=b"{").status_code == 403
    assert client.post("/queue/join", content=b"[" * 100_000).status_code == 403
    assert client.post("/queue/join", content=b"").status_code == 200
    assert client.post("/upload", files={"files": ("a.png", b"{")}).status_code == 200


def test_bodies_without_a_length_are_counted(client):
    def endless(megabytes):
        yield from (b"0" * 1_000_000 for _ in range(megabytes))

    headers = {"content-type": "multipart/form-data; boundary=x"}
    assert client.post("/upload", content=endless(20), headers=headers).status_code == 200
    assert client.post("/upload", content=endless(60), headers=headers).status_code == 413


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
