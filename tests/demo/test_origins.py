"""Requests from pages of other sites to a local server."""

import pytest

pytest.importorskip("gradio", reason="needs gradio, the extra `demo`")
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from ctal.demo.guard import Guard
from ctal.demo.origins import is_loopback

EVENT = "/gradio_api/queue/join"
OWN = "127.0.0.1:7860"


async def answer(request):
    return PlainTextResponse("answer")


@pytest.fixture
def clients(tmp_path):
    app = Starlette(routes=[Route("/{rest:path}", answer, methods=["GET", "POST"])])
    return [TestClient(Guard(app, tmp_path, local=local)) for local in (True, False)]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        (OWN, 200),
        ("127.0.0.1", 200),
        ("localhost:9000", 200),
        ("LOCALHOST", 200),
        ("demo.localhost", 200),
        ("[::1]:7860", 200),
        ("evil.example", 403),
        ("evil.example:7860", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("evil.example@127.0.0.1", 403),
        ("192.168.1.2:7860", 403),
        ("0.0.0.0:7860", 403),
        ("[::1", 403),
        ("", 403),
    ],
)
def test_a_foreign_host_is_rejected_on_loopback_only(clients, host, status):
    local, remote = clients
    assert local.get("/", headers={"host": host}).status_code == status
    assert local.post(EVENT, json={}, headers={"host": host}).status_code == status
    assert remote.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 200),
        (f"http://{OWN}", 200),
        ("http://evil.example", 403),
        ("null", 403),
        ("", 403),
        (f"https://{OWN}", 403),
        ("http://127.0.0.1:8000", 403),
        ("http://localhost:7860", 403),
    ],
)
def test_writes_of_a_foreign_origin_are_rejected_on_loopback_only(clients, origin, status):
    local, remote = clients
    headers = {"host": OWN} | ({} if origin is None else {"origin": origin})
    assert local.post(EVENT, json={}, headers=headers).status_code == status
    assert local.get("/", headers=headers).status_code == 200
    assert remote.post(EVENT, json={}, headers=headers).status_code == 200


def test_two_hosts_or_origins_are_rejected(clients):
    twice = [("host", OWN), ("host", "localhost")]
    assert clients[0].get("/", headers=twice).status_code == 403
    origins = [("host", OWN), ("origin", f"http://{OWN}"), ("origin", "http://evil.example")]
    assert clients[0].post(EVENT, json={}, headers=origins).status_code == 403


def test_addresses_of_this_machine():
    assert all(map(is_loopback, ("127.0.0.1", "127.8.9.1", "::1", "localhost")))
    assert not any(map(is_loopback, ("10.0.0.1", "::", "example.org", "", "localhost.")))
