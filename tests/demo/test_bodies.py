"""Request bodies that are large, slow or never completed."""

import asyncio

import pytest

pytest.importorskip("gradio", reason="needs gradio, the extra `demo`")
from ctal.demo import bodies
from ctal.demo.bodies import Bodies, GoneError, RefusedError, replayed


def parts(*contents, ending=None):
    """Return a `receive` function that yields these parts, and optionally other messages."""
    messages = [
        {"type": "http.request", "body": part, "more_body": ending is not None or i > 1}
        for i, part in zip(range(len(contents), 0, -1), contents, strict=True)
    ]

    async def receive():
        if messages:
            return messages.pop(0)
        if ending == "gone":
            return {"type": "http.disconnect"}
        return await asyncio.Event().wait()

    return receive


async def content(store, receive, limit=1000):
    async with store.received(receive, limit) as file:
        return file.read()


def test_a_body_is_received_and_replayed_completely(tmp_path, monkeypatch):
    monkeypatch.setattr(bodies, "_CHUNK", 3)

    async def both():
        async with Bodies(tmp_path).received(parts(b"abc", b"", b"defgh"), 8) as file:
            replay = replayed(file, parts(b"next"))
            return [await replay() for _ in range(4)]

    *body, last = asyncio.run(both())
    assert [message["body"] for message in body] == [b"abc", b"def", b"gh"]
    assert [message["more_body"] for message in body] == [True, True, False]
    assert last["body"] == b"next"


def test_a_large_body_is_counted_and_not_stored(tmp_path):
    with pytest.raises(RefusedError, match="at most") as error:
        asyncio.run(content(Bodies(tmp_path), parts(*[b"0" * 600] * 3)))
    assert error.value.status == 413
    # a client that never stops is not read to the end
    with pytest.raises(RefusedError, match="at most"):
        asyncio.run(content(Bodies(tmp_path), parts(*[b"0" * 600] * 8, ending="wait")))


@pytest.mark.parametrize("size", [10, 200_000])
def test_a_broken_connection_leaves_no_file(tmp_path, size):
    receive = parts(b"0" * size, ending="gone")
    with pytest.raises(GoneError):
        asyncio.run(content(Bodies(tmp_path), receive, 10**6))
    assert list(tmp_path.iterdir()) == []


def test_a_large_body_is_stored_on_disk(tmp_path):
    async def stored():
        async with Bodies(tmp_path).received(parts(b"0" * 200_000), 10**6) as file:
            return file._rolled

    assert asyncio.run(stored())


def test_slow_bodies_are_rejected(tmp_path):
    for limits in ({"patience": 0.01}, {"duration": 0.01}):
        with pytest.raises(RefusedError, match="in time") as error:
            asyncio.run(content(Bodies(tmp_path, **limits), parts(b"0", ending="wait")))
        assert error.value.status == 408


def test_the_total_of_unfinished_bodies_is_limited(tmp_path):
    async def several():
        store = Bodies(tmp_path, total=1000, patience=0.05)
        unfinished = [content(store, parts(b"0" * 300, ending="wait")) for _ in range(4)]
        results = await asyncio.gather(*unfinished, return_exceptions=True)
        return [error.status for error in results], await content(store, parts(b"0" * 900))

    statuses, later = asyncio.run(several())
    assert statuses == [408, 408, 408, 503]
    assert len(later) == 900
