"""Storage and removal of uploaded files."""

import os
import time

import pytest

pytest.importorskip("gradio", reason="needs gradio, the extra `demo`")
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from ctal.demo import uploads
from ctal.demo.uploads import Uploads


@pytest.fixture
def store(tmp_path):
    return Uploads(tmp_path / "uploads", age=60)


@pytest.fixture
def client(store):
    return TestClient(Starlette(routes=[Route("/upload", store.upload, methods=["POST"])]))


def test_the_same_file_twice_is_two_files(client, tmp_path):
    sent = [client.post("/upload", files={"files": ("a.png", b"abc")}).json() for _ in range(2)]
    assert sent[0] != sent[1]
    for (path,) in sent:
        with open(path, "rb") as file:
            assert file.read() == b"abc"
        assert os.path.dirname(path) == str(tmp_path / "uploads")


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("a.png", ".png"),
        ("../../a.JPG", ".JPG"),
        ("a./b", ""),
        ("a", ""),
        ("a.p\u00e4g", ""),
        (".", ""),
    ],
)
def test_only_the_suffix_of_a_file_name_is_used(client, tmp_path, name, suffix):
    (path,) = client.post("/upload", files={"files": (name, b"abc")}).json()
    assert os.path.splitext(path)[1] == suffix
    assert os.path.dirname(path) == str(tmp_path / "uploads")


def test_other_forms_are_rejected(client, tmp_path):
    two = [("files", ("a.png", b"")), ("files", ("b.png", b""))]
    for form in (
        {"files": two},
        {"data": {"files": "text"}},
        {"files": {"other": ("a.png", b"")}},
        {"content": b"text"},
        {"json": {"files": []}},
        {"content": b"x", "headers": {"content-type": "multipart/form-data"}},
        {"content": b"x", "headers": {"content-type": "multipart/form-data; boundary=y"}},
    ):
        assert client.post("/upload", **form).status_code == 400, form
    assert list((tmp_path / "uploads").iterdir()) == []


def test_uploads_are_limited(client, monkeypatch):
    monkeypatch.setattr(uploads, "MEGABYTES", 0.001)
    assert client.post("/upload", files={"files": ("a.png", b"0" * 1001)}).status_code == 413
    monkeypatch.setattr(uploads, "_TOTAL", 1500)
    sent = [client.post("/upload", files={"files": ("a.png", b"0" * 999)}) for _ in range(3)]
    assert [response.status_code for response in sent] == [200, 200, 503]


def test_unread_files_are_removed(client, store):
    (old,), (new,) = (
        client.post("/upload", files={"files": ("a.png", b"abc")}).json() for _ in range(2)
    )
    os.utime(old, (time.time() - 61,) * 2)
    store.clear()
    assert not os.path.exists(old)
    assert os.path.exists(new)
